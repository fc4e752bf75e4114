// Internal: what a callback or an errback must be able to do, and how arguments are given to it.
#pragma once

#include <concepts>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <marline/deferred/detail/link.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/result.hpp>

namespace marline::detail {

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
constexpr bool errbackRecovers() {
    if constexpr (std::invocable<G&, const Failure&>) {
        return recovers<std::remove_cvref_t<std::invoke_result_t<G&, const Failure&>>, T>();
    } else {
        return true;  // another message says what is wrong
    }
}

/// Whether a callable given as F can lie in a chain.
template <class F>
inline constexpr bool storable =
    std::constructible_from<std::decay_t<F>, F> && alignof(std::decay_t<F>) <= kMaxAlignment;

}  // namespace marline::detail
