#include "workers.hpp"

#include <algorithm>
#include <cerrno>
#include <iostream>
#include <system_error>
#include <vector>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

namespace tools {
namespace {

/// Blocks the signals that the parent waits for, and gives them back to a child.
class WaitedSignals {
public:
    WaitedSignals() {
        sigemptyset(&set_);
        for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) {
            sigaddset(&set_, signal);
        }
        sigprocmask(SIG_BLOCK, &set_, &before_);
    }
    WaitedSignals(const WaitedSignals&) = delete;
    WaitedSignals& operator=(const WaitedSignals&) = delete;
    ~WaitedSignals() { restore(); }

    void restore() const { sigprocmask(SIG_SETMASK, &before_, nullptr); }
    int wait() const {
        int signal = 0;
        sigwait(&set_, &signal);
        return signal;
    }

private:
    sigset_t set_{};
    sigset_t before_{};
};

void tell(const std::vector<pid_t>& children, int signal) {
    for (const pid_t child : children) {
        ::kill(child, signal);
    }
}

/// Starts one child, which never returns from here.
pid_t start(const WaitedSignals& signals, const std::function<int()>& work) {
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) {
        throw std::system_error(errno, std::system_category(), "start a worker");
    }
    if (child > 0) {
        return child;
    }
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) {
        std::_Exit(1);
    }
    signals.restore();
    std::exit(work());
}

/// Collects the children that have ended; true when all of them ended well.
bool collect(std::vector<pid_t>& children) {
    bool well = true;
    int status = 0;
    for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) {
        std::erase(children, ended);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            well = false;
            std::cerr << "marline: worker " << ended << " has failed\n";
        }
    }
    return well;
}

}  // namespace

int runWorkers(unsigned count, const std::function<int()>& work) {
    const WaitedSignals signals;
    std::vector<pid_t> children;
    try {
        for (unsigned i = 0; i < count; ++i) {
            children.push_back(start(signals, work));
        }
    } catch (...) {
        tell(children, SIGTERM);
        throw;
    }
    int result = 0;
    bool ending = false;
    while (!children.empty()) {
        const int signal = signals.wait();
        if (signal != SIGCHLD) {
            ending = ending || signal != SIGHUP;
            tell(children, signal);
            continue;
        }
        const std::size_t before = children.size();
        if (!collect(children)) {
            result = 1;
        }
        if (children.size() < before && !ending) {
            ending = true;
            result = 1;
            tell(children, SIGTERM);
        }
    }
    return result;
}

}  // namespace tools
