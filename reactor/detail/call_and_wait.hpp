// Internal: a call of something that may go on after it has returned.
#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/succeed.hpp>

namespace marline::detail {

/// What is to be waited for in `value`: a Deferred, or a Failure, as a failed one. Other values are
/// dropped.
template <class R>
std::optional<Deferred<>> whatToWaitFor(R&& value) {
    using Value = std::decay_t<R>;
    if constexpr (std::same_as<Value, Deferred<>>) {
        return std::forward<R>(value);
    } else if constexpr (isDeferred<Value>) {
        return Value(std::forward<R>(value)).addCallback([](const auto&) {});
    } else if constexpr (std::same_as<Value, Failure>) {
        return fail(std::forward<R>(value));
    } else if constexpr (isResult<Value>) {
        return value.ok() ? std::nullopt : std::optional(fail(value.failure()));
    } else {
        return std::nullopt;
    }
}

/// Calls `f(args…)`, and gives what is to be waited for.
template <class F, class... Args>
std::optional<Deferred<>> callAndWait(F& f, Args&&... args) {
    if constexpr (std::is_void_v<std::invoke_result_t<F&, Args...>>) {
        std::invoke(f, std::forward<Args>(args)...);
        return std::nullopt;
    } else {
        return whatToWaitFor(std::invoke(f, std::forward<Args>(args)...));
    }
}

}  // namespace marline::detail
