#include <marline/reactor/detail/process_transport.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <sys/wait.h>

#include <marline/reactor/detail/guard.hpp>
#include <marline/reactor/detail/socket.hpp>

namespace marline::detail {
namespace {

/// What P-8 names, and the other ones that one sends to a program.
int signalNamed(std::string_view name) {
    struct Named {
        std::string_view name;
        int number;
    };
    constexpr std::array<Named, 9> kSignals{{{"HUP", SIGHUP},
                                             {"INT", SIGINT},
                                             {"QUIT", SIGQUIT},
                                             {"KILL", SIGKILL},
                                             {"USR1", SIGUSR1},
                                             {"USR2", SIGUSR2},
                                             {"TERM", SIGTERM},
                                             {"CONT", SIGCONT},
                                             {"STOP", SIGSTOP}}};
    std::string_view wanted = name;
    if (wanted.starts_with("SIG")) {
        wanted.remove_prefix(3);
    }
    for (const Named& signal : kSignals) {
        if (signal.name == wanted) {
            return signal.number;
        }
    }
    throw std::invalid_argument("signalProcess(" + std::string(name) + "): no such signal");
}

[[noreturn]] void noSuchPipe(const char* call, int childFd, const char* what) {
    throw std::out_of_range(std::string(call) + "(" + std::to_string(childFd) + "): " + what +
                            " (ProcessOptions::childFds)");
}

}  // namespace

ProcessTransport::ProcessTransport(Ref<IProcessProtocol> protocol, std::string executable)
    : protocol_(std::move(protocol)), executable_(std::move(executable)) {}

void ProcessTransport::start(EventLoop& loop, pid_t pid, std::vector<ParentEnd> ends) {
    try {
        watch_ = new ChildWatch(loop, pid, Ref(this));
    } catch (const std::system_error& error) {
        ::kill(pid, SIGKILL);
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
        }
        throw SpawnError("cannot watch " + executable_ + ", which was killed", error.code());
    }
    pid_ = pid;
    for (ParentEnd& end : ends) {
        terminal_ = end.way == ChildPipe::Way::Both;
        pipes_[end.childFd] =
            new ChildPipe(loop, std::move(end.fd), end.childFd, end.way, Ref(this));
        ++openPipes_;
    }
    guard("makeConnection of a process", [this] { protocol_->makeConnection(*this); });
}

// What the child is told.

/// The pipe to the standard input, or the terminal; null when there is none (any more).
ChildPipe* ProcessTransport::input() const noexcept {
    const auto found = pipes_.find(terminal_ ? 1 : 0);
    const bool open = found != pipes_.end() && found->second != nullptr;
    return open && found->second->way() != ChildPipe::Way::Read ? found->second : nullptr;
}

void ProcessTransport::write(std::span<const std::byte> data) {
    if (ChildPipe* pipe = input()) {
        pipe->write(data);
    }
}

void ProcessTransport::writeToChild(int childFd, std::span<const std::byte> data) {
    const auto found = terminal_ && childFd == 0 ? pipes_.find(1) : pipes_.find(childFd);
    if (found == pipes_.end()) {
        noSuchPipe("writeToChild", childFd, "not a pipe to the child");
    }
    if (found->second == nullptr) {
        return;
    }
    if (found->second->way() == ChildPipe::Way::Read) {
        noSuchPipe("writeToChild", childFd, "the child writes there, it does not read");
    }
    found->second->write(data);
}

void ProcessTransport::closeChildFd(int childFd) {
    const auto found = pipes_.find(childFd);
    if (found == pipes_.end()) {
        noSuchPipe("closeChildFd", childFd, "not a pipe to the child");
    }
    if (found->second != nullptr) {
        found->second->loseConnection();
    }
}

void ProcessTransport::closeStream(int childFd) {
    if (!terminal_ && pipes_.contains(childFd)) {
        closeChildFd(childFd);
    }
}

void ProcessTransport::closeStdin() { closeStream(0); }
void ProcessTransport::closeStdout() { closeStream(1); }
void ProcessTransport::closeStderr() { closeStream(2); }

void ProcessTransport::loseConnection() {
    for (const auto& [childFd, pipe] : pipes_) {
        if (pipe != nullptr) {
            pipe->loseConnection();
        }
    }
}

void ProcessTransport::signalProcess(int signal) {
    if (signal < 1 || signal >= NSIG) {
        throw std::invalid_argument("signalProcess(" + std::to_string(signal) +
                                    "): no such signal");
    }
    if (watch_ == nullptr) {
        throw ProcessExitedAlready("cannot signal " + executable_ + ": it has exited");
    }
    if (!watch_->signal(signal)) {
        const std::error_code why = lastError(errno);
        throw ProcessExitedAlready("cannot signal " + executable_ + ": " + why.message());
    }
}

void ProcessTransport::signalProcess(std::string_view name) { signalProcess(signalNamed(name)); }

void ProcessTransport::pauseProducing() {
    for (const auto& [childFd, pipe] : pipes_) {
        if (pipe != nullptr && pipe->way() != ChildPipe::Way::Write) {
            pipe->pauseProducing();
        }
    }
}

void ProcessTransport::resumeProducing() {
    for (const auto& [childFd, pipe] : pipes_) {
        if (pipe != nullptr && pipe->way() != ChildPipe::Way::Write) {
            pipe->resumeProducing();
        }
    }
}

void ProcessTransport::registerProducer(IProducer& producer, Producing mode) {
    if (ChildPipe* pipe = input()) {
        pipe->registerProducer(producer, mode);
    } else {
        producer.stopProducing();
    }
}

std::size_t ProcessTransport::bytesBuffered() const noexcept {
    const ChildPipe* pipe = input();
    return pipe != nullptr ? pipe->bytesBuffered() : 0;
}

void ProcessTransport::unregisterProducer() {
    if (ChildPipe* pipe = input()) {
        pipe->unregisterProducer();
    }
}

// What the child does.

bool ProcessTransport::received(int childFd, std::span<const std::byte> data) {
    bool well = false;
    guard("childDataReceived", [&] {
        protocol_->childDataReceived(childFd, data);
        well = true;
    });
    return well;
}

void ProcessTransport::pipeLost(int childFd) {
    pipes_[childFd] = nullptr;
    --openPipes_;
    guard("childConnectionLost", [&] { protocol_->childConnectionLost(childFd); });
    endWhenAllIsOver();
}

void ProcessTransport::reaped(const ChildEnd& end) {
    watch_ = nullptr;
    pid_.reset();
    reason_ = reasonOf(end);
    guard("processExited", [this] { protocol_->processExited(*reason_); });
    endWhenAllIsOver();
}

void ProcessTransport::abandoned(const Failure& why) {
    watch_ = nullptr;
    pid_.reset();
    reason_ = why;
    endWhenAllIsOver();
}

void ProcessTransport::endWhenAllIsOver() {
    if (!reason_ || openPipes_ > 0 || !protocol_) {
        return;
    }
    const Ref<IProcessProtocol> protocol = std::exchange(protocol_, {});
    guard("processEnded", [&] { protocol->processEnded(*reason_); });
}

Failure ProcessTransport::reasonOf(const ChildEnd& end) const {
    switch (end.how) {
    case ChildEnd::How::Exited:
        if (end.value == 0) {
            return ProcessDone(executable_);
        }
        return ProcessTerminated(executable_ + " exited with code " + std::to_string(end.value),
                                 end.value, std::nullopt);
    case ChildEnd::How::Killed: {
        const char* name = ::sigabbrev_np(end.value);
        return ProcessTerminated(executable_ + " was ended by signal " + std::to_string(end.value) +
                                     (name != nullptr ? std::string(" (SIG") + name + ")" : ""),
                                 std::nullopt, end.value);
    }
    case ChildEnd::How::Unknown: break;
    }
    return ProcessTerminated(executable_ +
                                 " ended, and its status was lost: SIGCHLD is ignored, or "
                                 "something else in this program waits for all children",
                             std::nullopt, std::nullopt);
}

}  // namespace marline::detail
