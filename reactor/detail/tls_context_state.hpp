// Internal: not installed. What a TlsContext points to.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <openssl/ssl.h>

#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/detail/unique_fd.hpp>
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
using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, FreeWith<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;

/// What OpenSSL says of the call that just failed, and forgets it.
std::string opensslError();

}  // namespace detail

/// An OpenSSL context and the steps that made it, which make another one at reload().
class TlsContext::State final : public RefCounted {
public:
    /// One part of the set-up. Throws TlsError and leaves the context as it was.
    using Step = UniqueFunction<void(SSL_CTX*)>;

    explicit State(bool isServer);

    /// Does `step`, and again at every reload.
    void apply(Step step);
    /// Another OpenSSL context by the same steps.
    detail::SslCtxPtr rebuilt();
    /// Uses it from now on; tickets stay valid.
    void use(detail::SslCtxPtr made) noexcept;
    /// The OpenSSL context with its trust loaded.
    SSL_CTX* native();
    /// From now on the given CAs count. A server wants certificates of its clients.
    void trustSomebody();
    /// Speaks from `least` to `most` (0: the newest). Throws std::invalid_argument when there is
    /// nothing between them.
    void speak(int least, int most);
    /// The context for clients that ask for `name`; null when it is this one.
    const TlsContext* contextFor(std::string_view name) const;

    /// Hosts whose sessions a client remembers.
    static constexpr std::size_t kMaxSessions = 256;
    /// Sessions that a client can resume, by host; the oldest goes first.
    void remember(const std::string& host, SSL_SESSION* session);
    SSL_SESSION* sessionFor(const std::string& host) const;

    const bool server;
    bool verify = true;
    bool trusts = false;  // somebody in particular, and not the system's choice
    bool tickets = true;
    int minimum = TLS1_2_VERSION;
    int maximum = 0;                  // none
    std::vector<unsigned char> alpn;  // as it goes over the wire
    std::optional<ClientCertificates> clientCertificates;
    std::vector<TlsTicketKey> ticketKeys;
    std::map<std::string, TlsContext, std::less<>> names;  // in lower case
    detail::UniqueFd keylog;

private:
    detail::SslCtxPtr fresh() const;

    detail::SslCtxPtr ctx_;
    std::vector<Step> steps_;
    bool systemLoaded_ = false;
    std::unordered_map<std::string, detail::SessionPtr> sessions_;
    std::deque<std::string> order_;
};

}  // namespace marline
