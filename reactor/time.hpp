// Time: the contract for calls made later, and the handle of one.
#pragma once

#include <chrono>
#include <cstdint>
#include <source_location>

#include <marline/deferred/api.hpp>
#include <marline/deferred/function.hpp>

namespace marline {

/// How long: nanoseconds; any std::chrono duration converts (`5s`, `250ms`).
using Duration = std::chrono::nanoseconds;

/// `start + by`; where that is beyond what a Duration can hold, the greatest one, or the least.
constexpr Duration later(Duration start, Duration by) noexcept {
    if (by > Duration::zero()) {
        return start > Duration::max() - by ? Duration::max() : start + by;
    }
    return start < Duration::min() - by ? Duration::min() : start + by;
}

class IReactorTime;

/// A handle of one call made by callLater() (Twisted: `IDelayedCall`). Copy it freely: 16 bytes.
///
/// Dropping it does not cancel the call. It must not be used after its reactor or clock is gone.
class MARLINE_API DelayedCall {
public:
    /// A handle of nothing; active() is false, every other call throws std::logic_error.
    DelayedCall() noexcept = default;

    /// Internal: made by callLater().
    DelayedCall(IReactorTime& clock, std::uint32_t slot, std::uint32_t generation) noexcept
        : clock_(&clock), slot_(slot), generation_(generation) {}

    /// True until the call begins, or is cancelled.
    bool active() const noexcept;
    /// Prevents the call. Like reset(), delay() and getTime() it throws DelayedCallNotActive when
    /// the call has begun or was cancelled.
    void cancel();
    /// Moves the call to `delay` from now, earlier or later. Putting it off costs next to nothing.
    /// Here as in delay() a time too far away to be represented means never.
    void reset(Duration delay);
    /// Moves the call by `by` from where it was; may be negative.
    void delay(Duration by);
    /// When the call is due, on the clock that seconds() reads.
    Duration getTime() const;

private:
    IReactorTime* clock_ = nullptr;
    std::uint32_t slot_ = 0;
    std::uint32_t generation_ = 0;
};

/// A clock that calls back (Twisted: `IReactorTime`): the Reactor, or testing::Clock.
class MARLINE_API IReactorTime {
public:
    /// The clock's time since an arbitrary start; monotonic.
    virtual Duration seconds() const noexcept = 0;

    /// Calls `call` once, `delay` from now, from a later turn of the loop even when it is zero.
    ///
    /// Calls due at one time run in the order they were made. A negative delay and an empty `call`
    /// throw std::invalid_argument. An exception that leaves `call` is logged and the loop goes on.
    /// A delay too long to be represented means never.
    virtual DelayedCall callLater(Duration delay, UniqueFunction<void()> call,
                                  std::source_location where = std::source_location::current()) = 0;

protected:
    virtual ~IReactorTime() = default;

private:
    friend class DelayedCall;
    // All but the first throw DelayedCallNotActive when the call is not active.
    virtual bool isActive(std::uint32_t slot, std::uint32_t generation) const noexcept = 0;
    virtual void cancelCall(std::uint32_t slot, std::uint32_t generation) = 0;
    virtual void moveCall(std::uint32_t slot, std::uint32_t generation, Duration due) = 0;
    virtual Duration dueTime(std::uint32_t slot, std::uint32_t generation) const = 0;
};

}  // namespace marline
