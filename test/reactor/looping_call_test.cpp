// LoopingCall: area LC.
#include <marline/reactor/looping_call.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/errors.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/testing/clock.hpp>

#include "test/support/deferred_outcome.hpp"
#include "test/support/unhandled.hpp"

namespace marline::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LoopingCallTest : public ::testing::Test {
protected:
    /// A loop that notes, in milliseconds, when it is called.
    LoopingCall noting() {
        return LoopingCall(clock, [this] { at.push_back(clock.seconds() / 1ms); });
    }
    /// A loop whose calls note their counts.
    LoopingCall counting() {
        return LoopingCall::withCount(clock, [this](std::int64_t n) { counts.push_back(n); });
    }

    NoUnhandled noUnhandled;
    Clock clock{1h};
    std::vector<std::int64_t> at;
    std::vector<std::int64_t> counts;
    static constexpr std::int64_t kStart = std::chrono::milliseconds(1h).count();
};

// LC-1: it calls at once, then at whole multiples of the interval: being late does not add up.
TEST_F(LoopingCallTest, callsOnTheGridOfItsStart) {
    LoopingCall loop = noting();
    Outcome<> end(loop.start(1s));
    EXPECT_THAT(at, ElementsAre(kStart));
    clock.advance(1250ms);
    EXPECT_THAT(at, ElementsAre(kStart, kStart + 1250));
    clock.advance(749ms);
    EXPECT_EQ(at.size(), 2U);
    clock.advance(1ms);
    EXPECT_THAT(at, ElementsAre(kStart, kStart + 1250, kStart + 2000));
    loop.stop();
}

// LC-1: the function is given the arguments of the constructor, each time.
TEST_F(LoopingCallTest, passesItsArguments) {
    std::vector<std::string> seen;
    LoopingCall loop(
        clock, [&](const std::string& a, int b) { seen.push_back(a + std::to_string(b)); }, "x", 1);
    Outcome<> end(loop.start(1s));
    clock.advance(1s);
    EXPECT_THAT(seen, ElementsAre("x1", "x1"));
    loop.stop();
}

// LC-2: without `now` the first call is one interval after the start.
TEST_F(LoopingCallTest, mayBeginOneIntervalLater) {
    LoopingCall loop = noting();
    Outcome<> end(loop.start(2s, false));
    EXPECT_THAT(at, IsEmpty());
    EXPECT_TRUE(loop.running());
    clock.pump({1999ms, 1ms, 2s});
    EXPECT_THAT(at, ElementsAre(kStart + 2000, kStart + 4000));
    loop.stop();
}

// LC-3: instants missed while the loop's turn came late are skipped.
TEST_F(LoopingCallTest, skipsInstantsThatHavePassed) {
    LoopingCall loop = noting();
    Outcome<> end(loop.start(1s));
    clock.advance(3500ms);
    EXPECT_THAT(at, ElementsAre(kStart, kStart + 3500));
    clock.advance(499ms);
    EXPECT_EQ(at.size(), 2U);
    clock.advance(1ms);
    EXPECT_EQ(at.back(), kStart + 4000);
    loop.stop();
}

// LC-3: instants missed during the call itself are skipped, and one that is just now is one of
// them.
TEST_F(LoopingCallTest, skipsInstantsMissedDuringACall) {
    std::vector<Duration> takes{2500ms, 0ms, 3s, 0ms};
    std::size_t calls = 0;
    LoopingCall loop(clock, [&] {
        at.push_back(clock.seconds() / 1ms);
        clock.advance(takes[calls++]);
    });
    Outcome<> end(loop.start(1s));
    clock.advance(500ms);  // now 3 s
    clock.advance(1s);     // a call at 4 s, which takes until 7 s
    EXPECT_THAT(at, ElementsAre(kStart, kStart + 3000, kStart + 4000));
    clock.advance(999ms);
    EXPECT_EQ(at.size(), 3U);
    clock.advance(1ms);
    EXPECT_EQ(at.back(), kStart + 8000);
    loop.stop();
}

// LC-4: a Deferred that the function returned is waited for; calls never overlap.
TEST_F(LoopingCallTest, waitsForADeferred) {
    Deferred<int> slow;
    LoopingCall loop(clock, [&] {
        at.push_back(clock.seconds() / 1ms);
        slow = Deferred<int>();
        return slow;
    });
    Outcome<> end(loop.start(1s));
    clock.advance(2500ms);
    EXPECT_EQ(clock.pendingCalls(), 0U);
    EXPECT_THAT(at, ElementsAre(kStart));
    slow.callback(5);
    EXPECT_THAT(at, ElementsAre(kStart));
    clock.advance(500ms);
    EXPECT_THAT(at, ElementsAre(kStart, kStart + 3000));
    loop.stop();
    slow.callback(6);
    EXPECT_TRUE(end.ok());
}

// LC-5: start()'s Deferred fires when the loop is stopped, also from inside of its call.
TEST_F(LoopingCallTest, stoppingFiresTheDeferred) {
    std::optional<Outcome<>> end;
    bool firedInside = false;
    int calls = 0;
    LoopingCall loop(clock, [&] {
        if (++calls == 2) {
            loop.stop();
            firedInside = end->fired();
        }
    });
    end.emplace(loop.start(1s));
    EXPECT_FALSE(end->fired());
    clock.advance(1s);
    EXPECT_FALSE(firedInside);
    EXPECT_TRUE(end->ok());
    EXPECT_FALSE(loop.running());
    EXPECT_EQ(clock.pendingCalls(), 0U);
    EXPECT_EQ(calls, 2);
}

// LC-5: deferred() gives the same Deferred while there is one, and says so when there is none.
TEST_F(LoopingCallTest, showsItsDeferred) {
    LoopingCall loop = noting();
    EXPECT_THROW(loop.deferred(), std::logic_error);
    loop.start(1s);
    Outcome<> end(loop.deferred());
    EXPECT_FALSE(end.fired());
    loop.stop();
    EXPECT_TRUE(end.ok());
    EXPECT_THROW(loop.deferred(), std::logic_error);
}

// LC-5, LC-6: what the first call throws ends the loop before start() returns.
TEST_F(LoopingCallTest, anExceptionEndsTheLoop) {
    LoopingCall loop(clock, [] { throw std::out_of_range("in the call"); });
    Outcome<> end(loop.start(1s));
    EXPECT_NE(end.failed<std::out_of_range>(), nullptr);
    EXPECT_FALSE(loop.running());
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// LC-6: so does what a later call throws, after which nothing is planned.
TEST_F(LoopingCallTest, anExceptionLaterEndsTheLoop) {
    int calls = 0;
    LoopingCall loop(clock, [&] {
        if (++calls == 2) {
            throw std::out_of_range("in the second call");
        }
    });
    Outcome<> end(loop.start(1s));
    clock.advance(1s);
    EXPECT_NE(end.failed<std::out_of_range>(), nullptr);
    EXPECT_FALSE(loop.running());
    clock.advance(10s);
    EXPECT_EQ(calls, 2);
}

// LC-6: and a Deferred that fails.
TEST_F(LoopingCallTest, aFailedDeferredEndsTheLoop) {
    Deferred<> slow;
    LoopingCall loop(clock, [&] { return slow; });
    Outcome<> end(loop.start(1s));
    EXPECT_TRUE(loop.running());
    slow.errback(std::out_of_range("later"));
    EXPECT_NE(end.failed<std::out_of_range>(), nullptr);
    EXPECT_FALSE(loop.running());
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// LC-6: a Failure, or a Result that holds one, counts as well; other values are dropped.
TEST_F(LoopingCallTest, aReturnedFailureEndsTheLoop) {
    LoopingCall failing(clock, [] { return Failure::make<std::out_of_range>("given"); });
    Outcome<> failure(failing.start(1s));
    EXPECT_NE(failure.failed<std::out_of_range>(), nullptr);

    int calls = 0;
    LoopingCall results(clock, [&]() -> Result<int> {
        return ++calls == 1 ? Result<int>(5) : Failure::make<std::out_of_range>("given");
    });
    Outcome<> result(results.start(1s));
    EXPECT_FALSE(result.fired());
    clock.advance(1s);
    EXPECT_NE(result.failed<std::out_of_range>(), nullptr);
}

// LC-6: a loop that failed while it was being stopped tells of the failure.
TEST_F(LoopingCallTest, failingAfterStopFails) {
    LoopingCall loop(clock, [&] {
        loop.stop();
        throw std::out_of_range("after stop()");
    });
    Outcome<> end(loop.start(1s));
    EXPECT_NE(end.failed<std::out_of_range>(), nullptr);
}

// LC-7: stopping a loop that waits for its time takes the call from the clock, and fires at once.
TEST_F(LoopingCallTest, stopsAtOnceWhenItWaits) {
    for (const bool now : {true, false}) {
        at.clear();
        LoopingCall loop = noting();
        Outcome<> end(loop.start(1s, now));
        loop.stop();
        EXPECT_TRUE(end.ok());
        EXPECT_FALSE(loop.running());
        EXPECT_EQ(clock.pendingCalls(), 0U);
        EXPECT_EQ(at.size(), now ? 1U : 0U);
    }
}

// LC-8: stopped while its Deferred has no result, the loop ends when that comes.
TEST_F(LoopingCallTest, stoppingWaitsForTheCallUnderWay) {
    Deferred<> slow;
    LoopingCall loop(clock, [&] { return slow; });
    Outcome<> end(loop.start(1s));
    loop.stop();
    EXPECT_FALSE(loop.running());
    EXPECT_FALSE(end.fired());
    slow.callback();
    EXPECT_TRUE(end.ok());
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// LC-9: starting what runs, stopping or resetting what does not, and a negative interval.
TEST_F(LoopingCallTest, refusesMisuse) {
    LoopingCall loop = noting();
    EXPECT_THROW(loop.stop(), std::logic_error);
    EXPECT_THROW(loop.reset(), std::logic_error);
    EXPECT_THROW(loop.start(-1ns), std::invalid_argument);
    EXPECT_FALSE(loop.running());
    Outcome<> end(loop.start(1s));
    EXPECT_THROW(loop.start(1s), std::logic_error);
    loop.stop();
    EXPECT_THROW(loop.stop(), std::logic_error);
    EXPECT_EQ(at.size(), 1U);
}

// LC-9: a loop that was stopped and whose call is under way cannot begin anew, which would overlap.
TEST_F(LoopingCallTest, cannotBeginBeforeItsLastCallIsOver) {
    Deferred<> slow;
    LoopingCall loop(clock, [&] { return slow; });
    Outcome<> end(loop.start(1s));
    loop.stop();
    try {
        loop.start(1s);
        ADD_FAILURE() << "it began";
    } catch (const std::logic_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("before the last call is over"));
    }
    slow.callback();
    EXPECT_TRUE(end.ok());
}

// A loop that has ended can be started again, also from its own Deferred, with another interval.
TEST_F(LoopingCallTest, startsAgain) {
    LoopingCall loop = noting();
    std::optional<Outcome<>> second;
    Outcome<> first(loop.start(1s).addCallback([&] { second.emplace(loop.start(3s, false)); }));
    loop.stop();
    EXPECT_TRUE(first.ok());
    EXPECT_EQ(loop.interval(), 3s);
    clock.advance(3s);
    EXPECT_THAT(at, ElementsAre(kStart, kStart + 3000));
    loop.stop();
    EXPECT_TRUE(second->ok());
}

// LC-10: an interval of zero means one call a turn of the reactor.
TEST_F(LoopingCallTest, anIntervalOfZeroIsOnceATurn) {
    Reactor reactor;
    int calls = 0;
    LoopingCall loop(reactor, [&] { ++calls; });
    Outcome<> end(loop.start(0s, false));
    for (int turns = 1; turns <= 10; ++turns) {
        reactor.iterate();
        EXPECT_EQ(calls, turns);
    }
    loop.stop();
    reactor.iterate();
    EXPECT_EQ(calls, 10);
    EXPECT_TRUE(end.ok());
}

// LC-11: reset() begins a new grid: the next call is one interval from now.
TEST_F(LoopingCallTest, resetBeginsANewGrid) {
    LoopingCall loop = noting();
    Outcome<> end(loop.start(1s, false));
    clock.advance(400ms);
    loop.reset();
    clock.advance(999ms);
    EXPECT_THAT(at, IsEmpty());
    clock.pump({1ms, 1s});
    EXPECT_THAT(at, ElementsAre(kStart + 1400, kStart + 2400));
    loop.stop();
    EXPECT_TRUE(end.ok());
}

// LC-11: also while a call is under way, which the next one waits for.
TEST_F(LoopingCallTest, resetDuringACallMovesTheGrid) {
    Deferred<> slow;
    LoopingCall loop(clock, [&] {
        at.push_back(clock.seconds() / 1ms);
        slow = Deferred<>();
        return slow;
    });
    Outcome<> end(loop.start(1s));
    clock.advance(300ms);
    loop.reset();
    clock.advance(100ms);
    slow.callback();
    clock.advance(900ms);
    EXPECT_THAT(at, ElementsAre(kStart, kStart + 1300));
    loop.stop();
    slow.callback();
}

// LC-12: the count is that of the instants of the grid since the last call.
TEST_F(LoopingCallTest, countsTheInstantsOfTheGrid) {
    LoopingCall loop = counting();
    Outcome<> end(loop.start(1s));
    EXPECT_THAT(counts, ElementsAre(1));
    clock.advance(1800ms);
    clock.advance(
        300ms);         // 2.1 s: the instant at 2 s, though 0.3 s have passed since the last call
    clock.advance(3s);  // 5.1 s: those at 3, 4 and 5 s
    EXPECT_THAT(counts, ElementsAre(1, 1, 1, 3));
    loop.stop();
}

// LC-12: without `now` the instants since the start count.
TEST_F(LoopingCallTest, countsFromADelayedStart) {
    LoopingCall loop = counting();
    Outcome<> end(loop.start(1s, false));
    clock.advance(3500ms);
    clock.advance(500ms);
    EXPECT_THAT(counts, ElementsAre(3, 1));
    loop.stop();
}

// LC-13, LC-16: no count is zero, and together they are the intervals that have passed, also for
// intervals that a double would round.
TEST_F(LoopingCallTest, countsAddUpToTheTimePassed) {
    for (const Duration interval : {Duration(100ms), Duration(333'333'333ns), Duration(7ns)}) {
        counts.clear();
        LoopingCall loop = counting();
        Outcome<> end(loop.start(interval, false));
        const Duration begun = clock.seconds();
        for (int i = 1; i <= 1000; ++i) {
            clock.advance(interval * (i % 5) + Duration(i % 7));
        }
        EXPECT_THAT(counts, ::testing::Each(::testing::Gt(0)));
        EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}),
                  (clock.seconds() - begun) / interval);
        loop.stop();
    }
}

// LC-13: a new grid, begun anywhere between two calls, leads to no count of zero either.
TEST_F(LoopingCallTest, countsAreNeverZeroAfterReset) {
    for (const Duration when : {0ms, 1ms, 500ms, 999ms}) {
        counts.clear();
        LoopingCall loop = counting();
        Outcome<> end(loop.start(1s));
        clock.advance(when);
        loop.reset();
        clock.pump({999ms, 1ms, 1s});
        EXPECT_THAT(counts, ElementsAre(1, 1, 1)) << "reset after " << when.count() << " ns";
        loop.stop();
    }
}

// LC-13: a new start counts anew.
TEST_F(LoopingCallTest, countsAnewAfterANewStart) {
    LoopingCall loop = counting();
    Outcome<> end(loop.start(1s));
    loop.stop();
    clock.advance(10s);
    Outcome<> again(loop.start(1s));
    clock.advance(1s);
    EXPECT_THAT(counts, ElementsAre(1, 1, 1));
    loop.stop();
}

// LC-16: the next instant is always in the future: one call for each, however short the interval.
TEST_F(LoopingCallTest, neverCallsTwiceInOneInstant) {
    LoopingCall loop = noting();
    Outcome<> end(loop.start(1ns));
    for (int i = 0; i < 10; ++i) {
        clock.advance(1ns);
    }
    EXPECT_EQ(at.size(), 11U);
    clock.advance(0ns);
    EXPECT_EQ(at.size(), 11U);
    loop.stop();
}

// LC-14: with an interval of zero the count is always one.
TEST_F(LoopingCallTest, countsOneWithAnIntervalOfZero) {
    Reactor reactor;
    LoopingCall loop =
        LoopingCall::withCount(reactor, [&](std::int64_t count) { counts.push_back(count); });
    Outcome<> end(loop.start(0s));
    reactor.iterate();
    reactor.iterate();
    EXPECT_THAT(counts, ElementsAre(1, 1, 1));
    loop.stop();
}

// LC-15: instants skipped because a Deferred took its time are in the next count.
TEST_F(LoopingCallTest, countsInstantsSkippedByASlowCall) {
    Deferred<> slow;
    LoopingCall loop = LoopingCall::withCount(clock, [&](std::int64_t count) {
        counts.push_back(count);
        slow = Deferred<>();
        return slow;
    });
    Outcome<> end(loop.start(1s));
    clock.advance(4500ms);
    slow.callback();
    clock.advance(500ms);
    EXPECT_THAT(counts, ElementsAre(1, 5));
    loop.stop();
    slow.callback();
    EXPECT_TRUE(end.ok());
}

// Cancelling start()'s Deferred stops the loop.
TEST_F(LoopingCallTest, cancellingStopsTheLoop) {
    LoopingCall loop = noting();
    Outcome<> end(loop.start(1s));
    end.cancel();
    EXPECT_NE(end.failed<CancelledError>(), nullptr);
    EXPECT_FALSE(loop.running());
    EXPECT_EQ(clock.pendingCalls(), 0U);
    clock.advance(5s);
    EXPECT_EQ(at.size(), 1U);
    Outcome<> again(loop.start(1s));
    loop.stop();
    EXPECT_TRUE(again.ok());
}

// Cancelled while a call is under way, the loop does not begin anew before that is over, and a
// failure of that call is reported, as nobody waits for it any more.
TEST_F(LoopingCallTest, cancelledDuringACallItReportsItsFailure) {
    test::CatchUnhandled unhandled;
    Deferred<> slow;
    LoopingCall loop(clock, [&] { return slow; });
    Outcome<> end(loop.start(1s));
    end.cancel();
    EXPECT_NE(end.failed<CancelledError>(), nullptr);
    EXPECT_THROW(loop.start(1s), std::logic_error);
    slow.errback(std::out_of_range("too late"));
    EXPECT_THAT(unhandled.take(), ElementsAre("too late"));
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// Dropping every handle does not stop the loop; what it captured goes when it ends.
TEST_F(LoopingCallTest, livesWithoutAHandle) {
    const auto captured = std::make_shared<int>(0);
    std::optional<Outcome<>> end;
    {
        LoopingCall loop(clock, [captured] {
            if (++*captured == 3) {
                throw std::out_of_range("enough");
            }
        });
        const LoopingCall copy = loop;
        end.emplace(loop.start(1s));
        EXPECT_TRUE(copy.running());
    }
    EXPECT_EQ(captured.use_count(), 2);
    clock.pump({1s, 1s, 1s});
    EXPECT_EQ(*captured, 3);
    EXPECT_NE(end->failed<std::out_of_range>(), nullptr);
    EXPECT_EQ(captured.use_count(), 1);
}

// A clock that goes takes the loop along, and says so.
TEST_F(LoopingCallTest, failsWhenTheClockGoes) {
    std::optional<Clock> mortal(std::in_place);
    std::optional<Outcome<>> end;
    end.emplace(LoopingCall(*mortal, [] {}).start(1s));
    mortal.reset();
    EXPECT_NE(end->failed<DeferredLost>(), nullptr);
}

}  // namespace
}  // namespace marline::testing
