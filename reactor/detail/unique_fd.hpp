// Internal: not installed. UniqueFd by the name that it has in here.
#pragma once

#include <marline/reactor/unique_fd.hpp>

namespace marline::detail {

using marline::UniqueFd;

}  // namespace marline::detail
