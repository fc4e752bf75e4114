// The two protocol versions that the HTTP/1 wire engine speaks.
#pragma once

#include <cstdint>
#include <string_view>

namespace marline::http {

/// A version of HTTP/1 (RFC 9112 §2.3); every other version is refused while parsing.
enum class Version : std::uint8_t { Http10, Http11 };

/// Gives the version as it stands on the wire: `HTTP/1.0` or `HTTP/1.1`.
constexpr std::string_view versionText(Version version) noexcept {
    return version == Version::Http10 ? "HTTP/1.0" : "HTTP/1.1";
}

}  // namespace marline::http
