// Internal: not installed. What makes an SSL a client that knows whom it talks to.
#pragma once

#include <string>

#include <openssl/ssl.h>

#include <marline/reactor/tls_context.hpp>

namespace marline::detail {

/// Makes `ssl`, whose app data is its TlsLayer, a client of `host`: the server's certificate must
/// be for that name or numeric address, and a session with it is resumed when there is one.
///
/// Throws TlsError when no certificate could be for `host`.
void prepareClient(SSL* ssl, const TlsContext& context, const std::string& host);

}  // namespace marline::detail
