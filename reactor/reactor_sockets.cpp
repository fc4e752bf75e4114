// How a Reactor listens, connects and adopts.
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/detail/adopt.hpp>
#include <marline/reactor/detail/make_connection.hpp>
#include <marline/reactor/detail/reactor_parts.hpp>
#include <marline/reactor/detail/stream_connector.hpp>
#include <marline/reactor/detail/stream_port.hpp>
#include <marline/reactor/detail/udp_port.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline {
namespace {

using State = Reactor::Parts::State;

void checkListening(const Reactor::Parts& parts, const char* what) {
    checkThread(parts, what);
    if (parts.state == State::Dying) {
        throw ReactorNotRunning(std::string(what) + " on a reactor that is being destroyed");
    }
}

Deferred<Ref<IProtocol>> connectStream(Reactor::Parts& parts, const Address& to,
                                       Ref<IProtocolFactory> factory,
                                       const detail::StreamConnectorOptions& options) {
    if (parts.state == State::Dying) {
        return fail<Ref<IProtocol>>(
            ConnectError("connect to " + to.toString() + " failed: the reactor is gone"));
    }
    auto* connector = new detail::StreamConnector(parts.loop, to, std::move(factory), options);
    return connector->result();
}

Ref<IListeningPort> receive(Reactor::Parts& parts, detail::UniqueFd fd,
                            Ref<IDatagramProtocol> protocol, const UdpOptions& options) {
    auto* port = new detail::UdpPort(parts.loop, std::move(fd), std::move(protocol), options);
    Ref<IListeningPort> handle = port->handle();
    port->start();
    return handle;
}

}  // namespace

Ref<IListeningPort> Reactor::listenTcp(std::uint16_t port, Ref<IProtocolFactory> factory,
                                       const ListenOptions& options, std::source_location where) {
    checkListening(*parts_, "listenTcp()");
    const detail::SiteScope site(parts_->loop, where);
    auto* listening = new detail::StreamPort(parts_->loop, detail::listenOnTcpSocket(port, options),
                                             std::move(factory), options.maxConnections);
    return listening->handle();
}

Ref<IListeningPort> Reactor::listenUnix(const std::string& path, Ref<IProtocolFactory> factory,
                                        const UnixListenOptions& options,
                                        std::source_location where) {
    checkListening(*parts_, "listenUnix()");
    const detail::SiteScope site(parts_->loop, where);
    auto* listening = new detail::StreamPort(
        parts_->loop, detail::listenOnUnixSocket(detail::unixAddress(path), options),
        std::move(factory), options.maxConnections);
    return listening->handle();
}

Deferred<Ref<IProtocol>> Reactor::connectTcp(const Address& to, Ref<IProtocolFactory> factory,
                                             const ConnectOptions& options,
                                             std::source_location where) {
    checkThread(*parts_, "connectTcp()");
    const detail::SiteScope site(parts_->loop, where);
    if (options.timeout < Duration::zero()) {
        throw std::invalid_argument("connectTcp() with a negative ConnectOptions::timeout");
    }
    if (to.kind == Address::Kind::Unix) {
        return fail<Ref<IProtocol>>(
            ConnectError("connect to " + to.toString() + " failed: it is for connectUnix()"));
    }
    return connectStream(*parts_, to, std::move(factory), {options.timeout, options.bindAddress});
}

Deferred<Ref<IProtocol>> Reactor::connectUnix(const std::string& path,
                                              Ref<IProtocolFactory> factory,
                                              const UnixConnectOptions& options,
                                              std::source_location where) {
    checkThread(*parts_, "connectUnix()");
    const detail::SiteScope site(parts_->loop, where);
    return connectStream(*parts_, detail::unixAddress(path), std::move(factory),
                         {.timeout = options.timeout, .checkPid = options.checkPid});
}

Ref<IListeningPort> Reactor::listenUdp(std::uint16_t port, Ref<IDatagramProtocol> protocol,
                                       const UdpOptions& options, std::source_location where) {
    checkListening(*parts_, "listenUdp()");
    const detail::SiteScope site(parts_->loop, where);
    detail::UniqueFd fd = detail::bindSocket({.type = SOCK_DGRAM,
                                              .interface = options.interface,
                                              .port = port,
                                              .reuseAddress = options.listenMultiple,
                                              .reusePort = options.reusePort});
    return receive(*parts_, std::move(fd), std::move(protocol), options);
}

Ref<IListeningPort> Reactor::adoptStreamPort(int fd, Ref<IProtocolFactory> factory,
                                             std::size_t maxConnections,
                                             std::source_location where) {
    checkListening(*parts_, "adoptStreamPort()");
    const detail::SiteScope site(parts_->loop, where);
    detail::UniqueFd copy = detail::adopt(fd, {SOCK_STREAM, detail::Adopt::Role::Listening});
    auto* listening =
        new detail::StreamPort(parts_->loop, {std::move(copy)}, std::move(factory), maxConnections);
    return listening->handle();
}

Ref<IProtocol> Reactor::adoptStreamConnection(int fd, Ref<IProtocolFactory> factory,
                                              std::source_location where) {
    checkListening(*parts_, "adoptStreamConnection()");
    const detail::SiteScope site(parts_->loop, where);
    detail::UniqueFd copy = detail::adopt(fd, {SOCK_STREAM, detail::Adopt::Role::Connected});
    const Address peer = detail::remoteAddress(copy.get());
    factory->doStart();
    auto use = std::make_unique<detail::FactoryUse>(factory);
    Ref<IProtocol> protocol = factory->buildProtocol(peer);
    if (protocol) {
        detail::makeConnection(parts_->loop, std::move(copy), peer, protocol, *use.release())
            .start();
    }
    return protocol;
}

Ref<IListeningPort> Reactor::adoptDatagramPort(int fd, Ref<IDatagramProtocol> protocol,
                                               const UdpOptions& options,
                                               std::source_location where) {
    checkListening(*parts_, "adoptDatagramPort()");
    const detail::SiteScope site(parts_->loop, where);
    return receive(*parts_, detail::adopt(fd, {SOCK_DGRAM, detail::Adopt::Role::Any}),
                   std::move(protocol), options);
}

}  // namespace marline
