// Digest authentication in front of a resource.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <marline/deferred/function.hpp>
#include <marline/protocols/http/resource.hpp>
#include <marline/reactor/time.hpp>

namespace marline::http {
namespace detail {
class DigestNonces;
}

/// How a password is hashed.
enum class DigestAlgorithm : std::uint8_t { Sha256, Md5 };

/// What is kept of a password: the hash of `user:realm:password`, in hexadecimal (RFC 7616 §3.4.2:
/// H(A1)). Who has it can log in, in this realm.
MARLINE_API std::string digestSecret(DigestAlgorithm algorithm, std::string_view user,
                                     std::string_view realm, std::string_view password);

/// How DigestAuth asks.
struct DigestOptions {
    /// What is offered, the best first; MD5 is for clients that know nothing else. What OpenSSL
    /// does not do, as MD5 under FIPS, is left out.
    std::vector<DigestAlgorithm> algorithms = {DigestAlgorithm::Sha256, DigestAlgorithm::Md5};
    /// How long a nonce can be used; then the client is given a new one, without asking its user.
    Duration nonceLifetime = std::chrono::minutes(5);
    /// Nonces in use whose counts are kept; beyond it the oldest one has to be renewed.
    std::size_t maxNonces = 10'000;
};

/// Lets requests to a resource, and all below it, pass when whoever sends them knows the password,
/// which is never sent (Twisted: `guard.HTTPAuthSessionWrapper` with `DigestCredentialFactory`;
/// RFC 7616 with qop `auth`, and with `username*`). Others get a 401. The name is in
/// Request::getUser() then.
///
/// Each answer to a nonce counts once: a replayed request is given a new nonce (`stale=true`), not
/// the resource. Bodies are not covered: use TLS where they matter.
///
///     auto closed = makeRef<http::DigestAuth>(root, "staff", [](auto user, auto algorithm) {
///         return secretOf(user, algorithm);  // made with digestSecret(); none: nobody
///     });
class MARLINE_API DigestAuth final : public Resource {
public:
    /// Gives digestSecret() of a user, or nothing for one who is not there.
    using Secrets = UniqueFunction<std::optional<std::string>(std::string_view user,
                                                              DigestAlgorithm algorithm)>;

    /// Throws std::invalid_argument for a realm with a quote, a backslash or a control character,
    /// and for options that let nobody in, as when OpenSSL does none of the algorithms.
    DigestAuth(Ref<Resource> guarded, std::string realm, Secrets secrets,
               DigestOptions options = {});

    /// Throws HttpError(400) for credentials that were made for another target, which one that is
    /// written in another way is too: `uri` must be the target of the request, byte for byte.
    Ref<Resource> standIn(Request& request) override;
    bool isLeaf() const noexcept override { return true; }
    Rendered render(Request& request) override;

private:
    enum class Verdict : std::uint8_t { Right, Stale, Wrong };

    ~DigestAuth() override;

    Verdict judge(Request& request);
    void challenge(Request& request, bool stale);

    Ref<Resource> guarded_;
    std::string realm_;
    Secrets secrets_;
    DigestOptions options_;
    std::unique_ptr<detail::DigestNonces> nonces_;
};

}  // namespace marline::http
