// What a Failure holds and says, in the corners of area F.
#include <marline/deferred/failure.hpp>

#include <memory>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/errors.hpp>
#include <marline/deferred/succeed.hpp>

namespace {

using marline::Failure;
using marline::succeed;
using marline::TimeoutError;
using testing::HasSubstr;

// F-1: it holds the error itself, its dynamic type, and the places it passed.
TEST(FailureHolds, theErrorItsTypeAndItsWay) {
    std::string text;
    succeed(1)
        .addCallback([](int) -> int { throw TimeoutError("late"); })
        .addErrback([&](const Failure& why) {
            EXPECT_STREQ(why.check<std::runtime_error>()->what(), "late");
            EXPECT_EQ(why.typeName(), "marline::TimeoutError");
            text = why.describe();
            return 0;
        });
    EXPECT_THAT(text, HasSubstr("failure_test.cpp:"));
}

// F-5: a Failure of a Failure shares its error, and passing it through a chain does as well.
TEST(FailureHolds, oneErrorForAllItsCopies) {
    const Failure first = Failure::make<TimeoutError>("late");
    const Failure& second(first);
    EXPECT_EQ(Failure(second), first);
    bool same = false;
    marline::fail<int>(first)
        .addErrback([](const Failure& why) { return why; })
        .addErrback([&](const Failure& why) {
            same = why == first;
            return 0;
        });
    EXPECT_TRUE(same);
    const Failure again(first.exception());
    EXPECT_EQ(again.check<TimeoutError>(), Failure(first.exception()).check<TimeoutError>());
}

// F-7: an error that never passed a link has no way to tell of.
TEST(FailureHolds, noWayForAnErrorThatPassedNothing) {
    const Failure why = Failure::make<TimeoutError>("late");
    EXPECT_EQ(why.describe(), why.brief());
}

struct Speechless : std::exception {
    const char* what() const noexcept override { return nullptr; }
};

// F-9: the message alone, brief() and describe() can be had of any error, even of one that has
// nothing to say or is no exception.
TEST(FailureHolds, everyFormPrintsEveryError) {
    const Failure speechless = Failure::make<Speechless>();
    EXPECT_EQ(speechless.message(), "");
    EXPECT_THAT(speechless.brief(), HasSubstr("Speechless: "));
    EXPECT_EQ(speechless.describe(), speechless.brief());
    const Failure foreign(std::make_exception_ptr(42));
    EXPECT_EQ(foreign.brief(), "int: an error of type int");
    std::string text;
    succeed(1).addCallback([](int) -> int { throw 42; }).addErrback([&](const Failure& why) {
        text = why.describe();
        return 0;
    });
    EXPECT_THAT(text, HasSubstr("int: an error of type int\n    "));
}

}  // namespace
