// openDescriptors(): what this process holds open.
#pragma once

#include <map>
#include <string>

#include <marline/deferred/api.hpp>

namespace marline::testing {

/// Each open descriptor of the process with what it is (`socket:[4711]`, a path, …). Throws
/// std::filesystem::filesystem_error where there is no /proc.
MARLINE_API std::map<int, std::string> openDescriptors();

}  // namespace marline::testing
