// Ready-made callbacks.
#pragma once

#include <source_location>
#include <type_traits>
#include <utility>

#include <marline/deferred/failure.hpp>
#include <marline/deferred/unhandled.hpp>

namespace marline {

namespace detail {

struct LogError {
    Failure operator()(const Failure& failure) const noexcept {
        reportUnhandled(failure, std::source_location());
        return failure;
    }
};

struct LogAndSwallow {
    void operator()(const Failure& failure) const noexcept {
        reportUnhandled(failure, std::source_location());
    }
};

struct Passthru {
    template <class T>
    std::decay_t<T> operator()(T&& value) const {
        return std::forward<T>(value);
    }
    void operator()() const noexcept {}
};

}  // namespace detail

/// An errback that reports the Failure to the hook of setUnhandledHook() and lets it go on to the
/// next errback (Twisted: `defer.logError`): `d.addErrback(logError)`.
inline constexpr detail::LogError logError{};

/// An errback for the end of a Deferred<>: reports the Failure as logError does, and is done with
/// it (Twisted: `log.err`): `d.addErrback(logAndSwallow)`.
inline constexpr detail::LogAndSwallow logAndSwallow{};

/// A callback that returns what it is given (Twisted: `defer.passthru`); also fits addBoth() and
/// addErrback(): `d.addCallbacks(passthru, recover)`.
inline constexpr detail::Passthru passthru{};

}  // namespace marline
