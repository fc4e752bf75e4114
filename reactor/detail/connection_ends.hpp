// Internal: not installed. Who is at the ends of a connection, in few bytes.
#pragma once

#include <cstdint>
#include <memory>

#include <marline/reactor/address.hpp>

namespace marline::detail {

/// The addresses of a connection's two ends. Few ask for them, so they are spelled out when the
/// first one does: until then a peer on IPv4 takes 6 bytes.
class ConnectionEnds {
public:
    explicit ConnectionEnds(const Address& peer);

    const Address& peer() const { return spelled().peer; }
    /// Asks the system the first time; `fd` must be the connection's then.
    const Address& host(int fd) const;

private:
    struct Spelled {
        Address peer;
        Address host;
        bool hostKnown = false;
    };
    Spelled& spelled() const;

    mutable std::unique_ptr<Spelled> spelled_;
    std::uint32_t peerIpv4_ = 0;  // in network byte order
    std::uint16_t peerPort_ = 0;
};

}  // namespace marline::detail
