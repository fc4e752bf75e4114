#include <marline/reactor/detail/connection_ends.hpp>

#include <arpa/inet.h>

#include <marline/reactor/detail/socket.hpp>

namespace marline::detail {

ConnectionEnds::ConnectionEnds(const Address& peer) {
    if (peer.kind == Address::Kind::Ipv4 &&
        inet_pton(AF_INET, peer.host.c_str(), &peerIpv4_) == 1) {
        peerPort_ = peer.port;
    } else {
        spelled_ = std::make_unique<Spelled>(Spelled{peer, {}});
    }
}

const Address& ConnectionEnds::host(int fd) const {
    Spelled& both = spelled();
    if (!both.hostKnown) {
        both.host = localAddress(fd);
        both.hostKnown = true;
    }
    return both.host;
}

ConnectionEnds::Spelled& ConnectionEnds::spelled() const {
    if (spelled_ == nullptr) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(peerPort_);
        in.sin_addr.s_addr = peerIpv4_;
        spelled_ = std::make_unique<Spelled>(
            Spelled{Address::fromSockaddr(reinterpret_cast<const sockaddr*>(&in), sizeof in), {}});
    }
    return *spelled_;
}

}  // namespace marline::detail
