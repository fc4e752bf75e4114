#include <marline/reactor/detail/pipe_connection.hpp>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

namespace marline::detail {
namespace {

[[noreturn]] void refuse(int fd) {
    throw std::system_error(lastError(errno), "cannot connect descriptor " + std::to_string(fd));
}

void setNonBlocking(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        refuse(fd);
    }
}

/// What libevent would find out loudly.
bool canWaitFor(int fd) {
    const UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{};
    return !epoll || ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0 || errno != EPERM;
}

/// Closes it; /dev/null takes the place of standard input and output.
void close(UniqueFd& fd) noexcept {
    if (fd && fd.get() <= STDERR_FILENO) {
        const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
        if (null && ::dup2(null.get(), fd.get()) >= 0) {
            fd.release();
        }
    }
    fd.reset();
}

}  // namespace

BorrowedMode::BorrowedMode(int fd) : flags_(::fcntl(fd, F_GETFL)), waits_(true) {
    if (flags_ < 0) {
        refuse(fd);
    }
    waits_ = canWaitFor(fd);
}

void BorrowedMode::giveBack(int fd) const noexcept {
    if (fd >= 0) {
        ::fcntl(fd, F_SETFL, flags_);
    }
}

PipeConnection::PipeConnection(EventLoop& loop, UniqueFd in, UniqueFd out, Ref<IProtocol> protocol)
    : StreamConnection(loop, std::move(in), Address{}, std::move(protocol), nullptr), inMode_(fd()),
      outMode_(out.get()), out_(std::move(out)),
      writer_(loop, out_.get(), &StreamConnection::ready, static_cast<StreamConnection*>(this)) {
    setNonBlocking(fd());
    setNonBlocking(out_.get());
}

PipeConnection::~PipeConnection() = default;

ssize_t PipeConnection::receive(std::span<std::byte> buffer) {
    return ::read(fd(), buffer.data(), buffer.size());
}

void PipeConnection::peerEnded() {
    if (protocol()->wantsHalfClose()) {
        StreamConnection::peerEnded();
    } else {
        // The two are not one stream: what a filter has written is wanted though its input has
        // ended.
        loseConnection();
    }
}

ssize_t PipeConnection::transmit(std::span<iovec> parts) {
    return ::writev(out_.get(), parts.data(), static_cast<int>(parts.size()));
}

void PipeConnection::setInterest(short interest) {
    const auto of = [interest](short what, bool wanted) {
        return static_cast<short>(wanted ? interest & what : 0);
    };
    StreamConnection::setInterest(of(EV_READ, inMode_.waits()));
    writer_.watch(of(EV_WRITE, outMode_.waits()));
    interest_ = static_cast<short>(of(EV_READ, !inMode_.waits()) | of(EV_WRITE, !outMode_.waits()));
    if (interest_ != 0) {
        attend();
    }
}

void PipeConnection::endOfTurn() {
    StreamConnection::endOfTurn();
    if (interest_ != 0) {
        happened(interest_);
    }
    if (interest_ != 0) {
        attend();
    }
}

std::string PipeConnection::describe() const {
    return "a connection on the descriptors " + std::to_string(fd()) + " and " +
           std::to_string(out_.get()) + ", " + std::to_string(bytesBuffered()) +
           " bytes to be sent";
}

void PipeConnection::endWriting() {
    writer_.watch(0);
    interest_ &= EV_READ;
    outMode_.giveBack(out_.get());
    close(out_);
}

void PipeConnection::closeAll() {
    endWriting();
    interest_ = 0;
    inMode_.giveBack(fd());
    UniqueFd in = takeFd();
    close(in);
}

}  // namespace marline::detail
