// Internal: the chain behind every Deferred, without its types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <source_location>
#include <type_traits>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/result.hpp>

namespace marline::detail {

class Chain;

/// How values of one type are moved and destroyed without naming the type. One object a type: its
/// address is the type's identity.
struct TypeOps {
    void (*destroy)(void* value) noexcept;  // null when there is nothing to do
    void (*relocate)(void* from, void* to) noexcept;
    const char* (*name)() noexcept;
};

template <class T>
using Stored = std::conditional_t<std::is_void_v<T>, Unit, T>;

template <class T>
const char* typeNameOf() noexcept {
    return __PRETTY_FUNCTION__;
}

template <class T>
void destroyValue(void* value) noexcept {
    static_cast<T*>(value)->~T();
}

template <class T>
void relocateValue(void* from, void* to) noexcept {
    T* source = static_cast<T*>(from);
    ::new (to) T(std::move(*source));
    source->~T();
}

template <class T>
MARLINE_API inline constexpr TypeOps typeOps{
    std::is_trivially_destructible_v<Stored<T>> ? nullptr : &destroyValue<Stored<T>>,
    &relocateValue<Stored<T>>, &typeNameOf<T>};

/// What a chain holds. The two that links run on are the bits that LinkOps::handles tests.
enum class State : std::uint8_t {
    Value = 1,    // a value, at value()
    Failed = 2,   // a Failure
    Unfired = 4,  // nothing yet
    Waiting = 8,  // nothing: a link returned a Deferred that has no result yet
    Moved = 16,   // nothing any more: the result went to the chain or coroutine that waited
};

struct Link;

/// What a link can do, one table for each type of link.
struct LinkOps {
    /// Runs the half that fits the chain's state, destroys the callables, and gives the chain its
    /// new state. Null on a jump to another block.
    void (*run)(Link& self, Chain& chain) noexcept;
    /// Destroys the callables; null when there is nothing to do.
    void (*drop)(Link& self) noexcept;
    std::uint32_t size;
    std::uint8_t handles;  // the State bits whose half is there
};

/// The head of a callback/errback pair; what was captured follows it in memory.
struct Link {
    const LinkOps* ops;
    std::source_location site;
};

/// Takes the result of a chain when its links have run: a waiting chain or a coroutine.
class Terminal {
public:
    /// Takes the chain's result; the chain's state is Value or Failed, and Moved afterwards. Gives
    /// the chain to run next, with a reference, or null.
    virtual Chain* take(Chain& from) noexcept = 0;
    /// The chain dies without a result: nothing will come.
    virtual void abandoned() noexcept = 0;
    /// This as a chain, null when it is none.
    virtual Chain* asChain() noexcept { return nullptr; }

protected:
    ~Terminal() = default;
};

/// What cancel() asks first. Lives in the chain's first block.
class Canceller {
public:
    virtual void operator()(Chain& chain) = 0;
    virtual ~Canceller() = default;
};

/// One chain: a result, the links that will run on it, and who waits for its end.
///
///     Unfired --fire--> Value|Failed --link returns a value or fails--> Value|Failed
///                       Value|Failed --link returns a pending Deferred--> Waiting
///                       Waiting --the Deferred's result comes--> Value|Failed
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
    void release() noexcept {
        if (--refs_ == 0) {
            dispose(*this);
        }
    }

    State state() const noexcept { return state_; }
    bool called() const noexcept { return state_ != State::Unfired; }
    bool paused() const noexcept { return pauses_ != 0; }
    const TypeOps* tailType() const noexcept { return tailType_; }
    const TypeOps* sourceType() const noexcept { return sourceType_; }
    const std::source_location& created() const noexcept { return created_; }
    Chain* waitingOn() const noexcept { return waitingOn_; }
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

    void cancel();
    void setCanceller(Canceller* canceller) noexcept { canceller_ = canceller; }
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
    void setFailure(Failure failure, const std::source_location& site) noexcept;
    /// Adopts the result of `inner`, now or later; a value is moved to `slot`. Takes the caller's
    /// reference to `inner`.
    void waitFor(Chain* inner, void* slot, const std::source_location& site) noexcept;

    /// Lets `terminal` take the result when the links have run. Throws DeferredTypeError when
    /// somebody waits already, or when the tail's type is not `expected`.
    void setTerminal(Terminal& terminal, const TypeOps& expected);
    /// Moves the value to `slot`, or leaves it when `slot` is null; for Terminal::take().
    void moveValueTo(void* slot) noexcept;
    Failure moveFailure() noexcept;

private:
    struct Block;

    Chain(const TypeOps& source, std::uint32_t size, std::size_t room,
          const std::source_location& where) noexcept;
    ~Chain();

    static void run(Chain* chain) noexcept;
    static void dispose(Chain& chain) noexcept;
    void runLinks() noexcept;
    void dropResult() noexcept;
    void dropLinks() noexcept;
    bool idle() const noexcept;
    Chain* forwardsTo(std::uint32_t otherReferences) const noexcept;
    void leave(Chain& target, Chain& source) noexcept;
    void splice() noexcept;
    bool wouldWaitForItself(const Chain& inner) const noexcept;
    void grow(std::size_t size);
    void enterNextBlock() noexcept;
    void dropCanceller() noexcept;
    void callCanceller();
    [[noreturn]] void refuseLink(const TypeOps& expected) const;
    void refuseFiring();

    Chain* take(Chain& from) noexcept override;
    void abandoned() noexcept override;
    Chain* asChain() noexcept override { return this; }

    std::uint32_t refs_ = 1;
    std::uint32_t size_;  // of the first block
    State state_ = State::Unfired;
    bool running_ : 1 = false;
    bool swallowNext_ : 1 = false;  // cancelled without a canceller: the producer may fire once
    std::uint16_t pauses_ = 0;
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
    union {
        Block* lastBlock_ = nullptr;
        Chain* nextDying_;  // once it is dead, when no more blocks can come
    };
    std::source_location created_;
};

}  // namespace marline::detail
