// What callbacks may be and return, and what errors turn into, at the edges of C++'s types.
#include <marline/deferred/deferred.hpp>

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/describe.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/deferred/unhandled.hpp>

namespace {

using marline::Deferred;
using marline::Error;
using marline::fail;
using marline::Failure;
using marline::maybeDeferred;
using marline::Result;
using marline::succeed;
using marline::TimeoutError;
using marline::UniqueFunction;
using testing::HasSubstr;
using testing::StartsWith;

/// A Deferred by another name.
struct Derived : Deferred<int> {
    using Deferred<int>::Deferred;
};

// D-4: a callback may take a move-only extra argument by value, or any by reference.
TEST(Typing, extraArgumentsAreMovedIn) {
    int seen = 0;
    succeed(1)
        .addCallback([](int x, std::unique_ptr<int> y) { return x + *y; }, std::make_unique<int>(2))
        .addCallback([](int x, std::string& text) { return x + static_cast<int>(text.size()); },
                     std::string("abc"))
        .addCallback([&](int x) { seen = x; });
    EXPECT_EQ(seen, 6);
}

// DC-18: an errback may return what derives from Deferred, as a callback may.
TEST(Typing, anErrbackMayReturnWhatDerivesFromDeferred) {
    int seen = 0;
    fail<int>(TimeoutError("late"))
        .addErrback([](const Failure&) {
            Derived d;
            d.callback(7);
            return d;
        })
        .addCallback([&](int x) { seen = x; });
    EXPECT_EQ(seen, 7);
}

// A generic lambda given to addErrback<E> gets the E.
TEST(Typing, aGenericTypedErrbackGetsTheError) {
    std::string why;
    fail<>(TimeoutError("late")).addErrback<TimeoutError>([&](const auto& error) {
        why = error.what();
    });
    EXPECT_EQ(why, "late");
}

// maybeDeferred takes a Deferred that is returned by reference, or what derives from one.
TEST(Typing, maybeDeferredTakesAReference) {
    const Deferred<int> d = succeed(3);
    int seen = 0;
    maybeDeferred([&]() -> const Deferred<int>& { return d; }).addCallback([&](int x) {
        return seen = x;
    });
    EXPECT_EQ(seen, 3);
    Deferred<int> derived = maybeDeferred([] { return Derived(); });
    EXPECT_FALSE(derived.called());
}

// A UniqueFunction<void()> drops what its callable returns.
TEST(Typing, aUniqueFunctionOfNothingDropsTheResult) {
    int calls = 0;
    UniqueFunction<void()> small = [&calls] { return ++calls; };
    small();
    UniqueFunction<void()> large = [&calls, room = std::string(100, 'x'), more = std::string()] {
        return ++calls + static_cast<int>(room.size() + more.size());
    };
    large();
    EXPECT_EQ(calls, 2);
}

// An exception that is handled as its base is not cut down to that.
TEST(Typing, aHandledExceptionIsTakenWhole) {
    std::string why;
    Deferred<> d;
    d.addErrback<TimeoutError>([&](const TimeoutError& error) { why = error.what(); });
    try {
        throw TimeoutError("late");
    } catch (const std::exception& error) {
        d.errback(error);
    }
    EXPECT_EQ(why, "late");
    const auto returned = []() -> Result<int> {
        try {
            throw TimeoutError("late");
        } catch (const Error& error) {
            return Failure(error);
        }
    };
    EXPECT_NE(returned().failure().check<TimeoutError>(), nullptr);
}

// One that is not being handled is copied as C++ copies.
TEST(Typing, anotherReferenceToABaseIsCopied) {
    const TimeoutError late("late");
    const Error& base = late;
    const Failure failure(base);
    EXPECT_EQ(failure.check<TimeoutError>(), nullptr);
    EXPECT_EQ(failure.message(), "late");
}

// A Failure that was moved away is a Failure all the same.
TEST(Typing, aMovedFailureSaysSo) {
    Failure failure = TimeoutError("late");
    const Failure taken = std::move(failure);
    std::string why;
    Deferred<> d;
    d.addErrback([&](const Failure& seen) { why = seen.message(); });
    d.errback(failure);  // NOLINT(bugprone-use-after-move): that is what is looked at
    EXPECT_THAT(why, HasSubstr("moved away"));
    const Result<int> result(failure);
    EXPECT_FALSE(result.ok());
}

// describe() shows an empty text as a result.
TEST(Typing, anEmptyTextIsDescribedAsAResult) {
    EXPECT_THAT(describe(succeed(std::string())), testing::EndsWith(": result "));
}

// A report that is of no Deferred does not claim where one was made.
TEST(Typing, aLoggedErrorNamesNoDeferred) {
    const Failure late = TimeoutError("late");
    EXPECT_THAT((marline::UnhandledError{late, {}, {}}.describe()), StartsWith("Logged error:\n"));
    EXPECT_THAT((marline::UnhandledError{late, std::source_location::current(), {}}.describe()),
                StartsWith("Unhandled error in Deferred made at "));
}

}  // namespace
