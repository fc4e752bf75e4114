// Futures as Deferreds.
#include <marline/reactor/future.hpp>

#include <future>
#include <memory>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include <marline/deferred/errors.hpp>

#include "test/support/reactor_fixture.hpp"

namespace {

using namespace marline;

class FromFuture : public marline::testing::ReactorFixture {
protected:
    /// Turns the reactor until `d` has its result; the pool is started.
    template <class T>
    Result<T> outcomeOf(Deferred<T> d) {
        reactor().threadPool().start();
        auto result = std::make_shared<std::optional<Result<T>>>();
        d.addBoth([result](Result<T> outcome) { result->emplace(std::move(outcome)); });
        runUntil([&] { return result->has_value(); });
        return result->has_value() ? std::move(**result) : Failure::make<std::logic_error>("none");
    }
};

// CO-21: the Deferred has what the future ends with: a value, nothing, an error.
TEST_F(FromFuture, hasItsOutcome) {
    std::promise<std::unique_ptr<int>> value;
    value.set_value(std::make_unique<int>(4));
    EXPECT_EQ(*outcomeOf(fromFuture(reactor(), value.get_future())).value(), 4);

    std::promise<void> nothing;
    nothing.set_value();
    EXPECT_TRUE(outcomeOf(fromFuture(reactor(), nothing.get_future())).ok());

    std::promise<int> error;
    error.set_exception(std::make_exception_ptr(TimeoutError("late")));
    const auto failed = outcomeOf(fromFuture(reactor(), error.get_future()));
    EXPECT_NE(failed.failure().check<TimeoutError>(), nullptr);
}

// CO-21: a promise that nobody keeps ends it too, and so does a future that has none.
TEST_F(FromFuture, failsWithABrokenPromise) {
    auto promise = std::make_unique<std::promise<int>>();
    std::future<int> future = promise->get_future();
    promise.reset();
    const auto broken = outcomeOf(fromFuture(reactor(), std::move(future)));
    EXPECT_NE(broken.failure().check<std::future_error>(), nullptr);
    const auto none = outcomeOf(fromFuture(reactor(), std::future<int>()));
    EXPECT_NE(none.failure().check<std::future_error>(), nullptr);
}

// CO-21: cancelling drops the outcome; the future itself goes on.
TEST_F(FromFuture, cancellingDropsTheOutcome) {
    reactor().threadPool().start();
    std::promise<int> promise;
    Deferred<int> d = fromFuture(reactor(), promise.get_future());
    d.cancel();
    promise.set_value(1);
    EXPECT_NE(outcomeOf(d).failure().check<CancelledError>(), nullptr);
}

}  // namespace
