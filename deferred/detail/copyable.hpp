// Internal: whether a type can really be copied.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

namespace marline::detail {

/// std::copy_constructible, but for the containers and tuples that claim it whatever they hold: a
/// std::vector of std::unique_ptr says that it can be copied, and then does not compile. A class of
/// the user's with such a member cannot be seen through: it has to delete its copy constructor.
template <class T>
struct Copyable : std::bool_constant<std::copy_constructible<T>> {};

template <class T>
inline constexpr bool copyable = Copyable<T>::value;

template <class T>
    requires requires { typename T::allocator_type; } && (!std::same_as<typename T::value_type, T>)
struct Copyable<T>
    : std::bool_constant<std::copy_constructible<T> && copyable<typename T::value_type>> {};

template <class T>
struct Copyable<std::optional<T>> : Copyable<T> {};
template <class A, class B>
struct Copyable<std::pair<A, B>> : std::bool_constant<copyable<A> && copyable<B>> {};
template <class... Ts>
struct Copyable<std::tuple<Ts...>> : std::bool_constant<(copyable<Ts> && ...)> {};
template <class... Ts>
struct Copyable<std::variant<Ts...>> : std::bool_constant<(copyable<Ts> && ...)> {};
template <class T, std::size_t N>
struct Copyable<std::array<T, N>> : Copyable<T> {};

}  // namespace marline::detail
