// Ident (RFC 1413): whose is a connection?
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/address.hpp>
#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/time.hpp>

namespace marline::ident {

/// The longest line, without its CRLF (RFC 1413 §4), in bytes; a longer one closes the connection.
inline constexpr std::size_t kMaxIdentLine = 1000;
/// The longest user identifier (RFC 1413 §4), in bytes.
inline constexpr std::size_t kMaxUserId = 512;
/// How many bytes of answers may wait for a client that does not read them; more abort the
/// connection.
inline constexpr std::size_t kMaxIdentUnsent = 256 * 1024;
/// How long either side waits for the other (RFC 1413 §4: 60 to 180 s).
inline constexpr Duration kIdentTimeout = std::chrono::seconds(60);
/// How long a lookup may take: no client waits longer (RFC 1413 §4).
inline constexpr Duration kIdentLookupTimeout = std::chrono::seconds(180);
/// How many bytes of further queries are read while a lookup is waited for.
inline constexpr std::size_t kMaxIdentPipelined = 4096;

/// The server does not say whose the connection is (Twisted: `IdentError`); the message is the
/// word of RFC 1413 for it: UNKNOWN-ERROR.
class MARLINE_API IdentError : public Error {
public:
    IdentError() : Error("UNKNOWN-ERROR") {}
    using Error::Error;
};

/// There is no such connection, or it is nobody's (Twisted: `NoUser`).
class MARLINE_API NoUser : public IdentError {
public:
    NoUser() : IdentError("NO-USER") {}
};

/// A port is not 1 to 65535 (Twisted: `InvalidPort`).
class MARLINE_API InvalidPort : public IdentError {
public:
    InvalidPort() : IdentError("INVALID-PORT") {}
};

/// The user does not want to be told (Twisted: `HiddenUser`).
class MARLINE_API HiddenUser : public IdentError {
public:
    HiddenUser() : IdentError("HIDDEN-USER") {}
};

/// Whose a connection is.
struct IdentReply {
    /// The operating system, which says how to read `user`: `UNIX`, or `OTHER`.
    std::string system;
    std::string user;
};

/// Which connection: between a port on the host of the ident server and one on the host that asks.
struct IdentQuery {
    std::uint16_t portOnServer = 0;
    std::uint16_t portOnClient = 0;
    /// Who asks; only its host means something. Set for the server.
    Address client = {};
};

/// Looks a connection up. A Failure that holds an IdentError is answered with that; any other with
/// UNKNOWN-ERROR, and is logged. May be a coroutine function.
using IdentLookup = UniqueFunction<Deferred<IdentReply>(IdentQuery)>;

/// Answers queries, one after the other (Twisted: `IdentServer`). A client that sends no line for
/// `timeout` is cut off; one that asks on may stay. `lookup` is cancelled when it takes longer than
/// `lookupTimeout`, which is answered with UNKNOWN-ERROR, or the client leaves, which the end of
/// its input is taken for as well. `clock` must outlive the connections. Throws
/// std::invalid_argument without `lookup`.
MARLINE_API Ref<IProtocolFactory> identFactory(IReactorTime& clock, IdentLookup lookup,
                                               Duration timeout = kIdentTimeout,
                                               Duration lookupTimeout = kIdentLookupTimeout);

/// Asks the server at `endpoint` (Twisted: `IdentClient.lookup`). Fails with the IdentError that it
/// answers, TimeoutError, what connecting fails with, or the connection's end. What the server says
/// is a claim of that host, and of no use against it.
MARLINE_API Deferred<IdentReply> lookup(IReactorTime& clock, IStreamClientEndpoint& endpoint,
                                        std::uint16_t portOnServer, std::uint16_t portOnClient,
                                        Duration timeout = kIdentTimeout);

}  // namespace marline::ident
