// Internal: places in the source, in words.
#pragma once

#include <source_location>
#include <string>

namespace marline::detail {

/// `file:line`.
std::string fileAndLine(const std::source_location& site);

/// `file:line (function)`.
std::string describeSite(const std::source_location& site);

}  // namespace marline::detail
