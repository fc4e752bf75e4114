// deferToThread and blockingCallFromThread: code that blocks, and the reactor.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <marline/deferred/deferred.hpp>
#include <marline/reactor/detail/blocking_call.hpp>
#include <marline/reactor/detail/thread_call.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/thread_pool.hpp>

namespace marline {

/// The reactor stopped before it answered a thread that waits in blockingCallFromThread(), or had
/// stopped before that.
class MARLINE_API ReactorStopped : public Error {
public:
    using Error::Error;
};

/// Runs `f(args…)` in a thread of `pool`, and gives its outcome in the reactor's thread (Twisted:
/// `threads.deferToThreadPool`). Call it with the Reactor itself, in its thread, else it throws
/// WrongThread.
///
/// `f` and the arguments are copied or moved (std::ref() refers) and destroyed in the thread of the
/// pool, after the call and before the Deferred fires; the value is destroyed in the reactor's
/// thread. `f` may return a value, nothing, or a Result. What it throws becomes the Failure, which
/// knows the place of this call; so do ThreadPoolFull and ThreadPoolStopped, when it cannot run.
///
/// Cancelling fails the Deferred with CancelledError at once. A call that waits for a thread is
/// then taken out of the queue and destroyed; one that runs goes on to its end, since a thread
/// cannot be stopped, and its outcome is dropped. When the reactor goes, Deferreds that are waiting
/// fail with DeferredLost.
///
///     deferToThread(reactor, readAll, "/etc/hosts").addCallback(show);
template <class F, class... Args>
auto deferToThreadPool(detail::ReactorHere reactor, ThreadPool& pool, F&& f, Args&&... args) {
    using R = detail::OnceResult<F, Args...>;
    detail::checkThreadResult<R>();
    if (!reactor.reactor.isInIoThread()) {
        throw WrongThread(
            "deferToThread() on another thread than the reactor's; use callInThread()");
    }
    auto call = std::make_shared<detail::ThreadCallOf<R, std::decay_t<F>, std::decay_t<Args>...>>(
        reactor, std::forward<F>(f), std::forward<Args>(args)...);
    auto result = call->deferred();
    call->start(pool);
    return result;
}

/// deferToThreadPool() in the reactor's own pool, which runs while the reactor does (Twisted:
/// `threads.deferToThread`).
template <class F, class... Args>
auto deferToThread(detail::ReactorHere reactor, F&& f, Args&&... args) {
    return deferToThreadPool(reactor, reactor.reactor.threadPool(), std::forward<F>(f),
                             std::forward<Args>(args)...);
}

/// Has `f(args…)` called in the reactor's thread, waits for its outcome, and gives it (Twisted:
/// `threads.blockingCallFromThread`). A Deferred that `f` returns is waited for too. For any thread
/// but the reactor's.
///
/// What `f` throws, or the Deferred fails with, is thrown here. `f` and the arguments are copied or
/// moved, and destroyed in the reactor's thread before this returns, unless that stops first; the
/// value is destroyed in this thread. Throws WrongThread in the reactor's own thread, which is the
/// one that made it until another one calls run(); and ReactorStopped when run() has returned, or
/// does so (or the shutdown has closed the transports) before there is an outcome: `f` is then not
/// called any more, if it was not yet. Before the first run() it waits for that.
template <class F, class... Args>
auto blockingCallFromThread(Reactor& reactor, F&& f, Args&&... args) {
    using R = detail::OnceResult<F, Args...>;
    static_assert(!std::is_same_v<R, Failure>,
                  "marline: a function given to blockingCallFromThread() cannot return only a "
                  "Failure; throw, or return a Result<T>");
    const auto call =
        std::make_shared<detail::BlockingCallOf<R, std::decay_t<F>, std::decay_t<Args>...>>(
            std::forward<F>(f), std::forward<Args>(args)...);
    call->wait(reactor);
    return call->take();
}

/// Runs `calls` one after the other in one thread of the reactor's pool (Twisted:
/// `threads.callMultipleInThread`). The first that throws is the last: that is logged. Thread-safe;
/// throws as ThreadPool::callInThread() does.
MARLINE_API void callMultipleInThread(Reactor& reactor, std::vector<UniqueFunction<void()>> calls);

}  // namespace marline
