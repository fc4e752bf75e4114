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

/// How long the goodbye (close_notify) of the peer is waited for after loseConnection(); then the
/// connection below is closed without it, which is no error.
inline constexpr Duration kTlsGoodbyeTimeout = std::chrono::seconds(5);

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

/// Speaks TLS from here on, on a connection that stands (Twisted: `ITLSTransport.startTLS`), as a
/// client or a server, which is the context's to say.
///
/// What has been written before leaves as plain text; nothing that comes from now on is. The
/// protocol gets transportChanged(): its transport() is the TLS one, and a pointer to the old one
/// must not be used any more. What it writes now leaves after the handshake; then it hears
/// handshakeCompleted(), or else connectionLost() with a TlsError. Bytes that came with the
/// request for TLS are plain: a protocol that keeps some drops them.
///
/// `host` is what a client verifies; servers leave it empty. Throws TlsError when the context does
/// not work or nobody could have a certificate for `host`, and std::logic_error when a producer is
/// registered or the transport or protocol cannot do it: the connection then stays as it is.
MARLINE_API void startTls(ITransport& transport, const TlsContext& context, IReactorTime& clock,
                          const std::string& host = {},
                          Duration handshakeTimeout = kTlsHandshakeTimeout);

}  // namespace marline
