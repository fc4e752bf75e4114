// Endpoints: places to connect to and to listen at, as objects.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/succeed.hpp>
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

/// A place to listen at (Twisted: `IStreamServerEndpoint`).
class MARLINE_API IStreamServerEndpoint : public RefCounted {
public:
    /// Listens; the Deferred fires with the port. Nothing is thrown: what goes wrong fails the
    /// Deferred, with CannotListenError mostly.
    virtual Deferred<Ref<IListeningPort>> listen(Ref<IProtocolFactory> factory) = 0;

protected:
    ~IStreamServerEndpoint() override = default;
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

/// Listens on a TCP port (Twisted: `TCP4ServerEndpoint`, `TCP6ServerEndpoint`; which of the two is
/// for ListenOptions::interface to say).
class MARLINE_API TcpServerEndpoint final : public IStreamServerEndpoint {
public:
    TcpServerEndpoint(Reactor& reactor, std::uint16_t port, ListenOptions options = {})
        : reactor_(reactor), port_(port), options_(std::move(options)) {}

    Deferred<Ref<IListeningPort>> listen(Ref<IProtocolFactory> factory) override {
        return maybeDeferred(
            [&] { return reactor_.listenTcp(port_, std::move(factory), options_); });
    }

private:
    Reactor& reactor_;
    std::uint16_t port_;
    ListenOptions options_;
};

}  // namespace marline
