#include "test/reactor/process/faults.hpp"

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdint>

#include <dlfcn.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace {

template <class Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

using Clone = int(int (*)(void*), void*, int, void*, ...);

// Looked up before the first child: it may not do so itself.
auto* const realPipe2 = next<int(int*, int)>("pipe2");
auto* const realClone = next<Clone>("__clone");
auto* const realPidfdOpen = next<int(pid_t, unsigned)>("pidfd_open");
auto* const realSyscall = next<long(long, ...)>("syscall");
auto* const realEpollCtl = next<int(int, int, int, epoll_event*)>("epoll_ctl");
auto* const realInotifyInit1 = next<int(int)>("inotify_init1");
auto* const realInotifyAddWatch = next<int(int, const char*, uint32_t)>("inotify_add_watch");

int failed(int error) {
    errno = error;
    return -1;
}

}  // namespace

marline::testing::Faults& marline::testing::faults() noexcept {
    static Faults all;
    return all;
}

using marline::testing::faults;

extern "C" {

int pipe2(int ends[2], int flags) {
    if (faults().pipe2Error != 0 && faults().pipe2Succeeds-- <= 0) {
        return failed(faults().pipe2Error);
    }
    return realPipe2(ends, flags);
}

int __clone(int (*function)(void*), void* stack, int flags, void* argument, ...) noexcept {
    return faults().cloneError != 0
               ? failed(faults().cloneError)
               : realClone(function, stack, flags, argument, nullptr, nullptr, nullptr);
}

// What a child does before it runs its program is by plain system calls.
long syscall(long number, ...) noexcept {
    va_list rest;
    va_start(rest, number);
    std::array<long, 6> arguments{};
    for (long& argument : arguments) {
        argument = va_arg(rest, long);
    }
    va_end(rest);
    if (number == SYS_close_range && faults().closeRangeError != 0) {
        return failed(faults().closeRangeError);
    }
    if (number == SYS_getdents64 && faults().getdentsError != 0) {
        return failed(faults().getdentsError);
    }
    return realSyscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                       arguments[5]);
}

int pidfd_open(pid_t pid, unsigned flags) {
    return faults().pidfdOpenError != 0 ? failed(faults().pidfdOpenError)
                                        : realPidfdOpen(pid, flags);
}

int inotify_init1(int flags) noexcept {
    return faults().inotifyInitError != 0 ? failed(faults().inotifyInitError)
                                          : realInotifyInit1(flags);
}

int inotify_add_watch(int fd, const char* path, uint32_t mask) noexcept {
    if (faults().inotifyAddError != 0 && faults().inotifyAddSucceeds-- <= 0) {
        return failed(faults().inotifyAddError);
    }
    return realInotifyAddWatch(fd, path, mask);
}

int epoll_ctl(int epoll, int what, int fd, epoll_event* event) {
    return faults().epollCtlError != 0 && what == EPOLL_CTL_ADD
               ? failed(faults().epollCtlError)
               : realEpollCtl(epoll, what, fd, event);
}
}
