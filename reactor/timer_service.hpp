// TimerService: a function that is called again and again while a program runs.
#pragma once

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

#include <marline/reactor/looping_call.hpp>
#include <marline/reactor/service.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

/// Calls a function at its start and then every `interval` while it runs, as LoopingCall does
/// (Twisted: `TimerService`).
///
/// What the function throws or fails with is logged and ends the calls; the service can then be
/// stopped, and started again, as any other.
class MARLINE_API TimerService final : public Service {
public:
    /// `clock` must outlive it. A negative interval throws std::invalid_argument at the start.
    template <class F>
        requires std::invocable<std::decay_t<F>&>
    TimerService(IReactorTime& clock, Duration interval, F&& call)
        : loop_(clock, std::forward<F>(call)), interval_(interval) {}

    /// Calls at once. Throws std::logic_error while a call of before the last stop goes on.
    void startService() override;
    /// No further call; fires when the one in progress is over.
    Deferred<> stopService() override;

private:
    ~TimerService() override;

    LoopingCall loop_;
    Duration interval_;
    std::optional<Deferred<>> ended_;
};

}  // namespace marline
