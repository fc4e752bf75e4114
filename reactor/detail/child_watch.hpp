// Internal: not installed. Waits for the end of a child.
#pragma once

#include <string>

#include <sys/types.h>

#include <marline/deferred/ref.hpp>
#include <marline/reactor/detail/event_loop.hpp>
#include <marline/reactor/detail/unique_fd.hpp>

namespace marline::detail {

class ProcessTransport;

/// How a child ended, as wait() tells it.
struct ChildEnd {
    enum class How : unsigned char { Exited, Killed, Unknown };

    How how = How::Unknown;
    int value = 0;  // the exit code or the signal
};

/// Waits for one child's end and reaps it. No SIGCHLD: the kernel's pidfd says when; where there is
/// none (before Linux 5.3, or forbidden by a sandbox) a thread that waits does.
class ChildWatch final : public LoopObject {
public:
    ChildWatch(EventLoop& loop, pid_t pid, Ref<ProcessTransport> process);

    /// Sends a signal; false when the child has gone.
    bool signal(int number) const noexcept;

    void endOfTurn() override {}
    /// Leaves the child to reapAbandoned().
    void shutDown(const Failure& why) override;
    std::string describe() const override;

private:
    ~ChildWatch() override;

    static void ready(int fd, short what, void* self);
    bool reap();

    pid_t pid_;
    UniqueFd fd_;
    FdEvent event_;
    Ref<ProcessTransport> process_;
};

/// Reaps those children that outlived their reactor and have ended since: no zombie stays when more
/// are started. Thread-safe.
void reapAbandoned();

}  // namespace marline::detail
