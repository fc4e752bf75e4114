// Internal: not installed. File descriptors and socket addresses.
#pragma once

#include <string>
#include <system_error>

#include <netinet/in.h>
#include <sys/socket.h>

#include <marline/reactor/address.hpp>
#include <marline/reactor/detail/unique_fd.hpp>

namespace marline::detail {

/// A socket address as the system calls take it.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;

    const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
    int family() const noexcept { return storage.ss_family; }

    /// False when `host` is no numeric address (and not empty, which means any).
    static bool parse(const std::string& host, std::uint16_t port, SocketAddress& out);
    /// False when `path` is empty, too long, or has a NUL that is not its first character.
    static bool fromUnix(const std::string& path, SocketAddress& out);
};

/// What bindSocket() makes.
struct BindRequest {
    int type;               // SOCK_STREAM or SOCK_DGRAM
    std::string interface;  // numeric, empty for every IPv4 address
    std::uint16_t port;
    bool reuseAddress;
    bool reusePort;
};

/// A non-blocking IP socket that is bound; throws CannotListenError.
UniqueFd bindSocket(const BindRequest& request);
/// What a failed bind or listen is about: `cannot listen on *:80`.
std::string listenAttempt(const std::string& interface, std::uint16_t port);

/// The address of this end of `fd`, and of the other one.
Address localAddress(int fd);
Address remoteAddress(int fd);

inline std::error_code lastError(int error) noexcept { return {error, std::system_category()}; }

}  // namespace marline::detail
