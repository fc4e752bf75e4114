#include "test/support/system_call_fault.hpp"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string>

#include <dlfcn.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace marline::testing {

const char* nameOf(SystemCall call) noexcept {
    constexpr std::array<const char*, kSystemCalls> kNames = {
        "read",    "readv",    "recv",    "recvmsg", "write",  "writev",   "send",
        "sendmsg", "sendfile", "accept4", "connect", "socket", "epoll_ctl"};
    return kNames.at(static_cast<std::size_t>(call));
}

SystemCallFault::SystemCallFault(SystemCall call, const What& what) : call_(call), what_(what) {
    SystemCallFault*& slot = armed().at(static_cast<std::size_t>(call));
    if (slot != nullptr) {
        throw std::logic_error(std::string("a fault of ") + nameOf(call) + " is armed already");
    }
    slot = this;
}

SystemCallFault::~SystemCallFault() { armed().at(static_cast<std::size_t>(call_)) = nullptr; }

SystemCallFault::Armed& SystemCallFault::armed() noexcept {
    static thread_local Armed faults{};
    return faults;
}

const SystemCallFault::What* SystemCallFault::next(SystemCall call) noexcept {
    SystemCallFault* fault = armed()[static_cast<std::size_t>(call)];
    if (fault == nullptr) {
        return nullptr;
    }
    const int turn = ++fault->calls_ - fault->what_.nth;
    return turn >= 0 && turn <= fault->what_.again ? &fault->what_ : nullptr;
}

}  // namespace marline::testing

namespace {

using marline::testing::SystemCall;
using marline::testing::SystemCallFault;

/// The function that the program would call were it not for the one here: a sanitizer's, which
/// checks the arguments and goes on to the C library's, or the C library's own.
template <class Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// True when the call is to fail; errno says how. Else `bytes` becomes what it may move.
bool strikes(SystemCall call, std::size_t* bytes = nullptr) noexcept {
    const SystemCallFault::What* fault = SystemCallFault::next(call);
    if (fault != nullptr && fault->error != 0) {
        errno = fault->error;
        return true;
    }
    if (fault != nullptr && bytes != nullptr) {
        *bytes = std::min(*bytes, fault->most);
    }
    return false;
}

/// The first part of a message that has bytes.
iovec firstOf(const iovec* parts, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        if (parts[i].iov_len > 0) {
            return parts[i];
        }
    }
    return {nullptr, 0};
}

/// readv() and writev(): one that falls short uses the first part only.
template <class Function>
ssize_t vectorCall(SystemCall which, Function* call, int fd, const iovec* parts, int count) {
    iovec part = firstOf(parts, static_cast<std::size_t>(count));
    const std::size_t whole = part.iov_len;
    if (strikes(which, &part.iov_len)) {
        return -1;
    }
    return part.iov_len < whole ? call(fd, &part, 1) : call(fd, parts, count);
}

/// recvmsg() and sendmsg(): the same.
template <class Function, class Message>
ssize_t messageCall(SystemCall which, Function* call, int fd, Message* message, int flags) {
    iovec part = firstOf(message->msg_iov, message->msg_iovlen);
    const std::size_t whole = part.iov_len;
    if (strikes(which, &part.iov_len)) {
        return -1;
    }
    if (part.iov_len == whole) {
        return call(fd, message, flags);
    }
    msghdr less = *message;
    less.msg_iov = &part;
    less.msg_iovlen = 1;
    const ssize_t moved = call(fd, &less, flags);
    if constexpr (!std::is_const_v<Message>) {
        message->msg_controllen = less.msg_controllen;
        message->msg_flags = less.msg_flags;
    }
    return moved;
}

}  // namespace

extern "C" {

ssize_t read(int fd, void* data, std::size_t bytes) {
    static auto* const call = next<decltype(::read)>("read");
    return strikes(SystemCall::Read, &bytes) ? -1 : call(fd, data, bytes);
}

ssize_t readv(int fd, const iovec* parts, int count) {
    static auto* const call = next<decltype(::readv)>("readv");
    return vectorCall(SystemCall::Readv, call, fd, parts, count);
}

ssize_t recv(int fd, void* data, std::size_t bytes, int flags) {
    static auto* const call = next<decltype(::recv)>("recv");
    return strikes(SystemCall::Recv, &bytes) ? -1 : call(fd, data, bytes, flags);
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
    static auto* const call = next<decltype(::recvmsg)>("recvmsg");
    return messageCall(SystemCall::Recvmsg, call, fd, message, flags);
}

ssize_t write(int fd, const void* data, std::size_t bytes) {
    static auto* const call = next<decltype(::write)>("write");
    return strikes(SystemCall::Write, &bytes) ? -1 : call(fd, data, bytes);
}

ssize_t writev(int fd, const iovec* parts, int count) {
    static auto* const call = next<decltype(::writev)>("writev");
    return vectorCall(SystemCall::Writev, call, fd, parts, count);
}

ssize_t send(int fd, const void* data, std::size_t bytes, int flags) {
    static auto* const call = next<decltype(::send)>("send");
    return strikes(SystemCall::Send, &bytes) ? -1 : call(fd, data, bytes, flags);
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
    static auto* const call = next<decltype(::sendmsg)>("sendmsg");
    return messageCall(SystemCall::Sendmsg, call, fd, message, flags);
}

ssize_t sendfile(int out, int in, off_t* offset, std::size_t bytes) noexcept {
    static auto* const call = next<decltype(::sendfile)>("sendfile");
    return strikes(SystemCall::Sendfile, &bytes) ? -1 : call(out, in, offset, bytes);
}

int accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
    static auto* const call = next<decltype(::accept4)>("accept4");
    return strikes(SystemCall::Accept4) ? -1 : call(fd, address, length, flags);
}

int connect(int fd, const sockaddr* address, socklen_t length) {
    static auto* const call = next<decltype(::connect)>("connect");
    if (!strikes(SystemCall::Connect)) {
        return call(fd, address, length);
    }
    if (errno == EINTR) {
        call(fd, address, length);
        errno = EINTR;
    }
    return -1;
}

int socket(int domain, int type, int protocol) noexcept {
    static auto* const call = next<decltype(::socket)>("socket");
    return strikes(SystemCall::Socket) ? -1 : call(domain, type, protocol);
}

int epoll_ctl(int epoll, int what, int fd, epoll_event* event) noexcept {
    static auto* const call = next<decltype(::epoll_ctl)>("epoll_ctl");
    return what == EPOLL_CTL_ADD && strikes(SystemCall::EpollCtl) ? -1
                                                                  : call(epoll, what, fd, event);
}

}  // extern "C"
