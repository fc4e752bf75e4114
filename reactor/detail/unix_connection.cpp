#include <marline/reactor/detail/unix_connection.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/uio.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::detail {
namespace {

// Descriptors that one message carries at most: the kernel's SCM_MAX_FD.
constexpr std::size_t kMostAtOnce = 253;

/// Room for the descriptors of one message.
struct Control {
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMostAtOnce * sizeof(int))> bytes;
};

}  // namespace

UnixConnection::~UnixConnection() = default;

void UnixConnection::sendFileDescriptor(int fd) {
    if (!writable()) {
        return;
    }
    UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy) {
        throw std::system_error(lastError(errno), "sendFileDescriptor(" + std::to_string(fd) + ")");
    }
    outgoing_.push_back(std::move(copy));
    flushSoon();
}

PeerCredentials UnixConnection::peerCredentials() const {
    ucred peer{};
    socklen_t length = sizeof peer;
    if (getsockopt(fd(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
        throw std::system_error(lastError(errno), "peerCredentials()");
    }
    return {peer.pid, peer.uid, peer.gid};
}

// Descriptors go.

bool UnixConnection::sendAll() {
    if (outgoing_.size() > bytesBuffered()) {
        lose(Failure::make<FileDescriptorOverrun>(
            std::to_string(outgoing_.size()) + " descriptors to send and " +
            std::to_string(bytesBuffered()) + " bytes: each needs one of its own, write() it"));
        return false;
    }
    return StreamConnection::sendAll();
}

ssize_t UnixConnection::transmit(std::span<iovec> parts) {
    if (outgoing_.empty()) {
        return StreamConnection::transmit(parts);
    }
    std::size_t count = outgoing_.size();
    iovec first = parts.front();
    if (count > kMostAtOnce) {
        // So that the others find their bytes, these take no more than theirs.
        count = first.iov_len = std::min(kMostAtOnce, first.iov_len);
        parts = {&first, 1};
    }
    Control control;
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    *header = {CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    for (std::size_t i = 0; i < count; ++i) {
        const int fd = outgoing_[i].get();
        std::memcpy(CMSG_DATA(header) + i * sizeof fd, &fd, sizeof fd);
    }
    const ssize_t took = ::sendmsg(fd(), &message, MSG_NOSIGNAL);
    if (took > 0) {
        outgoing_.erase(outgoing_.begin(), outgoing_.begin() + static_cast<std::ptrdiff_t>(count));
    }
    return took;
}

// Descriptors come.

ssize_t UnixConnection::receive(std::span<std::byte> buffer) {
    Control control;
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    const ssize_t got = ::recvmsg(fd(), &message, MSG_CMSG_CLOEXEC);
    if (got < 0) {
        return got;
    }
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        for (std::size_t at = CMSG_LEN(0); at + sizeof(int) <= header->cmsg_len;
             at += sizeof(int)) {
            int fd = -1;
            std::memcpy(&fd, reinterpret_cast<const std::byte*>(header) + at, sizeof fd);
            incoming_.emplace_back(fd);
        }
    }
    truncated_ = (message.msg_flags & MSG_CTRUNC) != 0;
    return got;
}

bool UnixConnection::deliver(std::span<const std::byte> data) {
    if (truncated_) {
        incoming_.clear();
        lose(Failure::make<ConnectionLost>(
            "a descriptor that was sent could not be received; raise the limit of open files, "
            "ulimit -n"));
        return false;
    }
    if (!incoming_.empty()) {
        IFileDescriptorReceiver* receiver = protocol()->fileDescriptorReceiver();
        if (receiver == nullptr) {
            log(LogLevel::Warning, "closed " + std::to_string(incoming_.size()) +
                                       " descriptors from " + getPeer().toString() +
                                       ": the protocol is no IFileDescriptorReceiver");
        }
        for (UniqueFd& fd : std::exchange(incoming_, {})) {
            if (receiver == nullptr || !open()) {
                break;
            }
            if (!guarded([&] { receiver->fileDescriptorReceived(std::move(fd)); })) {
                return false;
            }
        }
    }
    return open() && StreamConnection::deliver(data);
}

}  // namespace marline::detail
