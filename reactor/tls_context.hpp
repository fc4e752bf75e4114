// TlsContext: certificates, keys and trust for TLS connections.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/ref.hpp>

struct ssl_ctx_st;

namespace marline {

/// TLS could not be set up, or the peer could not be trusted; the message says which certificate
/// and why.
class MARLINE_API TlsError : public Error {
public:
    using Error::Error;
};

/// What TLS connections of one kind share (Twisted: `CertificateOptions`). A handle: copies share
/// one context; change it before the first connection uses it.
///
/// TLS 1.2 is the least that is spoken. A client verifies the server's certificate and name, and
/// resumes sessions; there is no renegotiation and no compression.
class MARLINE_API TlsContext {
public:
    /// For clients: trusts what the system trusts, which is loaded at the first connection.
    static TlsContext client();
    /// For servers: the chain, leaf first, and its key, as PEM text. Throws TlsError when they
    /// cannot be read or do not belong together.
    static TlsContext server(std::string_view chainPem, std::string_view keyPem);
    /// The same from files; errors name the file.
    static TlsContext serverFromFiles(const std::string& chainFile, const std::string& keyFile);

    /// Trusts these CA certificates (PEM), and not the system's. May be called more than once.
    TlsContext& trustPem(std::string_view caPem);
    /// The same from a file.
    TlsContext& trustFile(const std::string& caFile);
    /// Shows a certificate of its own: client authentication, or another one for a server.
    TlsContext& certificatePem(std::string_view chainPem, std::string_view keyPem);
    /// The application protocols that are offered or taken, the most wanted first (RFC 7301).
    TlsContext& alpn(const std::vector<std::string>& protocols);
    /// A client that trusts everybody: no protection against who stands in between. For tests.
    TlsContext& insecure();

    /// Internal: the OpenSSL context, with its trust loaded.
    ssl_ctx_st* native() const;
    class State;
    State& state() const noexcept { return *state_; }

    TlsContext(const TlsContext&) noexcept;
    TlsContext(TlsContext&&) noexcept;
    TlsContext& operator=(TlsContext) noexcept;
    ~TlsContext();

private:
    explicit TlsContext(Ref<State> state) noexcept;

    Ref<State> state_;
};

}  // namespace marline
