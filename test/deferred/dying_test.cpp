// What the destructors of a dying chain's captures may do: cancel whoever waits for it.
#include <marline/deferred/deferred.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/combine.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/gather.hpp>
#include <marline/deferred/lock.hpp>
#include <marline/deferred/race.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>

#include "test/support/unhandled.hpp"

namespace {

using marline::Deferred;
using marline::DeferredList;
using marline::DeferredLock;
using marline::Failure;
using marline::gatherResults;
using marline::LockGuard;
using marline::Result;
using marline::succeed;
using marline::UniqueFunction;
using testing::ElementsAre;
using namespace std::chrono_literals;

/// Calls `f` when it goes.
template <class F>
class AtEnd {
public:
    explicit AtEnd(F f) : f_(std::move(f)) {}
    AtEnd(AtEnd&& other) noexcept : f_(std::move(other.f_)), on_(std::exchange(other.on_, false)) {}
    AtEnd& operator=(AtEnd&&) = delete;
    ~AtEnd() {
        if (on_) {
            f_();
        }
    }

private:
    F f_;
    bool on_ = true;
};

/// Notes how a Deferred ends.
template <class T>
void note(Deferred<T> d, std::vector<std::string>& ends) {
    d.addBoth([&ends](const Result<T>& outcome) {
        ends.push_back(outcome.ok() ? "value" : outcome.failure().typeName());
    });
}

/// A clock with one call.
class OneCall {
public:
    class Call {
    public:
        explicit Call(OneCall& clock) noexcept : clock_(&clock) {}
        void cancel() { clock_->call_.reset(); }

    private:
        OneCall* clock_;
    };

    Call callLater(std::chrono::nanoseconds, UniqueFunction<void()> call) {
        call_ = std::move(call);
        return Call(*this);
    }
    void advance() { UniqueFunction<void()>(std::move(call_))(); }

private:
    UniqueFunction<void()> call_;
};

Deferred<int> takes(Deferred<int> inner) { co_return co_await std::move(inner); }

// DX-9: a Deferred that waits for one which dies is cancelled by what that one owned.
TEST(DyingDeferred, waiterIsCancelledFromIt) {
    std::vector<std::string> ends;
    Deferred<int> outer;
    {
        Deferred<int> inner;
        inner.addCallback([end = AtEnd([&] { outer.cancel(); })](int x) { return x; });
        outer = succeed().addCallback([inner] { return inner; });
        note(outer, ends);
    }
    EXPECT_THAT(ends, ElementsAre("marline::CancelledError"));
}

// After such a cancel() the waiter may wait for another one, whose result it gets.
TEST(DyingDeferred, waiterThatWasCancelledFromItGoesOn) {
    marline::DeferredSource<int> second;
    int seen = 0;
    Deferred<int> outer;
    {
        Deferred<int> inner;
        inner.addCallback([end = AtEnd([&] { outer.cancel(); })](int x) { return x; });
        outer = succeed().addCallback([inner] { return inner; });
        outer.addErrback([&](const Failure&) { return second.deferred(); });
        outer.addCallback([&](int x) { return seen = x; });
    }
    second.callback(6);
    EXPECT_EQ(seen, 6);
}

// A turn that goes on from a forgotten Deferred cancels the coroutine that awaited it.
TEST(DyingDeferred, coroutineIsCancelledFromIt) {
    std::vector<std::string> ends;
    DeferredLock lock;
    Deferred<int> inner;
    lock.acquire().addCallback([&](LockGuard guard) {
        inner.addCallback([guard = std::move(guard)](int x) { return x; });
    });
    Deferred<int> outer = takes(inner);
    note(outer, ends);
    lock.acquire().addCallback([&](LockGuard) { outer.cancel(); });
    inner = Deferred<int>();
    EXPECT_THAT(ends, ElementsAre("marline::DeferredLost"));
}

// A combination is cancelled by what a forgotten input owned.
TEST(DyingDeferred, combinationIsCancelledFromIt) {
    std::vector<std::string> ends;
    std::vector<Deferred<int>> inputs(1);
    Deferred<std::vector<Result<int>>> whole;
    inputs[0].addCallback([end = AtEnd([&] { whole.cancel(); })](int x) { return x; });
    whole = DeferredList(inputs);
    note(whole, ends);
    inputs.clear();
    EXPECT_THAT(ends, ElementsAre("marline::DeferredLost"));
}

// The time of a Deferred that dies is up while it does.
TEST(DyingDeferred, timeoutEndsWhileItGoes) {
    OneCall clock;
    int ends = 0;
    {
        Deferred<int> d;
        d.addCallback([end = AtEnd([&] {
                           ++ends;
                           clock.advance();
                       })](int x) { return x; });
        d.addTimeout(1s, clock);
    }
    EXPECT_EQ(ends, 1);
}

/// Lets go of one Deferred, then cancels another.
class Job {
public:
    Job(Deferred<int>& outer, Deferred<int> inner) : outer_(&outer), inner_(std::move(inner)) {}
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;
    ~Job() {
        inner_ = Deferred<int>();
        outer_->cancel();
    }

private:
    Deferred<int>* outer_;
    Deferred<int> inner_;
};

// One that is only to die next, because another one is dying, is not cancelled either.
TEST(DyingDeferred, waiterIsCancelledWhileItIsToDieNext) {
    std::vector<std::string> ends;
    Deferred<int> outer;
    {
        Deferred<int> inner;
        outer = succeed().addCallback([inner] { return inner; });
        note(outer, ends);
        Deferred<int> host;
        host.addCallback(
            [job = std::make_unique<Job>(outer, std::move(inner))](int x) { return x; });
    }
    EXPECT_THAT(ends, ElementsAre("marline::CancelledError"));
}

/// `combine` makes a combination of a lock's turn and a Deferred that is forgotten. The value of
/// the former dies with the combination, and gives the turn to who cancels that.
template <class Combine>
std::vector<std::string> endsOf(Combine combine) {
    std::vector<std::string> ends;
    DeferredLock lock;
    std::invoke_result_t<Combine, Deferred<LockGuard>, Deferred<LockGuard>> whole;
    {
        const Deferred<LockGuard> first = lock.acquire();
        const Deferred<LockGuard> forgotten;
        whole = combine(first, forgotten);
        note(whole, ends);
        lock.acquire().addCallback([&](LockGuard) { whole.cancel(); });
    }
    return ends;
}

// A list that goes, because an input has gone, is not cancelled by the values that it had.
TEST(DyingDeferred, listIsCancelledByItsValues) {
    EXPECT_THAT(endsOf([](auto a, auto b) { return DeferredList(std::vector{a, b}); }),
                ElementsAre("marline::DeferredLost"));
}

// Nor is what gathers a tuple.
TEST(DyingDeferred, tupleIsCancelledByItsValues) {
    EXPECT_THAT(endsOf([](auto a, auto b) { return gatherResults(a, b); }),
                ElementsAre("marline::DeferredLost"));
}

/// An error that calls something when its last copy goes.
struct Telling : std::exception {
    explicit Telling(std::shared_ptr<void> end) : atEnd(std::move(end)) {}
    std::shared_ptr<void> atEnd;
};

// Nor is a race by the failures that it had.
TEST(DyingDeferred, raceIsCancelledByItsFailures) {
    std::vector<std::string> ends;
    Deferred<marline::Winner<int>> whole;
    {
        Deferred<int> failed;
        const Deferred<int> forgotten;
        whole = marline::race(std::vector{failed, forgotten});
        whole.addErrback([&](const Failure& why) {
            ends.push_back(why.typeName());
            return marline::Winner<int>{};
        });
        failed.errback(Telling(std::shared_ptr<void>(nullptr, [&](void*) { whole.cancel(); })));
    }
    EXPECT_THAT(ends, ElementsAre("marline::DeferredLost"));
}

}  // namespace
