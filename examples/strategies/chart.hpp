// Costs as a bar chart in SVG.
#pragma once

#include <string>
#include <vector>

#include "measure.hpp"

namespace strategies {

/// A panel for each of wall time, CPU, memory and threads, with a bar for each strategy.
std::string chart(const std::vector<Cost>& costs);

}  // namespace strategies
