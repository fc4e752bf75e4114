#include <marline/reactor/testing/clock.hpp>

#include <marline/reactor/detail/timer_queue.hpp>
#include <marline/reactor/detail/watchdog.hpp>

#include <stdexcept>
#include <utility>

namespace marline::testing {

struct Clock::State {
    Duration now;
    detail::TimerQueue calls;
};

Clock::Clock(Duration start) : state_(std::make_unique<State>()) { state_->now = start; }

// While there is a clock that what dies here can call.
Clock::~Clock() { state_->calls.clear(); }

Duration Clock::seconds() const noexcept { return state_->now; }

DelayedCall Clock::callLater(Duration delay, UniqueFunction<void()> call,
                             std::source_location where) {
    const auto id = state_->calls.addLater(state_->now, delay, std::move(call), where);
    return {*this, id.slot, id.sequence};
}

void Clock::pass(Duration by) {
    if (by < Duration::zero()) {
        throw std::invalid_argument("a Clock that is to go back: advance() by a negative time");
    }
    state_->now = later(state_->now, by);
}

bool Clock::turn(Duration by) {
    pass(by);
    const std::uint32_t mark = state_->calls.mark();
    bool ran = false;
    detail::TimerQueue::Call due;
    while (state_->calls.popDue(state_->now, mark, due)) {
        ran = true;
        due.call();
        due.call.reset();
    }
    return ran;
}

void Clock::advance(Duration by) {
    pass(by);
    detail::TimerQueue::Call due;
    while (state_->calls.popDue(state_->now, state_->calls.mark(), due)) {
        due.call();
        due.call.reset();
    }
}

void Clock::pump(std::span<const Duration> steps) {
    for (const Duration step : steps) {
        advance(step);
    }
}

std::vector<DelayedCall> Clock::getDelayedCalls() {
    std::vector<DelayedCall> handles;
    handles.reserve(pendingCalls());
    for (const auto id : state_->calls.pending()) {
        handles.emplace_back(*this, id.slot, id.sequence);
    }
    return handles;
}

std::size_t Clock::pendingCalls() const noexcept { return state_->calls.size(); }

std::optional<Duration> Clock::nextCall() const {
    return state_->calls.empty() ? std::nullopt : std::optional(state_->calls.earliest());
}

std::vector<std::string> Clock::leftovers() const {
    std::vector<std::string> lines;
    for (const detail::TimerQueue::Waiting& call : state_->calls.waiting()) {
        lines.push_back("a delayed call, " + detail::dueIn(call.due - state_->now, call.where));
    }
    return lines;
}

bool Clock::isActive(std::uint32_t slot, std::uint32_t generation) const noexcept {
    return state_->calls.active({slot, generation});
}

void Clock::cancelCall(std::uint32_t slot, std::uint32_t generation) {
    state_->calls.cancel({slot, generation});
}

void Clock::moveCall(std::uint32_t slot, std::uint32_t generation, Duration due) {
    state_->calls.move({slot, generation}, due);
}

Duration Clock::dueTime(std::uint32_t slot, std::uint32_t generation) const {
    return state_->calls.due({slot, generation});
}

}  // namespace marline::testing
