// Internal: not installed. The right kind of connection for a socket.
#pragma once

#include <netinet/tcp.h>

#include <marline/reactor/detail/stream_connection.hpp>
#include <marline/reactor/detail/unix_connection.hpp>

namespace marline::detail {

/// The connection of a socket that was accepted or has connected; start() it.
inline StreamConnection& makeConnection(EventLoop& loop, UniqueFd fd, const Address& peer,
                                        Ref<IProtocol> protocol, IConnectionCounter& counter) {
    if (peer.kind == Address::Kind::Unix) {
        return *new UnixConnection(loop, std::move(fd), peer, std::move(protocol), &counter);
    }
    const int on = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return *new StreamConnection(loop, std::move(fd), peer, std::move(protocol), &counter);
}

}  // namespace marline::detail
