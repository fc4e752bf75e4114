// Endpoints: places to connect to, as objects.
#pragma once

#include <cstdint>
#include <string>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline {

/// A place to connect to (Twisted: `IStreamClientEndpoint`).
class MARLINE_API IStreamClientEndpoint : public RefCounted {
public:
    /// Connects; the Deferred fires with the protocol that `factory` built, after its
    /// makeConnection(). Nothing is thrown: what goes wrong fails the Deferred. Cancelling it
    /// stops all attempts.
    virtual Deferred<Ref<IProtocol>> connect(Ref<IProtocolFactory> factory) = 0;

protected:
    ~IStreamClientEndpoint() override = default;
};

/// Connects to one numeric address (Twisted: `TCP4ClientEndpoint`, `TCP6ClientEndpoint`).
class MARLINE_API TcpClientEndpoint final : public IStreamClientEndpoint {
public:
    TcpClientEndpoint(Reactor& reactor, Address to, ConnectOptions options = {})
        : reactor_(reactor), to_(std::move(to)), options_(std::move(options)) {}

    Deferred<Ref<IProtocol>> connect(Ref<IProtocolFactory> factory) override {
        return reactor_.connectTcp(to_, std::move(factory), options_);
    }

private:
    Reactor& reactor_;
    Address to_;
    ConnectOptions options_;
};

}  // namespace marline
