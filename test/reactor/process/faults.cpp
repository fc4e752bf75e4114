#include "test/reactor/process/faults.hpp"

#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdint>

#include <dirent.h>
#include <dlfcn.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/types.h>

namespace {

template <class Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

using Clone = int(int (*)(void*), void*, int, void*, ...);

// Looked up before the first child: it may not do so itself.
auto* const realPipe2 = next<int(int*, int)>("pipe2");
auto* const realClone = next<Clone>("clone");
auto* const realPidfdOpen = next<int(pid_t, unsigned)>("pidfd_open");
auto* const realCloseRange = next<int(unsigned, unsigned, int)>("close_range");
auto* const realEpollCtl = next<int(int, int, int, epoll_event*)>("epoll_ctl");
auto* const realGetdents64 = next<ssize_t(int, void*, std::size_t)>("getdents64");
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

int clone(int (*function)(void*), void* stack, int flags, void* argument, ...) {
    va_list rest;
    va_start(rest, argument);
    auto* parent = va_arg(rest, void*);
    auto* tls = va_arg(rest, void*);
    auto* child = va_arg(rest, void*);
    va_end(rest);
    return faults().cloneError != 0
               ? failed(faults().cloneError)
               : realClone(function, stack, flags, argument, parent, tls, child);
}

int pidfd_open(pid_t pid, unsigned flags) {
    return faults().pidfdOpenError != 0 ? failed(faults().pidfdOpenError)
                                        : realPidfdOpen(pid, flags);
}

int close_range(unsigned first, unsigned last, int flags) {
    return faults().closeRangeError != 0 ? failed(faults().closeRangeError)
                                         : realCloseRange(first, last, flags);
}

ssize_t getdents64(int directory, void* list, std::size_t size) noexcept {
    return faults().getdentsError != 0 ? failed(faults().getdentsError)
                                       : realGetdents64(directory, list, size);
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
