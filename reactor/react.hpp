// react(): runs a program's main function on a reactor of its own.
#pragma once

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline {

/// The failure of a main function that is to end the program with a status, and no message.
class MARLINE_API SystemExit : public Error {
public:
    explicit SystemExit(int status) : Error("exit"), status_(status) {}

    int status() const noexcept { return status_; }

private:
    int status_;
};

namespace detail {

/// Runs `reactor` until `done` has its result, and gives the exit status.
MARLINE_API int runUntil(Reactor& reactor, Deferred<> done);

}  // namespace detail

/// Calls `main(reactor, args…)` at once, and runs the reactor until the Deferred that it returned
/// has its result (Twisted: `task.react`).
///
/// Gives the exit status: 0 for a value, 1 for a Failure, which is logged, or the one that a
/// SystemExit carries. SIGINT and SIGTERM shut the reactor down in order and give 0, unless main's
/// Deferred failed on the way. What `main` throws leaves react().
template <class Main, class... Args>
    requires std::invocable<Main, Reactor&, Args...>
int react(Reactor& reactor, Main&& main, Args&&... args) {
    using Returned = std::invoke_result_t<Main, Reactor&, Args...>;
    static_assert(detail::isDeferred<Returned>,
                  "marline: the function given to react() must return a Deferred");
    using T = typename detail::Returned<Returned>::Yield;
    Returned result = std::invoke(std::forward<Main>(main), reactor, std::forward<Args>(args)...);
    if constexpr (std::is_void_v<T>) {
        return detail::runUntil(reactor, std::move(result));
    } else {
        return detail::runUntil(reactor, result.addCallback([](const T&) {}));
    }
}

/// The same on a reactor made for it, which is gone when this returns.
///
///     int main() { return react([](Reactor& reactor) { return work(reactor); }); }
template <class Main, class... Args>
    requires std::invocable<Main, Reactor&, Args...>
int react(Main&& main, Args&&... args) {
    Reactor reactor;
    return react(reactor, std::forward<Main>(main), std::forward<Args>(args)...);
}

}  // namespace marline
