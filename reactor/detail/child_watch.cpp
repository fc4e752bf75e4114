#include <marline/reactor/detail/child_watch.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

// The C library's header does not say so itself (glibc 2.36).
extern "C" {
#include <sys/pidfd.h>
}

#include <marline/reactor/detail/health_watch.hpp>
#include <marline/reactor/detail/process_transport.hpp>
#include <marline/reactor/log.hpp>

namespace marline::detail {
namespace {

std::mutex abandonedMutex;
std::vector<pid_t>& abandoned() {
    static std::vector<pid_t> pids;
    return pids;
}

/// Reaps `pid` when it has ended. False while it runs.
bool reapNow(pid_t pid, ChildEnd& end) noexcept {
    siginfo_t info{};
    int result = 0;
    do {
        result = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        end = {};  // ECHILD: somebody else reaped it, or SIGCHLD is ignored
        return true;
    }
    if (info.si_pid == 0) {
        return false;
    }
    end.how = info.si_code == CLD_EXITED ? ChildEnd::How::Exited : ChildEnd::How::Killed;
    end.value = info.si_status;
    return true;
}

/// A pipe that comes to its end when the child does.
UniqueFd waitInThread(pid_t pid) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        throw std::system_error(errno, std::system_category(), "cannot wait for a child");
    }
    UniqueFd readEnd(ends[0]);
    UniqueFd writeEnd(ends[1]);
    std::thread([pid, end = std::move(writeEnd)] {
        siginfo_t info{};
        while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) != 0 &&
               errno == EINTR) {
        }
    }).detach();
    return readEnd;
}

/// A descriptor that is ready for reading when the child has ended.
UniqueFd openChild(pid_t pid) {
    UniqueFd fd(::pidfd_open(pid, 0));
    return fd ? std::move(fd) : waitInThread(pid);
}

}  // namespace

ChildWatch::ChildWatch(EventLoop& loop, pid_t pid, Ref<ProcessTransport> process)
    : LoopObject(loop), pid_(pid), fd_(openChild(pid)), event_(loop, fd_.get(), &ready, this),
      process_(std::move(process)) {
    event_.watch(EV_READ);
}

ChildWatch::~ChildWatch() = default;

void ChildWatch::ready(int, short, void* self) {
    auto& watch = *static_cast<ChildWatch*>(self);
    const ObjectCallback watched(watch);
    watch.reap();
}

bool ChildWatch::reap() {
    ChildEnd end;
    if (!reapNow(pid_, end)) {
        return false;
    }
    event_.watch(0);
    bury();
    std::exchange(process_, {})->reaped(end);
    return true;
}

bool ChildWatch::signal(int number) const noexcept { return ::kill(pid_, number) == 0; }

std::string ChildWatch::describe() const { return "the child process " + std::to_string(pid_); }

void ChildWatch::shutDown(const Failure& why) {
    if (reap()) {
        return;
    }
    event_.watch(0);
    bury();
    {
        const std::lock_guard lock(abandonedMutex);
        abandoned().push_back(pid_);
    }
    std::exchange(process_, {})->abandoned(why);
}

void reapAbandoned() {
    const std::lock_guard lock(abandonedMutex);
    std::erase_if(abandoned(), [](pid_t pid) {
        ChildEnd end;
        return reapNow(pid, end);
    });
}

}  // namespace marline::detail
