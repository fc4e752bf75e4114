// Internal: not installed. The Digest scheme (RFC 7616), as a client speaks it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <marline/protocols/http/headers.hpp>

namespace marline::detail {

/// What a server asks for.
struct DigestChallenge {
    std::string realm;
    std::string nonce;
    std::optional<std::string> opaque;
    std::string algorithm;  // as it was sent; empty: MD5
    bool qopAuth = false;
    bool stale = false;
};

/// The first challenge of WWW-Authenticate that can be answered; nothing when there is none.
std::optional<DigestChallenge> findDigestChallenge(const http::Headers& headers);

/// Who answers, what with, and what for.
struct DigestAnswer {
    std::string_view user;
    std::string_view password;
    std::string_view method;
    std::string_view target;
    std::string_view cnonce;
    unsigned count = 1;
};

/// The value of the Authorization field.
std::string digestAuthorization(const DigestChallenge& challenge, const DigestAnswer& answer);

}  // namespace marline::detail
