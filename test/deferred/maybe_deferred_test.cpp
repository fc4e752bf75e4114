// maybeDeferred and execute: a call's outcome as a Deferred. Area DL.
#include <marline/deferred/succeed.hpp>

#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <marline/deferred/coroutine.hpp>
#include <marline/deferred/errors.hpp>

namespace {

using marline::Deferred;
using marline::execute;
using marline::Failure;
using marline::maybeDeferred;
using marline::Result;
using marline::TimeoutError;

/// What `d` has failed with.
template <class T>
std::string whyFailed(Deferred<T> d) {
    std::string why = "nothing";
    d.addCallback([](auto&&...) {}).addErrback([&](const Failure& failure) {
        why = failure.message();
    });
    return why;
}

// DL-17: the function is called at once, with its arguments, and its value has come.
TEST(MaybeDeferred, aValueHasFired) {
    int seen = 0;
    maybeDeferred([](int a, int b) { return a * b; }, 6, 7).addCallback([&](int x) { seen = x; });
    EXPECT_EQ(seen, 42);
    bool called = false;
    EXPECT_TRUE(maybeDeferred([&] { called = true; }).called());
    EXPECT_TRUE(called);
}

// DL-17: what it throws becomes the Failure; a Result becomes what it holds.
TEST(MaybeDeferred, failuresBecomeFailures) {
    EXPECT_EQ(whyFailed(maybeDeferred([]() -> int { throw std::runtime_error("thrown"); })),
              "thrown");
    EXPECT_EQ(
        whyFailed(maybeDeferred([]() -> Deferred<int> { throw std::runtime_error("early"); })),
        "early");
    const auto result = [](bool good) {
        return good ? Result<int>(3) : Result<int>(TimeoutError("returned"));
    };
    EXPECT_EQ(whyFailed(maybeDeferred(result, false)), "returned");
    int seen = 0;
    maybeDeferred(result, true).addCallback([&](int value) { seen = value; });
    EXPECT_EQ(seen, 3);
}

// DL-18: a Deferred that it returns is returned itself.
TEST(MaybeDeferred, aDeferredIsReturnedItself) {
    Deferred<int> d;
    Deferred<int> same = maybeDeferred([&] { return d; });
    EXPECT_EQ(&same.chain(), &d.chain());
    EXPECT_FALSE(same.called());
}

// DL-18: a coroutine is started, and its Deferred is what comes of it.
TEST(MaybeDeferred, aCoroutineIsStarted) {
    Deferred<int> awaited;
    bool started = false;
    const auto body = [&]() -> Deferred<int> {
        started = true;
        co_return 1 + co_await Deferred<int>(awaited);
    };
    int seen = 0;
    maybeDeferred(body).addCallback([&](int value) { seen = value; });
    EXPECT_TRUE(started);
    awaited.callback(41);
    EXPECT_EQ(seen, 42);
}

// D-19: execute is the same for functions that return no Deferred.
TEST(Execute, givesTheOutcome) {
    int seen = 0;
    execute([](int x) { return x + 1; }, 1).addCallback([&](int value) { seen = value; });
    EXPECT_EQ(seen, 2);
    EXPECT_EQ(whyFailed(execute([]() -> int { throw std::runtime_error("thrown"); })), "thrown");
    bool called = false;
    EXPECT_TRUE(execute([&] { called = true; }).called());
    EXPECT_TRUE(called);
}

}  // namespace
