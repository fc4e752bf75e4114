// The PROXY protocol: servers behind a proxy that says who is at its other end.
#pragma once

#include <chrono>

#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

/// How long a connection may take to bring its PROXY header before it is aborted.
inline constexpr Duration kProxyHeaderTimeout = std::chrono::seconds(10);

/// Takes a PROXY header, version 1 or 2, from the beginning of every connection, and gives the rest
/// to `factory`'s protocols (Twisted: `HAProxyWrappingFactory`).
///
/// buildProtocol(), getPeer() and getHost() have the addresses of the header; those of the socket
/// when the header brings none (LOCAL, UNKNOWN, UNSPEC). A protocol is built when the header is
/// there (Twisted does so at once). A connection whose header is bad, longer than 107 bytes
/// (version 1) or 4 KiB (version 2), or late is aborted, and the reason logged at LogLevel::Info.
///
/// Whoever can connect can say anything in a header: let only the proxy connect.
MARLINE_API Ref<IProtocolFactory> proxyServerFactory(IReactorTime& clock,
                                                     Ref<IProtocolFactory> factory,
                                                     Duration headerTimeout = kProxyHeaderTimeout);

/// Listens on `endpoint` for a proxy's connections (Twisted: `haproxy.proxyEndpoint`).
MARLINE_API Ref<IStreamServerEndpoint> proxyEndpoint(IReactorTime& clock,
                                                     Ref<IStreamServerEndpoint> endpoint,
                                                     Duration headerTimeout = kProxyHeaderTimeout);

}  // namespace marline
