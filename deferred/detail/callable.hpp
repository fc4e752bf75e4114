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

/// `f` with `args` behind its own ones.
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

/// The same for one call: `f` gets `args` as rvalues, or as lvalues when it wants those.
template <class F, class... Args>
auto bindOnce(F&& f, Args&&... args) {
    return
        [f = std::decay_t<F>(std::forward<F>(f)),
         bound = std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)](
            auto&&... first) mutable -> decltype(auto)
            requires std::invocable<std::decay_t<F>&, decltype(first)..., std::decay_t<Args>...> ||
                     std::invocable<std::decay_t<F>&, decltype(first)..., std::decay_t<Args>&...>
    {
        return std::apply(
            [&](auto&... rest) -> decltype(auto) {
                if constexpr (std::invocable<std::decay_t<F>&, decltype(first)...,
                                             std::decay_t<Args>...>) {
                    return std::invoke(f, std::forward<decltype(first)>(first)...,
                                       std::move(rest)...);
                } else {
                    return std::invoke(f, std::forward<decltype(first)>(first)..., rest...);
                }
            },
            bound);
    };
}

/// Whether what an errback returns can go on as the T that the next callback expects.
template <class R, class T>
constexpr bool recovers() {
    if constexpr (std::same_as<R, Failure>) {
        return true;
    } else if constexpr (isDeferred<R> || isResult<R>) {
        return std::same_as<typename Returned<R>::Yield, T>;
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

/// Whether G is to be given the E. An E converts to a Failure, a new one without its path, so that
/// what takes a Failure takes an E as well, and is asked about the former where that can be.
template <class E, class G>
constexpr bool takesError() {
    if constexpr (requires { &G::operator(); }) {
        return !std::invocable<G&, const Failure&>;
    } else if constexpr (std::is_class_v<G>) {
        // Asking a generic lambda about a Failure would compile its body with one.
        return std::invocable<G&, const E&>;
    } else {
        return !std::invocable<G&, const Failure&>;
    }
}

/// An errback that sees only Failures that hold an E, as E or as Failure; others pass by.
template <class E, class G>
struct ErrbackFor {
    static constexpr bool kTakesError = takesError<E, G>();

    G g;

    static bool matches(const Failure& failure) noexcept { return failure.check<E>() != nullptr; }
    decltype(auto) operator()(const Failure& failure) {
        if constexpr (kTakesError) {
            return std::invoke(g, *failure.check<E>());
        } else {
            return std::invoke(g, failure);
        }
    }
};

/// Whether a callable given as F can lie in a chain.
template <class F>
inline constexpr bool storable =
    std::constructible_from<std::decay_t<F>, F> && alignof(std::decay_t<F>) <= kMaxAlignment;

}  // namespace marline::detail
