// Clock: what it does otherwise than the Reactor, and what the test has of it.
#include <marline/reactor/testing/clock.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>

namespace marline::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

// T-14, M (Clock): the time is what the test made it, from where it was told to begin.
TEST(Clock, showsTheTimeThatTheTestMade) {
    Clock clock(10s);
    EXPECT_EQ(clock.seconds(), 10s);
    clock.advance(0s);
    EXPECT_EQ(clock.seconds(), 10s);
    clock.advance(1500ms);
    EXPECT_EQ(clock.seconds(), 11500ms);
    EXPECT_EQ(Clock().seconds(), 0s);
}

// T-15: the time moves first, then calls run by their due times, and each sees all of it passed.
TEST(Clock, advanceMovesTheTimeThenRunsWhatIsDue) {
    Clock clock;
    std::vector<std::string> seen;
    const auto note = [&](const char* name) {
        return [&, name] { seen.push_back(name + std::to_string(clock.seconds() / 1s)); };
    };
    clock.callLater(3s, note("c"));
    clock.callLater(1s, note("a"));
    clock.callLater(2s, note("b"));
    clock.callLater(4s, note("d"));
    clock.advance(999ms);
    EXPECT_THAT(seen, ElementsAre());
    clock.advance(2001ms);
    EXPECT_THAT(seen, ElementsAre("a3", "b3", "c3"));
    EXPECT_EQ(clock.pendingCalls(), 1U);
}

// T-16: a call that a call adds, and that is due as well, runs in the same advance().
TEST(Clock, callsAddedByCallsRunInTheSameAdvance) {
    Clock clock;
    std::vector<int> ran;
    clock.callLater(1s, [&] {
        ran.push_back(1);
        clock.callLater(0s, [&] {
            ran.push_back(3);
            clock.callLater(0s, [&] { ran.push_back(4); });
            clock.callLater(1ns, [&] { ran.push_back(5); });
        });
    });
    clock.callLater(1s, [&] { ran.push_back(2); });
    clock.advance(1s);
    EXPECT_THAT(ran, ElementsAre(1, 2, 3, 4));
}

// T-16: what was put off from inside a call to a time that has come runs in the same advance() too.
TEST(Clock, callsMovedByCallsRunInTheSameAdvance) {
    Clock clock;
    std::vector<int> ran;
    DelayedCall late = clock.callLater(1h, [&] { ran.push_back(2); });
    clock.callLater(1s, [&] {
        ran.push_back(1);
        late.reset(0s);
    });
    clock.advance(1s);
    EXPECT_THAT(ran, ElementsAre(1, 2));
}

// T-17: a call is over for its own handle while it runs.
TEST(Clock, aCallCannotCancelItself) {
    Clock clock;
    DelayedCall call;
    bool ran = false;
    call = clock.callLater(1s, [&] {
        EXPECT_FALSE(call.active());
        EXPECT_THROW(call.cancel(), AlreadyCalled);
        ran = true;
    });
    clock.advance(1s);
    EXPECT_TRUE(ran);
}

// T-18: pump() is one advance() for each step: what a step adds waits for the next ones.
TEST(Clock, pumpIsASequenceOfAdvances) {
    Clock clock;
    std::vector<Duration> at;
    clock.callLater(1s, [&] {
        at.push_back(clock.seconds());
        clock.callLater(1s, [&] { at.push_back(clock.seconds()); });
    });
    clock.pump({500ms, 700ms, 700ms, 700ms});
    EXPECT_THAT(at, ElementsAre(1200ms, 2600ms));
    EXPECT_EQ(clock.seconds(), 2600ms);
    clock.pump(std::vector<Duration>{1s, 2s});
    EXPECT_EQ(clock.seconds(), 5600ms);
    clock.pump({});
    EXPECT_EQ(clock.seconds(), 5600ms);
}

// An exception reaches the test; the call is over, and the others are due at the next advance().
TEST(Clock, exceptionsLeaveAdvance) {
    Clock clock;
    const auto captured = std::make_shared<int>();
    bool other = false;
    clock.callLater(1s, [captured] { throw std::runtime_error("from a call"); });
    clock.callLater(1s, [&] { other = true; });
    EXPECT_THROW(clock.advance(2s), std::runtime_error);
    EXPECT_EQ(captured.use_count(), 1);
    EXPECT_EQ(clock.seconds(), 2s);
    EXPECT_FALSE(other);
    clock.advance(0s);
    EXPECT_TRUE(other);
}

// A call may advance the clock: what is due runs there, once.
TEST(Clock, aCallMayAdvance) {
    Clock clock;
    std::vector<int> ran;
    clock.callLater(1s, [&] {
        ran.push_back(1);
        clock.advance(1s);
        ran.push_back(3);
    });
    clock.callLater(2s, [&] { ran.push_back(2); });
    clock.callLater(3s, [&] { ran.push_back(4); });
    clock.advance(1s);
    EXPECT_THAT(ran, ElementsAre(1, 2, 3));
    EXPECT_EQ(clock.seconds(), 2s);
}

// Time does not go back, and ends where a Duration does.
TEST(Clock, timeStaysWithinItsBounds) {
    Clock clock(5s);
    EXPECT_THROW(clock.advance(-1ns), std::invalid_argument);
    EXPECT_EQ(clock.seconds(), 5s);
    clock.advance(Duration::max());
    EXPECT_EQ(clock.seconds(), Duration::max());
}

// What calls captured is destroyed with the clock, and may still ask it.
TEST(Clock, forgetsItsCallsWhenItGoes) {
    struct AtEnd {
        explicit AtEnd(Clock& c) : clock(c) {}
        AtEnd(const AtEnd&) = delete;
        AtEnd& operator=(const AtEnd&) = delete;
        ~AtEnd() { seenAtEnd = clock.seconds(); }
        Clock& clock;
        static Duration& seen() {
            static Duration one;
            return one;
        }
        Duration& seenAtEnd = seen();
    };
    {
        Clock clock(7s);
        clock.callLater(1s, [held = std::make_unique<AtEnd>(clock)] {});
    }
    EXPECT_EQ(AtEnd::seen(), 7s);
}

// turn() is what a reactor does in one turn: what a call adds for now waits for the next one (T-3).
TEST(Clock, aTurnLeavesWhatCallsAdd) {
    Clock clock;
    std::vector<int> ran;
    clock.callLater(1s, [&] {
        ran.push_back(1);
        clock.callLater(0s, [&] { ran.push_back(2); });
    });
    EXPECT_FALSE(clock.turn());
    EXPECT_TRUE(clock.turn(1s));
    EXPECT_THAT(ran, ElementsAre(1));
    EXPECT_TRUE(clock.turn());
    EXPECT_THAT(ran, ElementsAre(1, 2));
    EXPECT_FALSE(clock.turn());
    EXPECT_THROW(clock.turn(-1s), std::invalid_argument);
}

// The clock tells when the next call is due, and what is pending.
TEST(Clock, tellsWhatIsPending) {
    Clock clock(10s);
    EXPECT_EQ(clock.nextCall(), std::nullopt);
    EXPECT_TRUE(clock.leftovers().empty());
    clock.callLater(2s, [] {});
    clock.callLater(1s, [] {}).cancel();
    EXPECT_EQ(clock.nextCall(), 12s);
    const std::vector<std::string> left = clock.leftovers();
    ASSERT_EQ(left.size(), 1U);
    EXPECT_NE(left[0].find("a delayed call, due in 2 s, made at "), std::string::npos);
    EXPECT_NE(left[0].find("clock_test.cpp:"), std::string::npos);
}

}  // namespace
}  // namespace marline::testing
