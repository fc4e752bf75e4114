#include <marline/reactor/time.hpp>

#include <marline/reactor/errors.hpp>

namespace marline {
namespace {

[[noreturn]] void refuse() {
    throw DelayedCallNotActive("this DelayedCall has run or was cancelled; ask active() first");
}

}  // namespace

bool DelayedCall::active() const noexcept {
    return clock_ != nullptr && clock_->isActive(slot_, generation_);
}

void DelayedCall::cancel() {
    if (!active()) {
        refuse();
    }
    clock_->cancelCall(slot_, generation_);
}

void DelayedCall::reset(Duration delay) {
    if (!active()) {
        refuse();
    }
    clock_->moveCall(slot_, generation_, clock_->seconds() + delay);
}

void DelayedCall::delay(Duration by) {
    if (!active()) {
        refuse();
    }
    clock_->moveCall(slot_, generation_, clock_->dueTime(slot_, generation_) + by);
}

Duration DelayedCall::getTime() const {
    if (!active()) {
        refuse();
    }
    return clock_->dueTime(slot_, generation_);
}

}  // namespace marline
