// Internal: not installed. Opens files below a folder, and never beside it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <marline/reactor/unique_fd.hpp>

namespace marline::http::detail {

/// Opens `path` for reading, relative to the folder `root`, where no `..` and no symbolic link may
/// lead out. None, with errno set, when it cannot; EXDEV for what would lead out. A system without
/// openat2() follows no links at all.
UniqueFd openBeneath(int root, const std::string& path) noexcept;
/// As on a system without openat2().
UniqueFd openWithoutLinks(int root, std::string_view path) noexcept;

/// The path of decoded segments; false when one of them is empty, `.` or `..`, has a slash or NUL,
/// or is not UTF-8. A segment that begins with a dot is hidden, but for `.well-known` (RFC 8615),
/// and taken only when `hidden` is.
bool joinSegments(std::span<const std::string> segments, bool hidden, std::string& path);
/// True for the name of a hidden file.
bool isHidden(std::string_view name) noexcept;

}  // namespace marline::http::detail
