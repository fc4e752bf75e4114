// TLS over any transport: factories and endpoints that wrap others.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/time.hpp>
#include <marline/reactor/tls_context.hpp>

namespace marline {

/// The peer, or somebody in between, ended a TLS connection without saying so: what came may be
/// cut short. A clean end is ConnectionDone.
class MARLINE_API ConnectionTruncated : public ConnectionLost {
public:
    ConnectionTruncated()
        : ConnectionLost(
              "TLS connection cut: it ended without close_notify, so data may be "
              "missing") {}
};

/// How long a TLS handshake may take before the connection is aborted with ConnectTimeoutError.
inline constexpr Duration kTlsHandshakeTimeout = std::chrono::seconds(10);

/// Speaks TLS as the server on every connection, and gives `factory`'s protocols the plain text.
///
/// A protocol gets makeConnection() when the handshake is done, not before (Twisted does so at
/// once): what it writes cannot go to somebody who was not let in. Connections whose handshake
/// fails never reach it.
MARLINE_API Ref<IProtocolFactory> tlsServerFactory(
    TlsContext context, IReactorTime& clock, Ref<IProtocolFactory> factory,
    Duration handshakeTimeout = kTlsHandshakeTimeout);

/// Speaks TLS as a client over what `endpoint` connects to (Twisted: `wrapClientTLS`).
///
/// `host` is the name, or numeric address, that the server's certificate must be for. connect()
/// fires when the handshake is done and the server verified, and otherwise fails with a TlsError
/// that names the certificate and the reason.
MARLINE_API Ref<IStreamClientEndpoint> wrapClientTls(
    IReactorTime& clock, TlsContext context, std::string host, Ref<IStreamClientEndpoint> endpoint,
    Duration handshakeTimeout = kTlsHandshakeTimeout);

}  // namespace marline
