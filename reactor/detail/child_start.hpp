// Internal: not installed. Starts a program in a new process.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include <marline/reactor/process.hpp>

namespace marline::detail {

/// A descriptor of this process, and where the child is to find it.
struct FdMapping {
    int source;
    int target;
};

/// What is to be started.
struct ChildPlan {
    const std::string& executable;
    const std::vector<std::string>& args;
    const ProcessOptions& options;
    /// All descriptors of the child, by ascending target.
    std::vector<FdMapping> fds;
    /// Descriptor 0 becomes the controlling terminal of a new session.
    bool leadsSession = false;
};

/// Starts it and gives its process id once the program runs. Throws SpawnError, and leaves nothing
/// behind, when it cannot.
///
/// The child shares this process's memory until it runs the program, and this thread waits for that
/// (as vfork() does): no page table is copied, and the child says what failed by writing it down.
/// Every descriptor that is not in `fds` is closed in it, no signal is ignored or blocked.
pid_t startChild(const ChildPlan& plan);

}  // namespace marline::detail
