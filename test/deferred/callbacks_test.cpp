// Ready-made callbacks: logError, logAndSwallow, passthru. Area DE.
#include <marline/deferred/callbacks.hpp>

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/result.hpp>
#include <marline/deferred/succeed.hpp>

#include "test/support/unhandled.hpp"

namespace {

using marline::fail;
using marline::Failure;
using marline::logAndSwallow;
using marline::logError;
using marline::passthru;
using marline::TimeoutError;
using testing::ElementsAre;

// DE-6: logError reports the Failure, and the next errback gets the same one.
TEST(Callbacks, logErrorIsATee) {
    marline::test::CatchUnhandled unhandled;
    const Failure late = TimeoutError("late");
    bool same = false;
    fail<int>(late).addErrback(logError).addErrback([&](const Failure& failure) {
        same = failure == late;
        return 0;
    });
    EXPECT_TRUE(same);
    EXPECT_THAT(unhandled.take(), ElementsAre("late"));
}

// A value passes logError by.
TEST(Callbacks, logErrorLetsValuesPass) {
    marline::test::CatchUnhandled unhandled;
    int seen = 0;
    marline::succeed(3).addErrback(logError).addCallback([&](int value) { seen = value; });
    EXPECT_EQ(seen, 3);
    EXPECT_TRUE(unhandled.take().empty());
}

// logAndSwallow ends the matter with one report, where logError would leave a Failure behind.
TEST(Callbacks, logAndSwallowReportsOnce) {
    marline::test::CatchUnhandled unhandled;
    bool went = false;
    fail(TimeoutError("late")).addErrback(logAndSwallow).addCallback([&] { went = true; });
    EXPECT_TRUE(went);
    EXPECT_THAT(unhandled.take(), ElementsAre("late"));
}

// passthru gives back what it is given: a value, nothing, or a Failure.
TEST(Callbacks, passthruGivesItBack) {
    int seen = 0;
    marline::succeed(std::make_unique<int>(4))
        .addCallback(passthru)
        .addCallbacks(passthru, [](const Failure&) { return std::unique_ptr<int>(); })
        .addCallback([&](const std::unique_ptr<int>& value) { seen = *value; });
    EXPECT_EQ(seen, 4);
    bool went = false;
    marline::succeed().addCallback(passthru).addCallback([&] { went = true; });
    EXPECT_TRUE(went);
    std::string why;
    fail<int>(TimeoutError("late"))
        .addErrback(passthru)
        .addBoth(passthru)
        .addErrback([&](const Failure& failure) {
            why = failure.message();
            return 0;
        });
    EXPECT_EQ(why, "late");
}

}  // namespace
