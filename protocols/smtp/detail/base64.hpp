// Internal: not installed. Base64 (RFC 4648 §4), as AUTH carries it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace marline::smtp::detail {

std::string encodeBase64(std::string_view bytes);

/// Nothing for what is no base64: other characters, wrong padding, bits that mean nothing.
std::optional<std::string> decodeBase64(std::string_view text);

}  // namespace marline::smtp::detail
