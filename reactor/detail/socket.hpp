// Internal: not installed. File descriptors and socket addresses.
#pragma once

#include <system_error>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <marline/reactor/address.hpp>

namespace marline::detail {

/// Owns a file descriptor.
class UniqueFd {
public:
    UniqueFd() noexcept = default;
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~UniqueFd() { reset(); }

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int release() noexcept { return std::exchange(fd_, -1); }
    void reset() noexcept {
        if (fd_ >= 0) {
            ::close(std::exchange(fd_, -1));
        }
    }

private:
    int fd_ = -1;
};

/// A socket address as the system calls take it.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;

    const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
    int family() const noexcept { return storage.ss_family; }

    /// False when `host` is no numeric address (and not empty, which means any).
    static bool parse(const std::string& host, std::uint16_t port, SocketAddress& out);
};

/// The address of this end of `fd`, and of the other one.
Address localAddress(int fd);
Address remoteAddress(int fd);

inline std::error_code lastError(int error) noexcept {
    return {error, std::system_category()};
}

}  // namespace marline::detail
