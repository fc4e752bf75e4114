// Linked into a test, this makes the system calls of its streams fall short: reads and writes of
// one byte or of odd sizes, interrupted calls, calls that would block, connections that are gone
// when they are accepted. What is asked for in the end is done: every test passes as it does
// without.
//
// With MARLINE_IO=bytes in the environment nothing fails, but the first kByteCalls reads and writes
// of each test move one byte each.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <string_view>

#include <dlfcn.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace {

/// The function of the C library that is called `name`.
template <class Function>
Function* real(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

bool bytewise() {
    static const bool wanted = [] {
        const char* how = std::getenv("MARLINE_IO");
        return how != nullptr && std::string_view(how) == "bytes";
    }();
    return wanted;
}

/// What becomes of the calls of one kind, in turn.
class Faults {
public:
    /// So many of a test move one byte each; beyond that a test of megabytes would not end.
    static constexpr unsigned kByteCalls = 30'000;

    /// A test begins.
    void restart() { turns_ = 0; }
    /// True when this call is to fail; errno says how.
    bool fails(bool mayBlock) {
        const unsigned turn = ++turns_;
        if (bytewise()) {
            return false;
        }
        if (turn % 7 == 3) {
            errno = EINTR;
            return true;
        }
        if (mayBlock && turn % 11 == 5) {
            errno = EAGAIN;
            return true;
        }
        return false;
    }
    /// How many of `bytes` this call does: mostly one.
    std::size_t share(std::size_t bytes) const {
        const unsigned turn = turns_;
        if (bytewise()) {
            return turn < kByteCalls ? std::min<std::size_t>(bytes, 1) : bytes;
        }
        return std::min<std::size_t>(bytes, turn % 4 != 0 ? 1 : 16'411);
    }
    unsigned turn() const { return turns_; }

private:
    std::atomic<unsigned> turns_ = 0;
};

Faults reads;
Faults writes;
Faults accepts;
Faults datagrams;

/// A read of a transport's: its buffer is large, and nobody else's is.
bool ofTransport(std::size_t bytes) { return bytes >= 64 * 1024; }

/// The first bytes of a message, as many as this call does.
iovec firstOf(const iovec* parts, std::size_t count, const Faults& faults) {
    for (std::size_t i = 0; i < count; ++i) {
        if (parts[i].iov_len > 0) {
            return {parts[i].iov_base, faults.share(parts[i].iov_len)};
        }
    }
    return {nullptr, 0};
}

/// Each test begins anew.
class Restart final : public ::testing::EmptyTestEventListener {
    void OnTestStart(const ::testing::TestInfo&) override {
        for (Faults* faults : {&reads, &writes, &accepts, &datagrams}) {
            faults->restart();
        }
    }
};

}  // namespace

extern "C" {

ssize_t recv(int fd, void* data, std::size_t bytes, int flags) {
    static auto* const call = real<decltype(::recv)>("recv");
    return reads.fails(true) ? -1 : call(fd, data, reads.share(bytes), flags);
}

ssize_t read(int fd, void* data, std::size_t bytes) {
    static auto* const call = real<decltype(::read)>("read");
    if (!ofTransport(bytes)) {
        return call(fd, data, bytes);
    }
    return reads.fails(true) ? -1 : call(fd, data, reads.share(bytes));
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
    static auto* const call = real<decltype(::recvmsg)>("recvmsg");
    if (reads.fails(true)) {
        return -1;
    }
    iovec part = firstOf(message->msg_iov, message->msg_iovlen, reads);
    msghdr less = *message;
    less.msg_iov = &part;
    less.msg_iovlen = 1;
    const ssize_t got = call(fd, &less, flags);
    message->msg_controllen = less.msg_controllen;
    message->msg_flags = less.msg_flags;
    return got;
}

ssize_t send(int fd, const void* data, std::size_t bytes, int flags) {
    static auto* const call = real<decltype(::send)>("send");
    return writes.fails(true) ? -1 : call(fd, data, writes.share(bytes), flags);
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
    static auto* const call = real<decltype(::sendmsg)>("sendmsg");
    if (writes.fails(true)) {
        return -1;
    }
    iovec part = firstOf(message->msg_iov, message->msg_iovlen, writes);
    msghdr less = *message;
    less.msg_iov = &part;
    less.msg_iovlen = 1;
    return call(fd, &less, flags);
}

ssize_t writev(int fd, const iovec* parts, int count) {
    static auto* const call = real<decltype(::writev)>("writev");
    if (writes.fails(true)) {
        return -1;
    }
    const iovec part = firstOf(parts, static_cast<std::size_t>(count), writes);
    return call(fd, &part, 1);
}

ssize_t sendfile(int out, int in, off_t* offset, std::size_t bytes) noexcept {
    static auto* const call = real<decltype(::sendfile)>("sendfile");
    return writes.fails(true) ? -1 : call(out, in, offset, writes.share(bytes));
}

int accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
    static auto* const call = real<decltype(::accept4)>("accept4");
    constexpr int kErrors[] = {EINTR, ECONNABORTED, EPERM};
    if (accepts.fails(true)) {
        errno = errno == EAGAIN ? EAGAIN : kErrors[accepts.turn() / 7 % 3];
        return -1;
    }
    return call(fd, address, length, flags);
}

int connect(int fd, const sockaddr* address, socklen_t length) {
    static auto* const call = real<decltype(::connect)>("connect");
    const int result = call(fd, address, length);
    if (result != 0 && errno == EINPROGRESS) {
        errno = EINTR;  // it goes on all the same
    }
    return result;
}

int recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
    static auto* const call = real<decltype(::recvmmsg)>("recvmmsg");
    return datagrams.fails(false)
               ? -1
               : call(fd, messages, std::min(count, 1 + datagrams.turn() % 3), flags, timeout);
}

int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
    static auto* const call = real<decltype(::sendmmsg)>("sendmmsg");
    return datagrams.fails(false)
               ? -1
               : call(fd, messages, std::min(count, 1 + datagrams.turn() % 3), flags);
}

}  // extern "C"

namespace {

[[maybe_unused]] const bool listens = [] {
    ::testing::UnitTest::GetInstance()->listeners().Append(new Restart);
    return true;
}();

// These calls are the ones that a test gets, or it would show nothing.
TEST(ShortIo, callsFallShort) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    int ones = 0;
    int failures = 0;
    for (int i = 0; i < 77; ++i) {
        const ssize_t sent = ::send(ends[0], "abc", 3, MSG_NOSIGNAL);
        ones += sent == 1 ? 1 : 0;
        failures += sent < 0 ? 1 : 0;
    }
    EXPECT_GT(ones, 30);
    if (bytewise()) {
        EXPECT_EQ(ones, 77);
        EXPECT_EQ(failures, 0);
    } else {
        EXPECT_GT(failures, 10);
    }
    ::close(ends[0]);
    ::close(ends[1]);
}

}  // namespace
