// Uri: an absolute URI with an authority, taken apart.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/result.hpp>

namespace marline {

/// A text is no URI that a request can be sent to; the message quotes it and says why.
class MARLINE_API UriError : public Error {
public:
    using Error::Error;
};

/// An absolute URI with a host (RFC 3986), such as requests are sent to. A plain value, whose
/// copies share their text: 16 bytes, cheap to keep with every request, and good in any thread.
///
/// Parsing is strict: no spaces, no backslashes, no guesses. `user:password@` is kept apart and is
/// not part of toString(), so that it does not get into logs.
class MARLINE_API Uri {
public:
    Uri(const Uri&) noexcept = default;
    Uri& operator=(const Uri&) noexcept = default;
    ~Uri() = default;

    /// Takes `text` apart; a UriError when it is no absolute URI with a host, when that is
    /// percent-encoded or an address of no known kind (RFC 3986: IPvFuture), or when its port is
    /// not in 1…65535.
    static Result<Uri> parse(std::string_view text);

    /// Takes apart what a person typed: spaces around it are dropped, `http://` is put before what
    /// has no scheme, what must not stand in a URI is percent-encoded as UTF-8, and a host name
    /// that is not ASCII is encoded for DNS (IDNA 2008, UTS #46). Then as parse().
    static Result<Uri> fromInput(std::string_view text);

    /// Resolves a reference (the value of a Location field, say) against this URI, RFC 3986 §5.2,
    /// dot segments removed. This URI's fragment goes on when the reference has none (RFC 9110
    /// §10.2.2). Spaces and other bytes that a server forgot to encode are encoded;
    /// `user:password@` goes on in a reference without a host, and is dropped from one with.
    Result<Uri> resolve(std::string_view reference) const;

    /// In lower case.
    const std::string& scheme() const noexcept { return parts_->scheme; }
    /// In lower case; IPv6 addresses without their brackets, and with `%zone` when they have one
    /// (RFC 6874).
    const std::string& host() const noexcept { return parts_->host; }
    /// As written, else the scheme's own: 80, 443, or 0 when the scheme is not known.
    std::uint16_t port() const noexcept { return parts_->port; }
    /// `user:password`, percent-encoded as written; empty when there is none.
    const std::string& userInfo() const noexcept { return parts_->userInfo; }
    /// Starts with `/`, or is empty.
    const std::string& path() const noexcept { return parts_->path; }
    /// With its `?`; empty when there is none.
    const std::string& query() const noexcept { return parts_->query; }
    /// With its `#`; empty when there is none.
    const std::string& fragment() const noexcept { return parts_->fragment; }

    /// The value of an Authorization field with userInfo()'s credentials (RFC 7617); empty when
    /// there is none.
    std::string basicCredentials() const;
    /// The same without userInfo().
    Uri withoutUserInfo() const;
    /// The same with `?query` instead of its own; without one when it is empty.
    Uri withQuery(std::string_view query) const;

    /// What a Host field says: the host, IPv6 in brackets and without its zone, and the port unless
    /// it is the scheme's.
    std::string authority() const;
    /// What a request line says: path and query, `/` for an empty path (origin form).
    std::string requestTarget() const;
    /// The whole, without userInfo().
    std::string toString() const;

    /// Whether scheme, host and port are the same: credentials may not go from one origin to
    /// another (RFC 6454).
    bool sameOrigin(const Uri& other) const noexcept;

    friend bool operator==(const Uri& a, const Uri& b) noexcept {
        return a.parts_ == b.parts_ || *a.parts_ == *b.parts_;
    }

private:
    struct Parts {
        std::string scheme;
        std::string userInfo;
        std::string host;
        std::string path;
        std::string query;
        std::string fragment;
        std::uint16_t port = 0;

        bool operator==(const Parts&) const = default;
    };

    explicit Uri(Parts parts) : parts_(std::make_shared<const Parts>(std::move(parts))) {}

    std::shared_ptr<const Parts> parts_;  // never null: what is moved is copied
};

}  // namespace marline
