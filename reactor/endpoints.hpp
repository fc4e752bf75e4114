// Endpoints: places to connect to and to listen on, as objects.
#pragma once

#include <cstdint>
#include <string>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/listening_port.hpp>
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

/// A place to listen on (Twisted: `IStreamServerEndpoint`).
class MARLINE_API IStreamServerEndpoint : public RefCounted {
public:
    /// Listens; the Deferred fires with the port, or fails with a CannotListenError. Nothing is
    /// thrown.
    virtual Deferred<Ref<IListeningPort>> listen(Ref<IProtocolFactory> factory) = 0;

protected:
    ~IStreamServerEndpoint() override = default;
};

/// Listens on a TCP port (Twisted: `TCP4ServerEndpoint`, `TCP6ServerEndpoint`).
class MARLINE_API TcpServerEndpoint final : public IStreamServerEndpoint {
public:
    /// `port` 0: any free one. Without an interface: every IPv4 address.
    TcpServerEndpoint(Reactor& reactor, std::uint16_t port, ListenOptions options = {})
        : reactor_(reactor), port_(port), options_(std::move(options)) {}

    Deferred<Ref<IListeningPort>> listen(Ref<IProtocolFactory> factory) override;

private:
    Reactor& reactor_;
    std::uint16_t port_;
    ListenOptions options_;
};

/// Listens on `endpoint` with what `wrap` makes of each factory: TLS, a PROXY header, …
MARLINE_API Ref<IStreamServerEndpoint> wrapServerEndpoint(
    Ref<IStreamServerEndpoint> endpoint,
    UniqueFunction<Ref<IProtocolFactory>(Ref<IProtocolFactory>)> wrap);

namespace detail {
/// A factory that gives `protocol`.
MARLINE_API Ref<IProtocolFactory> factoryOfOne(Ref<IProtocol> protocol);
}  // namespace detail

/// Connects `protocol` itself to `endpoint`, without a factory of the user's (Twisted:
/// `connectProtocol`). Fires with it after its makeConnection(), as connect() does.
template <class P>
Deferred<Ref<P>> connectProtocol(IStreamClientEndpoint& endpoint, Ref<P> protocol) {
    return endpoint.connect(detail::factoryOfOne(protocol))
        .addCallback([protocol](const Ref<IProtocol>&) { return protocol; });
}

}  // namespace marline
