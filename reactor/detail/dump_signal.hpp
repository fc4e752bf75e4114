// Internal: not installed. The signal that asks a reactor how it is.
#pragma once

#include <csignal>

namespace marline::detail {

/// While it lives, `signal` is noted and wakes the loop behind `wakeFd`. One at a time in a
/// process.
class DumpSignal {
public:
    /// Throws std::logic_error when there is one already, and std::system_error when the system
    /// does not let the signal be handled.
    DumpSignal(int signal, int wakeFd);
    DumpSignal(const DumpSignal&) = delete;
    DumpSignal& operator=(const DumpSignal&) = delete;
    ~DumpSignal();

    /// True when the signal came since the last call.
    bool take() noexcept;

private:
    int signal_;
    struct sigaction before_{};
};

}  // namespace marline::detail
