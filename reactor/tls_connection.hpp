// What is known of the peer of a TLS connection: its certificate, and what was agreed with it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <marline/deferred/api.hpp>

struct x509_st;

namespace marline {

/// What an X.509 certificate says, as a value (Twisted: `Certificate`).
struct MARLINE_API TlsCertificate {
    /// Whom it is about and who signed it, as in `CN=example.org, O=Example`.
    std::string subject;
    std::string issuer;
    /// The DNS names and numeric addresses that it is for.
    std::vector<std::string> names;
    /// When it is valid.
    std::chrono::system_clock::time_point notBefore;
    std::chrono::system_clock::time_point notAfter;
    /// The SHA-256 of its DER form: 64 lower-case hexadecimal digits.
    std::string fingerprint;
    /// The certificate itself.
    std::string pem;

    /// The first certificate of a PEM text. Throws TlsError when there is none.
    static TlsCertificate fromPem(std::string_view pem);
    /// Internal: the same from OpenSSL's form.
    static TlsCertificate fromNative(const x509_st& certificate);

    friend bool operator==(const TlsCertificate& a, const TlsCertificate& b) {
        return a.fingerprint == b.fingerprint;
    }
};

/// What a TLS connection knows once its handshake is done; ITransport::tls() gives it (Twisted:
/// `ISSLTransport`, `INegotiated`). It lives as long as the transport. Reactor thread only.
class MARLINE_API ITlsConnection {
public:
    /// The certificate that the peer has shown and that was verified (insecure() clients: shown);
    /// none when it has shown none, or the handshake is not done.
    virtual std::optional<TlsCertificate> getPeerCertificate() const = 0;
    /// The application protocol that both agreed on (RFC 7301); empty when there is none.
    virtual std::string_view negotiatedProtocol() const noexcept = 0;
    /// The host name that the client asked for (RFC 6066 §3); empty when it named none.
    virtual std::string_view serverName() const noexcept = 0;
    /// The version, as in `TLSv1.3`, and the cipher suite, as in `TLS_AES_256_GCM_SHA384`.
    virtual std::string_view version() const noexcept = 0;
    virtual std::string_view cipher() const noexcept = 0;
    /// True when an earlier session was resumed: no certificate was sent this time.
    virtual bool resumed() const noexcept = 0;

protected:
    ~ITlsConnection() = default;
};

}  // namespace marline
