// Internal: not installed. What OpenSSL asks a context while it shakes hands.
#pragma once

#include <openssl/ssl.h>

#include <marline/reactor/tls_context.hpp>

namespace marline::detail {

/// A client got a session that it can resume.
int newSession(SSL* ssl, SSL_SESSION* session);

/// A server chooses among the protocols of `in`; `state` is the TlsContext::State.
int selectAlpn(SSL* ssl, const unsigned char** out, unsigned char* outLength,
               const unsigned char* in, unsigned inLength, void* state);

/// A server chooses the context for the name that the client asks for, before anything else is
/// decided, so that no session of another context is resumed; `state` is the TlsContext::State.
int chooseContext(SSL* ssl, int* alert, void* state);

/// A server seals or opens a ticket.
int sealTicket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
               EVP_MAC_CTX* mac, int seals);

/// Appends `line` to the context's key log.
void logKey(const SSL* ssl, const char* line);

}  // namespace marline::detail
