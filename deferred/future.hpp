// std::future, for threads that wait for a Deferred.
#pragma once

#include <future>
#include <source_location>
#include <utility>

#include <marline/deferred/deferred.hpp>

namespace marline {

/// The outcome of `d` as a std::future, for another thread to wait for (Twisted: `asFuture`). The
/// Deferred is spent. A std::future cannot be cancelled; keep a view of `d` to cancel it, and the
/// future ends with CancelledError. A Deferred that goes unfired breaks the promise.
///
/// To be called in the chain's thread; the future may go to any.
template <class T>
std::future<T> toFuture(Deferred<T> d,
                        std::source_location where = std::source_location::current()) {
    std::promise<T> promise;
    std::future<T> future = promise.get_future();
    d.addBoth(
        [promise = std::move(promise)](Result<T> outcome) mutable {
            if (!outcome.ok()) {
                promise.set_exception(outcome.failure().exception());
            } else if constexpr (std::is_void_v<T>) {
                promise.set_value();
            } else {
                promise.set_value(std::move(outcome).value());
            }
        },
        where);
    return future;
}

}  // namespace marline
