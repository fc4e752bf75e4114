#include <marline/reactor/process.hpp>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <marline/reactor/detail/child_start.hpp>
#include <marline/reactor/detail/process_transport.hpp>
#include <marline/reactor/detail/reactor_parts.hpp>
#include <marline/reactor/detail/socket.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline {
namespace {

using detail::ChildPipe;
using detail::UniqueFd;

ChildFd::Kind kindOf(char direction) {
    switch (direction) {
    case 'r': return ChildFd::Kind::Read;
    case 'w': return ChildFd::Kind::Write;
    default: break;
    }
    throw std::invalid_argument(std::string("a child's descriptor is 'r', 'w' or a number, not '") +
                                direction + "'");
}

/// Both sides of what a child is to have.
struct Ends {
    std::vector<detail::ParentEnd> parents;
    std::vector<detail::FdMapping> childs;
    std::vector<UniqueFd> owned;  // the child's, to be closed here once it runs
};

[[noreturn]] void noDescriptors(const std::string& executable, const char* what) {
    throw SpawnError("cannot run " + executable + " (" + what + ")", detail::lastError(errno));
}

void makeNonBlocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

Ends openPipes(const std::string& executable, const ChildFds& wanted) {
    Ends ends;
    for (const auto& [childFd, what] : wanted) {
        if (childFd < 0) {
            throw std::invalid_argument("spawnProcess(" + executable + "): a child's descriptor " +
                                        std::to_string(childFd));
        }
        if (what.kind() == ChildFd::Kind::Inherit) {
            ends.childs.push_back({what.fd(), childFd});
            continue;
        }
        int pipe[2];
        if (::pipe2(pipe, O_CLOEXEC) != 0) {
            noDescriptors(executable, "no pipes");
        }
        UniqueFd readEnd(pipe[0]);
        UniqueFd writeEnd(pipe[1]);
        const bool reads = what.kind() == ChildFd::Kind::Read;
        UniqueFd& ours = reads ? readEnd : writeEnd;
        UniqueFd& theirs = reads ? writeEnd : readEnd;
        makeNonBlocking(ours.get());
        ends.childs.push_back({theirs.get(), childFd});
        ends.owned.push_back(std::move(theirs));
        ends.parents.push_back(
            {childFd, reads ? ChildPipe::Way::Read : ChildPipe::Way::Write, std::move(ours)});
    }
    return ends;
}

Ends openTerminal(const std::string& executable) {
    constexpr std::size_t kName = 64;
    char name[kName];
    UniqueFd ours(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!ours || ::grantpt(ours.get()) != 0 || ::unlockpt(ours.get()) != 0 ||
        ::ptsname_r(ours.get(), name, kName) != 0) {
        noDescriptors(executable, "no terminal");
    }
    UniqueFd theirs(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!theirs) {
        noDescriptors(executable, "no terminal");
    }
    makeNonBlocking(ours.get());
    Ends ends;
    for (int childFd = 0; childFd <= 2; ++childFd) {
        ends.childs.push_back({theirs.get(), childFd});
    }
    ends.owned.push_back(std::move(theirs));
    ends.parents.push_back({1, ChildPipe::Way::Both, std::move(ours)});
    return ends;
}

}  // namespace

ChildFd::ChildFd(char direction) : kind_(kindOf(direction)) {}

ChildFd::ChildFd(int fd) : kind_(Kind::Inherit), fd_(fd) {
    if (fd < 0) {
        throw std::invalid_argument("a child cannot inherit descriptor " + std::to_string(fd));
    }
}

Ref<IProcessTransport> Reactor::spawnProcess(Ref<IProcessProtocol> protocol,
                                             const std::string& executable,
                                             const std::vector<std::string>& args,
                                             const ProcessOptions& options,
                                             std::source_location where) {
    if (parts_->thread != std::this_thread::get_id()) {
        throw WrongThread(
            "spawnProcess() on another thread than the reactor's; use "
            "callFromThread()");
    }
    if (parts_->state == Parts::State::Closing || parts_->state == Parts::State::Dying) {
        throw ReactorNotRunning("spawnProcess(" + executable +
                                ") on a reactor that closes everything");
    }
    if (options.usePty && options.childFds) {
        throw std::invalid_argument("spawnProcess(" + executable +
                                    "): ProcessOptions::usePty and childFds exclude each other");
    }
    static const ChildFds kUsual = {{0, 'w'}, {1, 'r'}, {2, 'r'}};
    detail::reapAbandoned();
    Ends ends = options.usePty ? openTerminal(executable)
                               : openPipes(executable, options.childFds.value_or(kUsual));
    const detail::SiteScope site(parts_->loop, where);
    auto process = makeRef<detail::ProcessTransport>(std::move(protocol), executable);
    const pid_t pid =
        detail::startChild({executable, args, options, std::move(ends.childs), options.usePty});
    ends.owned.clear();
    process->start(parts_->loop, pid, std::move(ends.parents));
    return process;
}

}  // namespace marline
