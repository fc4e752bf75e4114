#include <marline/reactor/detail/timer_queue.hpp>

#include <algorithm>
#include <utility>

namespace marline::detail {

TimerQueue::Id TimerQueue::add(Duration due, UniqueFunction<void()> call,
                               const std::source_location& where) {
    if (free_.empty()) {
        slots_.emplace_back();
        free_.reserve(slots_.capacity());
        free_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
    }
    const std::uint32_t slot = free_.back();
    push(due, slot);
    free_.pop_back();
    Slot& taken = slots_[slot];
    taken.call = std::move(call);
    taken.where = where;
    ++pending_;
    return {slot, taken.generation};
}

void TimerQueue::push(Duration due, std::uint32_t slot) {
    heap_.push_back({due, nextSequence_, slot});
    slots_[slot].due = due;
    slots_[slot].sequence = nextSequence_++;
    std::push_heap(heap_.begin(), heap_.end(), &later);
}

void TimerQueue::freeSlot(std::uint32_t slot) {
    ++slots_[slot].generation;
    free_.push_back(slot);
    --pending_;
}

void TimerQueue::cancel(Id id) {
    // Destroyed last: what the call captured may come back here.
    const UniqueFunction<void()> dying = std::move(slots_[id.slot].call);
    freeSlot(id.slot);
    compact();
}

void TimerQueue::move(Id id, Duration due) {
    push(due, id.slot);
    compact();
}

void TimerQueue::clear() noexcept {
    // What a call captured may cancel others, or add some: also into slots that were passed.
    while (!empty()) {
        for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
            if (slots_[slot].call) {
                cancel({slot, slots_[slot].generation});
            }
        }
    }
}

void TimerQueue::compact() {
    if (heap_.size() < 64 || heap_.size() < 2 * pending_) {
        return;
    }
    std::erase_if(heap_, [this](const Entry& entry) { return stale(entry); });
    std::make_heap(heap_.begin(), heap_.end(), &later);
}

void TimerQueue::dropStale() {
    while (!heap_.empty() && stale(heap_.front())) {
        std::pop_heap(heap_.begin(), heap_.end(), &later);
        heap_.pop_back();
    }
}

Duration TimerQueue::earliest() {
    dropStale();
    return heap_.front().due;
}

bool TimerQueue::popDue(Duration now, std::uint32_t mark, Call& out) {
    dropStale();
    // What was due before the run began is older than its mark, however far the sequence has gone.
    if (heap_.empty() || heap_.front().due > now ||
        (heap_.front().due == now &&
         static_cast<std::int32_t>(heap_.front().sequence - mark) >= 0)) {
        return false;
    }
    const std::uint32_t slot = heap_.front().slot;
    std::pop_heap(heap_.begin(), heap_.end(), &later);
    heap_.pop_back();
    out.call = std::move(slots_[slot].call);
    out.where = slots_[slot].where;
    freeSlot(slot);
    return true;
}

}  // namespace marline::detail
