// Internal: not installed. The parts of a request target.
#pragma once

#include <string>
#include <string_view>

namespace marline::http::detail {

/// The path of a target in origin or absolute form, without the query: `/` when an absolute one
/// has none; other targets as they are.
std::string_view pathOf(std::string_view target) noexcept;

/// What stands behind the first `?`; empty without one.
std::string_view queryOf(std::string_view target) noexcept;

/// Appends `text` percent-decoded; a `%` without two hexadecimal digits stays as it is.
void appendDecoded(std::string& out, std::string_view text);

}  // namespace marline::http::detail
