// Protocol and Factory: what most protocols and servers derive from.
#pragma once

#include <functional>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline {

/// A protocol that keeps its transport (Twisted: `Protocol`). Override dataReceived(), and
/// connectionMade() and connectionLost() where they matter.
///
///     class Echo : public Protocol {
///         void dataReceived(std::span<const std::byte> data) override { transport()->write(data);
///         }
///     };
class MARLINE_API Protocol : public IProtocol {
public:
    void makeConnection(ITransport& transport) final {
        transport_ = &transport;
        connectionMade();
    }
    /// Forgets the transport. Overrides call this one last.
    void connectionLost(const Failure& reason) override {
        static_cast<void>(reason);
        transport_ = nullptr;
    }
    void dataReceived(std::span<const std::byte>) override {}
    void transportChanged(ITransport& transport) override { transport_ = &transport; }

    /// The connection; null before connectionMade() and after connectionLost().
    ITransport* transport() const noexcept { return transport_; }

protected:
    ~Protocol() override = default;

    /// The connection stands: transport() may be written to.
    virtual void connectionMade() {}

private:
    ITransport* transport_ = nullptr;
};

/// A factory that calls a function for each connection (Twisted: `Factory.forProtocol`).
///
///     reactor.listenTcp(7, makeFactory<Echo>());
template <class Build>
class FunctionFactory final : public IProtocolFactory {
public:
    explicit FunctionFactory(Build build) : build_(std::move(build)) {}

    Ref<IProtocol> buildProtocol(const Address& peer) override { return build_(peer); }

private:
    Build build_;
};

/// A factory whose protocols are P(args…), each with copies of `args`.
template <class P, class... Args>
Ref<IProtocolFactory> makeFactory(Args... args) {
    auto build = [args...](const Address&) -> Ref<IProtocol> { return makeRef<P>(args...); };
    return makeRef<FunctionFactory<decltype(build)>>(std::move(build));
}

/// A factory whose protocols are what `build(peer)` gives.
template <class Build>
Ref<IProtocolFactory> factoryOf(Build build) {
    return makeRef<FunctionFactory<Build>>(std::move(build));
}

}  // namespace marline
