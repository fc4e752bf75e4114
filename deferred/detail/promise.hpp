// Internal: what a coroutine that gives a Deferred<T> may await and return.
#pragma once

#include <concepts>
#include <coroutine>
#include <new>
#include <source_location>
#include <type_traits>
#include <utility>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/detail/coroutine.hpp>

namespace marline {

template <class T>
class AsResult;

namespace detail {

/// What a coroutine may await.
template <class T>
class AwaitingFrame : public CoroutineFrame {
public:
    using Site = std::source_location;

    template <class U>
    Awaiter<U> await_transform(Deferred<U>&& awaited, const Site& site = Site::current()) noexcept {
        return {*this, std::move(awaited), site};
    }
    template <class U>
    ResultAwaiter<U> await_transform(AsResult<U>&& awaited,
                                     const Site& site = Site::current()) noexcept {
        return {*this, std::move(awaited).deferred(), site};
    }
    template <class U>
    Awaiter<U> await_transform(const Deferred<U>& awaited) noexcept {
        static_assert(sizeof(U) == 0,
                      "marline: co_await takes the result away, so write co_await std::move(d), or "
                      "co_await d.asResult() to get a Result");
        return {*this, Deferred<U>(awaited), {}};
    }

    Deferred<T> get_return_object(const Site& where = Site::current()) noexcept {
        return Deferred<T>::adopt(this->share(where));
    }

protected:
    AwaitingFrame() : CoroutineFrame(typeOps<T>, sizeof(Stored<T>)) {}
};

/// The promise of a coroutine that returns a Deferred<T>.
template <class T>
class Promise final : public AwaitingFrame<T> {
public:
    template <class V = T>
    void return_value(V&& value) {
        if constexpr (std::same_as<std::decay_t<V>, Failure>) {
            this->failed(std::forward<V>(value));
        } else if constexpr (std::same_as<std::decay_t<V>, Result<T>>) {
            if (value.ok()) {
                return_value(std::forward<V>(value).value());
            } else {
                this->failed(value.failure());
            }
        } else {
            static_assert(
                std::constructible_from<T, V&&>,
                "marline: a coroutine that returns a Deferred<T> does co_return of a T, a "
                "Result<T> or a Failure; write co_return co_await d for a Deferred d");
            ::new (this->chain().sourceSlot()) T(std::forward<V>(value));
            this->returned();
        }
    }
};

template <>
class Promise<void> final : public AwaitingFrame<void> {
public:
    void return_void() noexcept {
        ::new (chain().sourceSlot()) Unit();
        returned();
    }
};

}  // namespace detail
}  // namespace marline

template <class T, class... Args>
struct std::coroutine_traits<marline::Deferred<T>, Args...> {
    using promise_type = marline::detail::Promise<T>;
};
