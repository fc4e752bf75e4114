// Internal: not installed. The pending calls of one clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <source_location>
#include <utility>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/function.hpp>
#include <marline/reactor/detail/growing_array.hpp>
#include <marline/reactor/time.hpp>

namespace marline::detail {

/// Pending calls, the earliest first; calls due at one time in the order they were added.
///
/// A heap of small entries over slots that hold the calls. Cancelling frees the call and its slot
/// at once and leaves the entry, which is dropped when it comes up, or when such entries are the
/// most. A call that is moved to a later time keeps its entry until that comes up, so that putting
/// off a timeout again and again costs next to nothing. What cancelling looks at lies close
/// together, away from the calls: with a million of them it is the memory that takes the time.
class MARLINE_API TimerQueue {
public:
    /// Names one call; `sequence` is a multiple of kStep, never 0, and tells the calls of one slot
    /// apart.
    struct Id {
        std::uint32_t slot;
        std::uint32_t sequence;
    };
    /// What has become of a call. It is forgotten when another one takes its slot.
    enum class Fate : std::uint8_t { Pending, Called, Cancelled, Forgotten };

    Id add(Duration due, UniqueFunction<void()>&& call, const std::source_location& where);
    /// add() with the rules of callLater(): throws std::invalid_argument for a negative delay and
    /// for an empty call; a delay too long for the clock means never.
    Id addLater(Duration now, Duration delay, UniqueFunction<void()>&& call,
                const std::source_location& where);
    Fate fate(Id id) const noexcept;
    bool active(Id id) const noexcept { return fate(id) == Fate::Pending; }
    /// These three throw DelayedCallNotActive, or one that says why, for calls that are not active.
    void cancel(Id id);
    void move(Id id, Duration due);
    Duration due(Id id) const;

    /// The calls that are pending, in the order of their slots.
    std::vector<Id> pending() const;

    /// When and by whom a call was asked for.
    struct Waiting {
        Duration due;
        std::source_location where;
    };
    /// Every pending call, the earliest first.
    std::vector<Waiting> waiting() const;

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
        Duration due;
    };
    /// Takes out the earliest call that was due before `now`, or is due at `now` and was added
    /// before `mark`. False when there is none.
    bool popDue(Duration now, std::uint32_t mark, Call& out);
    /// What a call added now would be marked with: calls added from here on are not due in a run
    /// that began with this mark.
    std::uint32_t mark() const noexcept { return nextSequence_; }
    static constexpr bool before(std::uint32_t sequence, std::uint32_t mark) noexcept {
        return static_cast<std::int32_t>(sequence - mark) < 0;
    }

    /// Entries kept, stale ones among them; for tests of how much is kept.
    std::size_t entries() const noexcept { return heap_.size(); }

private:
    /// What the low bits of State::tag add to the sequence of the slot's call.
    enum Mark : std::uint32_t { kPending = 0, kCalled = 1, kCancelled = 2, kToDestroy = 3 };
    static constexpr std::uint32_t kStep = 4;

    /// The part of a slot that says what is the matter with its call. kToDestroy is pending as
    /// well, and its call has a destructor to be run when it is cancelled.
    struct State {
        std::uint32_t tag;
        std::uint32_t queued;  // low bits of its entry's due; in a free slot: the next free one
    };
    struct Slot {
        UniqueFunction<void()> call;
        Duration due;
        std::source_location where;
    };
    static_assert(sizeof(Slot) + sizeof(State) == 64);

    struct Entry {
        Duration due;
        std::uint32_t sequence;
        std::uint32_t slot;
    };

    static constexpr std::size_t kChunk = 256;
    // Stale entries are swept out when only one in so many is live; below kFew nobody minds.
    static constexpr std::size_t kSparse = 8;
    static constexpr std::size_t kFew = 64;
    static constexpr std::uint32_t kNone = ~std::uint32_t{0};

    Slot& slot(std::uint32_t index) const noexcept {
        return (*chunks_[index / kChunk])[index % kChunk];
    }
    static std::uint32_t lowBits(Duration due) noexcept {
        return static_cast<std::uint32_t>(due.count());
    }
    static bool earlier(const Entry& a, const Entry& b) noexcept {
        return a.due != b.due ? a.due < b.due : before(a.sequence, b.sequence);
    }
    bool live(const Entry& entry) const noexcept {
        const State& state = states_[entry.slot];
        const std::uint32_t mark = state.tag - entry.sequence;
        return (mark == kPending || mark == kToDestroy) && state.queued == lowBits(entry.due);
    }
    void requireActive(Id id) const;
    void destroy(Id id);
    std::uint32_t takeSlot();
    void freeSlot(Id id, Mark mark) noexcept {
        states_[id.slot] = {id.sequence + mark, std::exchange(free_, id.slot)};
        --pending_;
    }
    void push(const Entry& entry);
    void popTop() noexcept;
    void sink(std::size_t at) noexcept;
    bool settleTop() noexcept;
    void compact() noexcept;
    void compactIfSparse() noexcept {
        if (heap_.size() >= kSparse * pending_ && heap_.size() >= kFew) [[unlikely]] {
            compact();
        }
    }

    std::vector<std::unique_ptr<std::array<Slot, kChunk>>> chunks_;
    GrowingArray<State> states_;  // of the slots that have ever been taken
    GrowingArray<Entry> heap_;    // four children a node
    std::size_t pending_ = 0;
    std::uint32_t free_ = kNone;
    std::uint32_t nextSequence_ = kStep;
};

}  // namespace marline::detail
