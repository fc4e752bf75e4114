// Internal: not installed. What a signal handler writes to.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <thread>

#include <unistd.h>

namespace marline::detail {

/// The descriptor that a signal handler writes to, to wake a loop. The handler runs in any thread,
/// and may still do so when the signal is no more handled: who owns the descriptor waits for it
/// before that is closed, and its number perhaps another file's.
class WakeTarget {
public:
    /// False when there is one already.
    bool set(int fd) noexcept {
        int none = -1;
        return fd_.compare_exchange_strong(none, fd);
    }
    /// From here on nothing is written to it. Not in a signal handler.
    void forget() noexcept {
        fd_.store(-1);
        while (writing_.load() != 0) {
            std::this_thread::yield();
        }
    }
    /// In a signal handler.
    void wake() noexcept {
        const int before = errno;
        writing_.fetch_add(1);
        if (const int fd = fd_.load(); fd >= 0) {
            const std::uint64_t one = 1;
            [[maybe_unused]] const ssize_t written = ::write(fd, &one, sizeof one);
        }
        writing_.fetch_sub(1);
        errno = before;
    }

private:
    // One side forgets the descriptor and then looks for writers, the other side counts itself and
    // then looks for the descriptor: in one order for both.
    std::atomic<int> fd_{-1};
    std::atomic<int> writing_{0};
};

}  // namespace marline::detail
