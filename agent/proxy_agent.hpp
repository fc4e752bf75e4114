// ProxyAgent: an Agent that goes through proxies.
#pragma once

#include <marline/agent/agent.hpp>
#include <marline/agent/proxy_settings.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/tls_context.hpp>

namespace marline {

/// Makes requests through proxies (Twisted: `ProxyAgent`): an Agent, so that every other agent can
/// be put around it; each request, that of a redirect too, goes by what the settings say for its
/// URI.
///
/// An HTTP proxy gets http requests in absolute form (RFC 9112 §3.2.2), and for https a tunnel by
/// CONNECT, inside of which TLS is verified for the origin's name; a SOCKS5 proxy gets tunnels
/// only. Names are looked up by the proxy. Its user and password go to nobody else: a
/// Proxy-Authorization of the caller's is sent with requests in absolute form alone. A proxy drops
/// the Upgrade field of these (RFC 9110 §7.6.1): upgrades work by https, and through SOCKS5.
///
/// Connections are kept per proxy and origin, those for absolute form per proxy, to which
/// AgentOptions::maxPerHost then applies. When the proxy does not connect, the request fails with
/// ProxyConnectError or SocksError, else with what connecting to the proxy failed with.
///
///     ProxyAgent agent{reactor, ProxySettings::fromEnvironment().value()};
class MARLINE_API ProxyAgent : public Agent {
public:
    /// `reactor` must outlive the agent and its requests. AgentOptions::endpoints, when given, say
    /// how the proxies, and what needs none, are connected to.
    ProxyAgent(Reactor& reactor, ProxySettings settings, const AgentOptions& options = {});
};

/// The endpoints that a ProxyAgent connects by, for AgentOptions::endpoints where an Agent is made
/// by somebody else: `Client{reactor, {.endpoints = proxyEndpoints(…)}}`.
///
/// `direct` connects to what needs no proxy, and to the proxies, for which it gets Proxy::uri();
/// `tls` is for origins behind a tunnel. Both, and `clock`, as for Agent::usingEndpointFactory().
/// AgentOptions::connectTimeout and `wire` bound what a proxy takes to connect, and its answer.
MARLINE_API Ref<IAgentEndpointFactory> proxyEndpoints(IReactorTime& clock,
                                                      Ref<IAgentEndpointFactory> direct,
                                                      TlsContext tls, ProxySettings settings,
                                                      const AgentOptions& options = {});

/// The same with endpoints to the hosts that URIs name, and the reactor's trust.
MARLINE_API Ref<IAgentEndpointFactory> proxyEndpoints(Reactor& reactor, ProxySettings settings,
                                                      const AgentOptions& options = {});

}  // namespace marline
