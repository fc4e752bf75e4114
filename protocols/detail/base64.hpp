// Internal: not installed. Base64 (RFC 4648 §4), read strictly: one text for one value.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <marline/deferred/api.hpp>

namespace marline::detail {

/// With padding.
MARLINE_API std::string encodeBase64(std::string_view bytes);

/// Nothing for what is no base64: other characters, wrong padding, bits that mean nothing.
MARLINE_API std::optional<std::string> decodeBase64(std::string_view text);

}  // namespace marline::detail
