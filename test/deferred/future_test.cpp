// Deferreds as futures.
#include <marline/deferred/future.hpp>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/gather.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>

namespace {

using marline::CancelledError;
using marline::Deferred;
using marline::DeferredSource;
using marline::Failure;
using marline::FirstError;
using marline::gatherResults;
using marline::succeed;
using marline::TimeoutError;
using marline::toFuture;
using testing::StartsWith;

// CO-20: a value, a move-only one too, an error and nothing come through.
TEST(ToFuture, hasTheOutcome) {
    EXPECT_EQ(*toFuture(succeed(std::make_unique<int>(3))).get(), 3);
    toFuture(succeed()).get();
    EXPECT_THROW(toFuture(marline::fail<int>(TimeoutError("late"))).get(), TimeoutError);
}

// CO-20: another thread may wait for it.
TEST(ToFuture, anotherThreadMayWait) {
    DeferredSource<int> source;
    std::future<int> future = toFuture(source.deferred());
    int seen = 0;
    std::thread waiting([&] { seen = future.get(); });
    source.callback(8);
    waiting.join();
    EXPECT_EQ(seen, 8);
}

// CO-20: the error that a future gives to another thread shares Failures with this one.
TEST(ToFuture, anotherThreadMayHaveTheFailures) {
    Deferred<int> failing;
    const Deferred<int> pending;
    auto future = toFuture(gatherResults(std::vector{failing, pending}));
    std::string said;
    std::thread waiting([&, future = std::move(future)]() mutable {
        try {
            future.get();
        } catch (const FirstError& error) {
            for (int i = 0; i < 1000; ++i) {
                const Failure copy = error.subFailure;
                EXPECT_THROW(copy.raise(), TimeoutError);
                said = copy.describe();
            }
        }
    });
    failing.errback(TimeoutError("late"));
    for (int i = 0; i < 1000; ++i) {
        failing.addErrback([](const Failure& why) {
            EXPECT_THROW(why.raise(), TimeoutError);
            Failure copy = why;
            return copy;
        });
    }
    waiting.join();
    EXPECT_THAT(said, StartsWith("marline::TimeoutError: late"));
    failing.addErrback([](const Failure&) { return 0; });
}

// CO-20: cancelling the Deferred ends the future; one that nobody fires breaks the promise.
TEST(ToFuture, endsWithItsDeferred) {
    DeferredSource<int> source;
    Deferred<int> d = source.deferred();
    std::future<int> cancelled = toFuture(d);
    d.cancel();
    EXPECT_THROW(cancelled.get(), CancelledError);

    std::future<int> forgotten = toFuture(Deferred<int>());
    EXPECT_THROW(forgotten.get(), std::future_error);
}

}  // namespace
