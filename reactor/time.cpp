#include <marline/reactor/time.hpp>

#include <marline/reactor/errors.hpp>

namespace marline {
namespace {

IReactorTime& clockOf(IReactorTime* clock) {
    if (clock == nullptr) {
        throw DelayedCallNotActive("this DelayedCall is a handle of nothing");
    }
    return *clock;
}

}  // namespace

bool DelayedCall::active() const noexcept {
    return clock_ != nullptr && clock_->isActive(slot_, generation_);
}

void DelayedCall::cancel() { clockOf(clock_).cancelCall(slot_, generation_); }

void DelayedCall::reset(Duration delay) {
    IReactorTime& clock = clockOf(clock_);
    clock.moveCall(slot_, generation_, later(clock.seconds(), delay));
}

void DelayedCall::delay(Duration by) {
    IReactorTime& clock = clockOf(clock_);
    clock.moveCall(slot_, generation_, later(clock.dueTime(slot_, generation_), by));
}

Duration DelayedCall::getTime() const { return clockOf(clock_).dueTime(slot_, generation_); }

}  // namespace marline
