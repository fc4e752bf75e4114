// Deferreds that have their result from the start.
#pragma once

#include <functional>
#include <source_location>
#include <type_traits>
#include <utility>

#include <marline/deferred/deferred.hpp>

namespace marline {

/// A Deferred that has fired with `value` (Twisted: `defer.succeed`).
template <class T>
Deferred<std::decay_t<T>> succeed(T&& value,
                                  std::source_location where = std::source_location::current()) {
    Deferred<std::decay_t<T>> d(where);
    d.callback(std::forward<T>(value));
    return d;
}

/// A Deferred<> that has fired.
inline Deferred<> succeed(std::source_location where = std::source_location::current()) {
    Deferred<> d(where);
    d.callback();
    return d;
}

/// A Deferred<T> that has failed (Twisted: `defer.fail`): `fail<int>(TimeoutError("too slow"))`.
template <class T = void>
Deferred<T> fail(Failure failure, std::source_location where = std::source_location::current()) {
    Deferred<T> d(where);
    d.errback(std::move(failure));
    return d;
}

/// Calls `f(args…)` now and gives its outcome as a Deferred (Twisted: `defer.maybeDeferred`).
///
/// A value, nothing or a Result becomes a fired Deferred, what `f` throws a failed one; a Deferred
/// that `f` returns is returned itself.
template <class F, class... Args>
auto maybeDeferred(F&& f, Args&&... args) {
    using R = std::remove_cvref_t<std::invoke_result_t<F, Args...>>;
    using T = typename detail::Returned<R>::Yield;
    static_assert(!std::is_same_v<R, Failure>,
                  "marline: maybeDeferred(f) cannot know the value's type when f returns only a "
                  "Failure; return a Result<T>");
    try {
        if constexpr (detail::isDeferred<R>) {
            return Deferred<T>(std::invoke(std::forward<F>(f), std::forward<Args>(args)...));
        } else if constexpr (detail::isResult<R>) {
            return detail::fired<T>(std::invoke(std::forward<F>(f), std::forward<Args>(args)...));
        } else if constexpr (std::is_void_v<R>) {
            std::invoke(std::forward<F>(f), std::forward<Args>(args)...);
            return succeed();
        } else {
            return succeed(std::invoke(std::forward<F>(f), std::forward<Args>(args)...));
        }
    } catch (...) {
        return fail<T>(Failure::current());
    }
}

/// Calls `f(args…)` now and gives its outcome as a Deferred that has fired (Twisted:
/// `defer.execute`). maybeDeferred() is for an `f` that may return a Deferred.
template <class F, class... Args>
auto execute(F&& f, Args&&... args) {
    static_assert(!detail::isDeferred<std::remove_cvref_t<std::invoke_result_t<F, Args...>>>,
                  "marline: execute(f) is for an f that does not return a Deferred; use "
                  "maybeDeferred(f)");
    return maybeDeferred(std::forward<F>(f), std::forward<Args>(args)...);
}

}  // namespace marline
