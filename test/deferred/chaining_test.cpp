// Deferreds that wait for Deferreds: areas DC and DX.
#include <marline/deferred/deferred.hpp>

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>

#include "test/support/small_stack.hpp"
#include "test/support/unhandled.hpp"

namespace {

using marline::AlreadyCalledError;
using marline::CancelledError;
using marline::Deferred;
using marline::DeferredLost;
using marline::DeferredSource;
using marline::DeferredTypeError;
using marline::Failure;
using marline::Result;
using marline::succeed;
using marline::TimeoutError;
using testing::ElementsAre;

template <class T>
std::string outcomeOf(Deferred<T> d) {
    std::string text = "pending";
    d.addBoth(
        [&](Result<T> outcome) { text = outcome.ok() ? "value" : outcome.failure().typeName(); });
    return text;
}

// DC-1: the chain stops at a returned Deferred and goes on with its result.
TEST(Chaining, outerWaitsForTheInner) {
    Deferred<int> inner;
    int seen = 0;
    succeed(1).addCallback([&](int) { return inner; }).addCallback([&](int x) { seen = x; });
    EXPECT_EQ(seen, 0);
    inner.callback(8);
    EXPECT_EQ(seen, 8);
}

// DC-2, DC-3: a result that is there is taken at once, a Failure too.
TEST(Chaining, outerTakesAResultThatIsThere) {
    int seen = 0;
    std::string why;
    succeed(1).addCallback([](int) { return succeed(6); }).addCallback([&](int x) { seen = x; });
    succeed(1)
        .addCallback([](int) { return marline::fail<int>(TimeoutError("late")); })
        .addErrback([&](const Failure& f) {
            why = f.message();
            return 0;
        });
    EXPECT_EQ(seen, 6);
    EXPECT_EQ(why, "late");
}

// DC-4, DC-7: in a typed language a result has one taker, and the second one is told.
TEST(Chaining, secondTakerIsRefused) {
    Deferred<int> inner;
    Deferred<int> first = succeed().addCallback([&] { return inner; });
    std::string second;
    succeed().addCallback([&] { return inner; }).addErrback([&](const Failure& why) {
        second = why.typeName();
        return 0;
    });
    EXPECT_EQ(second, "marline::DeferredTypeError");
    EXPECT_THROW(inner.addCallback([](int) {}), DeferredTypeError);
    inner.callback(1);
    EXPECT_EQ(outcomeOf(first), "value");
}

// DC-5: a Failure that moved outward is not reported by the inner one.
TEST(Chaining, innerDoesNotReportWhatMovedOutward) {
    marline::test::CatchUnhandled unhandled;
    {
        Deferred<int> inner;
        auto outer = succeed().addCallback([&] { return inner; });
        inner.errback(TimeoutError("late"));
        outer.addErrback([](const Failure&) { return 0; });
    }
    EXPECT_TRUE(unhandled.take().empty());
}

// DC-11: a Deferred that has its result but is paused is waited for.
TEST(Chaining, pausedInnerIsWaitedFor) {
    Deferred<int> inner = succeed(2);
    inner.pause();
    int seen = 0;
    succeed().addCallback([&] { return inner; }).addCallback([&](int x) { seen = x; });
    EXPECT_EQ(seen, 0);
    inner.unpause();
    EXPECT_EQ(seen, 2);
}

// DC-13: a chain that would wait for itself fails instead.
TEST(Chaining, returningItselfFails) {
    Deferred<int> d;
    std::string why;
    d.addCallback([&](int) { return d; });
    d.addErrback([&](const Failure& f) {
        why = f.typeName();
        return 0;
    });
    d.callback(1);
    EXPECT_EQ(why, "marline::DeferredTypeError");
}

// DX-1, DX-2: without a canceller it fails with CancelledError, and one late firing is ignored.
TEST(Cancelling, withoutACancellerSwallowsOneLateFiring) {
    Deferred<int> d;
    Deferred<int> view = d;
    d.cancel();
    EXPECT_EQ(outcomeOf(view), "marline::CancelledError");
    d.callback(1);
    EXPECT_THROW(d.callback(2), AlreadyCalledError);
}

// DX-4, DX-5, DX-6, DX-7: the canceller is asked once, may fire, and allows no late firing.
TEST(Cancelling, cancellerMayFire) {
    int asked = 0;
    Deferred<int> d([&](Deferred<int> self) {
        ++asked;
        self.callback(3);
    });
    d.cancel();
    d.cancel();
    EXPECT_EQ(asked, 1);
    EXPECT_EQ(outcomeOf(d), "value");
    Deferred<int> quiet([&](const Deferred<int>&) { ++asked; });
    quiet.cancel();
    EXPECT_THROW(quiet.callback(1), AlreadyCalledError);
    EXPECT_EQ(outcomeOf(quiet), "marline::CancelledError");
}

// DX-8: with its result there it does nothing.
TEST(Cancelling, aFiredDeferredIsLeftAlone) {
    Deferred<int> d = succeed(1);
    d.cancel();
    EXPECT_EQ(outcomeOf(d), "value");
}

// DX-9, DX-10: a waiting one cancels what it waits for, however deep, and takes what comes of it.
TEST(Cancelling, reachesTheInnermost) {
    Deferred<int> innermost([](Deferred<int> self) { self.callback(5); });
    int seen = 0;
    Deferred<int> outer =
        succeed().addCallback([&] { return succeed().addCallback([&] { return innermost; }); });
    outer.addCallback([&](int x) {
        seen = x;
        return x;
    });
    outer.cancel();
    EXPECT_EQ(seen, 5);
}

// DX-9: its own canceller is not asked while it waits.
TEST(Cancelling, asksOnlyTheInnerOne) {
    int outerAsked = 0;
    int innerAsked = 0;
    Deferred<int> inner([&](const Deferred<int>&) { ++innerAsked; });
    Deferred<int> outer([&](const Deferred<int>&) { ++outerAsked; });
    std::string seen;
    outer.addCallback([&](int) { return inner; }).addErrback([&](const Failure& why) {
        seen = why.typeName();
        return 0;
    });
    outer.callback(1);
    outer.cancel();
    EXPECT_EQ(innerAsked, 1);
    EXPECT_EQ(outerAsked, 0);
    EXPECT_EQ(seen, "marline::CancelledError");
}

// DX-11: what the canceller throws leaves cancel(), and the Deferred stays unfired.
TEST(Cancelling, exceptionOfTheCancellerEscapes) {
    Deferred<int> d([](const Deferred<int>&) { throw TimeoutError("no"); });
    EXPECT_THROW(d.cancel(), TimeoutError);
    EXPECT_FALSE(d.called());
    d.callback(1);
    EXPECT_EQ(outcomeOf(d), "value");
}

// A source that goes unfired tells whoever waits, and nobody when nobody does.
TEST(DeferredSource, tellsThatItIsLost) {
    marline::test::CatchUnhandled unhandled;
    Deferred<int> d = DeferredSource<int>().deferred();
    EXPECT_EQ(outcomeOf(d), "marline::DeferredLost");
    {
        const DeferredSource<int> unseen;
    }
    EXPECT_TRUE(unhandled.take().empty());
}

// A source may be fired after its Deferred was cancelled: it does not know yet.
TEST(DeferredSource, firingACancelledOneDoesNothing) {
    DeferredSource<int> source;
    Deferred<int> d = source.deferred();
    d.cancel();
    EXPECT_FALSE(source.pending());
    source.callback(1);
    EXPECT_EQ(outcomeOf(d), "marline::CancelledError");
    EXPECT_THROW(source.callback(2), AlreadyCalledError);
}

// DE-1: the last result is reported once, when the last view goes, and DE-4 not when handled.
TEST(Unhandled, lastFailureIsReportedOnce) {
    marline::test::CatchUnhandled unhandled;
    marline::fail<int>(TimeoutError("first"));
    {
        Deferred<int> d = marline::fail<int>(TimeoutError("handled"));
        d.addErrback([](const Failure&) { return 0; });
    }
    EXPECT_THAT(unhandled.take(), ElementsAre("first"));
}

// The places that a Failure passed are in its description, innermost first.
TEST(Unhandled, descriptionNamesThePath) {
    std::string text;
    Deferred<int> d;
    d.addCallback([](int) -> int { throw TimeoutError("late"); });
    const unsigned thrower = __LINE__ - 1;
    d.addCallback([](int x) { return x; });
    d.addErrback([&](const Failure& why) {
        text = why.describe();
        return 0;
    });
    d.callback(1);
    const auto first = text.find(":" + std::to_string(thrower));
    const auto second = text.find(":" + std::to_string(thrower + 2));
    EXPECT_NE(first, std::string::npos) << text;
    EXPECT_LT(first, second) << text;
    EXPECT_NE(second, std::string::npos) << text;
}

// A loop written as recursion goes on for ever in constant memory: what only forwards is left out.
TEST(Chaining, recursionAsALoopKeepsTheLineShort) {
    static DeferredSource<> next;
    struct Loop {
        static Deferred<> step(int left) {
            next = DeferredSource<>();
            return next.deferred().addCallback(
                [left] { return left == 0 ? succeed() : step(left - 1); });
        }
        static int depth(const Deferred<>& d) {
            int count = 0;
            for (auto* chain = d.chain().waitingOn(); chain != nullptr;
                 chain = chain->waitingOn()) {
                ++count;
            }
            return count;
        }
    };
    marline::test::onSmallStack([] {
        Deferred<> whole = Loop::step(100'000);
        for (int i = 0; i < 100'000; ++i) {
            DeferredSource<> firing = std::move(next);
            firing.callback();
            ASSERT_LE(Loop::depth(whole), 3);
        }
        next.callback();
        EXPECT_EQ(outcomeOf(whole), "value");
    });
}

}  // namespace
