// TlsContext: certificates, keys and trust for TLS connections.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/ref.hpp>

struct ssl_ctx_st;

namespace marline {

/// TLS could not be set up, or the peer could not be trusted; the message says which file or
/// certificate, and why.
class MARLINE_API TlsError : public Error {
public:
    using Error::Error;
};

/// A version of TLS (Twisted: `TLSVersion`).
enum class TlsVersion : unsigned char { Tls10, Tls11, Tls12, Tls13 };

/// Whether a server lets clients in that show no certificate.
enum class ClientCertificates : unsigned char {
    Required,  ///< Nobody gets in without a certificate that is trusted.
    Optional,  ///< Who shows none gets in; who shows one that is not trusted does not.
};

/// Keys that a server's session tickets are sealed with (RFC 5077 §4): 16 bytes of name, 32 that
/// authenticate, 32 that encrypt. They are secrets; servers that share them resume each other's
/// sessions.
struct MARLINE_API TlsTicketKey {
    std::array<std::byte, 80> bytes{};

    /// One that nobody else has. Throws TlsError when the system has no randomness.
    static TlsTicketKey random();
};

/// What TLS connections of one kind share (Twisted: `CertificateOptions`, `optionsForClientTLS`).
/// A handle: copies share one context. Set it up before the first connection uses it; later only
/// reload() and ticketKeys(). One thread.
///
/// TLS 1.2 is the least that is spoken. A client verifies the server's certificate and name and
/// resumes sessions; a server gives tickets and keeps no sessions. There is no renegotiation and no
/// compression, and the server's order of ciphers counts. Idle connections hold no buffers.
///
/// Every call that reads certificates throws TlsError when it cannot use them: the message names
/// the file and the reason, and the context stays as it was.
class MARLINE_API TlsContext {
public:
    /// For clients: trusts what the system trusts, which is loaded at the first connection.
    static TlsContext client();
    /// For servers: the chain, leaf first, and its key, as PEM text.
    static TlsContext server(std::string_view chainPem, std::string_view keyPem,
                             std::string_view passphrase = {});
    /// The same from files, which may be one file.
    static TlsContext serverFromFiles(const std::string& chainFile, const std::string& keyFile,
                                      std::string_view passphrase = {});
    /// The same from one PKCS#12 file (RFC 7292).
    static TlsContext serverFromPkcs12File(const std::string& file, std::string_view passphrase);

    /// Shows a certificate of its own: client authentication, or a second one for a server, whose
    /// key is of another type.
    TlsContext& certificatePem(std::string_view chainPem, std::string_view keyPem,
                               std::string_view passphrase = {});
    TlsContext& certificateFiles(const std::string& chainFile, const std::string& keyFile,
                                 std::string_view passphrase = {});
    TlsContext& certificatePkcs12(std::string_view content, std::string_view passphrase);
    TlsContext& certificatePkcs12File(const std::string& file, std::string_view passphrase);

    /// Trusts these CA certificates (PEM), and not the system's. May be called more than once. A
    /// server that trusts somebody requires certificates of its clients.
    TlsContext& trustPem(std::string_view caPem);
    /// The same from a file.
    TlsContext& trustFile(const std::string& caFile);
    /// Trusts what the system trusts, together with what else is given.
    TlsContext& trustSystem();
    /// A client that trusts everybody: no protection against who stands in between. For tests.
    TlsContext& insecure();
    /// Whether clients of this server need a certificate. Throws std::logic_error on a client, and
    /// on a server that trusts nobody yet.
    TlsContext& clientCertificates(ClientCertificates wanted);

    /// The application protocols that are offered or taken, the most wanted first (RFC 7301). A
    /// server refuses a client that offers some and none of these. Throws std::invalid_argument for
    /// a name that has not 1 to 255 bytes.
    TlsContext& alpn(const std::vector<std::string>& protocols);
    /// Clients that ask this server for `name` (SNI, RFC 6066 §3), or with `*.example.org` for any
    /// name with one label more, get `context`: its certificates, ALPN, ciphers, versions and
    /// client certificates. Everybody else gets this one.
    ///
    /// Throws std::logic_error unless both are of servers, std::invalid_argument for a name that is
    /// empty or there already.
    TlsContext& serverName(const std::string& name, const TlsContext& context);

    /// Speaks nothing older; never lowers what is set. Like the two below it throws
    /// std::invalid_argument when that leaves no version at all.
    TlsContext& raiseMinimumTo(TlsVersion version);
    /// Speaks older versions too. Below TLS 1.2 this accepts broken ciphers and hashes.
    TlsContext& insecurelyLowerMinimumTo(TlsVersion version);
    /// Speaks nothing newer.
    TlsContext& lowerMaximumSecurityTo(TlsVersion version);
    /// The ciphers, in OpenSSL's language: those up to TLS 1.2 (`ECDHE+AESGCM`), or TLS 1.3's own
    /// (`TLS_AES_128_GCM_SHA256`), not both in one call. Throws TlsError when none is left.
    TlsContext& ciphers(const std::string& list);

    /// Off: a server gives no tickets, a client remembers no sessions. On is the default.
    TlsContext& sessionTickets(bool on);
    /// Seals tickets with the first key and takes those sealed with any. Call it again to rotate.
    /// Throws std::invalid_argument without a key, std::logic_error on a client. Without this call
    /// a server uses keys of its own, which reload() keeps.
    TlsContext& ticketKeys(std::vector<TlsTicketKey> keys);
    /// Appends the secrets of every connection to `file`, for Wireshark: who has them reads the
    /// traffic. serverName()'s contexts have their own. Throws TlsError when it cannot be opened.
    /// It is made readable for its owner only.
    TlsContext& keylogFile(const std::string& file);

    /// Reads every file again, also those of serverName()'s contexts, and uses what they hold for
    /// the connections from now on. Throws TlsError when one cannot be used: nothing has changed
    /// then.
    void reload();

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
    void mustServe(const char* call) const;

    Ref<State> state_;
};

}  // namespace marline
