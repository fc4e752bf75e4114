// Internal: not installed. SIGINT and SIGTERM while a reactor runs.
#pragma once

#include <csignal>

namespace marline::detail {

/// While it lives, SIGINT and SIGTERM are noted and wake the loop behind `wakeFd`. Only one at a
/// time in a process does so; further ones do nothing. SIGINT is left to a program that handles it.
class StopSignals {
public:
    explicit StopSignals(int wakeFd) noexcept;
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;
    ~StopSignals();

    /// The signal that came since the last call, or 0.
    int take() noexcept;

private:
    bool active_ = false;
    bool tookInterrupt_ = false;
    struct sigaction oldInterrupt_{};
    struct sigaction oldTerminate_{};
};

/// For what writes without MSG_NOSIGNAL; a program that has its own mind about SIGPIPE keeps it.
void ignoreSigpipe() noexcept;

}  // namespace marline::detail
