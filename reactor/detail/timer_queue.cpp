#include <marline/reactor/detail/timer_queue.hpp>

#include <marline/reactor/errors.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace marline::detail {
namespace {

constexpr std::size_t kChildren = 4;

}  // namespace

// Slots.

std::uint32_t TimerQueue::takeSlot() {
    if (free_ != kNone) {
        return std::exchange(free_, states_[free_].queued);
    }
    if (states_.size() % kChunk == 0 && states_.size() == chunks_.size() * kChunk) {
        chunks_.push_back(std::make_unique_for_overwrite<std::array<Slot, kChunk>>());
    }
    states_.push_back({});
    return static_cast<std::uint32_t>(states_.size() - 1);
}

TimerQueue::Id TimerQueue::add(Duration due, UniqueFunction<void()>&& call,
                               const std::source_location& where) {
    const Id id{takeSlot(), nextSequence_};
    states_[id.slot] = {id.sequence + (call.trivial() ? kPending : kToDestroy), lowBits(due)};
    Slot& taken = slot(id.slot);
    taken.call = std::move(call);
    taken.due = due;
    taken.where = where;
    ++pending_;
    push({due, id.sequence, id.slot});
    nextSequence_ += kStep;
    if (nextSequence_ == 0) {
        nextSequence_ = kStep;
    }
    return id;
}

TimerQueue::Id TimerQueue::addLater(Duration now, Duration delay, UniqueFunction<void()>&& call,
                                    const std::source_location& where) {
    if (delay < Duration::zero()) {
        throw std::invalid_argument("callLater() with a negative delay");
    }
    if (!call) {
        throw std::invalid_argument("callLater() with an empty call");
    }
    return add(later(now, delay), std::move(call), where);
}

TimerQueue::Fate TimerQueue::fate(Id id) const noexcept {
    if (id.slot < states_.size()) {
        switch (states_[id.slot].tag - id.sequence) {
        case kPending:
        case kToDestroy: return Fate::Pending;
        case kCalled: return Fate::Called;
        case kCancelled: return Fate::Cancelled;
        default: break;
        }
    }
    return Fate::Forgotten;
}

void TimerQueue::requireActive(Id id) const {
    switch (fate(id)) {
    case Fate::Pending: return;
    case Fate::Called: throw AlreadyCalled();
    case Fate::Cancelled: throw AlreadyCancelled();
    case Fate::Forgotten: break;
    }
    throw DelayedCallNotActive("this DelayedCall has run or was cancelled; ask active() first");
}

Duration TimerQueue::due(Id id) const {
    requireActive(id);
    return slot(id.slot).due;
}

void TimerQueue::cancel(Id id) {
    // Short, so that the cancelling of many at once waits for several places of memory at a time.
    // An Id has a slot that there is: they never become fewer.
    if (states_[id.slot].tag == id.sequence + kPending) [[likely]] {
        freeSlot(id, kCancelled);
        compactIfSparse();
    } else {
        destroy(id);
    }
}

void TimerQueue::destroy(Id id) {
    requireActive(id);
    // Destroyed last: what the call captured may come back here.
    const UniqueFunction<void()> dying = std::move(slot(id.slot).call);
    freeSlot(id, kCancelled);
    compactIfSparse();
}

void TimerQueue::move(Id id, Duration due) {
    requireActive(id);
    Slot& moved = slot(id.slot);
    if (due < moved.due) {
        states_[id.slot].queued = lowBits(due);
        push({due, id.sequence, id.slot});
    }
    moved.due = due;
    compactIfSparse();
}

std::vector<TimerQueue::Id> TimerQueue::pending() const {
    std::vector<Id> ids;
    ids.reserve(pending_);
    for (std::uint32_t index = 0; index < states_.size(); ++index) {
        const std::uint32_t mark = states_[index].tag % kStep;
        if (mark == kPending || mark == kToDestroy) {
            ids.push_back({index, states_[index].tag - mark});
        }
    }
    return ids;
}

std::vector<TimerQueue::Waiting> TimerQueue::waiting() const {
    std::vector<Waiting> calls;
    calls.reserve(pending_);
    for (std::uint32_t index = 0; index < states_.size(); ++index) {
        const std::uint32_t mark = states_[index].tag % kStep;
        if (mark == kPending || mark == kToDestroy) {
            calls.push_back({slot(index).due, slot(index).where});
        }
    }
    std::sort(calls.begin(), calls.end(),
              [](const Waiting& a, const Waiting& b) { return a.due < b.due; });
    return calls;
}

void TimerQueue::clear() noexcept {
    // What a call captured may cancel others, or add some: also into slots that were passed.
    while (!empty()) {
        for (std::uint32_t index = 0; index < states_.size(); ++index) {
            const std::uint32_t tag = states_[index].tag;
            const Id id{index, tag - tag % kStep};
            if (active(id)) {
                cancel(id);
            }
        }
    }
}

// The heap.

void TimerQueue::push(const Entry& entry) {
    heap_.push_back(entry);
    std::size_t at = heap_.size() - 1;
    while (at > 0) {
        const std::size_t parent = (at - 1) / kChildren;
        if (!earlier(entry, heap_[parent])) {
            break;
        }
        heap_[at] = heap_[parent];
        at = parent;
    }
    heap_[at] = entry;
}

/// Moves the entry at `at` down to where it belongs.
void TimerQueue::sink(std::size_t at) noexcept {
    const Entry entry = heap_[at];
    const std::size_t count = heap_.size();
    for (;;) {
        const std::size_t first = at * kChildren + 1;
        if (first >= count) {
            break;
        }
        const std::size_t end = std::min(first + kChildren, count);
        std::size_t least = first;
        for (std::size_t child = first + 1; child < end; ++child) {
            if (earlier(heap_[child], heap_[least])) {
                least = child;
            }
        }
        if (!earlier(heap_[least], entry)) {
            break;
        }
        heap_[at] = heap_[least];
        at = least;
    }
    heap_[at] = entry;
}

void TimerQueue::popTop() noexcept {
    heap_.front() = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) {
        sink(0);
    }
}

/// Drops what is stale, and puts what was moved to where it belongs, until the first entry is a
/// call's. False when there is none.
bool TimerQueue::settleTop() noexcept {
    while (!heap_.empty()) {
        Entry& top = heap_.front();
        if (!live(top)) {
            popTop();
            continue;
        }
        const Duration due = slot(top.slot).due;
        if (due == top.due) {
            return true;
        }
        top.due = due;
        states_[top.slot].queued = lowBits(due);
        sink(0);
    }
    return false;
}

/// Leaves only the entries of pending calls.
void TimerQueue::compact() noexcept {
    if (heap_.size() >= states_.size() / kSparse) {
        // Taking them from the slots goes through memory in one direction.
        heap_.truncate(0);
        for (std::uint32_t index = 0; index < states_.size(); ++index) {
            const std::uint32_t mark = states_[index].tag % kStep;
            if (mark == kPending || mark == kToDestroy) {
                const Duration due = slot(index).due;
                states_[index].queued = lowBits(due);
                heap_.push_back({due, states_[index].tag - mark, index});
            }
        }
    } else {
        const Entry* const end = std::remove_if(
            heap_.begin(), heap_.end(), [this](const Entry& entry) { return !live(entry); });
        heap_.truncate(static_cast<std::size_t>(end - heap_.begin()));
    }
    for (std::size_t i = heap_.size() / kChildren + 1; i-- > 0;) {
        if (i < heap_.size()) {
            sink(i);
        }
    }
}

Duration TimerQueue::earliest() {
    settleTop();
    return heap_.front().due;
}

bool TimerQueue::popDue(Duration now, std::uint32_t mark, Call& out) {
    // What was due before the run began is older than its mark, however far the sequence has gone.
    if (!settleTop() || heap_.front().due > now ||
        (heap_.front().due == now && !before(heap_.front().sequence, mark))) {
        return false;
    }
    const Id id{heap_.front().slot, heap_.front().sequence};
    popTop();
    out.call = std::move(slot(id.slot).call);
    out.where = slot(id.slot).where;
    out.due = slot(id.slot).due;
    freeSlot(id, kCalled);
    return true;
}

}  // namespace marline::detail
