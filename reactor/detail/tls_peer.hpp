// Internal: not installed. Who is at the other end of a TLS connection, and whether that is right.
#pragma once

#include <string>

#include <openssl/ssl.h>

#include <marline/reactor/tls_context.hpp>

namespace marline::detail {

/// Makes `ssl`, whose app data is its TlsLayer, a client of `host`: SNI, verification of the
/// certificate and its name or numeric address, and the session of an earlier connection.
///
/// Throws TlsError when no certificate could be for `host`.
void prepareClient(SSL* ssl, const TlsContext& context, const std::string& host);

/// Makes `ssl` a server.
void prepareServer(SSL* ssl, const TlsContext& context);

/// Makes `ssl`, a server in the making, ask for the certificates that `context` wants of clients.
void askForCertificate(SSL* ssl, const TlsContext& context);

}  // namespace marline::detail
