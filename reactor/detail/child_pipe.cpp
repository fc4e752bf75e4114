#include <marline/reactor/detail/child_pipe.hpp>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <pthread.h>
#include <unistd.h>

#include <marline/reactor/detail/guard.hpp>
#include <marline/reactor/detail/health_watch.hpp>
#include <marline/reactor/detail/process_transport.hpp>
#include <marline/reactor/log.hpp>

namespace marline::detail {
namespace {

// Reads in a row, so that one noisy child does not starve the others.
constexpr int kReadsPerTurn = 4;
// A push producer that has this much waiting is asked to pause (Twisted: X-35).
constexpr std::size_t kHighWater = 64 * 1024;

/// write() without the SIGPIPE that comes with EPIPE: pipes have no MSG_NOSIGNAL, and what a
/// program does about the signal is its own business.
ssize_t writeQuietly(int fd, const void* data, std::size_t size) noexcept {
    sigset_t pipe;
    sigset_t before;
    sigset_t pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    const ssize_t took = ::write(fd, data, size);
    const int error = errno;
    if (took < 0 && error == EPIPE && sigismember(&pending, SIGPIPE) == 0) {
        const timespec now{};
        while (sigtimedwait(&pipe, nullptr, &now) < 0 && errno == EINTR) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return took;
}

}  // namespace

ChildPipe::ChildPipe(EventLoop& loop, UniqueFd fd, int childFd, Way way,
                     Ref<ProcessTransport> process)
    : LoopObject(loop), fd_(std::move(fd)), event_(loop, fd_.get(), &ready, this),
      childFd_(childFd), way_(way), reading_(way != Way::Write), process_(std::move(process)) {
    watch();
}

ChildPipe::~ChildPipe() = default;

void ChildPipe::watch() noexcept {
    short interest = 0;
    // A pipe that is only written is never ready for reading, but reports so the other end's close.
    if (way_ == Way::Write || (reading_ && !closing_)) {
        interest |= EV_READ;
    }
    if (blocked_) {
        interest |= EV_WRITE;
    }
    try {
        event_.watch(interest);
    } catch (const std::system_error& error) {
        log(LogLevel::Error, std::string("a child's pipe is closed: ") + error.what());
        broken_ = true;
        attend();
    }
}

// Events.

void ChildPipe::ready(int, short what, void* self) {
    auto& pipe = *static_cast<ChildPipe*>(self);
    const ObjectCallback watched(pipe);
    if ((what & EV_WRITE) != 0) {
        pipe.blocked_ = false;
        pipe.flush();
    }
    if ((what & EV_READ) != 0 && pipe.process_) {
        if (pipe.way_ == Way::Write) {
            pipe.lose();
        } else {
            pipe.readReady();
        }
    }
}

void ChildPipe::readReady() {
    const std::span<std::byte> buffer = loop().readBuffer();
    for (int i = 0; i < kReadsPerTurn && reading_ && !closing_; ++i) {
        const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
        if (got > 0) {
            if (!process_->received(childFd_, buffer.first(static_cast<std::size_t>(got)))) {
                lose();
                return;
            }
        } else if (got < 0 && errno == EINTR) {
            continue;
        } else if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return;
        } else {
            lose();  // the end; a terminal without a user says EIO
            return;
        }
    }
}

void ChildPipe::endOfTurn() {
    if (broken_) {
        lose();
    } else if (process_ && !blocked_) {
        flush();
    }
}

void ChildPipe::lose() {
    const Ref<ProcessTransport> process = std::exchange(process_, {});
    if (!process) {
        return;
    }
    event_.watch(0);
    fd_.reset();
    out_.reset();
    bury();
    if (IProducer* producer = std::exchange(producer_, nullptr)) {
        guard("stopProducing", [&] { producer->stopProducing(); });
    }
    process->pipeLost(childFd_);
}

std::string ChildPipe::describe() const {
    return "a pipe to a child's descriptor " + std::to_string(childFd_) + ", " +
           std::to_string(out_ != nullptr ? out_->bytes.size() - out_->sent : 0) +
           " bytes to be sent";
}

void ChildPipe::shutDown(const Failure&) { lose(); }

// Writing.

void ChildPipe::write(std::span<const std::byte> data) {
    if (!process_ || data.empty()) {
        return;
    }
    if (out_ == nullptr) {
        out_ = loop().takeBuffer();
    }
    out_->bytes.append(reinterpret_cast<const char*>(data.data()), data.size());
    if (producer_ != nullptr && producing_ == Producing::Push && !producerPaused_ &&
        out_->bytes.size() - out_->sent > kHighWater) {
        producerPaused_ = true;
        producer_->pauseProducing();
    }
    if (!blocked_) {
        attend();
    }
}

void ChildPipe::flush() {
    if (sendAll()) {
        drained();
    }
    if (process_) {
        watch();
    }
}

/// Sends what waits. False when the kernel does not take it all, or the pipe is lost.
bool ChildPipe::sendAll() {
    while (out_ != nullptr) {
        const ssize_t took = writeQuietly(fd_.get(), out_->bytes.data() + out_->sent,
                                          out_->bytes.size() - out_->sent);
        if (took >= 0) {
            out_->sent += static_cast<std::size_t>(took);
            if (out_->sent == out_->bytes.size()) {
                loop().giveBuffer(std::move(out_));
            }
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            blocked_ = true;
            return false;
        } else if (errno != EINTR) {
            lose();
            return false;
        }
    }
    return true;
}

/// Everything is sent: what waited for that goes on. A producer that writes gets its next turn.
void ChildPipe::drained() {
    if (producer_ != nullptr && (producing_ == Producing::Pull || producerPaused_)) {
        producerPaused_ = false;
        guard("resumeProducing", [this] { producer_->resumeProducing(); });
        if (out_ != nullptr) {
            attend();
        }
        if (out_ != nullptr || producer_ != nullptr) {
            return;
        }
    }
    if (closing_ && (producer_ == nullptr || producing_ == Producing::Push)) {
        lose();
    }
}

void ChildPipe::loseConnection() {
    if (!closing_ && process_) {
        closing_ = true;
        watch();
        attend();
    }
}

// Back-pressure.

void ChildPipe::pauseProducing() {
    if (process_) {
        reading_ = false;
        watch();
    }
}

void ChildPipe::resumeProducing() {
    if (process_) {
        reading_ = way_ != Way::Write;
        watch();
    }
}

void ChildPipe::registerProducer(IProducer& producer, Producing mode) {
    if (producer_ != nullptr) {
        throw std::logic_error("a producer is registered already; unregister it first");
    }
    if (!process_) {
        producer.stopProducing();
        return;
    }
    producer_ = &producer;
    producing_ = mode;
    producerPaused_ = false;
    if (mode == Producing::Pull) {
        producer.resumeProducing();
    }
}

void ChildPipe::unregisterProducer() {
    producer_ = nullptr;
    if (process_ && !blocked_) {
        attend();
    }
}

}  // namespace marline::detail
