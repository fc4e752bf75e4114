// Certificates made at run time, for tests.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <marline/deferred/api.hpp>

namespace marline::testing {

/// A certificate and its key, as PEM text.
struct PemPair {
    std::string certificate;
    std::string key;
};

/// What a leaf certificate says.
struct LeafOptions {
    /// DNS names, or numeric addresses, that it is for; the first one is its subject too.
    std::vector<std::string> names;
    /// Its validity, from now.
    std::chrono::seconds notBefore = std::chrono::hours(-1);
    std::chrono::seconds notAfter = std::chrono::hours(24);
};

/// A certificate authority that lives as long as this object. Keys are EC P-256.
class MARLINE_API CertificateAuthority {
public:
    /// Throws TlsError when OpenSSL cannot make keys.
    explicit CertificateAuthority(const std::string& name = "marline test CA");
    CertificateAuthority(CertificateAuthority&&) noexcept;
    ~CertificateAuthority();

    /// Its certificate, to be trusted.
    const std::string& certificatePem() const noexcept;
    /// A certificate signed by it.
    PemPair issue(const LeafOptions& options) const;
    /// Another authority, whose certificate is signed by this one: an intermediate. What it issues
    /// is trusted when its certificatePem() follows the leaf's.
    CertificateAuthority intermediate(const std::string& name) const;

private:
    class Keys;

    explicit CertificateAuthority(std::unique_ptr<Keys> keys) noexcept;

    std::unique_ptr<Keys> keys_;
};

}  // namespace marline::testing
