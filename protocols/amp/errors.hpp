// What can go wrong with AMP.
#pragma once

#include <stdexcept>
#include <string>

#include <marline/deferred/api.hpp>
#include <marline/deferred/errors.hpp>

namespace marline::amp {

/// The root of what goes wrong between two AMP peers (Twisted: `AmpError`).
class MARLINE_API AmpError : public Error {
public:
    using Error::Error;
};

/// What came is no box, a box beyond a limit, or one that makes no sense; the connection is closed
/// with it (Twisted: `ProtocolSwitched`, `NoEmptyBoxes` and others).
class MARLINE_API ProtocolError : public AmpError {
public:
    using AmpError::AmpError;
};

/// An argument is missing, or is not of its type (Twisted: `InvalidSignature`, `ValueError`).
class MARLINE_API InvalidArgument : public AmpError {
public:
    using AmpError::AmpError;
};

/// The peer answered with an error (Twisted: `RemoteAmpError`). A responder may fail with one, too:
/// then its code and description are sent.
class MARLINE_API RemoteAmpError : public AmpError {
public:
    RemoteAmpError(std::string errorCode, const std::string& description)
        : AmpError(description), errorCode_(std::move(errorCode)) {}

    /// What the peer called it: `UNKNOWN`, `ZERO_DIVISION`.
    const std::string& errorCode() const noexcept { return errorCode_; }

private:
    std::string errorCode_;
};

/// The peer has no responder for the command (Twisted: `UnhandledCommand`).
class MARLINE_API UnhandledCommand : public RemoteAmpError {
public:
    explicit UnhandledCommand(const std::string& description)
        : RemoteAmpError("UNHANDLED", description) {}
};

/// The peer's responder failed with an error that its command does not declare; what it was stands
/// in the peer's log only, and the peer closes the connection (Twisted: `UnknownRemoteError`).
class MARLINE_API UnknownRemoteError : public RemoteAmpError {
public:
    explicit UnknownRemoteError(const std::string& description)
        : RemoteAmpError("UNKNOWN", description) {}
};

/// Misuse: a key or a value is longer than AMP can say (Twisted: `TooLong`).
class MARLINE_API TooLong : public std::length_error {
public:
    using std::length_error::length_error;
};

}  // namespace marline::amp
