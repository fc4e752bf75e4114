// IReactorTime: area T, said of the Reactor and of testing::Clock with the same words.
#include <marline/reactor/time.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/testing/clock.hpp>

#include "test/support/reactor_fixture.hpp"

namespace marline {
namespace {

using namespace std::chrono_literals;
using testing::CaughtLog;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

void turn(Reactor& reactor) { reactor.iterate(); }
void turn(testing::Clock& clock) { clock.advance(0s); }

/// The calls of a TypeParam, a Reactor or a Clock. None waits: what is to be due is moved there.
template <class Time>
class TimeTest : public ::testing::Test {
protected:
    /// A call that notes `name`, due `ago` before now.
    DelayedCall past(Duration ago, int name) {
        DelayedCall call = time.callLater(0s, note(name));
        call.delay(-ago);
        return call;
    }
    auto note(int name) {
        return [this, name] { ran.push_back(name); };
    }

    Time time;
    std::vector<int> ran;
};
using Times = ::testing::Types<Reactor, testing::Clock>;
TYPED_TEST_SUITE(TimeTest, Times);

// T-1: a negative delay is refused, zero is not.
TYPED_TEST(TimeTest, refusesANegativeDelay) {
    EXPECT_THROW(this->time.callLater(-1ns, [] {}), std::invalid_argument);
    EXPECT_EQ(this->time.pendingCalls(), 0U);
    this->time.callLater(0s, this->note(1));
    turn(this->time);
    EXPECT_THAT(this->ran, ElementsAre(1));
}

// An empty function is refused where it is given, not when its time has come.
TYPED_TEST(TimeTest, refusesAnEmptyCall) {
    EXPECT_THROW(this->time.callLater(1s, nullptr), std::invalid_argument);
    EXPECT_THROW(this->time.callLater(1s, UniqueFunction<void()>()), std::invalid_argument);
    EXPECT_EQ(this->time.pendingCalls(), 0U);
}

// T-2: no call runs inside of callLater(), however early it is due.
TYPED_TEST(TimeTest, neverCallsInsideOfCallLater) {
    this->time.callLater(0s, this->note(1));
    EXPECT_THAT(this->ran, IsEmpty());
}

// T-3: what a call adds does not run before what was due with it.
TYPED_TEST(TimeTest, addedCallsComeAfterThoseThatWereDue) {
    this->time.callLater(0s, [this] {
        this->ran.push_back(1);
        this->time.callLater(0s, this->note(3));
    });
    this->time.callLater(0s, this->note(2));
    turn(this->time);
    turn(this->time);
    EXPECT_THAT(this->ran, ElementsAre(1, 2, 3));
}

// T-4: calls that are due together run in the order of their due times.
TYPED_TEST(TimeTest, runsByDueTime) {
    this->past(1min, 3);
    this->past(3min, 1);
    this->past(2min, 2);
    this->time.callLater(1h, this->note(4));
    turn(this->time);
    EXPECT_THAT(this->ran, ElementsAre(1, 2, 3));
}

// T-5: calls with one due time run in the order they were made, unlike Twisted's reactor.
TYPED_TEST(TimeTest, equalDueTimesKeepTheirOrder) {
    const Duration due = this->time.seconds() - 1min;
    std::vector<int> expected;
    for (int i = 0; i < 100; ++i) {
        DelayedCall call = this->time.callLater(1h, this->note(i));
        call.delay(due - call.getTime());
        expected.push_back(i);
    }
    turn(this->time);
    EXPECT_EQ(this->ran, expected);
}

// T-6: cancelling prevents the call and frees what it captured; it can be done once.
TYPED_TEST(TimeTest, cancelsOnce) {
    const auto captured = std::make_shared<int>(1);
    DelayedCall call = this->time.callLater(0s, [captured] { FAIL() << "it was cancelled"; });
    call.cancel();
    EXPECT_EQ(captured.use_count(), 1);
    EXPECT_THROW(call.cancel(), AlreadyCancelled);
    turn(this->time);
    EXPECT_THROW(call.cancel(), AlreadyCancelled);
}

// T-6, T-9: from its beginning on a call cannot be cancelled, nor is it active.
TYPED_TEST(TimeTest, aCallThatHasBegunCannotBeCancelled) {
    DelayedCall call;
    call = this->time.callLater(0s, [&] {
        EXPECT_FALSE(call.active());
        EXPECT_THROW(call.cancel(), AlreadyCalled);
        this->ran.push_back(1);
    });
    EXPECT_TRUE(call.active());
    turn(this->time);
    EXPECT_THAT(this->ran, ElementsAre(1));
    EXPECT_FALSE(call.active());
    EXPECT_THROW(call.cancel(), AlreadyCalled);
}

// T-7: reset() counts from now, to earlier as to later.
TYPED_TEST(TimeTest, resetCountsFromNow) {
    DelayedCall sooner = this->time.callLater(1h, this->note(1));
    DelayedCall later = this->past(1min, 2);
    sooner.reset(0s);
    const Duration before = this->time.seconds();
    later.reset(1h);
    EXPECT_GE(later.getTime(), before + 1h);
    EXPECT_LE(later.getTime(), this->time.seconds() + 1h);
    turn(this->time);
    EXPECT_THAT(this->ran, ElementsAre(1));
    EXPECT_TRUE(later.active());
}

// T-7: delay() counts from where the call was, to earlier as to later.
TYPED_TEST(TimeTest, delayCountsFromWhereItWas) {
    DelayedCall call = this->time.callLater(1h, this->note(1));
    const Duration due = call.getTime();
    call.delay(1h);
    EXPECT_EQ(call.getTime(), due + 1h);
    call.delay(-2h);
    EXPECT_EQ(call.getTime(), due - 1h);
    turn(this->time);
    EXPECT_THAT(this->ran, ElementsAre(1));
}

// T-8: what is over cannot be moved, and the error says why it is over.
TYPED_TEST(TimeTest, aFinishedCallCannotBeMoved) {
    DelayedCall called = this->time.callLater(0s, this->note(1));
    turn(this->time);
    EXPECT_THROW(called.reset(1s), AlreadyCalled);
    EXPECT_THROW(called.delay(1s), AlreadyCalled);
    EXPECT_THROW(called.getTime(), AlreadyCalled);
    DelayedCall cancelled = this->time.callLater(1h, this->note(2));
    cancelled.cancel();
    EXPECT_THROW(cancelled.reset(1s), AlreadyCancelled);
    EXPECT_THROW(cancelled.delay(1s), AlreadyCancelled);
    EXPECT_THROW(cancelled.getTime(), AlreadyCancelled);
}

// A handle of nothing is not active, and says so to whoever uses it.
TYPED_TEST(TimeTest, aHandleOfNothingRefuses) {
    DelayedCall none;
    EXPECT_FALSE(none.active());
    EXPECT_THROW(none.cancel(), DelayedCallNotActive);
    EXPECT_THROW(none.reset(1s), DelayedCallNotActive);
    EXPECT_THROW(none.delay(1s), DelayedCallNotActive);
    EXPECT_THROW(none.getTime(), DelayedCallNotActive);
}

// T-10: getDelayedCalls() lists what is pending, also what was just added, and nothing else.
TYPED_TEST(TimeTest, listsPendingCalls) {
    EXPECT_THAT(this->time.getDelayedCalls(), IsEmpty());
    DelayedCall cancelled = this->time.callLater(1h, this->note(1));
    DelayedCall called = this->time.callLater(0s, this->note(2));
    DelayedCall pending = this->time.callLater(1h, this->note(3));
    cancelled.cancel();
    turn(this->time);
    EXPECT_FALSE(called.active());
    DelayedCall added = this->time.callLater(2h, this->note(4));
    std::vector<DelayedCall> calls = this->time.getDelayedCalls();
    ASSERT_EQ(calls.size(), 2U);
    EXPECT_EQ(this->time.pendingCalls(), 2U);
    std::ranges::sort(calls, {}, &DelayedCall::getTime);
    EXPECT_EQ(calls[0].getTime(), pending.getTime());
    EXPECT_EQ(calls[1].getTime(), added.getTime());
    calls[0].cancel();
    EXPECT_FALSE(pending.active());
    EXPECT_EQ(this->time.pendingCalls(), 1U);
}

// T-14: due times are of the clock that seconds() reads.
TYPED_TEST(TimeTest, dueTimesAreOfTheSameClock) {
    const Duration before = this->time.seconds();
    DelayedCall call = this->time.callLater(5s, this->note(1));
    const Duration after = this->time.seconds();
    EXPECT_GE(call.getTime(), before + 5s);
    EXPECT_LE(call.getTime(), after + 5s);
}

// A time too far away means never: nothing overflows, and other calls run.
TYPED_TEST(TimeTest, timesTooFarAwayMeanNever) {
    std::vector<DelayedCall> never;
    never.push_back(this->time.callLater(Duration::max(), this->note(1)));
    never.push_back(this->time.callLater(1h, this->note(2)));
    never.back().reset(Duration::max());
    never.push_back(this->time.callLater(1h, this->note(3)));
    never.back().delay(Duration::max());
    never.back().delay(Duration::max());
    for (const DelayedCall& call : never) {
        EXPECT_GE(call.getTime(), Duration::max() - this->time.seconds());
    }
    this->time.callLater(0s, this->note(4));
    turn(this->time);
    EXPECT_THAT(this->ran, ElementsAre(4));
    EXPECT_EQ(this->time.pendingCalls(), 3U);
}

// A time before all others is as far as delay() leads.
TYPED_TEST(TimeTest, timesTooLongAgoAreTheEarliest) {
    this->past(1h, 2);
    DelayedCall first = this->time.callLater(0s, this->note(1));
    first.delay(Duration::min());
    first.delay(Duration::min());
    EXPECT_EQ(first.getTime(), Duration::min());
    turn(this->time);
    EXPECT_THAT(this->ran, ElementsAre(1, 2));
}

// T-3: on the reactor what a call adds waits for the next turn, so that chains starve nobody.
TEST(ReactorTime, addedCallsWaitForTheNextTurn) {
    Reactor reactor;
    int ran = 0;
    UniqueFunction<void()> again = [&] {
        ++ran;
        reactor.callLater(0s, [&] { again(); });
    };
    reactor.callLater(0s, [&] { again(); });
    for (int turns = 1; turns <= 10; ++turns) {
        reactor.iterate();
        EXPECT_EQ(ran, turns);
    }
}

// T-4: the time is read once in a turn: a call due since the turn began waits for the next one.
TEST(ReactorTime, readsTheTimeOnceInATurn) {
    Reactor reactor;
    std::vector<int> ran;
    reactor.callLater(0s, [&] {
        ran.push_back(1);
        DelayedCall next = reactor.callLater(1ns, [&] { ran.push_back(2); });
        while (reactor.seconds() <= next.getTime()) {
        }
    });
    reactor.iterate();
    EXPECT_THAT(ran, ElementsAre(1));
    reactor.iterate();
    EXPECT_THAT(ran, ElementsAre(1, 2));
}

// T-12: the reactor sleeps until the earliest call, which may have become another one meanwhile.
TEST(ReactorTime, sleepsUntilTheEarliestCall) {
    Reactor reactor;
    int ran = 0;
    reactor.callLater(Duration::max(), [&] { ran += 100; });
    reactor.callLater(24h * 365 * 200, [&] { ran += 100; });
    DelayedCall cancelled = reactor.callLater(1h, [&] { ran += 100; });
    reactor.callLater(2ms, [&] { ++ran; });
    const Duration begun = reactor.seconds();
    cancelled.cancel();
    while (ran == 0) {
        reactor.iterate(1h);
    }
    EXPECT_EQ(ran, 1);
    EXPECT_GE(reactor.seconds() - begun, 2ms);
    EXPECT_LT(reactor.seconds() - begun, 1h);
}

// T-12: a call put earlier while the reactor sleeps for a later one wakes it in time.
TEST(ReactorTime, anEarlierCallShortensTheSleep) {
    Reactor reactor;
    int ran = 0;
    DelayedCall moved = reactor.callLater(1h, [&] { ran += 10; });
    reactor.iterate(1ms);
    moved.reset(1ms);
    while (ran == 0) {
        reactor.iterate(1h);
    }
    EXPECT_EQ(ran, 10);
}

// T-13: a call may stop the reactor.
TEST(ReactorTime, aCallMayStopTheReactor) {
    Reactor reactor;
    bool ran = false;
    reactor.callLater(0s, [&] {
        ran = true;
        reactor.stop();
    });
    reactor.run();
    EXPECT_TRUE(ran);
}

// Most timers are cancelled: 100,000 of them leave nothing behind.
TEST(ReactorTime, manyCancelledCallsLeaveNothing) {
    Reactor reactor;
    std::vector<DelayedCall> calls;
    int ran = 0;
    for (int i = 0; i < 100'000; ++i) {
        calls.push_back(reactor.callLater(std::chrono::microseconds(i % 1000), [&] { ++ran; }));
    }
    for (std::size_t i = 0; i < calls.size(); ++i) {
        if (i % 100 != 0) {
            calls[i].cancel();
        }
    }
    EXPECT_EQ(reactor.pendingCalls(), 1000U);
    while (ran < 1000) {
        reactor.iterate(1h);
    }
    EXPECT_EQ(ran, 1000);
}

// T-11: what a call throws is logged with the place that made it, and the others run.
TEST(ReactorTime, exceptionsAreLogged) {
    CaughtLog log;
    Reactor reactor;
    bool ran = false;
    reactor.callLater(0ms, [] { throw std::runtime_error("bad call"); });
    reactor.callLater(0ms, [&] { ran = true; });
    reactor.iterate();
    EXPECT_TRUE(ran);
    EXPECT_EQ(log.count("bad call"), 1U);
    EXPECT_EQ(log.count("time_test.cpp"), 1U);
}

// later() is exact where it can be, and ends at what a Duration can hold.
static_assert(later(1s, 2s) == 3s && later(1s, -2s) == -1s && later(-1s, Duration::max()) > 0s);
static_assert(later(1ns, Duration::max()) == Duration::max());
static_assert(later(Duration::max(), 1ns) == Duration::max());
static_assert(later(-1ns, Duration::min()) == Duration::min());
static_assert(later(Duration::min(), -1ns) == Duration::min());
static_assert(later(Duration::min(), Duration::max()) == -1ns);

}  // namespace
}  // namespace marline
