// Lines of a million Deferreds and loops without an end, on a stack of 64 KiB. A program of its
// own, with a heap that counts.
#include <marline/deferred/deferred.hpp>

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>

#include "test/support/heap.hpp"
#include "test/support/small_stack.hpp"
#include "test/support/unhandled.hpp"

namespace {

using marline::CancelledError;
using marline::Deferred;
using marline::DeferredSource;
using marline::Failure;
using marline::succeed;
using marline::TimeoutError;
using marline::test::onSmallStack;
using testing::ElementsAre;

constexpr int kMillion = 1'000'000;

/// A line of `length` Deferreds, each of which waits for the one before; the first for `first`.
Deferred<int> lineOf(int length, const Deferred<int>& first) {
    Deferred<int> last = first;
    for (int i = 0; i < length; ++i) {
        last = succeed().addCallback([last] { return last; });
        // A link of its own, so that it does more than forward and stays in the line.
        last.addCallback([](int x) { return x + 1; });
    }
    return last;
}

// DC-10: firing the first of a million that wait for each other fires them all.
TEST(Deep, aMillionWaitersGetTheirValue) {
    onSmallStack([] {
        Deferred<int> first;
        int seen = 0;
        lineOf(kMillion, first).addCallback([&](int x) { seen = x; });
        first.callback(0);
        EXPECT_EQ(seen, kMillion);
    });
}

// DC-10: a Failure passes them all as well, and is reported once when nobody handled it.
TEST(Deep, aFailurePassesAMillionWaiters) {
    onSmallStack([] {
        marline::test::CatchUnhandled unhandled;
        {
            Deferred<int> first;
            const Deferred<int> last = lineOf(kMillion, first);
            first.errback(TimeoutError("late"));
        }
        EXPECT_THAT(unhandled.take(), ElementsAre("late"));
    });
}

// DX-9: cancelling the last one reaches the first one, however long the line is.
TEST(Deep, cancellingReachesThroughAMillion) {
    onSmallStack([] {
        Deferred<int> first;
        std::string why;
        Deferred<int> last = lineOf(kMillion, first);
        last.addErrback([&](const Failure& f) {
            why = f.typeName();
            return 0;
        });
        last.cancel();
        EXPECT_TRUE(first.called());
        EXPECT_EQ(why, "marline::CancelledError");
    });
}

// A line that will never fire dies in constant stack, and leaves nothing behind.
TEST(Deep, aMillionWaitersDie) {
    onSmallStack([] {
        const long before = marline::test::heap::live();
        {
            Deferred<int> first;
            bool ran = false;
            lineOf(kMillion, first).addCallback([&](int) { ran = true; });
            EXPECT_GT(marline::test::heap::live(), before + kMillion - 1);
            first = Deferred<int>();
            EXPECT_FALSE(ran);
        }
        // What is left is kept for the next chains, a limited number of blocks.
        EXPECT_LT(marline::test::heap::live(), before + 5000);
    });
}

// So does a line in which each Deferred is held only by what a callback of the next one captured.
TEST(Deep, aMillionCapturesDie) {
    onSmallStack([] {
        const auto counted = std::make_shared<int>(0);
        {
            Deferred<> last;
            last.addCallback([counted] {});
            for (int i = 0; i < kMillion; ++i) {
                Deferred<> next;
                next.addCallback([last] { return last; });
                last = next;
            }
            EXPECT_EQ(counted.use_count(), 2);
        }
        EXPECT_EQ(counted.use_count(), 1);
    });
}

// A million links on one Deferred run, and die unrun.
TEST(Deep, aMillionLinksRunAndDie) {
    onSmallStack([] {
        Deferred<int> d;
        Deferred<int> never;
        for (int i = 0; i < kMillion; ++i) {
            d.addCallback([](int x) { return x + 1; });
            never.addCallback([](int x) { return x + 1; });
        }
        int seen = 0;
        d.addCallback([&](int x) {
            seen = x;
            return x;
        });
        d.callback(0);
        EXPECT_EQ(seen, kMillion);
    });
}

/// A loop written as recursion: each round waits for an operation, and the next round is what its
/// callback returns.
class Loop {
public:
    /// Begins; fires with the number of rounds when stop() was asked for.
    Deferred<int> start() { return round(0); }
    void stop() { stopped_ = true; }
    void fail() { failing_ = true; }
    /// Ends the operation that the current round waits for.
    void finishOperation() {
        DeferredSource<> finished = std::move(operation_);
        finished.callback();
    }

private:
    Deferred<int> round(int count) {
        operation_ = DeferredSource<>();
        return operation_.deferred().addCallback([this, count]() -> Deferred<int> {
            if (failing_) {
                throw TimeoutError("in a round");
            }
            return stopped_ ? succeed(count + 1) : round(count + 1);
        });
    }

    DeferredSource<> operation_;
    bool stopped_ = false;
    bool failing_ = false;
};

// Recursion as a loop needs constant memory and stack: after a million rounds there is no more on
// the heap than after a hundred.
TEST(Deep, recursionIsALoopInConstantMemory) {
    onSmallStack([] {
        Loop loop;
        int rounds = 0;
        auto whole = loop.start().addCallback([&](int count) { rounds = count; });
        for (int i = 0; i < 100; ++i) {
            loop.finishOperation();
        }
        const long warm = marline::test::heap::live();
        for (int i = 100; i < kMillion; ++i) {
            loop.finishOperation();
        }
        EXPECT_EQ(marline::test::heap::live(), warm);
        EXPECT_EQ(rounds, 0);
        loop.stop();
        loop.finishOperation();
        EXPECT_EQ(rounds, kMillion + 1);
    });
}

// The error of a late round leaves the loop as it would leave a function, and keeps its place.
TEST(Deep, anErrorLeavesTheLoop) {
    onSmallStack([] {
        Loop loop;
        std::string text;
        auto whole = loop.start();
        whole.addErrback([&](const Failure& why) {
            text = why.describe();
            return 0;
        });
        for (int i = 0; i < 100'000; ++i) {
            loop.finishOperation();
        }
        loop.fail();
        loop.finishOperation();
        EXPECT_THAT(text, testing::HasSubstr("in a round\n"));
        EXPECT_THAT(text, testing::HasSubstr("deep_test.cpp:"));
    });
}

// Cancelling the whole reaches the operation of the current round.
TEST(Deep, cancellingReachesTheCurrentRound) {
    onSmallStack([] {
        Loop loop;
        bool cancelled = false;
        auto whole = loop.start();
        whole.addErrback<CancelledError>([&](const CancelledError&) {
            cancelled = true;
            return 0;
        });
        for (int i = 0; i < 1000; ++i) {
            loop.finishOperation();
        }
        whole.cancel();
        EXPECT_TRUE(cancelled);
    });
}

}  // namespace
