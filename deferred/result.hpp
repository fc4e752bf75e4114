// Result<T>: a value or a Failure.
#pragma once

#include <optional>
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
public:
    using Value = std::conditional_t<std::is_void_v<T>, Unit, T>;

    /// Holds a value; only for Result<>, with none given.
    Result()
        requires std::is_void_v<T>
        : value_(Unit{}) {}
    /// Holds `value`.
    Result(Value value) noexcept(std::is_nothrow_move_constructible_v<Value>)
        : value_(std::move(value)) {}
    /// Holds `failure`.
    Result(Failure failure) noexcept : failure_(std::move(failure)) {}

    /// True when there is a value.
    bool ok() const noexcept { return !failure_.holdsError(); }
    explicit operator bool() const noexcept { return ok(); }

    /// The value; throws the error itself when there is a Failure instead.
    Value& value() & {
        raiseUnlessOk();
        return *value_;
    }
    const Value& value() const& {
        raiseUnlessOk();
        return *value_;
    }
    Value&& value() && {
        raiseUnlessOk();
        return std::move(*value_);
    }

    /// The Failure; undefined when ok().
    const Failure& failure() const noexcept { return failure_; }

private:
    void raiseUnlessOk() const {
        if (!ok()) {
            failure().raise();
        }
    }

    /// Room for the value that is empty without one; plain values are just zero then, since GCC
    /// takes the inside of an empty std::optional for something that was read.
    struct Plain {
        Plain() = default;
        Plain(Value value) noexcept : held(value) {}
        Value& operator*() noexcept { return held; }
        const Value& operator*() const noexcept { return held; }
        Value held{};
    };
    static constexpr bool kPlain =
        std::is_trivially_copyable_v<Value> && std::is_trivially_default_constructible_v<Value>;

    std::conditional_t<kPlain, Plain, std::optional<Value>> value_;
    Failure failure_ = Failure::adopt(nullptr);  // nothing while there is a value
};

}  // namespace marline
