// UniqueFd: the owner of a file descriptor.
#pragma once

#include <utility>

#include <unistd.h>

namespace marline {

/// Owns a file descriptor and closes it at its end.
class UniqueFd {
public:
    /// Owns none.
    UniqueFd() noexcept = default;
    /// Takes `fd` over; a negative one is none.
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~UniqueFd() { reset(); }

    /// The descriptor, negative when there is none.
    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    /// Gives the descriptor away: the caller closes it.
    int release() noexcept { return std::exchange(fd_, -1); }
    /// Closes it now.
    void reset() noexcept {
        if (fd_ >= 0) {
            ::close(std::exchange(fd_, -1));
        }
    }

private:
    int fd_ = -1;
};

}  // namespace marline
