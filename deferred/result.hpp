// Result<T>: a value or a Failure.
#pragma once

#include <type_traits>
#include <utility>
#include <variant>

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
        : outcome_(std::in_place_index<0>) {}
    /// Holds `value`.
    Result(Value value) noexcept(std::is_nothrow_move_constructible_v<Value>)
        : outcome_(std::in_place_index<0>, std::move(value)) {}
    /// Holds `failure`.
    Result(Failure failure) noexcept : outcome_(std::in_place_index<1>, std::move(failure)) {}

    /// True when there is a value.
    bool ok() const noexcept { return outcome_.index() == 0; }
    explicit operator bool() const noexcept { return ok(); }

    /// The value; throws the error itself when there is a Failure instead.
    Value& value() & {
        raiseUnlessOk();
        return *std::get_if<0>(&outcome_);
    }
    const Value& value() const& {
        raiseUnlessOk();
        return *std::get_if<0>(&outcome_);
    }
    Value&& value() && {
        raiseUnlessOk();
        return std::move(*std::get_if<0>(&outcome_));
    }

    /// The Failure; undefined when ok().
    const Failure& failure() const noexcept { return *std::get_if<1>(&outcome_); }

private:
    void raiseUnlessOk() const {
        if (!ok()) {
            failure().raise();
        }
    }

    std::variant<Value, Failure> outcome_;
};

}  // namespace marline
