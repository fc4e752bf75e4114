// Internal: not installed. Reads a Set-Cookie field.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <marline/protocols/http/cookie.hpp>
#include <marline/protocols/http/http_date.hpp>

namespace marline::detail {

/// What a Set-Cookie field says (RFC 6265bis §5.6); attributes that were not given are empty.
struct SetCookie {
    std::string name;
    std::string value;
    std::optional<std::string> domain;  // without its leading dot, in lower case
    std::optional<std::string> path;    // starts with a slash
    std::optional<http::HttpTime> expires;
    std::optional<std::chrono::seconds> maxAge;  // zero: it ends now
    bool secure = false;
    bool httpOnly = false;
    http::SameSite sameSite = http::SameSite::Default;
};

/// Bytes of name and value together (RFC 6265bis §5.6).
inline constexpr std::size_t kMaxCookieBytes = 4096;

/// Whether a name or a value could have come in a field: no semicolon, no control characters.
bool isCookieText(std::string_view text) noexcept;

/// Whether a text can be a cookie's domain: none that a file takes for a comment, or a flag.
bool isCookieDomain(std::string_view text) noexcept;

/// The last second of the year 9999; files that say more say this.
inline constexpr std::chrono::seconds kLastExpiry{253402300799};

/// Nothing for a field that is to be ignored as a whole.
std::optional<SetCookie> parseSetCookie(std::string_view text);

/// The date of an Expires attribute: looser than HTTP's dates (RFC 6265bis §5.1.1).
std::optional<http::HttpTime> parseCookieDate(std::string_view text);

/// Whether `host` is `domain`, or a name below it and no address (RFC 6265bis §5.1.3).
bool domainMatches(std::string_view host, std::string_view domain) noexcept;

/// Whether a request for `path` gets the cookies of `cookiePath` (RFC 6265bis §5.1.4).
bool pathMatches(std::string_view path, std::string_view cookiePath) noexcept;

/// The path of a cookie that names none (RFC 6265bis §5.1.4).
std::string defaultCookiePath(std::string_view path);

/// Whether cookies must not be set for `domain`, since its names belong to different people.
bool isPublicSuffix(std::string domain);

}  // namespace marline::detail
