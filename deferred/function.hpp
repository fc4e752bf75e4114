// UniqueFunction<R(Args…)>: a move-only owner of any callable, with room for small ones inside.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstring>
#include <functional>
#include <new>
#include <type_traits>
#include <utility>

namespace marline {

template <class Signature>
class UniqueFunction;

/// Owns one callable of any type and calls it; may be empty. Calling an empty one is undefined.
///
/// Move-only, so it takes lambdas with move-only captures. Callables of up to kInlineSize bytes
/// that move without throwing are stored inside; larger ones cost one allocation.
template <class R, class... Args>
class UniqueFunction<R(Args...)> {
public:
    /// Bytes of captures that need no allocation.
    static constexpr std::size_t kInlineSize = 32;

    UniqueFunction() noexcept = default;
    UniqueFunction(std::nullptr_t) noexcept {}

    template <class F>
        requires(!std::same_as<std::decay_t<F>, UniqueFunction> &&
                 std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
    UniqueFunction(F&& f) {
        using Callable = std::decay_t<F>;
        // take() copies all of it, also what is behind a small callable. This passes for writing
        // it: g++ would warn, in users' programs, of what is harmless.
        asm("" : "=m"(storage_));
        if constexpr (fitsInline<Callable>) {
            ::new (static_cast<void*>(storage_)) Callable(std::forward<F>(f));
            ops_ = &kInlineOps<Callable>;
        } else {
            ::new (static_cast<void*>(storage_)) Callable*(new Callable(std::forward<F>(f)));
            ops_ = &kHeapOps<Callable>;
        }
    }

    UniqueFunction(UniqueFunction&& other) noexcept { take(other); }

    UniqueFunction& operator=(UniqueFunction&& other) noexcept {
        if (this != &other) {
            reset();
            take(other);
        }
        return *this;
    }

    ~UniqueFunction() { reset(); }

    explicit operator bool() const noexcept { return ops_ != nullptr; }

    /// True when nothing is lost by forgetting the callable instead of destroying it.
    bool trivial() const noexcept { return ops_ == nullptr || ops_->trivial; }

    R operator()(Args... args) { return ops_->invoke(storage_, std::forward<Args>(args)...); }

    /// Destroys the callable; this is empty afterwards.
    void reset() noexcept {
        if (const Ops* ops = std::exchange(ops_, nullptr); ops != nullptr && !ops->trivial) {
            ops->destroy(storage_);
        }
    }

private:
    struct Ops {
        R (*invoke)(void* storage, Args&&... args);
        void (*relocate)(void* from, void* to) noexcept;
        void (*destroy)(void* storage) noexcept;
        bool trivial;  // moved by copying the storage, and destroyed by forgetting it
    };

    /// Moves the callable of `other` here; this is empty.
    void take(UniqueFunction& other) noexcept {
        ops_ = std::exchange(other.ops_, nullptr);
        if (ops_ == nullptr) {
            return;
        }
        if (ops_->trivial) {
            std::memcpy(storage_, other.storage_, kInlineSize);
        } else {
            ops_->relocate(other.storage_, storage_);
        }
    }

    template <class Callable>
    static constexpr bool fitsInline =
        sizeof(Callable) <= kInlineSize && alignof(Callable) <= alignof(void*) &&
        std::is_nothrow_move_constructible_v<Callable>;

    template <class Callable>
    static Callable* inlined(void* storage) noexcept {
        return std::launder(static_cast<Callable*>(storage));
    }
    template <class Callable>
    static Callable*& boxed(void* storage) noexcept {
        return *std::launder(static_cast<Callable**>(storage));
    }

    /// What the callable returns may be dropped, as std::function drops it.
    template <class Callable>
    static R call(Callable& callable, Args&&... args) {
        if constexpr (std::is_void_v<R>) {
            std::invoke(callable, std::forward<Args>(args)...);
        } else {
            return std::invoke(callable, std::forward<Args>(args)...);
        }
    }

    template <class Callable>
    static constexpr Ops kInlineOps{
        [](void* storage, Args&&... args) -> R {
            return call(*inlined<Callable>(storage), std::forward<Args>(args)...);
        },
        [](void* from, void* to) noexcept {
            ::new (to) Callable(std::move(*inlined<Callable>(from)));
            inlined<Callable>(from)->~Callable();
        },
        [](void* storage) noexcept { inlined<Callable>(storage)->~Callable(); },
        std::is_trivially_copyable_v<Callable>&& std::is_trivially_destructible_v<Callable>};

    template <class Callable>
    static constexpr Ops kHeapOps{
        [](void* storage, Args&&... args) -> R {
            return call(*boxed<Callable>(storage), std::forward<Args>(args)...);
        },
        [](void* from, void* to) noexcept { ::new (to) Callable*(boxed<Callable>(from)); },
        [](void* storage) noexcept { delete boxed<Callable>(storage); }, false};

    const Ops* ops_ = nullptr;
    alignas(void*) std::byte storage_[kInlineSize];
};

}  // namespace marline
