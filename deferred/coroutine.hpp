// Coroutines that return a Deferred.
//
// A function that returns a Deferred<T> and uses co_await or co_return is a coroutine (Twisted:
// `async def` with `ensureDeferred`, `inlineCallbacks`).
//
// It runs when it is called, up to the first `co_await` of a Deferred that has no result yet, and
// goes on when that comes. `co_await std::move(d)` gives the value, or throws the error itself.
// What the body returns, or throws, is the result of its Deferred; the links on that run when the
// body's variables are gone. cancel() goes to what the body awaits; the CancelledError that comes
// of it is thrown there. A result has one taker: nobody else may wait for an awaited Deferred.
// Awaiting a Deferred that can never fire throws DeferredLost. Parameters live as long as the
// body, references and a lambda's captures only as long as what they refer to: see spawn().
//
//     Deferred<std::size_t> length(Agent agent, std::string url) {
//         const Response response = co_await agent.request("GET", url);
//         co_return (co_await readBody(response)).size();
//     }
#pragma once

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/detail/promise.hpp>

namespace marline {

/// What `co_await d.asResult()` waits for: see Deferred::asResult().
template <class T>
class AsResult {
public:
    explicit AsResult(Deferred<T> awaited) noexcept : awaited_(std::move(awaited)) {}

    /// Internal: what is awaited.
    Deferred<T> deferred() && noexcept { return std::move(awaited_); }

private:
    Deferred<T> awaited_;
};

template <class T>
AsResult<T> Deferred<T>::asResult() const noexcept {
    return AsResult<T>(*this);
}

/// Starts the coroutine `f(args…)` and keeps `f` and the arguments until it has ended (Twisted:
/// `ensureDeferred`).
///
/// A coroutine refers to the function object it was called on: a lambda with captures that goes out
/// of scope takes them away from a body that still runs. spawn() moves it into a frame of its own.
///
///     spawn([name = host()](Agent agent) -> Deferred<int> { … co_await …; }, agent);
template <class F, class... Args>
    requires std::invocable<F&, Args...>
auto spawn(F f, Args... args) -> std::invoke_result_t<F&, Args...> {
    co_return co_await std::invoke(f, std::move(args)...);
}

}  // namespace marline
