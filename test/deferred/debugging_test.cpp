// Deferreds in words: descriptions, debugging, the paths of failures; chainDeferred.
#include <marline/deferred/debug.hpp>
#include <marline/deferred/describe.hpp>

#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/deferred/unhandled.hpp>

#include "test/support/unhandled.hpp"

namespace {

using marline::AlreadyCalledError;
using marline::CancelledError;
using marline::Deferred;
using marline::DeferredSource;
using marline::describe;
using marline::Failure;
using marline::Result;
using marline::succeed;
using marline::TimeoutError;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// Debugging is on while it lives.
struct Debugging {
    Debugging() { marline::setDebugging(true); }
    Debugging(const Debugging&) = delete;
    Debugging& operator=(const Debugging&) = delete;
    ~Debugging() { marline::setDebugging(false); }
};

std::string secondFiring(Deferred<int> d) {
    try {
        d.callback(2);
    } catch (const AlreadyCalledError& error) {
        return error.what();
    }
    return "no error";
}

// D-23: a description shows the type, the object, where it was made, and the result.
TEST(Describe, showsTheResult) {
    const Deferred<int> d = succeed(42);
    std::ostringstream text;
    text << d;
    EXPECT_THAT(text.str(), AllOf(HasSubstr("Deferred<int> at 0x"),
                                  HasSubstr("debugging_test.cpp:"), EndsWith(": result 42")));
    struct Opaque {};
    EXPECT_THAT(describe(succeed(Opaque())), EndsWith(": has a result"));
    EXPECT_THAT(describe(succeed()), EndsWith(": has a result"));
}

// D-23: or what is missing: nothing fired it, it is paused, its result has gone elsewhere.
TEST(Describe, showsTheState) {
    Deferred<int> d;
    EXPECT_THAT(describe(d), EndsWith(": not fired"));
    d.pause();
    EXPECT_THAT(describe(d), EndsWith(": paused, not fired"));
    Deferred<int> taken = succeed(1);
    const Deferred<int> taker = succeed(0).addCallback([&](int) { return taken; });
    EXPECT_THAT(describe(taken), EndsWith(": its result was taken"));
    Deferred<int> failed = marline::fail<int>(TimeoutError("late"));
    EXPECT_THAT(describe(failed), EndsWith(": failed with marline::TimeoutError: late"));
    failed.addErrback([](const Failure&) { return 0; });
}

// DC-16: what it waits for is shown while it waits, and not afterwards.
TEST(Describe, showsWhatItWaitsFor) {
    Deferred<int> inner;
    const Deferred<int> outer = succeed(0).addCallback([&](int) { return inner; });
    EXPECT_THAT(describe(outer), HasSubstr(": waiting for Deferred<int> at 0x"));
    inner.callback(5);
    EXPECT_THAT(describe(outer), EndsWith(": result 5"));
    const Deferred<int> orphan = succeed(0).addCallback([](int) { return Deferred<int>(); });
    EXPECT_THAT(describe(orphan), EndsWith(": waiting for what is gone"));
}

// D-21: with debugging on, a second firing says who made it and who fired it first.
TEST(Debugging, aSecondFiringShowsTheStacks) {
    const Debugging on;
    EXPECT_TRUE(marline::getDebugging());
    Deferred<int> d;
    d.callback(1);
    EXPECT_THAT(secondFiring(d), AllOf(HasSubstr("made at"), HasSubstr("\n    made by:\n"),
                                       HasSubstr("\n    fired by:\n")));
}

// D-21: it may be switched at any time: what happened while it was off is not known.
TEST(Debugging, mayBeSwitchedAtAnyTime) {
    Deferred<int> d;
    {
        const Debugging on;
        d.callback(1);
    }
    EXPECT_THAT(secondFiring(d), AllOf(Not(HasSubstr("made by")), HasSubstr("fired by")));
    EXPECT_THAT(secondFiring(succeed(1)), Not(HasSubstr("fired by")));
}

// DE-1, DE-3: the report of an unhandled error names the error and the place; the stacks only
// when debugging was on.
TEST(Debugging, reportsShowTheStacks) {
    static std::string report;
    const auto before = marline::setUnhandledHook(
        [](const marline::UnhandledError& error) noexcept { report = error.describe(); });
    marline::fail<int>(TimeoutError("late"));
    EXPECT_THAT(report, AllOf(HasSubstr("Unhandled error in Deferred made at"),
                              HasSubstr("debugging_test.cpp"),
                              HasSubstr("marline::TimeoutError: late"), Not(HasSubstr("made by"))));
    {
        const Debugging on;
        marline::fail<int>(TimeoutError("late"));
    }
    EXPECT_THAT(report, AllOf(HasSubstr("made by"), HasSubstr("fired by")));
    marline::setUnhandledHook(before);
}

// DC-14: chainDeferred() hands the outcome to another Deferred and goes on with nothing.
TEST(ChainDeferred, handsTheOutcomeOver) {
    marline::test::CatchUnhandled unhandled;
    Deferred<int> target;
    Deferred<int> source;
    int later = 0;
    int seen = 0;
    source.chainDeferred(target).addCallback([&] { ++later; });
    target.addCallback([&](int x) { seen = x; });
    source.callback(4);
    EXPECT_EQ(seen, 4);
    EXPECT_EQ(later, 1);

    Deferred<int> bad;
    std::string why;
    marline::fail<int>(TimeoutError("late")).chainDeferred(bad);
    bad.addErrback([&](const Failure& failure) {
        why = failure.message();
        return 0;
    });
    EXPECT_EQ(why, "late");
    EXPECT_THAT(unhandled.take(), IsEmpty());
}

// DC-15: cancelling the target does not reach the source, whose outcome is then dropped.
TEST(ChainDeferred, doesNotCancelTheSource) {
    Deferred<int> target;
    Deferred<int> source;
    source.chainDeferred(target);
    target.cancel();
    EXPECT_FALSE(source.called());
    std::string why;
    target.addErrback([&](const Failure& failure) {
        why = failure.typeName();
        return 0;
    });
    EXPECT_NO_THROW(source.callback(1));
    EXPECT_EQ(why, "marline::CancelledError");
}

// A target that has fired is not fired again: the source's link fails.
TEST(ChainDeferred, refusesATargetThatHasFired) {
    bool refused = false;
    succeed(1).chainDeferred(succeed(2)).addErrback([&](const Failure& why) {
        refused = why.check<AlreadyCalledError>() != nullptr;
    });
    EXPECT_TRUE(refused);
}

}  // namespace
