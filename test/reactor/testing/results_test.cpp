// successResultOf(), failureResultOf() and assertNoResult(): M-5.
#include <marline/reactor/testing/results.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/errors.hpp>
#include <marline/deferred/succeed.hpp>

#include <test/support/unhandled.hpp>

namespace marline::testing {
namespace {

using test::CatchUnhandled;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// What `call` throws, in words.
template <class Call>
std::string wrong(Call&& call) {
    try {
        call();
    } catch (const WrongResult& error) {
        return error.what();
    }
    return "nothing was thrown";
}

// M-5: the value is taken out, whatever its type.
TEST(Results, successResultOfGivesTheValue) {
    EXPECT_EQ(successResultOf(succeed(7)), 7);
    EXPECT_EQ(*successResultOf(succeed(std::make_unique<int>(8))), 8);
    EXPECT_EQ(successResultOf(succeed()), Unit{});
    Deferred<int> d;
    Deferred<std::string> text = d.addCallback([](int n) { return std::to_string(n); });
    d.callback(9);
    EXPECT_EQ(successResultOf(text), "9");
}

// M-5: without a value the test fails, and is told why, and where it asked; the failure is handled.
TEST(Results, successResultOfFailsWithoutAValue) {
    CatchUnhandled unhandled;
    Deferred<int> d;
    EXPECT_THAT(wrong([&] { successResultOf(d); }),
                AllOf(HasSubstr("results_test.cpp:"), HasSubstr("has no result")));
    EXPECT_THAT(wrong([] { successResultOf(fail<int>(std::runtime_error("no luck"))); }),
                AllOf(HasSubstr("has failed:"), HasSubstr("no luck")));
    EXPECT_TRUE(unhandled.take().empty());
}

// M-5: the failure is taken out, and nobody reports it.
TEST(Results, failureResultOfConsumesTheFailure) {
    CatchUnhandled unhandled;
    EXPECT_EQ(failureResultOf(fail<int>(std::runtime_error("any"))).message(), "any");
    const Failure failure =
        failureResultOf<TimeoutError, std::range_error>(fail(std::range_error("far")));
    EXPECT_NE(failure.check<std::range_error>(), nullptr);
    EXPECT_TRUE(unhandled.take().empty());
}

// M-5: no result, a value, or another error than was expected fails the test.
TEST(Results, failureResultOfFailsWithoutTheFailure) {
    CatchUnhandled unhandled;
    Deferred<int> d;
    EXPECT_THAT(wrong([&] { failureResultOf(d); }), HasSubstr("has no result"));
    EXPECT_THAT(wrong([] { failureResultOf(succeed(1)); }), HasSubstr("has a value"));
    EXPECT_THAT(
        wrong([] { failureResultOf<TimeoutError>(fail<int>(std::runtime_error("other"))); }),
        AllOf(HasSubstr("another failure"), HasSubstr("other")));
    EXPECT_TRUE(unhandled.take().empty());
}

// M-5: what comes after the look passes on, a value as well as a failure.
TEST(Results, assertNoResultPassesLaterResultsOn) {
    Deferred<int> value;
    assertNoResult(value);
    value.callback(3);
    EXPECT_EQ(successResultOf(value), 3);
    Deferred<> failure;
    assertNoResult(failure);
    failure.errback(std::runtime_error("late"));
    EXPECT_EQ(failureResultOf(failure).message(), "late");
}

// M-5: a Deferred that waits for another one has no result.
TEST(Results, assertNoResultKnowsAWaitingChain) {
    Deferred<int> inner;
    Deferred<int> d = succeed().addCallback([inner] { return inner; });
    assertNoResult(d);
    inner.callback(4);
    EXPECT_EQ(successResultOf(d), 4);
}

// M-5: a result that is there fails the test; a failure among them is swallowed.
TEST(Results, assertNoResultSwallowsWhatItFinds) {
    CatchUnhandled unhandled;
    EXPECT_THAT(wrong([] { assertNoResult(succeed(1)); }), HasSubstr("there is a value"));
    EXPECT_THAT(wrong([] { assertNoResult(fail(std::runtime_error("early"))); }),
                AllOf(HasSubstr("has failed:"), HasSubstr("early")));
    EXPECT_TRUE(unhandled.take().empty());
}

// What comes after successResultOf() has looked in vain is dropped, and nobody is told.
TEST(Results, whatComesTooLateIsDropped) {
    CatchUnhandled unhandled;
    {
        Deferred<int> d;
        EXPECT_THROW(successResultOf(d), WrongResult);
        d.errback(std::runtime_error("too late"));
    }
    EXPECT_TRUE(unhandled.take().empty());
}

}  // namespace
}  // namespace marline::testing
