// The root of marline's error tree, and the errors a Deferred can produce by itself.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

#include <marline/deferred/api.hpp>

namespace marline {

/// The root of every run-time error that marline reports; misuse is a std::logic_error instead.
///
/// The message says what was tried, on what, and what to do about it.
class MARLINE_API Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The result of a Deferred that was cancelled and whose canceller did not fire it
/// (Twisted: `defer.CancelledError`).
class MARLINE_API CancelledError : public Error {
public:
    CancelledError() : Error("cancelled") {}
    using Error::Error;
};

/// Something took longer than it was allowed to (Twisted: `defer.TimeoutError`).
class MARLINE_API TimeoutError : public Error {
public:
    using Error::Error;
};

/// The producer of a result went away without firing it: a DeferredSource was destroyed unfired.
class MARLINE_API DeferredLost : public Error {
public:
    DeferredLost() : Error("the producer of this Deferred was destroyed without firing it") {}
    using Error::Error;
};

/// Misuse: callback() or errback() on a Deferred that has fired (Twisted:
/// `defer.AlreadyCalledError`).
class MARLINE_API AlreadyCalledError : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

/// Misuse: a view of a Deferred was used after the chain's tail took another type, or after its
/// result had moved on to the Deferred or coroutine that waits for it.
class MARLINE_API DeferredTypeError : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

}  // namespace marline
