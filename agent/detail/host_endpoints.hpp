// Internal: not installed. Connects to the host that a URI names.
#pragma once

#include <utility>

#include <marline/agent/agent.hpp>
#include <marline/reactor/hostname_endpoint.hpp>
#include <marline/reactor/tls.hpp>

namespace marline::detail {

/// TCP for http, TLS with the reactor's trust for https.
class HostEndpoints final : public IAgentEndpointFactory {
public:
    HostEndpoints(Reactor& reactor, Duration timeout) : reactor_(reactor), timeout_(timeout) {}

    Ref<IStreamClientEndpoint> endpointForUri(const Uri& uri) override {
        Ref<IStreamClientEndpoint> tcp = makeRef<HostnameEndpoint>(
            reactor_, uri.host(), uri.port(), HostnameEndpointOptions{.timeout = timeout_});
        if (uri.scheme() == "http") {
            return tcp;
        }
        return wrapClientTls(reactor_, reactor_.clientTls(), uri.host(), std::move(tcp));
    }

private:
    ~HostEndpoints() override = default;

    Reactor& reactor_;
    Duration timeout_;
};

}  // namespace marline::detail
