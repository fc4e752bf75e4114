// Internal: the chain behind every Deferred, without its types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/detail/chain_types.hpp>
#include <marline/deferred/failure.hpp>

namespace marline::detail {

class DebugInfo;

/// One chain: a result, the links that will run on it, and who waits for its end.
///
///     Unfired --fire--> Value|Failed --link returns a value or fails--> Value|Failed
///                       Value|Failed --link returns a pending Deferred--> Waiting
///                       Waiting --the Deferred's result comes--> Value|Failed
///     Coroutine --its end--> Value|Failed
///                       Value|Failed --no links left, and somebody waits--> Moved
///
/// Links lie one after another in blocks of memory and are run from the front. Reference counts
/// are not atomic. A chain never refers to what waits on it except through terminal_, which owns;
/// waitingOn_ does not own and is cleared by the chain it names.
class alignas(16) MARLINE_API Chain final : private Terminal {
public:
    /// Makes an unfired chain, with one reference, in a block of its own with `room` bytes behind
    /// it: for the source's value, and for a canceller.
    static Chain* create(const TypeOps& source, std::size_t room,
                         const std::source_location& where);

    Chain(const Chain&) = delete;
    Chain& operator=(const Chain&) = delete;

    void retain() noexcept { ++refs_; }
    /// True from when the last reference went. Who refers to a chain without owning it still finds
    /// it then, while the captures of its links are being destroyed.
    bool dying() const noexcept { return refs_ >= kDying; }
    void release() noexcept {
        if (--refs_ == 0) {
            dispose(*this);
        }
    }

    State state() const noexcept { return state_; }
    bool called() const noexcept { return state_ != State::Unfired && state_ != State::Coroutine; }
    bool paused() const noexcept { return pauses_ != 0; }
    const TypeOps* tailType() const noexcept { return tailType_; }
    const TypeOps* sourceType() const noexcept { return sourceType_; }
    const std::source_location& created() const noexcept { return created_; }
    Chain* waitingOn() const noexcept { return waitingOn_; }
    /// The type that the tail yields, readable.
    std::string tailTypeName() const;
    /// The Failure of a chain in State::Failed.
    Failure failure() const noexcept;
    /// The value if there is one, of that type, else null.
    const void* result(const TypeOps& type) const noexcept {
        return state_ == State::Value && valueType_ == &type ? value_ : nullptr;
    }
    /// True when the result goes, or went, to somebody who waits: no link may follow.
    bool claimed() const noexcept { return terminal_ != nullptr || state_ == State::Moved; }

    /// False when nobody but the caller could ever tell what becomes of this chain.
    bool observed() const noexcept { return refs_ > 1 || head_ != tail_ || terminal_ != nullptr; }

    /// Where the source's value is put before fireValue().
    void* sourceSlot() noexcept { return this + 1; }
    /// Throws AlreadyCalledError when fired; false when this firing is to be ignored because the
    /// chain was cancelled.
    bool mayFire() {
        if (state_ == State::Unfired) [[likely]] {
            return true;
        }
        refuseFiring();
        return false;
    }
    /// Fires with the value in sourceSlot() or a Failure, and runs the links. Takes one of the
    /// caller's references, so that a chain that only forwards can be freed while it waits.
    void fireValue() noexcept;
    void fireFailure(Failure failure) noexcept;

    // For the coroutine that gives this chain its result.
    /// Nothing but the coroutine gives the result from here on.
    void beginCoroutine() noexcept { state_ = State::Coroutine; }
    /// True when `other` has its result and nothing to do before it is taken. Throws
    /// DeferredTypeError when `other` cannot be awaited: its result has a taker, is not an
    /// `expected`, or will come from this very coroutine. What cancel() asked for while the
    /// coroutine ran, it asks of `other`.
    bool mayTakeFrom(Chain& other, const TypeOps& expected);
    /// `taker` takes the result of `other` when that comes.
    void awaitResult(Chain& other, Terminal& taker) noexcept {
        waitingOn_ = &other;
        other.terminal_ = &taker;
    }
    void awaited() noexcept { waitingOn_ = nullptr; }
    void madeAt(const std::source_location& where) noexcept { created_ = where; }
    /// Runs the links on the result that a coroutine left. Takes a reference, like fireValue().
    static void run(Chain* chain) noexcept;

    void cancel();
    void setCanceller(Canceller* canceller) noexcept { canceller_ = canceller; }
    /// The canceller begins to end the operation, and the chain is fired when that has ended.
    void answerCancelLater() noexcept { answersLater_ = true; }
    void pause() noexcept { ++pauses_; }
    void unpause();

    /// Begins to append a link: room for `size` bytes. Throws DeferredTypeError unless the tail's
    /// type is `expected` and nobody waits for the result.
    void* beginLink(const TypeOps& expected, std::size_t size) {
        if (tailType_ != &expected || claimed()) [[unlikely]] {
            refuseLink(expected);
        }
        if (size > static_cast<std::size_t>(end_ - tail_)) [[unlikely]] {
            grow(size);
        }
        return tail_;
    }
    /// The link stands; runs it when the chain has a result and is idle.
    void commitLink(std::size_t size, const TypeOps& out) {
        tail_ += size;
        tailType_ = &out;
        if ((state_ == State::Value || state_ == State::Failed) && !running_ && pauses_ == 0) {
            retain();
            run(this);
        }
    }

    // For links, while they run.
    void* value() noexcept { return value_; }
    Failure takeFailure() noexcept { return Failure::adopt(failure_); }
    void setValue(void* at, const TypeOps& type) noexcept {
        value_ = at;
        valueType_ = &type;
        state_ = State::Value;
    }
    void setFailure(Failure failure) noexcept {
        failure_ = failure.releaseState();
        state_ = State::Failed;
    }
    void setFailure(Failure failure, const std::source_location& site) noexcept {
        failure.passed(site);
        setFailure(std::move(failure));
    }
    /// Adopts the result of `inner`, now or later; a value is moved to `slot`, which has room for
    /// an `expected`. Takes the caller's reference to `inner`.
    void waitFor(Chain* inner, const TypeOps& expected, void* slot,
                 const std::source_location& site) noexcept;

    /// Moves the value to `slot`, or leaves it when `slot` is null; for Terminal::take().
    void moveValueTo(void* slot) noexcept;
    Failure moveFailure() noexcept;

private:
    struct Block;

    /// The count of a chain that is dying: taking and giving back a reference changes nothing then.
    static constexpr std::uint32_t kDying = std::uint32_t{1} << 31;

    Chain(const TypeOps& source, std::uint32_t size, std::size_t room,
          const std::source_location& where) noexcept;
    ~Chain();

    static void dispose(Chain& chain) noexcept;
    void runLinks() noexcept;
    void dropResult() noexcept;
    void dropLinks() noexcept;
    bool idle() const noexcept;
    Chain* forwardsTo(std::uint32_t otherReferences) const noexcept;
    void leave(Chain& target, Chain& source) noexcept;
    void splice() noexcept;
    void checkTakeable(const Chain& other, const TypeOps& expected) const;
    const char* whyNotWait(const Chain& inner) const noexcept;
    bool wouldWaitForItself(const Chain& inner) const noexcept;
    Chain& awaitedLast(bool& circle) noexcept;
    void stopWaiting(Failure failure) noexcept;
    void leaveCircle() noexcept;
    void grow(std::size_t size);
    void enterNextBlock() noexcept;
    void fired() noexcept;
    void debug(void (DebugInfo::*event)() noexcept) noexcept;
    std::string stacks() const noexcept;
    void dropCanceller() noexcept;
    void cancelUnfired();
    void callCanceller();
    [[noreturn]] void refuseLink(const TypeOps& expected) const;
    std::string staleView(const TypeOps& expected) const;
    Failure returnedStale(const TypeOps& expected) const noexcept;
    void refuseFiring();

    Chain* take(Chain& from) noexcept override;
    void abandoned() noexcept override;
    Chain* asChain() noexcept override { return this; }

    std::uint32_t refs_ = 1;
    std::uint32_t size_;  // of the first block
    State state_ = State::Unfired;
    bool running_ : 1 = false;
    bool swallowNext_ : 1 = false;   // cancelled without a canceller: the producer may fire once
    bool answersLater_ : 1 = false;  // the canceller does: cancel() does not fire the chain
    bool cancelNext_ : 1 = false;  // cancelled while its coroutine ran: goes to what it awaits next
    std::uint32_t pauses_ = 0;
    const TypeOps* sourceType_;
    const TypeOps* tailType_;
    union {
        void* value_ = nullptr;  // State::Value; in State::Waiting, where the value will go
        FailureState* failure_;  // State::Failed
    };
    const TypeOps* valueType_ = nullptr;
    char* head_;  // the next link to run
    char* tail_;  // where the next link goes; head_ == tail_ when there is none
    char* end_;
    Block* blocks_ = nullptr;  // further blocks, oldest first
    Terminal* terminal_ = nullptr;
    Chain* waitingOn_ = nullptr;
    Canceller* canceller_ = nullptr;
    std::unique_ptr<DebugInfo> debug_;  // while debugging is on
    union {
        Block* lastBlock_ = nullptr;
        Chain* nextDying_;  // once it is dead, when no more blocks can come
    };
    std::source_location created_;
};

}  // namespace marline::detail
