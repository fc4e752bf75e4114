// Internal: not installed. The page that lists a folder.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <marline/reactor/unique_fd.hpp>

namespace marline::http::detail {

/// A page of HTML that lists the folder: folders first, then files with size and time, by name.
/// Broken links are left out (Twisted: Z-25), and hidden files unless `hidden`. `path` is that of
/// the request, decoded, and ends with a slash. Throws std::system_error when the folder cannot be
/// read.
std::string directoryPage(UniqueFd folder, std::string_view path, bool hidden, std::size_t max);

/// `812 B`, `1.2 KiB`, `34 MiB`.
std::string readableSize(std::uint64_t bytes);

/// `text` percent-encoded as one segment of a path.
std::string encodeSegment(std::string_view text);

}  // namespace marline::http::detail
