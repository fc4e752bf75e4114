// Internal: one call that crosses from the reactor to a thread of a pool, and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/source.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/thread_pool.hpp>

namespace marline::detail {

class ThreadQueue;
class ThreadCalls;

/// A reactor, and where in the user's code it was named.
struct ReactorHere {
    ReactorHere(Reactor& on, std::source_location site = std::source_location::current())
        : reactor(on), where(site) {}

    Reactor& reactor;
    std::source_location where;
};

/// The outcome of a function on its way from the thread that called it to another one. A Failure
/// would not do: its count is not atomic.
template <class T>
struct Parcel {
    std::optional<typename Result<T>::Value> value;
    std::exception_ptr error;

    void put(Result<T>&& result) {
        if (result.ok()) {
            value.emplace(std::move(result).value());
        } else {
            error = result.failure().exception();
        }
    }

    void put(Parcel&& other) {
        error = std::move(other.error);
        if (other.value.has_value()) {
            value.emplace(std::move(*other.value));
        }
    }

    /// Calls the function in `call`, once, and keeps what it gives. R is what it returns.
    template <class R, class Call>
    void fill(Call& call) noexcept {
        try {
            if constexpr (isResult<R>) {
                put(applyOnce(call));
            } else if constexpr (std::is_void_v<R>) {
                applyOnce(call);
                value.emplace();
            } else {
                value.emplace(applyOnce(call));
            }
        } catch (...) {
            error = std::current_exception();
        }
    }
};

/// What deferToThread() began: shared by the reactor, which holds it until it is over, and the
/// pool's job. What belongs to the reactor's thread, the Deferred's source, only that one touches.
class MARLINE_API ThreadCall : public std::enable_shared_from_this<ThreadCall> {
public:
    explicit ThreadCall(const ReactorHere& on);
    ThreadCall(const ThreadCall&) = delete;
    ThreadCall& operator=(const ThreadCall&) = delete;
    virtual ~ThreadCall();

    /// Gives it to the pool. Reactor thread.
    void start(ThreadPool& pool);
    const std::source_location& where() const noexcept { return where_; }

protected:
    /// Takes it back from the pool if no thread has begun it. Reactor thread.
    void withdraw();
    /// The error as a Failure that knows the place of the call.
    Failure failure(std::exception_ptr error) const;
    /// Why it was not run; null when it was.
    const std::exception_ptr& refusal() const noexcept { return refusal_; }

private:
    friend class ThreadCalls;
    class Job;

    /// Calls the function, keeps what it gave, and destroys it. In a thread of the pool.
    virtual void run() noexcept = 0;
    /// Destroys the function without a call. In the thread that dropped it.
    virtual void drop() noexcept = 0;
    /// Fires the Deferred. Reactor thread.
    virtual void fire() = 0;
    /// The reactor goes: lets the Deferred go unfired.
    virtual void abandon() = 0;

    void post();
    void arrive();

    Reactor* reactor_;  // null when that has gone
    std::shared_ptr<ThreadQueue> queue_;
    std::weak_ptr<ThreadPool::Crew> crew_;
    std::uint64_t number_ = 0;  // the pool's
    std::size_t index_ = 0;     // among the reactor's ThreadCalls
    std::exception_ptr refusal_;
    std::source_location where_;
};

/// The part of a ThreadCall that has types: F called with Args gives R, and yields T.
template <class R, class F, class... Args>
class ThreadCallOf final : public ThreadCall {
public:
    using T = ThreadYield<R>;

    template <class... Given>
    explicit ThreadCallOf(const ReactorHere& on, Given&&... given)
        : ThreadCall(on), source_([this](Deferred<T>) { withdraw(); }, on.where),
          call_(std::in_place, std::forward<Given>(given)...) {}

    Deferred<T> deferred() const { return source_.deferred(); }

private:
    void run() noexcept override {
        parcel_.template fill<R>(*call_);
        call_.reset();
    }
    void drop() noexcept override { call_.reset(); }
    void abandon() override { const DeferredSource<T> gone = std::move(source_); }
    void fire() override {
        if (parcel_.error != nullptr) {
            source_.errback(failure(std::move(parcel_.error)));
        } else if (!parcel_.value.has_value()) {
            source_.errback(failure(refusal()));
        } else if constexpr (std::is_void_v<T>) {
            source_.callback();
        } else {
            source_.callback(std::move(*parcel_.value));
        }
        parcel_.value.reset();
    }

    DeferredSource<T> source_;
    std::optional<std::tuple<F, Args...>> call_;
    Parcel<T> parcel_;
};

}  // namespace marline::detail
