#include <marline/reactor/endpoint_wrappers.hpp>

#include <utility>

#include <marline/deferred/succeed.hpp>

namespace marline {
namespace {

class FactoryOfOne final : public IProtocolFactory {
public:
    explicit FactoryOfOne(Ref<IProtocol> protocol) : protocol_(std::move(protocol)) {}

    Ref<IProtocol> buildProtocol(const Address&) override { return protocol_; }

private:
    Ref<IProtocol> protocol_;
};

class WrappedServerEndpoint final : public IStreamServerEndpoint {
public:
    using Wrap = UniqueFunction<Ref<IProtocolFactory>(Ref<IProtocolFactory>)>;

    WrappedServerEndpoint(Ref<IStreamServerEndpoint> below, Wrap wrap)
        : below_(std::move(below)), wrap_(std::move(wrap)) {}

    Deferred<Ref<IListeningPort>> listen(Ref<IProtocolFactory> factory) override {
        return maybeDeferred([&] { return below_->listen(wrap_(std::move(factory))); });
    }

private:
    Ref<IStreamServerEndpoint> below_;
    Wrap wrap_;
};

}  // namespace

Ref<IStreamServerEndpoint> wrapServerEndpoint(
    Ref<IStreamServerEndpoint> endpoint,
    UniqueFunction<Ref<IProtocolFactory>(Ref<IProtocolFactory>)> wrap) {
    return makeRef<WrappedServerEndpoint>(std::move(endpoint), std::move(wrap));
}

namespace detail {

Ref<IProtocolFactory> factoryOfOne(Ref<IProtocol> protocol) {
    return makeRef<FactoryOfOne>(std::move(protocol));
}

}  // namespace detail
}  // namespace marline
