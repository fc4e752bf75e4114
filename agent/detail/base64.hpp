// Internal: not installed. Base64, and what Authorization carries in it.
#pragma once

#include <string>
#include <string_view>

namespace marline::detail {

/// RFC 4648 §4, with padding.
std::string base64(std::string_view bytes);

/// `Basic …` for `user:password` (RFC 7617).
std::string basicCredentials(std::string_view userAndPassword);

}  // namespace marline::detail
