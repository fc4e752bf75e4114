// Internal: not installed. Certificates and keys, read and put into an OpenSSL context.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <openssl/ssl.h>

#include <marline/reactor/detail/tls_context_state.hpp>

namespace marline::detail {

/// A text and what errors call it: a file's name, or "the given key".
struct Named {
    std::string text;
    std::string from;
};

/// A certificate, its key, and what leads to a CA.
struct Identity {
    X509Ptr leaf;
    KeyPtr key;
    std::vector<X509Ptr> chain;
};

// All of these throw TlsError that says what could not be used, and why.

/// The content of the file `path`.
Named readFile(const std::string& path);
/// A chain, leaf first, and the key that belongs to it.
Identity readPem(const Named& chain, const Named& key, const std::string& passphrase);
/// The same from PKCS#12.
Identity readPkcs12(const Named& content, const std::string& passphrase);
/// Shows `identity`, which came from `from`.
void useIdentity(SSL_CTX* ctx, const Identity& identity, const std::string& from);
/// Trusts the CA certificates in `ca`; servers name them to their clients.
void trust(SSL_CTX* ctx, const Named& ca, bool server);

}  // namespace marline::detail
