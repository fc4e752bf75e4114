#include <marline/reactor/detail/socket.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include <arpa/inet.h>
#include <net/if.h>
#include <sys/un.h>

#include <marline/reactor/errors.hpp>

namespace marline::detail {

bool SocketAddress::parse(const std::string& host, std::uint16_t port, SocketAddress& out) {
    out = {};
    auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
    if (host.empty() || inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        out.length = sizeof *v4;
        return true;
    }
    out = {};
    const std::size_t percent = host.find('%');
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
    if (inet_pton(AF_INET6, host.substr(0, percent).c_str(), &v6->sin6_addr) != 1) {
        return false;
    }
    if (percent != std::string::npos) {
        const std::string scope = host.substr(percent + 1);
        const unsigned index = if_nametoindex(scope.c_str());
        v6->sin6_scope_id =
            index != 0 ? index : static_cast<unsigned>(std::strtoul(scope.c_str(), nullptr, 10));
        if (v6->sin6_scope_id == 0) {
            return false;
        }
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    out.length = sizeof *v6;
    return true;
}

bool SocketAddress::fromUnix(const std::string& path, SocketAddress& out) {
    out = {};
    auto* address = reinterpret_cast<sockaddr_un*>(&out.storage);
    if (path.empty() || path.size() >= sizeof address->sun_path ||
        path.find('\0', 1) != std::string::npos) {
        return false;
    }
    address->sun_family = AF_UNIX;
    std::memcpy(address->sun_path, path.data(), path.size());
    // A path ends with a NUL; an abstract name is as long as it is said to be.
    out.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() +
                                        (path[0] == '\0' ? 0 : 1));
    return true;
}

std::string listenAttempt(const std::string& interface, std::uint16_t port) {
    return "cannot listen on " + (interface.empty() ? "*" : interface) + ":" + std::to_string(port);
}

UniqueFd bindSocket(const BindRequest& request) {
    const std::string where = listenAttempt(request.interface, request.port);
    SocketAddress address;
    if (!SocketAddress::parse(request.interface, request.port, address)) {
        throw CannotListenError(where + " (interface is no numeric address)", lastError(EINVAL));
    }
    UniqueFd fd(::socket(address.family(), request.type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    if (!fd ||
        (request.reuseAddress &&
         setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) ||
        (request.reusePort &&
         setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
        ::bind(fd.get(), address.get(), address.length) != 0) {
        throw CannotListenError(where, lastError(errno));
    }
    return fd;
}

Address localAddress(int fd) {
    SocketAddress address;
    address.length = sizeof address.storage;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0) {
        return {};
    }
    return Address::fromSockaddr(address.get(), address.length);
}

Address remoteAddress(int fd) {
    SocketAddress address;
    address.length = sizeof address.storage;
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0) {
        return {};
    }
    return Address::fromSockaddr(address.get(), address.length);
}

}  // namespace marline::detail
