// Cookie: what a server asks a client to keep (RFC 6265).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <marline/deferred/api.hpp>

namespace marline::http {

/// Whether a cookie goes along with requests that other sites make. `Default` says nothing, which
/// browsers take as Lax.
enum class SameSite : std::uint8_t { Default, Lax, Strict, None };

/// A cookie to set (Twisted: the arguments of `addCookie`). Without `maxAge` it lives as long as
/// the browser's session; one of zero removes it.
struct Cookie {
    std::string name;
    std::string value = {};
    std::string path = {};    ///< Empty: the path of the request, up to its last slash.
    std::string domain = {};  ///< Empty: this host only.
    std::optional<std::chrono::seconds> maxAge = {};
    bool secure = false;    ///< To go over TLS only.
    bool httpOnly = false;  ///< Not for scripts.
    SameSite sameSite = SameSite::Default;
};

/// The value of its Set-Cookie field. Line ends and semicolons in it become spaces (Twisted: Q-5).
/// Throws std::invalid_argument for a name that is no token, and for SameSite::None without
/// `secure`, which browsers refuse.
MARLINE_API std::string formatCookie(const Cookie& cookie);

/// The value of the first cookie called `name` in a Cookie field, as sent; browsers put the one
/// with the longest path first. What has no `=` is passed over (Twisted: Q-4).
MARLINE_API std::optional<std::string_view> findCookie(std::string_view field,
                                                       std::string_view name) noexcept;

}  // namespace marline::http
