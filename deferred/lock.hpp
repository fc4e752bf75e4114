// DeferredLock and DeferredSemaphore: turns to use something, first come, first served.
#pragma once

#include <cstddef>
#include <source_location>
#include <type_traits>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/result.hpp>

namespace marline {

namespace detail {
class TokenPool;
}  // namespace detail

/// One turn of a DeferredLock or DeferredSemaphore: whoever has the guard has the turn, and gives
/// it on when the guard is released or destroyed, wherever that happens.
///
/// Move-only, one pointer. It may outlive its lock. A guard that nobody took out of its Deferred
/// is released with that Deferred, so that a turn is never lost.
class MARLINE_API LockGuard {
public:
    /// Holds nothing.
    LockGuard() noexcept;
    LockGuard(LockGuard&& other) noexcept;
    /// Releases what this held, and takes over what `other` holds.
    LockGuard& operator=(LockGuard&& other) noexcept;
    ~LockGuard();

    /// True while it holds a turn: not released, not moved from.
    explicit operator bool() const noexcept { return static_cast<bool>(pool_); }

    /// Hands the turn to the oldest waiter, whose callbacks run before this returns; within the
    /// callbacks of a waiter that just got its turn they run right after those, so that any number
    /// of short turns need one stack. Throws std::logic_error when it holds nothing.
    void release();

    /// Internal: takes one token of `pool`, which has counted it.
    explicit LockGuard(Ref<detail::TokenPool> pool) noexcept;

private:
    Ref<detail::TokenPool> pool_;
};

namespace detail {

template <class F>
struct RunEnd;

/// The link that begins the turn of a run(). The function lies in the link that ends it, and stays
/// there while its Deferred is under way: it may be a coroutine, which uses its captures until
/// then.
template <class F>
struct RunStart {
    RunStart() noexcept = default;
    RunStart(RunStart&& other) noexcept : end(std::exchange(other.end, nullptr)) {
        if (end != nullptr) {
            end->start = this;
        }
    }
    RunStart& operator=(RunStart&&) = delete;
    ~RunStart() {
        if (end != nullptr) {
            end->start = nullptr;
        }
    }

    std::invoke_result_t<F&> operator()(LockGuard guard) {
        RunEnd<F>& turn = *end;
        turn.guard = std::move(guard);
        return turn.f();
    }

    RunEnd<F>* end = nullptr;
};

/// The link that ends the turn. The two know where the other one is, wherever they are moved.
template <class F>
struct RunEnd {
    template <class G>
    RunEnd(G&& function, RunStart<F>& other) : f(std::forward<G>(function)), start(&other) {
        start->end = this;
    }
    RunEnd(RunEnd&& other) noexcept(std::is_nothrow_move_constructible_v<F>)
        : f(std::move(other.f)), guard(std::move(other.guard)),
          start(std::exchange(other.start, nullptr)) {
        if (start != nullptr) {
            start->end = this;
        }
    }
    RunEnd& operator=(RunEnd&&) = delete;
    ~RunEnd() {
        if (start != nullptr) {
            start->end = nullptr;
        }
    }

    template <class T>
    Result<T> operator()(Result<T> outcome) {
        if (guard) {  // not when the wait was cancelled
            guard.release();
        }
        return outcome;
    }

    F f;
    LockGuard guard;
    RunStart<F>* start;
};

/// Runs `f` when `turn` has come, and ends the turn with f's outcome.
template <class F>
auto runInTurn(Deferred<LockGuard> turn, F&& f, const std::source_location& where) {
    using Function = std::decay_t<F>;
    static_assert(!std::is_same_v<std::invoke_result_t<Function&>, Failure>,
                  "marline: run(f) cannot know the value's type when f returns only a Failure; "
                  "return a Result<T>");
    RunStart<Function> start;
    RunEnd<Function> end(std::forward<F>(f), start);
    turn.pause();  // until both links are there
    auto whole = turn.addCallback(std::move(start), where).addBoth(std::move(end), where);
    turn.unpause();
    return whole;
}

}  // namespace detail

/// At most so many at once (Twisted: `DeferredSemaphore`).
///
///     DeferredSemaphore downloads(4);
///     for (const auto& url : urls) {
///         downloads.run([&agent, url] { return agent.request("GET", url); });
///     }
///
/// Twisted's acquire() gives the semaphore, and somebody must remember to call release(); here it
/// gives a LockGuard. It belongs to one thread.
class MARLINE_API DeferredSemaphore {
public:
    /// Throws std::invalid_argument when `tokens` is zero.
    explicit DeferredSemaphore(std::size_t tokens);
    DeferredSemaphore(const DeferredSemaphore&) = delete;
    DeferredSemaphore& operator=(const DeferredSemaphore&) = delete;
    ~DeferredSemaphore();

    /// Fires with a guard: at once while tokens are left, else when the turn comes. Cancelled
    /// while it waits it leaves the queue and fails with CancelledError; later cancel() does
    /// nothing. Allocates nothing once the thread is warm, waiting or not.
    ///
    ///     LockGuard guard = co_await semaphore.acquire();      // until the end of the scope
    Deferred<LockGuard> acquire(std::source_location where = std::source_location::current());

    /// Acquires, calls `f()`, and releases when what it returned (a value, nothing, a Result or a
    /// Deferred) has its outcome, or when it throws; the outcome passes through. Cancelling it
    /// cancels the wait, or what `f` returned. `f` is kept until then: it may be a coroutine with
    /// captures.
    template <class F>
    auto run(F&& f, std::source_location where = std::source_location::current()) {
        return detail::runInTurn(acquire(where), std::forward<F>(f), where);
    }

    /// Tokens that are left: zero while anybody waits.
    std::size_t tokens() const noexcept;
    /// Tokens in all.
    std::size_t limit() const noexcept;
    /// How many wait.
    std::size_t waiting() const noexcept;

private:
    Ref<detail::TokenPool> pool_;
};

/// One at a time (Twisted: `DeferredLock`): a DeferredSemaphore of one token.
///
///     lock.acquire().addCallback([](LockGuard guard) { … });   // until `guard` goes
///     lock.run([] { return saveTheFile(); });                  // until the Deferred has fired
class MARLINE_API DeferredLock {
public:
    DeferredLock() : turns_(1) {}

    /// As DeferredSemaphore::acquire().
    Deferred<LockGuard> acquire(std::source_location where = std::source_location::current()) {
        return turns_.acquire(where);
    }

    /// As DeferredSemaphore::run().
    template <class F>
    auto run(F&& f, std::source_location where = std::source_location::current()) {
        return turns_.run(std::forward<F>(f), where);
    }

    /// True while somebody holds it.
    bool locked() const noexcept { return turns_.tokens() == 0; }
    /// How many wait.
    std::size_t waiting() const noexcept { return turns_.waiting(); }

private:
    DeferredSemaphore turns_;
};

}  // namespace marline
