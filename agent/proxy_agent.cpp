#include <marline/agent/proxy_agent.hpp>

#include <string>
#include <utility>

#include <marline/agent/detail/host_endpoints.hpp>
#include <marline/agent/http_connect_endpoint.hpp>
#include <marline/protocols/socks/socks5.hpp>
#include <marline/reactor/tls.hpp>

namespace marline {
namespace {

/// Connects through the proxy that the settings name for a URI.
class ProxyEndpoints final : public IAgentEndpointFactory {
public:
    ProxyEndpoints(IReactorTime& clock, Ref<IAgentEndpointFactory> direct, TlsContext tls,
                   ProxySettings settings, const AgentOptions& options)
        : clock_(clock), direct_(std::move(direct)), tls_(std::move(tls)),
          settings_(std::move(settings)), timeout_(options.connectTimeout), wire_(options.wire) {}

    Ref<IStreamClientEndpoint> endpointForUri(const Uri& uri) override {
        const Proxy* const proxy = settings_.proxyFor(uri);
        if (proxy == nullptr) {
            return direct_->endpointForUri(uri);
        }
        Ref<IStreamClientEndpoint> toProxy = direct_->endpointForUri(proxy->uri());
        if (proxy->takesAbsoluteForm(uri)) {
            return toProxy;
        }
        Ref<IStreamClientEndpoint> tunnel = tunnelTo(uri, *proxy, std::move(toProxy));
        return uri.scheme() == "https" ? wrapClientTls(clock_, tls_, uri.host(), std::move(tunnel))
                                       : tunnel;
    }
    const Proxy* proxyFor(const Uri& uri) const override { return settings_.proxyFor(uri); }

private:
    Ref<IStreamClientEndpoint> tunnelTo(const Uri& uri, const Proxy& proxy,
                                        Ref<IStreamClientEndpoint> toProxy) const {
        if (proxy.kind() == Proxy::Kind::Socks5) {
            return makeRef<Socks5ClientEndpoint>(clock_, std::move(toProxy), uri.host(), uri.port(),
                                                 proxy.credentials(), timeout_);
        }
        return makeRef<HttpConnectEndpoint>(
            clock_, std::move(toProxy), uri.host(), uri.port(),
            HttpConnectOptions{proxy.authorization(), timeout_, wire_});
    }

    IReactorTime& clock_;
    Ref<IAgentEndpointFactory> direct_;
    TlsContext tls_;
    ProxySettings settings_;
    Duration timeout_;
    http::WireLimits wire_;
};

AgentOptions withProxies(Reactor& reactor, ProxySettings settings, const AgentOptions& options) {
    AgentOptions through = options;
    through.endpoints = proxyEndpoints(reactor, std::move(settings), options);
    return through;
}

}  // namespace

Ref<IAgentEndpointFactory> proxyEndpoints(IReactorTime& clock, Ref<IAgentEndpointFactory> direct,
                                          TlsContext tls, ProxySettings settings,
                                          const AgentOptions& options) {
    return makeRef<ProxyEndpoints>(clock, std::move(direct), std::move(tls), std::move(settings),
                                   options);
}

Ref<IAgentEndpointFactory> proxyEndpoints(Reactor& reactor, ProxySettings settings,
                                          const AgentOptions& options) {
    Ref<IAgentEndpointFactory> direct = options.endpoints;
    if (!direct) {
        direct = makeRef<detail::HostEndpoints>(reactor, options.connectTimeout);
    }
    return proxyEndpoints(reactor, std::move(direct), reactor.clientTls(), std::move(settings),
                          options);
}

ProxyAgent::ProxyAgent(Reactor& reactor, ProxySettings settings, const AgentOptions& options)
    : Agent(reactor, withProxies(reactor, std::move(settings), options)) {}

}  // namespace marline
