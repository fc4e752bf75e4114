// Internal: firing with a Result.
#pragma once

#include <source_location>
#include <type_traits>
#include <utility>

#include <marline/deferred/result.hpp>

namespace marline {

template <class T>
class Deferred;

namespace detail {

template <class T>
void fire(Deferred<T>& d, Result<T> outcome) {
    if (!outcome.ok()) {
        d.errback(outcome.failure());
    } else if constexpr (std::is_void_v<T>) {
        d.callback();
    } else {
        d.callback(std::move(outcome).value());
    }
}

/// A Deferred that has fired with `outcome`.
template <class T>
Deferred<T> fired(Result<T> outcome,
                  const std::source_location& where = std::source_location::current()) {
    Deferred<T> d(where);
    fire(d, std::move(outcome));
    return d;
}

}  // namespace detail
}  // namespace marline
