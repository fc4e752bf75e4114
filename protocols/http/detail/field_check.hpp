// Internal: refuses what would not arrive as it was meant, with an error that names it.
#pragma once

#include <string>
#include <string_view>

namespace marline::http::detail {

/// Writes `text` in double quotes for an error message; bytes that cannot be printed as `\xNN`,
/// and no more than the first 64 bytes.
std::string quoted(std::string_view text);

/// Throws std::invalid_argument unless `name` is a token and `value` free of control characters.
void checkField(std::string_view name, std::string_view value);

}  // namespace marline::http::detail
