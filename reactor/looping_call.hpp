// LoopingCall: one function, called again and again.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/detail/call_and_wait.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

/// Calls a function at a steady pace (Twisted: `task.LoopingCall`).
///
/// Calls happen at whole multiples of the interval after start(): being late does not add up, and
/// instants that have passed are skipped. When the function returns a Deferred, no other call
/// happens before that has its result. What the function throws, or a Failure that it or its
/// Deferred gives, ends the loop; other results are dropped.
///
///     LoopingCall ping(reactor, [&] { transport.write("ping\r\n"); });
///     ping.start(30s).addErrback([](const Failure& why) { std::cerr << why.message(); });
///
/// A handle: copies share the loop, and dropping it does not stop the loop, which lives until
/// stop() or an error. It must not be used after its clock is gone. When the clock goes first and
/// no handle is left, start()'s Deferred fails with DeferredLost.
class MARLINE_API LoopingCall {
public:
    /// A loop that calls `f(args…)`; nothing happens before start().
    template <class F, class... Args>
        requires std::invocable<std::decay_t<F>&, std::decay_t<Args>&...>
    explicit LoopingCall(IReactorTime& clock, F&& f, Args&&... args)
        : LoopingCall(clock, Counting::No,
                      [call = detail::bindBack(std::forward<F>(f), std::forward<Args>(args)...)](
                          std::int64_t) mutable { return detail::callAndWait(call); }) {}

    /// A loop that calls `f(count)` with the number of intervals that have begun since the last
    /// call: 1, and more when instants were skipped (Twisted: `withCount`). They are those of the
    /// start's grid, so that all counts together are the intervals passed. With an interval of
    /// zero it is always 1.
    template <class F>
        requires std::invocable<std::decay_t<F>&, std::int64_t>
    static LoopingCall withCount(IReactorTime& clock, F&& f) {
        return LoopingCall(
            clock, Counting::Yes,
            [call = std::decay_t<F>(std::forward<F>(f))](std::int64_t count) mutable {
                return detail::callAndWait(call, count);
            });
    }

    LoopingCall(const LoopingCall&) noexcept;
    LoopingCall(LoopingCall&&) noexcept;
    LoopingCall& operator=(const LoopingCall&) noexcept;
    LoopingCall& operator=(LoopingCall&&) noexcept;
    ~LoopingCall();

    /// Calls at once (or, without `now`, one interval from now), then every `interval`; an interval
    /// of zero means once in each turn of the loop.
    ///
    /// The Deferred fires when the loop has been stopped and no call of it is under way, or fails
    /// with what ended it; cancelling it stops the loop. A negative interval throws
    /// std::invalid_argument; starting a loop that has not ended throws std::logic_error.
    Deferred<> start(Duration interval, bool now = true,
                     std::source_location where = std::source_location::current());
    /// No further call. start()'s Deferred fires before this returns, or when the call that is
    /// under way is over. Like reset() it throws std::logic_error when the loop does not run.
    void stop();
    /// Begins a new grid now: the next call is one interval from now, or, when a call is under way
    /// for longer, at the next instant of the new grid.
    void reset();

    /// True from start() until stop(), or until an error has ended the loop.
    bool running() const noexcept;
    /// The interval given to start(); zero before.
    Duration interval() const noexcept;
    /// Another view of the Deferred that start() gave; throws std::logic_error when the loop has
    /// ended, or never begun.
    Deferred<> deferred() const;

private:
    using Call = UniqueFunction<std::optional<Deferred<>>(std::int64_t count)>;
    enum class Counting : bool { No, Yes };
    class Loop;

    LoopingCall(IReactorTime& clock, Counting counting, Call call);

    Ref<Loop> loop_;
};

}  // namespace marline
