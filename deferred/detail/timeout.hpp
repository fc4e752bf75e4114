// Internal: addTimeout().
#pragma once

#include <algorithm>
#include <chrono>
#include <source_location>
#include <type_traits>
#include <utility>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/detail/fire.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/ref.hpp>

namespace marline {
namespace detail {

/// What a timer and the link that it may end too late for share.
class MARLINE_API Timeout final : public RefCounted {
public:
    explicit Timeout(Chain& chain) noexcept : chain_(&chain) {}

    /// The time is up: cancels what the chain waits for.
    void expire();
    /// The link has been reached, or is gone: there is nothing to cancel any more.
    void reached() noexcept { chain_ = nullptr; }
    bool expired() const noexcept { return expired_; }
    /// Whether the timer is still there to be cancelled: a clock may go before the Deferred does.
    bool armed() const noexcept { return armed_; }
    void arm() noexcept { armed_ = true; }
    void disarm() noexcept { armed_ = false; }

    /// The error in place of the CancelledError.
    static Failure error(const std::source_location& made, std::chrono::nanoseconds after);

private:
    Chain* chain_;  // not owned: the link that lies in it says when it goes
    bool expired_ = false;
    bool armed_ = false;
};

/// What the clock calls. Its end disarms.
class TimeoutCall {
public:
    explicit TimeoutCall(Ref<Timeout> timeout) noexcept : timeout_(std::move(timeout)) {
        timeout_->arm();
    }
    TimeoutCall(TimeoutCall&&) noexcept = default;
    TimeoutCall& operator=(TimeoutCall&&) = delete;
    ~TimeoutCall() {
        if (timeout_) {
            timeout_->disarm();
        }
    }

    void operator()() {
        timeout_->disarm();
        timeout_->expire();
    }

private:
    Ref<Timeout> timeout_;
};

/// The timeout's end of a link. Its end cancels the timer.
template <class Call>
class TimeoutPlace {
public:
    TimeoutPlace(Ref<Timeout> timeout, Call call) noexcept
        : timeout_(std::move(timeout)), call_(std::move(call)) {}
    TimeoutPlace(TimeoutPlace&&) noexcept = default;
    TimeoutPlace& operator=(TimeoutPlace&&) = delete;
    ~TimeoutPlace() { reached(); }

    /// True when the time was up before.
    bool reached() noexcept {
        const Ref<Timeout> timeout = std::exchange(timeout_, {});
        if (!timeout) {
            return false;
        }
        timeout->reached();
        if (timeout->armed()) {
            call_.cancel();
        }
        return timeout->expired();
    }

private:
    Ref<Timeout> timeout_;
    Call call_;
};

template <class Clock>
auto startTimeout(Chain& chain, std::chrono::nanoseconds timeout, Clock& clock) {
    auto state = makeRef<Timeout>(chain);
    auto call =
        clock.callLater(std::max(timeout, std::chrono::nanoseconds::zero()), TimeoutCall(state));
    return TimeoutPlace<decltype(call)>(std::move(state), std::move(call));
}

}  // namespace detail

template <class T>
template <class Clock>
Deferred<T> Deferred<T>::addTimeout(std::chrono::nanoseconds timeout, Clock& clock,
                                    Site where) const {
    return addBoth(
        [place = detail::startTimeout(*chain_, timeout, clock), made = chain_->created(),
         timeout](Result<T> outcome) mutable -> Result<T> {
            if (place.reached() && !outcome.ok() &&
                outcome.failure().template check<CancelledError>() != nullptr) {
                return detail::Timeout::error(made, timeout);
            }
            return outcome;
        },
        where);
}

template <class T>
template <class Clock, class F>
    requires std::invocable<F&, Result<T>, std::chrono::nanoseconds>
Deferred<T> Deferred<T>::addTimeout(std::chrono::nanoseconds timeout, Clock& clock,
                                    F&& onTimeoutCancel, Site where) const {
    using R = std::invoke_result_t<F&, Result<T>, std::chrono::nanoseconds>;
    static_assert(detail::recovers<R, T>(),
                  "marline: onTimeoutCancel on Deferred<T> must return a T, Deferred<T>, Result<T> "
                  "or Failure");
    // What comes in time goes on as it is, in the shape that onTimeoutCancel returns.
    using Out = std::conditional_t<detail::isDeferred<R>, Deferred<T>, Result<T>>;
    return addBoth(
        [place = detail::startTimeout(*chain_, timeout, clock),
         late = std::decay_t<F>(std::forward<F>(onTimeoutCancel)),
         timeout](Result<T> outcome) mutable -> Out {
            const bool expired = place.reached();
            if constexpr (detail::isDeferred<R>) {
                return expired ? late(std::move(outcome), timeout)
                               : detail::fired(std::move(outcome));
            } else if constexpr (std::is_void_v<R>) {
                if (expired) {
                    late(std::move(outcome), timeout);
                    return {};
                }
                return outcome;
            } else {
                return expired ? Out(late(std::move(outcome), timeout)) : std::move(outcome);
            }
        },
        where);
}

}  // namespace marline
