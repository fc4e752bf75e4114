// Internal: not installed. Small files, read and written as a whole.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <marline/deferred/result.hpp>

namespace marline::detail {

/// What a file of a store may have: 64 MiB.
inline constexpr std::size_t kMaxStoreFileBytes = std::size_t{64} << 20;

/// Writes `text` to a file that only its owner can read, by way of a new one, so that it is never
/// half written. Throws std::system_error.
void writeWhole(const std::string& path, std::string_view text);

/// What the file at `path` has; `what` it is stands in errors. std::system_error when it cannot be
/// read, an Error when it has more than kMaxStoreFileBytes.
Result<std::string> readWhole(const std::string& path, std::string_view what);

}  // namespace marline::detail
