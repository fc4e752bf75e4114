// Internal: not installed. The kinds of endpoints that descriptions may tell of.
#pragma once

#include <marline/reactor/endpoint_fields.hpp>
#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline::detail {

/// `tcp:host:port:timeout:bindAddress`
Ref<IStreamClientEndpoint> parseTcpClient(Reactor& reactor, EndpointFields& fields);
/// `tls:host:port:timeout:bindAddress:certificate:privateKey:trustRoots:endpoint`, and by name
/// `hostname`, `verify` and Twisted's older `certKey` and `caCertsDir`.
Ref<IStreamClientEndpoint> parseTlsClient(Reactor& reactor, EndpointFields& fields);
/// `unix:path:timeout`, and by name `lockfile`.
Ref<IStreamClientEndpoint> parseUnixClient(Reactor& reactor, EndpointFields& fields);

/// `tcp:port:interface:backlog`, and by name `maxConnections` and `reusePort`; `tcp6` likewise.
Ref<IStreamServerEndpoint> parseTcpServer(Reactor& reactor, EndpointFields& fields);
/// `ssl:port:privateKey:certKey`, then as parseTcpServer(), and by name `extraCertChain`.
Ref<IStreamServerEndpoint> parseTlsServer(Reactor& reactor, EndpointFields& fields);
/// `unix:address:mode:backlog:lockfile:maxConnections`
Ref<IStreamServerEndpoint> parseUnixServer(Reactor& reactor, EndpointFields& fields);
/// `fd:number`
Ref<IStreamServerEndpoint> parseFdServer(Reactor& reactor, EndpointFields& fields);
/// `systemd:domain:index` or `systemd:name=…`
Ref<IStreamServerEndpoint> parseSystemdServer(Reactor& reactor, EndpointFields& fields);
/// `haproxy:` and a description of another server endpoint.
Ref<IStreamServerEndpoint> parseProxiedServer(Reactor& reactor, EndpointFields& fields);

}  // namespace marline::detail
