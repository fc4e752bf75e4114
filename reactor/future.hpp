// fromFuture: what another thread promised, as a Deferred.
#pragma once

#include <future>
#include <utility>

#include <marline/reactor/threads.hpp>

namespace marline {

/// What `future` ends with, in the reactor's thread (Twisted: `Deferred.fromFuture`). Call it with
/// the Reactor itself, in its thread. For the other direction see toFuture().
///
/// Nothing tells that a std::future is ready but waiting for it: this keeps a thread of the
/// reactor's pool (ThreadPoolOptions::maxThreads) until then, and the end of run() waits for that
/// thread. A future cannot be cancelled: cancelling the Deferred drops its outcome. One without a
/// promise fails with std::future_error. Fails as deferToThread() does.
template <class T>
Deferred<T> fromFuture(detail::ReactorHere reactor, std::future<T> future) {
    return deferToThread(reactor, [future = std::move(future)]() mutable {
        if (!future.valid()) {
            throw std::future_error(std::future_errc::no_state);
        }
        return future.get();
    });
}

}  // namespace marline
