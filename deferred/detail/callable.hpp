// Internal: the functions that are given to a Deferred: what they may look like.
#pragma once

#include <concepts>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <marline/deferred/failure.hpp>
#include <marline/deferred/result.hpp>

namespace marline {

template <class T>
class Deferred;

namespace detail {

template <class F, class... Args>
auto bindBack(F&& f, Args&&... args) {
    if constexpr (sizeof...(Args) == 0) {
        return std::decay_t<F>(std::forward<F>(f));
    } else {
        return [f = std::decay_t<F>(std::forward<F>(f)),
                bound = std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)](
                   auto&&... first) mutable -> decltype(auto)
                   requires std::invocable<std::decay_t<F>&, decltype(first)...,
                                           std::decay_t<Args>&...>
        {
            return std::apply(
                [&](auto&... rest) -> decltype(auto) {
                    return std::invoke(f, std::forward<decltype(first)>(first)..., rest...);
                },
                bound);
        };
    }
}

template <class F, class T>
constexpr void checkCallback() {
    if constexpr (std::is_void_v<T>) {
        static_assert(std::invocable<F&>,
                      "marline: a callback on Deferred<> takes no argument (besides the ones "
                      "given to addCallback after it)");
    } else {
        static_assert(std::invocable<F&, T&&>,
                      "marline: a callback on Deferred<T> must take one T: by value, as const T& "
                      "or as T&& (then the arguments given to addCallback after it)");
    }
}

/// Whether what an errback returns can go on as the T that the next callback expects.
template <class R, class T>
constexpr bool recovers() {
    if constexpr (std::same_as<R, Failure> || std::same_as<R, Deferred<T>> ||
                  std::same_as<R, Result<T>>) {
        return true;
    } else if constexpr (std::is_void_v<T> || std::is_void_v<R>) {
        return std::is_void_v<T> && std::is_void_v<R>;
    } else {
        return std::convertible_to<R, T>;
    }
}

template <class G, class T>
constexpr void checkErrback() {
    static_assert(std::invocable<G&, const Failure&>,
                  "marline: an errback must take a Failure: by value or as const Failure& (then "
                  "the arguments given to addErrback after it)");
    if constexpr (std::invocable<G&, const Failure&>) {
        static_assert(recovers<std::invoke_result_t<G&, const Failure&>, T>(),
                      "marline: an errback on Deferred<T> must return a T, Deferred<T>, Result<T> "
                      "or Failure, since the next callback expects a T; to change the type use "
                      "addCallbacks or addBoth");
    }
}

}  // namespace detail
}  // namespace marline
