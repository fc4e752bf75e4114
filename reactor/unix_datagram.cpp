#include <marline/reactor/unix_datagram.hpp>

#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include <marline/reactor/detail/unix_socket.hpp>
#include <marline/reactor/errors.hpp>

namespace marline {

UnixDatagramSender::UnixDatagramSender(std::string path) : path_(std::move(path)) {
    detail::SocketAddress address;
    name_ = detail::unixAddress(path_).host;
    if (!detail::SocketAddress::fromUnix(name_, address)) {
        throw InvalidAddressError("a UNIX socket has a path of 1 to 107 bytes without NUL, not '" +
                                  path_ + "'");
    }
    fd_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd_) {
        throw std::system_error(detail::lastError(errno), "make a socket to send to " + path_);
    }
}

std::error_code UnixDatagramSender::send(std::span<const std::byte> data) noexcept {
    detail::SocketAddress address;
    detail::SocketAddress::fromUnix(name_, address);
    while (::sendto(fd_.get(), data.data(), data.size(), MSG_NOSIGNAL, address.get(),
                    address.length) < 0) {
        if (errno != EINTR) {
            return detail::lastError(errno);
        }
    }
    return {};
}

}  // namespace marline
