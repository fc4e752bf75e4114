// What can go wrong with connections, names and the reactor itself.
#pragma once

#include <stdexcept>
#include <string>
#include <system_error>

#include <marline/deferred/api.hpp>
#include <marline/deferred/errors.hpp>

namespace marline {

/// The connection ended cleanly (Twisted: `ConnectionDone`).
class MARLINE_API ConnectionDone : public Error {
public:
    ConnectionDone() : Error("connection closed cleanly") {}
    using Error::Error;
};

/// The connection ended otherwise (Twisted: `ConnectionLost`).
class MARLINE_API ConnectionLost : public Error {
public:
    using Error::Error;
    ConnectionLost(const std::string& what, std::error_code why)
        : Error(what + ": " + why.message()), code_(why) {}

    /// What the system said; empty when it said nothing.
    std::error_code code() const noexcept { return code_; }

private:
    std::error_code code_;
};

/// This side ended it with abortConnection() (Twisted: `ConnectionAborted`).
class MARLINE_API ConnectionAborted : public ConnectionLost {
public:
    ConnectionAborted() : ConnectionLost("connection aborted by this side") {}
    using ConnectionLost::ConnectionLost;
};

/// Fewer bytes were written than descriptors sent (Twisted: `FileDescriptorOverrun`).
class MARLINE_API FileDescriptorOverrun : public ConnectionLost {
public:
    using ConnectionLost::ConnectionLost;
};

/// A file could not be sent to its end, see ITransport::sendFile().
class MARLINE_API SendFileError : public Error {
public:
    SendFileError(const std::string& what, std::error_code why, std::uint64_t sent)
        : Error("sendFile() stopped after " + std::to_string(sent) + " bytes: " + what +
                (why ? ": " + why.message() : "")),
          code_(why), sent_(sent) {}

    /// Why the file cannot be read; none when it ended early.
    std::error_code code() const noexcept { return code_; }
    /// How many bytes of it were sent.
    std::uint64_t sent() const noexcept { return sent_; }

private:
    std::error_code code_;
    std::uint64_t sent_;
};

/// No connection came about (Twisted: `ConnectError`); the subclasses say why.
class MARLINE_API ConnectError : public Error {
public:
    using Error::Error;
    ConnectError(const std::string& what, std::error_code why)
        : Error(what + ": " + why.message()), code_(why) {}

    std::error_code code() const noexcept { return code_; }

private:
    std::error_code code_;
};

/// Nobody listens there (Twisted: `ConnectionRefusedError`).
class MARLINE_API ConnectionRefusedError : public ConnectError {
public:
    using ConnectError::ConnectError;
};

/// The peer, or the network, did not answer in time (Twisted: `TCPTimedOutError`,
/// `error.TimeoutError`).
class MARLINE_API ConnectTimeoutError : public ConnectError {
public:
    using ConnectError::ConnectError;
};

/// The network has no way there (Twisted: `NoRouteError`).
class MARLINE_API NoRouteError : public ConnectError {
public:
    using ConnectError::ConnectError;
};

/// The local address cannot be used (Twisted: `ConnectBindError`).
class MARLINE_API ConnectBindError : public ConnectError {
public:
    using ConnectError::ConnectError;
};

/// Nobody holds the lock of a UNIX socket that was to be checked (Twisted: `BadFileError`).
class MARLINE_API BadFileError : public ConnectError {
public:
    using ConnectError::ConnectError;
};

/// The factory gave no protocol for a connection that stood (Twisted: `NoProtocol`).
class MARLINE_API NoProtocol : public ConnectError {
public:
    using ConnectError::ConnectError;
};

/// A name could not be looked up (Twisted: `DNSLookupError`); the subclasses say why.
class MARLINE_API DNSLookupError : public ConnectError {
public:
    using ConnectError::ConnectError;
};

/// There is no such name, or it has no address (Twisted: `DNSNameError`).
class MARLINE_API DNSNameError : public DNSLookupError {
public:
    using DNSLookupError::DNSLookupError;
};

/// The server could not find out (SERVFAIL), or of several none could be reached or was willing
/// to (Twisted: `DNSServerError`).
class MARLINE_API DNSServerError : public DNSLookupError {
public:
    using DNSLookupError::DNSLookupError;
};

/// The server does not answer such questions of ours: REFUSED (Twisted: `DNSQueryRefusedError`).
class MARLINE_API DNSQueryRefusedError : public DNSLookupError {
public:
    using DNSLookupError::DNSLookupError;
};

/// The server knows no such questions: NOTIMP (Twisted: `DNSNotImplementedError`).
class MARLINE_API DNSNotImplementedError : public DNSLookupError {
public:
    using DNSLookupError::DNSLookupError;
};

/// The server could not read the question (FORMERR), or its answer cannot be read (Twisted:
/// `DNSFormatError`).
class MARLINE_API DNSFormatError : public DNSLookupError {
public:
    using DNSLookupError::DNSLookupError;
};

/// No server answered in time (Twisted: `DNSQueryTimeoutError`).
class MARLINE_API DNSQueryTimeoutError : public DNSLookupError {
public:
    using DNSLookupError::DNSLookupError;
};

/// A port cannot be listened on (Twisted: `CannotListenError`); thrown by listenTcp().
class MARLINE_API CannotListenError : public Error {
public:
    CannotListenError(const std::string& what, std::error_code why)
        : Error(what + ": " + why.message()), code_(why) {}

    std::error_code code() const noexcept { return code_; }

private:
    std::error_code code_;
};

/// An endpoint that can be listened on once has been (Twisted: `AlreadyListened`).
class MARLINE_API AlreadyListened : public Error {
public:
    using Error::Error;
};

/// A datagram is longer than UDP carries (Twisted: `MessageLengthError`); thrown by write().
class MARLINE_API MessageLengthError : public Error {
public:
    using Error::Error;
};

/// A multicast group was not joined or left (Twisted: `MulticastJoinError`).
class MARLINE_API MulticastJoinError : public Error {
public:
    using Error::Error;
    MulticastJoinError(const std::string& what, std::error_code why)
        : Error(what + ": " + why.message()), code_(why) {}

    std::error_code code() const noexcept { return code_; }

private:
    std::error_code code_;
};

/// Misuse: an address that cannot be sent to from there (Twisted: `InvalidAddressError`).
class MARLINE_API InvalidAddressError : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

/// Misuse: run() inside run() (Twisted: `ReactorAlreadyRunning`).
class MARLINE_API ReactorAlreadyRunning : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

/// Misuse: stop() when the reactor does not run, or is stopping (Twisted: `ReactorNotRunning`).
class MARLINE_API ReactorNotRunning : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

/// Misuse: cancel(), reset(), delay() or getTime() of a DelayedCall that is not active. The
/// subclasses say why, for as long as that is known.
class MARLINE_API DelayedCallNotActive : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

/// The call has begun (Twisted: `AlreadyCalled`).
class MARLINE_API AlreadyCalled : public DelayedCallNotActive {
public:
    AlreadyCalled() : DelayedCallNotActive("this DelayedCall has been called already") {}
    using DelayedCallNotActive::DelayedCallNotActive;
};

/// The call was cancelled (Twisted: `AlreadyCancelled`).
class MARLINE_API AlreadyCancelled : public DelayedCallNotActive {
public:
    AlreadyCancelled() : DelayedCallNotActive("this DelayedCall has been cancelled already") {}
    using DelayedCallNotActive::DelayedCallNotActive;
};

/// Misuse: a call that only the reactor's own thread may make.
class MARLINE_API WrongThread : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

}  // namespace marline
