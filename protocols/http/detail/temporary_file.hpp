// Internal: not installed. Files without a name, and whole reads and writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <marline/reactor/unique_fd.hpp>

namespace marline::http::detail {

/// A file for reading and writing that no other process sees and that goes with its descriptor, in
/// `folder`, or in the system's folder for temporary files when that is empty. Throws
/// std::system_error.
UniqueFd temporaryFile(const std::string& folder);

/// Writes all of `data`. Throws std::system_error.
void writeAll(int fd, std::string_view data);

/// Reads up to `size` bytes from `offset` on, at least one. Throws std::system_error, also at the
/// file's end: it was cut meanwhile.
std::size_t readAt(int fd, char* to, std::size_t size, std::uint64_t offset);

}  // namespace marline::http::detail
