// Internal: what a chain consists of: values and links without their types, and who takes a result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <source_location>
#include <type_traits>
#include <utility>

#include <marline/deferred/api.hpp>
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
    Value = 1,       // a value, at value()
    Failed = 2,      // a Failure
    Unfired = 4,     // nothing yet
    Waiting = 8,     // nothing: a link returned a Deferred that has no result yet
    Moved = 16,      // nothing any more: the result went to the chain or coroutine that waited
    Coroutine = 32,  // nothing yet: a coroutine runs, or waits, and will give it
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

/// What links lie at in memory, so that no value or callable may need more.
inline constexpr std::size_t kMaxAlignment = alignof(Link);

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

}  // namespace marline::detail
