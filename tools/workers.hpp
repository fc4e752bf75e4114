// Several processes that do the same.
#pragma once

#include <functional>

namespace tools {

/// Runs `work` in `count` child processes, and gives the exit status: 0 when all of them ended
/// well. SIGTERM, SIGINT and SIGHUP go on to them. When one ends by itself the others are
/// terminated, for whoever supervises this process to start it anew. The children end with it. To
/// be called before there are threads. Throws std::system_error when one cannot be started.
int runWorkers(unsigned count, const std::function<int()>& work);

}  // namespace tools
