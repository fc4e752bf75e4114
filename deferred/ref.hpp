// Ref<T>: a pointer that shares ownership by a count inside the object, not thread-safe.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <marline/deferred/api.hpp>

namespace marline {

template <class T>
class Ref;

/// The base of objects that are owned through Ref<T>.
///
/// The count is not atomic: an object and all its Refs belong to one thread. Inherit it virtually
/// or once only: an object has exactly one count.
class MARLINE_API RefCounted {
public:
    RefCounted() noexcept = default;
    RefCounted(const RefCounted&) = delete;
    RefCounted& operator=(const RefCounted&) = delete;

protected:
    virtual ~RefCounted() = default;

private:
    template <class T>
    friend class Ref;
    mutable std::uint32_t refs_ = 0;
};

/// Shares ownership of a RefCounted object; the last Ref deletes it. May be empty.
///
/// Eight bytes, no allocation, no atomics. Use a reference or a raw pointer to borrow.
template <class T>
class Ref {
public:
    Ref() noexcept = default;
    Ref(std::nullptr_t) noexcept {}

    /// Shares the ownership of `object`, which was created with makeRef() or is new.
    explicit Ref(T* object) noexcept : object_(object) { acquire(); }

    Ref(const Ref& other) noexcept : object_(other.object_) { acquire(); }
    Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}

    template <class U>
        requires std::convertible_to<U*, T*>
    Ref(const Ref<U>& other) noexcept : object_(other.get()) {
        acquire();
    }
    template <class U>
        requires std::convertible_to<U*, T*>
    Ref(Ref<U>&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}

    Ref& operator=(Ref other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~Ref() { release(); }

    T* get() const noexcept { return object_; }
    T& operator*() const noexcept { return *object_; }
    T* operator->() const noexcept { return object_; }
    explicit operator bool() const noexcept { return object_ != nullptr; }

    /// True when no other Ref shares the object; false for an empty one.
    bool unique() const noexcept {
        const RefCounted* counted = object_;
        return counted != nullptr && counted->refs_ == 1;
    }

    /// Gives up this Ref's share; the object may be deleted before this returns.
    void reset() noexcept { Ref().swap(*this); }
    void swap(Ref& other) noexcept { std::swap(object_, other.object_); }

    friend bool operator==(const Ref& a, const Ref& b) noexcept { return a.object_ == b.object_; }

private:
    template <class U>
    friend class Ref;

    void acquire() const noexcept {
        if (object_ != nullptr) {
            const RefCounted& counted = *object_;
            ++counted.refs_;
        }
    }
    void release() noexcept {
        if (object_ == nullptr) {
            return;
        }
        const RefCounted& counted = *object_;
        if (--counted.refs_ == 0) {
            delete static_cast<const RefCounted*>(&counted);
        }
    }

    T* object_ = nullptr;
};

/// Creates a T owned by the Ref that is returned.
template <class T, class... Args>
Ref<T> makeRef(Args&&... args) {
    return Ref<T>(new T(std::forward<Args>(args)...));
}

}  // namespace marline
