// ThreadPool: threads for code that blocks.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/result.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

/// A pool's queue is full; the message names ThreadPoolOptions::maxQueued.
class MARLINE_API ThreadPoolFull : public Error {
public:
    using Error::Error;
};

/// The pool stopped, or had stopped, before the call ran.
class MARLINE_API ThreadPoolStopped : public Error {
public:
    using Error::Error;
};

/// How a ThreadPool behaves. The numbers of threads are those of Twisted's reactor.
struct ThreadPoolOptions {
    /// Threads that are there from start() on, and stay when there is nothing to do.
    std::size_t minThreads = 0;
    /// Never more threads than this; at least 1.
    std::size_t maxThreads = 10;
    /// Calls that may wait for a thread; one more fails with ThreadPoolFull. 0 means no bound.
    std::size_t maxQueued = 10'000;
    /// After so long with nothing to do a thread beyond minThreads ends. 0: at once.
    Duration idleTimeout = std::chrono::seconds(30);
    /// Threads are named after it where the system shows names (15 characters of it).
    std::string name = "marline";
    /// Starts one thread that calls `body` (Twisted: `threadFactory`), to give it a stack, a
    /// priority or a signal mask of its own. It may throw std::system_error. Null: std::thread.
    std::thread (*threadFactory)(UniqueFunction<void()> body) = nullptr;
};

/// A pool's threads and calls at one moment (Twisted: `Statistics`).
struct ThreadPoolStatistics {
    std::size_t threads = 0;  ///< Threads there are.
    std::size_t busy = 0;     ///< Threads that run a call.
    std::size_t queued = 0;   ///< Calls that wait for a thread.
};

/// Runs calls in threads of its own (Twisted: `threadpool.ThreadPool`).
///
/// A thread is added when a call finds none idle, up to maxThreads, and ends after idleTimeout
/// without work. Calls begin in the order they were made. Every member is thread-safe. A call, and
/// what it has captured, is destroyed in the thread that ran it, right after it ran; one that is
/// never run, in the thread that dropped it.
///
/// Each reactor has a pool, Reactor::threadPool(). One of your own is started and stopped by you.
class MARLINE_API ThreadPool {
public:
    /// Throws std::invalid_argument when maxThreads is 0, or less than minThreads.
    explicit ThreadPool(ThreadPoolOptions options = {});
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;
    /// stop(). Must not happen in a thread of the pool.
    ~ThreadPool();

    /// Begins to run calls, with those made before. Does nothing when started; may follow stop().
    /// Throws std::system_error when no thread can be started although calls wait.
    void start();
    /// Runs what is queued to its end, then joins the threads; calls made from now on are dropped.
    /// Of a pool that was never started the queue is dropped. Throws std::logic_error in a thread
    /// of the pool, which would wait for itself.
    void stop();
    /// True from start() to stop().
    bool started() const;

    /// Runs `call` in a thread, once the pool is started. What it throws is logged.
    ///
    /// Throws ThreadPoolFull when maxQueued calls wait, and std::system_error when it needs a
    /// thread and none can be started. Drops the call when the pool was stopped. An empty one
    /// throws std::invalid_argument.
    void callInThread(UniqueFunction<void()> call);

    /// Runs `f(args…)` in a thread as callInThread() does, then calls `onResult(outcome)` there, in
    /// that same thread, with a Result of what `f` returned or threw. What `onResult` throws is
    /// logged.
    template <class OnResult, class F, class... Args>
    void callInThreadWithCallback(OnResult&& onResult, F&& f, Args&&... args);

    /// Changes the numbers of threads. Threads beyond the new maximum end when they have nothing to
    /// do. Throws std::invalid_argument as the constructor does.
    void adjustPoolsize(std::size_t minThreads, std::size_t maxThreads);

    ThreadPoolStatistics statistics() const;
    std::size_t minThreads() const;
    std::size_t maxThreads() const;

    /// Internal.
    class Crew;
    const std::shared_ptr<Crew>& crew() const noexcept { return crew_; }

private:
    std::shared_ptr<Crew> crew_;
};

namespace detail {

/// Calls a tuple's first element with the others, each moved: it is done once.
template <class Call>
decltype(auto) applyOnce(Call& call) {
    return std::apply(
        [](auto& f, auto&... args) -> decltype(auto) {
            return std::invoke(std::move(f), std::move(args)...);
        },
        call);
}

/// What calling F with Args once, each a copy, gives.
template <class F, class... Args>
using OnceResult = std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>;

/// The value that a function returning R yields, in a thread: void, or a T.
template <class R>
using ThreadYield = typename Returned<R>::Yield;

/// Refuses what cannot cross a thread's border.
template <class R>
constexpr void checkThreadResult() {
    static_assert(!isDeferred<R>,
                  "marline: a function that runs in a thread of a pool cannot return a Deferred, "
                  "which belongs to one thread; return the value itself");
    static_assert(!std::is_same_v<R, Failure>,
                  "marline: a function that runs in a thread of a pool cannot return only a "
                  "Failure; throw, or return a Result<T>");
}

/// What `f` comes to, as a Result.
template <class T, class F>
Result<T> resultOf(F&& f) {
    using R = std::invoke_result_t<F>;
    try {
        if constexpr (std::is_void_v<R>) {
            std::invoke(std::forward<F>(f));
            return Result<>();
        } else {
            return std::invoke(std::forward<F>(f));
        }
    } catch (...) {
        return Failure::current();
    }
}

}  // namespace detail

template <class OnResult, class F, class... Args>
void ThreadPool::callInThreadWithCallback(OnResult&& onResult, F&& f, Args&&... args) {
    using R = detail::OnceResult<F, Args...>;
    detail::checkThreadResult<R>();
    using T = detail::ThreadYield<R>;
    using Call = std::tuple<std::decay_t<F>, std::decay_t<Args>...>;
    callInThread([onResult = std::decay_t<OnResult>(std::forward<OnResult>(onResult)),
                  call = Call(std::forward<F>(f), std::forward<Args>(args)...)]() mutable {
        std::invoke(onResult,
                    detail::resultOf<T>([&call]() -> R { return detail::applyOnce(call); }));
    });
}

}  // namespace marline
