// deferLater(): T-19, and what becomes of a call that is not to be.
#include <marline/reactor/defer_later.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <source_location>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <marline/deferred/errors.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/testing/clock.hpp>

#include "test/support/deferred_outcome.hpp"
#include "test/support/unhandled.hpp"

namespace marline::testing {
namespace {

using namespace std::chrono_literals;

// T-19: it fires after the delay with what the function made of the arguments.
TEST(DeferLater, firesWithTheResult) {
    Clock clock;
    Outcome<std::string> outcome(deferLater(
        clock, 3s, [](const std::string& a, int b) { return a + std::to_string(b); }, "n", 5));
    clock.advance(2s);
    EXPECT_FALSE(outcome.fired());
    clock.advance(1s);
    ASSERT_TRUE(outcome.ok());
    EXPECT_EQ(outcome.value(), "n5");
}

// T-19: move-only functions, arguments and results go through.
TEST(DeferLater, movesWhatCannotBeCopied) {
    Clock clock;
    Outcome<std::unique_ptr<int>> outcome(deferLater(
        clock, 0s,
        [held = std::make_unique<int>(2)](std::unique_ptr<int> by) {
            return std::make_unique<int>(*held * *by);
        },
        std::make_unique<int>(21)));
    clock.advance(0s);
    ASSERT_TRUE(outcome.ok());
    EXPECT_EQ(*outcome.value(), 42);
}

// T-19: a Deferred that the function returns is waited for.
TEST(DeferLater, adoptsADeferred) {
    Clock clock;
    Deferred<int> inner;
    Outcome<int> outcome(deferLater(clock, 1s, [&] { return inner; }));
    clock.advance(1s);
    EXPECT_FALSE(outcome.fired());
    inner.callback(7);
    ASSERT_TRUE(outcome.ok());
    EXPECT_EQ(outcome.value(), 7);
}

// T-19: what the function throws becomes the Failure.
TEST(DeferLater, failsWithTheException) {
    Clock clock;
    Outcome<> outcome(deferLater(clock, 1s, [] { throw std::out_of_range("far"); }));
    clock.advance(1s);
    EXPECT_NE(outcome.failed<std::out_of_range>(), nullptr);
}

// T-19: without a function it fires with nothing.
TEST(DeferLater, needsNoFunction) {
    Clock clock;
    Outcome<> outcome(deferLater(clock, 1s));
    clock.advance(999ms);
    EXPECT_FALSE(outcome.fired());
    clock.advance(1ms);
    EXPECT_TRUE(outcome.ok());
}

// T-19: cancelling removes the call from the clock, and the function is never called.
TEST(DeferLater, cancellingRemovesTheCall) {
    Clock clock;
    bool called = false;
    Outcome<> outcome(deferLater(clock, 1s, [&] { called = true; }));
    outcome.cancel();
    EXPECT_NE(outcome.failed<CancelledError>(), nullptr);
    EXPECT_EQ(clock.pendingCalls(), 0U);
    clock.advance(1s);
    EXPECT_FALSE(called);
}

// Cancelling after the delay reaches the Deferred that the function returned.
TEST(DeferLater, cancellingReachesTheInnerDeferred) {
    Clock clock;
    bool cancelled = false;
    Deferred<int> inner([&](const Deferred<int>&) { cancelled = true; });
    Outcome<int> outcome(deferLater(clock, 1s, [&] { return inner; }));
    clock.advance(1s);
    outcome.cancel();
    EXPECT_TRUE(cancelled);
    EXPECT_NE(outcome.failed<CancelledError>(), nullptr);
}

// A callback on the cancelled Deferred may let the time pass in which the call would have been due.
TEST(DeferLater, timeMayPassWhileItIsCancelled) {
    Clock clock;
    std::optional<Failure> why;
    Deferred<> d = deferLater(clock, 1s);
    d.addErrback([&](const Failure& failure) {
        why = failure;
        clock.advance(2s);
    });
    d.cancel();
    ASSERT_TRUE(why.has_value());
    EXPECT_NE(why->check<CancelledError>(), nullptr);
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// A clock that goes takes nobody's answer with it silently.
TEST(DeferLater, failsWhenTheClockGoes) {
    std::optional<Clock> clock(std::in_place);
    Outcome<> outcome(deferLater(*clock, 1s));
    clock.reset();
    EXPECT_NE(outcome.failed<DeferredLost>(), nullptr);
}

// T-1: a negative delay is misuse, told at the call and only there.
TEST(DeferLater, refusesANegativeDelay) {
    test::CatchUnhandled unhandled;
    Clock clock;
    EXPECT_THROW(deferLater(clock, -1s), std::invalid_argument);
    EXPECT_THROW(deferLater(clock, -1s, [] { return 1; }), std::invalid_argument);
    EXPECT_TRUE(unhandled.take().empty());
}

// A failure that nobody reads is reported with the line that called deferLater().
TEST(DeferLater, isReportedWithItsCallersPlace) {
    static std::source_location reported;
    const UnhandledHook before =
        setUnhandledHook([](const UnhandledError& error) noexcept { reported = error.created; });
    Clock clock;
    const auto line = std::source_location::current().line() + 1;
    deferLater(clock, 1s, [] { throw std::runtime_error("unread"); });
    clock.advance(1s);
    setUnhandledHook(before);
    EXPECT_EQ(reported.line(), line);
    EXPECT_TRUE(std::string(reported.file_name()).ends_with("defer_later_test.cpp"));
}

}  // namespace
}  // namespace marline::testing
