// HostnameEndpoint: connects to a name by Happy Eyeballs.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <marline/reactor/endpoints.hpp>

namespace marline {

/// How a HostnameEndpoint tries.
struct HostnameEndpointOptions {
    /// For everything together: finding the addresses and all attempts.
    Duration timeout = std::chrono::seconds(30);
    /// How long an attempt runs alone before the next one begins beside it (RFC 8305 §5).
    Duration attemptDelay = std::chrono::milliseconds(250);
    /// The local address to connect from.
    Address bindAddress = {};
};

/// Connects to a host by name: Happy Eyeballs, RFC 8305 (Twisted: `HostnameEndpoint`).
///
/// The reactor's resolver gives the addresses; families take turns; each attempt gets a head start
/// over the next, which begins at once when one fails. The first connection wins and ends the
/// others. When none comes about, the error is the last attempt's type (DNSLookupError when there
/// was no address, ConnectTimeoutError when time was up) and names them all:
/// `connect to example.org:443 failed: [::1]:443 refused; 127.0.0.1:443 timed out after 5 s`.
class MARLINE_API HostnameEndpoint final : public IStreamClientEndpoint {
public:
    HostnameEndpoint(Reactor& reactor, std::string host, std::uint16_t port,
                     HostnameEndpointOptions options = {})
        : reactor_(reactor), host_(std::move(host)), port_(port), options_(std::move(options)) {}

    Deferred<Ref<IProtocol>> connect(Ref<IProtocolFactory> factory) override;

private:
    Reactor& reactor_;
    std::string host_;
    std::uint16_t port_;
    HostnameEndpointOptions options_;
};

}  // namespace marline
