// deferLater(): the result of a call that is made later.
#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <source_location>
#include <tuple>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

/// A delay, and where it was written: what deferLater() takes, since arguments of any number leave
/// no room for a source location behind them. Every std::chrono duration converts.
struct DelayHere {
    template <class Rep, class Period>
    DelayHere(std::chrono::duration<Rep, Period> by,
              std::source_location at = std::source_location::current())
        : delay(by), where(at) {}

    Duration delay;
    std::source_location where;
};

/// A Deferred that fires `delay` from now (Twisted: `task.deferLater`), from a later turn.
///
/// cancel() removes the call from the clock and fails it with CancelledError; when the clock goes
/// first it fails with DeferredLost. A negative delay throws std::invalid_argument.
MARLINE_API Deferred<> deferLater(IReactorTime& clock, DelayHere delay);

/// Calls `f(args…)` after `delay` and gives its outcome: what it returns (a Deferred is waited
/// for), or a Failure of what it throws. It is not called when the Deferred is cancelled before.
///
///     deferLater(reactor, 5s, [&] { return agent.request("GET", url); });
template <class F, class... Args>
    requires std::invocable<std::decay_t<F>, std::decay_t<Args>...>
auto deferLater(IReactorTime& clock, DelayHere delay, F&& f, Args&&... args) {
    return deferLater(clock, delay)
        .addCallback(
            [f = std::decay_t<F>(std::forward<F>(f)),
             args = std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)]() mutable
                -> std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...> {
                return std::apply(std::move(f), std::move(args));
            },
            delay.where);
}

}  // namespace marline
