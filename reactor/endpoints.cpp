#include <marline/reactor/endpoints.hpp>

#include <utility>

#include <marline/deferred/succeed.hpp>

namespace marline {
namespace {

class FactoryOfOne final : public IProtocolFactory {
public:
    explicit FactoryOfOne(Ref<IProtocol> protocol) : protocol_(std::move(protocol)) {}

    // A protocol has one connection: HostnameEndpoint may ask again only after a lost race.
    Ref<IProtocol> buildProtocol(const Address&) override { return protocol_; }

private:
    Ref<IProtocol> protocol_;
};

}  // namespace

Deferred<Ref<IListeningPort>> TcpServerEndpoint::listen(Ref<IProtocolFactory> factory) {
    return maybeDeferred([&] { return reactor_.listenTcp(port_, std::move(factory), options_); });
}

namespace detail {

Ref<IProtocolFactory> factoryOfOne(Ref<IProtocol> protocol) {
    return makeRef<FactoryOfOne>(std::move(protocol));
}

}  // namespace detail
}  // namespace marline
