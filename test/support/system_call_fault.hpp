// SystemCallFault: makes one system call of a test fail or fall short. Link system_call_fault.cpp
// into the program to have it.
#pragma once

#include <array>
#include <cstddef>

namespace marline::testing {

/// The system calls that can be made to fail. Of epoll_ctl only the additions are counted: the
/// others allocate nothing, so the kernel has nothing to refuse.
enum class SystemCall : unsigned char {
    Read,
    Readv,
    Recv,
    Recvmsg,
    Write,
    Writev,
    Send,
    Sendmsg,
    Sendfile,
    Accept4,
    Connect,
    Socket,
    EpollCtl,
};
inline constexpr std::size_t kSystemCalls = 13;

/// Its name in C.
const char* nameOf(SystemCall call) noexcept;

/// While it lives, the n-th call of a kind that this thread makes fails with `error`, or, when that
/// is 0, moves no more than `most` bytes. So do the `again` ones after it.
///
/// One at a time for each kind and thread. A connect() that fails with EINTR goes on all the same,
/// as the kernel's does.
class SystemCallFault {
public:
    struct What {
        int nth = 1;
        int error = 0;
        std::size_t most = 1;
        int again = 0;
    };

    SystemCallFault(SystemCall call, const What& what);
    SystemCallFault(const SystemCallFault&) = delete;
    SystemCallFault& operator=(const SystemCallFault&) = delete;
    ~SystemCallFault();

    /// How many such calls were made.
    int calls() const noexcept { return calls_; }
    /// True when the fault has happened.
    bool struck() const noexcept { return calls_ >= what_.nth; }

    /// For the calls themselves: what becomes of the next one; null when it is to go well.
    static const What* next(SystemCall call) noexcept;

private:
    using Armed = std::array<SystemCallFault*, kSystemCalls>;
    static Armed& armed() noexcept;

    SystemCall call_;
    What what_;
    int calls_ = 0;
};

}  // namespace marline::testing
