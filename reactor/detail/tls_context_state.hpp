// Internal: not installed. What a TlsContext points to.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include <openssl/ssl.h>

#include <marline/deferred/ref.hpp>
#include <marline/reactor/tls_context.hpp>

namespace marline {

namespace detail {

template <auto Free>
struct FreeWith {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};
using SslCtxPtr = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, FreeWith<SSL_free>>;
using SessionPtr = std::unique_ptr<SSL_SESSION, FreeWith<SSL_SESSION_free>>;

/// What OpenSSL says of the call that just failed, and forgets it.
std::string opensslError();

}  // namespace detail

class TlsContext::State final : public RefCounted {
public:
    explicit State(bool isServer);

    detail::SslCtxPtr ctx;
    bool server;
    bool verify = true;
    bool trustLoaded = false;         // some trust was given, or the system's was loaded
    std::vector<unsigned char> alpn;  // as it goes over the wire

    /// Sessions that a client can resume, by host; the oldest goes first.
    void remember(const std::string& host, SSL_SESSION* session);
    SSL_SESSION* sessionFor(const std::string& host) const;

private:
    static constexpr std::size_t kMaxSessions = 256;

    std::unordered_map<std::string, detail::SessionPtr> sessions_;
    std::deque<std::string> order_;
};

}  // namespace marline
