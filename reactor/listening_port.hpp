// IListeningPort: something that accepts connections.
#pragma once

#include <cstddef>
#include <string>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/address.hpp>

namespace marline {

/// How a port listens.
struct ListenOptions {
    /// The numeric address to listen on; empty: every IPv4 address. `::` takes IPv6, and IPv4
    /// where the system maps it.
    std::string interface = {};
    /// Connections that the kernel may keep waiting to be accepted.
    int backlog = 1024;
    /// Connections at a time; further ones wait in the backlog until one ends. 0: no limit.
    std::size_t maxConnections = 10000;
    /// SO_REUSEPORT: let other sockets listen on the same port and share its connections.
    bool reusePort = false;
};

/// A port that is listened on (Twisted: `IListeningPort`). A handle: dropping it stops nothing.
class MARLINE_API IListeningPort : public RefCounted {
public:
    /// Where it listens, with the real port when 0 was asked for.
    virtual const Address& getHost() const noexcept = 0;
    /// The connections accepted here that are open.
    virtual std::size_t connections() const noexcept = 0;
    /// Stops accepting; the Deferred fires from a later turn, when the port can be bound again.
    /// Connections that were accepted live on. On a port that has stopped it fires as well.
    virtual Deferred<> stopListening() = 0;

protected:
    ~IListeningPort() override = default;
};

}  // namespace marline
