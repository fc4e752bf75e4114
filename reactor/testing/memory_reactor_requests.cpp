// What a program asks of a MemoryReactor.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/memory_reactor.hpp>

namespace marline::testing {
namespace {

Address unixAddress(const std::string& path) {
    Address address{Address::Kind::Unix, 0, path};
    if (!path.empty() && path[0] == '@') {
        address.host[0] = '\0';
    }
    return address;
}

void addOnce(std::vector<Ref<IReadWriteDescriptor>>& list, Ref<IReadWriteDescriptor> descriptor) {
    if (!descriptor) {
        throw std::invalid_argument("addReader() or addWriter() with no descriptor");
    }
    if (std::find(list.begin(), list.end(), descriptor) == list.end()) {
        list.push_back(std::move(descriptor));
    }
}

}  // namespace

Address MemoryReactor::listenAddress(std::uint16_t port, const std::string& interface) {
    Address host;
    if (!parseNumericAddress(interface.empty() ? "0.0.0.0" : interface, port, host)) {
        throw CannotListenError(
            "listen on " + interface + " port " + std::to_string(port) + " failed",
            std::make_error_code(std::errc::invalid_argument));
    }
    if (port == 0) {
        host.port = nextPort_++;
    }
    return host;
}

template <class Ports>
void MemoryReactor::checkFree(const Ports& ports, const Address& host) const {
    for (const auto& port : ports) {
        if (port->listening() && port->getHost() == host) {
            throw CannotListenError("listen on " + host.toString() + " failed",
                                    std::make_error_code(std::errc::address_in_use));
        }
    }
}

Ref<IListeningPort> MemoryReactor::listenTcp(std::uint16_t port, Ref<IProtocolFactory> factory,
                                             const ListenOptions& options,
                                             std::source_location where) {
    if (listenError_) {
        listenError_->raise();
    }
    const Address host = listenAddress(port, options.interface);
    if (!options.reusePort) {
        checkFree(tcpServers_, host);
    }
    const Ref<MemoryPort> made(new MemoryPort(*this, host, std::move(factory), where));
    made->options_ = options;
    made->factory_->doStart();
    tcpServers_.push_back(made);
    return made;
}

Ref<IListeningPort> MemoryReactor::listenUnix(const std::string& path,
                                              Ref<IProtocolFactory> factory,
                                              const UnixListenOptions& options,
                                              std::source_location where) {
    if (listenError_) {
        listenError_->raise();
    }
    const Address host = unixAddress(path);
    checkFree(unixServers_, host);
    const Ref<MemoryPort> made(new MemoryPort(*this, host, std::move(factory), where));
    made->unixOptions_ = options;
    made->factory_->doStart();
    unixServers_.push_back(made);
    return made;
}

Ref<IListeningPort> MemoryReactor::listenUdp(std::uint16_t port, Ref<IDatagramProtocol> protocol,
                                             const UdpOptions& options,
                                             std::source_location where) {
    if (listenError_) {
        listenError_->raise();
    }
    const Address host = listenAddress(port, options.interface);
    if (!options.reusePort && !options.listenMultiple) {
        checkFree(udpPorts_, host);
    }
    const Ref<MemoryDatagramPort> made(
        new MemoryDatagramPort(*this, host, std::move(protocol), options, where));
    made->protocol_->makeConnection(*made);
    udpPorts_.push_back(made);
    return made;
}

Deferred<Ref<IProtocol>> MemoryReactor::connectTcp(const Address& to, Ref<IProtocolFactory> factory,
                                                   const ConnectOptions& options,
                                                   std::source_location where) {
    if (options.timeout < Duration::zero()) {
        throw std::invalid_argument("connectTcp() with a negative ConnectOptions::timeout");
    }
    if (to.kind == Address::Kind::Unix) {
        return fail<Ref<IProtocol>>(
            ConnectError("connect to " + to.toString() + " failed: it is for connectUnix()"));
    }
    return connect(tcpClients_, Ref<MemoryConnector>(new MemoryConnector(
                                    *this, to, std::move(factory), options, where)));
}

Deferred<Ref<IProtocol>> MemoryReactor::connectUnix(const std::string& path,
                                                    Ref<IProtocolFactory> factory,
                                                    const UnixConnectOptions& options,
                                                    std::source_location where) {
    if (options.timeout < Duration::zero()) {
        throw std::invalid_argument("connectUnix() with a negative UnixConnectOptions::timeout");
    }
    return connect(unixClients_, Ref<MemoryConnector>(new MemoryConnector(
                                     *this, unixAddress(path), std::move(factory),
                                     {.timeout = options.timeout}, where)));
}

Deferred<Ref<IProtocol>> MemoryReactor::connect(std::vector<Ref<MemoryConnector>>& list,
                                                Ref<MemoryConnector> connector) {
    list.push_back(connector);
    Deferred<Ref<IProtocol>> result = connector->source_.deferred();
    connector->begin();
    if (connectError_) {
        callInPump([connector, why = *connectError_] {
            if (connector->pending()) {
                connector->fail(why);
            }
        });
    }
    return result;
}

// Descriptors.

void MemoryReactor::addReader(Ref<IReadWriteDescriptor> descriptor, std::source_location) {
    addOnce(readers_, std::move(descriptor));
}

void MemoryReactor::addWriter(Ref<IReadWriteDescriptor> descriptor, std::source_location) {
    addOnce(writers_, std::move(descriptor));
}

void MemoryReactor::removeReader(const Ref<IReadWriteDescriptor>& descriptor) {
    std::erase(readers_, descriptor);
}

void MemoryReactor::removeWriter(const Ref<IReadWriteDescriptor>& descriptor) {
    std::erase(writers_, descriptor);
}

std::vector<Ref<IReadWriteDescriptor>> MemoryReactor::removeAll() {
    std::vector<Ref<IReadWriteDescriptor>> all = std::exchange(readers_, {});
    for (Ref<IReadWriteDescriptor>& writer : std::exchange(writers_, {})) {
        addOnce(all, std::move(writer));
    }
    return all;
}

}  // namespace marline::testing
