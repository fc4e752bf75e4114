#include <marline/reactor/proxy_protocol.hpp>

#include <utility>

#include <marline/reactor/detail/proxied_connection.hpp>
#include <marline/reactor/endpoint_wrappers.hpp>

namespace marline {
namespace {

class ProxyServerFactory final : public IProtocolFactory {
public:
    ProxyServerFactory(IReactorTime& clock, Ref<IProtocolFactory> factory, Duration headerTimeout)
        : clock_(clock), factory_(std::move(factory)), headerTimeout_(headerTimeout) {}

    Ref<IProtocol> buildProtocol(const Address&) override {
        return makeRef<detail::ProxiedConnection>(clock_, factory_, headerTimeout_);
    }
    void doStart() override { factory_->doStart(); }
    void doStop() override { factory_->doStop(); }

private:
    IReactorTime& clock_;
    Ref<IProtocolFactory> factory_;
    Duration headerTimeout_;
};

}  // namespace

Ref<IProtocolFactory> proxyServerFactory(IReactorTime& clock, Ref<IProtocolFactory> factory,
                                         Duration headerTimeout) {
    return makeRef<ProxyServerFactory>(clock, std::move(factory), headerTimeout);
}

Ref<IStreamServerEndpoint> proxyEndpoint(IReactorTime& clock, Ref<IStreamServerEndpoint> endpoint,
                                         Duration headerTimeout) {
    return wrapServerEndpoint(
        std::move(endpoint), [&clock, headerTimeout](Ref<IProtocolFactory> factory) {
            return proxyServerFactory(clock, std::move(factory), headerTimeout);
        });
}

}  // namespace marline
