// Result<T>: a value or a Failure.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include <marline/deferred/failure.hpp>

namespace marline {

/// The value of an operation that yields nothing.
struct Unit {
    friend bool operator==(Unit, Unit) noexcept { return true; }
};

/// The outcome of an operation: a T, or the Failure that came instead. Result<> has no value.
///
/// Twisted's DeferredList gives (success, value-or-Failure) pairs; this is the typed form.
template <class T = void>
class Result {
    static_assert(std::is_void_v<T> || std::is_nothrow_move_constructible_v<T>,
                  "marline: Result<T> needs a T that moves without throwing; put it behind a "
                  "std::unique_ptr");

public:
    using Value = std::conditional_t<std::is_void_v<T>, Unit, T>;

    /// Holds a value; only for Result<>, with none given.
    Result() noexcept
        requires std::is_void_v<T>
    {
        std::construct_at(&room_.value);
    }
    /// Holds `value`.
    Result(Value value) noexcept { std::construct_at(&room_.value, std::move(value)); }
    /// Holds `failure`.
    Result(Failure failure) noexcept : failure_(std::move(failure)) { clearRoom(); }

    Result(const Result& other)
        requires std::copy_constructible<Value>
        : failure_(other.failure_) {
        if (ok()) {
            std::construct_at(&room_.value, other.room_.value);
        } else {
            clearRoom();
        }
    }
    // The Failure is shared, not moved: without it the other one would claim to have a value.
    Result(Result&& other) noexcept : failure_(std::as_const(other).failure_) {
        if (ok()) {
            std::construct_at(&room_.value, std::move(other.room_.value));
        } else {
            clearRoom();
        }
    }
    Result& operator=(const Result& other)
        requires std::copy_constructible<Value>
    {
        return *this = Result(other);
    }
    Result& operator=(Result&& other) noexcept {
        if (this != &other) {
            std::destroy_at(this);
            std::construct_at(this, std::move(other));
        }
        return *this;
    }
    ~Result() {
        if (ok()) {
            std::destroy_at(&room_.value);
        }
    }

    /// True when there is a value.
    bool ok() const noexcept { return !failure_.holdsError(); }
    explicit operator bool() const noexcept { return ok(); }

    /// The value; throws the error itself when there is a Failure instead.
    Value& value() & {
        raiseUnlessOk();
        return room_.value;
    }
    const Value& value() const& {
        raiseUnlessOk();
        return room_.value;
    }
    Value&& value() && {
        raiseUnlessOk();
        return std::move(room_.value);
    }

    /// The Failure; undefined when ok().
    const Failure& failure() const noexcept { return failure_; }

private:
    void raiseUnlessOk() const {
        if (!ok()) {
            failure().raise();
        }
    }

    union Room {
        Room() noexcept {}
        ~Room() {}

        Value value;
        std::byte bytes[sizeof(Value)];
    };

    // GCC cannot tell that there is no value beside a Failure, and warns of reading an unset one.
    void clearRoom() noexcept { std::fill_n(room_.bytes, sizeof(Value), std::byte{}); }

    Failure failure_ = Failure::adopt(nullptr);  // nothing while there is a value
    Room room_;
};

}  // namespace marline
