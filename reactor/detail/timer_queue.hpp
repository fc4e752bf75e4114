// Internal: not installed. The pending calls of one clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <source_location>
#include <vector>

#include <marline/reactor/time.hpp>

namespace marline::detail {

/// Pending calls, the earliest first; calls due at one time in the order they were added.
///
/// A heap of small entries over slots that hold the calls. Cancelling frees the call at once and
/// leaves its entry, which is dropped when it comes up, or when such entries are the most.
class TimerQueue {
public:
    struct Id {
        std::uint32_t slot;
        std::uint32_t generation;
    };

    Id add(Duration due, UniqueFunction<void()> call, const std::source_location& where);
    bool active(Id id) const noexcept {
        return id.slot < slots_.size() && slots_[id.slot].generation == id.generation;
    }
    void cancel(Id id);
    void move(Id id, Duration due);
    Duration due(Id id) const noexcept { return slots_[id.slot].due; }

    /// Drops every call.
    void clear() noexcept;

    bool empty() const noexcept { return pending_ == 0; }
    std::size_t size() const noexcept { return pending_; }
    /// When the earliest call is due; only when not empty.
    Duration earliest();

    /// A call taken out to be run.
    struct Call {
        UniqueFunction<void()> call;
        std::source_location where;
    };
    /// Takes out the earliest call that was due before `now`, or is due at `now` and was added
    /// before `mark`. False when there is none.
    bool popDue(Duration now, std::uint32_t mark, Call& out);
    /// What a call added now would be marked with: calls added from here on are not due in a run
    /// that began with this mark.
    std::uint32_t mark() const noexcept { return nextSequence_; }

private:
    struct Slot {
        UniqueFunction<void()> call;
        Duration due{};
        std::source_location where;
        std::uint32_t generation = 0;
        std::uint32_t sequence = 0;
    };
    struct Entry {
        Duration due;
        std::uint32_t sequence;
        std::uint32_t slot;
    };

    static bool later(const Entry& a, const Entry& b) noexcept {
        if (a.due != b.due) {
            return a.due > b.due;
        }
        return static_cast<std::int32_t>(a.sequence - b.sequence) > 0;
    }
    bool stale(const Entry& entry) const noexcept {
        return slots_[entry.slot].sequence != entry.sequence || !slots_[entry.slot].call;
    }
    void push(Duration due, std::uint32_t slot);
    void freeSlot(std::uint32_t slot);
    void dropStale();
    void compact();

    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
    std::vector<Entry> heap_;
    std::size_t pending_ = 0;
    std::uint32_t nextSequence_ = 0;
};

}  // namespace marline::detail
