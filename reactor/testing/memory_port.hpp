// MemoryPort: a port of a MemoryReactor, and what the test does to it.
#pragma once

#include <cstddef>
#include <source_location>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/address.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/listening_port.hpp>
#include <marline/reactor/testing/io_pump.hpp>
#include <marline/reactor/unix.hpp>

namespace marline::testing {

class MemoryReactor;

/// What listenTcp() or listenUnix() of a MemoryReactor made: nobody connects but the test
/// (Twisted: an entry of `MemoryReactor.tcpServers`).
class MARLINE_API MemoryPort final : public IListeningPort {
public:
    /// What it was made with. `unixOptions()` are of listenUnix(), `options()` of listenTcp(); the
    /// backlog, `maxConnections` and files have no effect here.
    const Ref<IProtocolFactory>& factory() const noexcept { return factory_; }
    const ListenOptions& options() const noexcept { return options_; }
    const UnixListenOptions& unixOptions() const noexcept { return unixOptions_; }
    const std::source_location& where() const noexcept { return where_; }
    /// True until stopListening(), or the end of the reactor.
    bool listening() const noexcept { return listening_; }

    /// Connects `client` to a protocol of the factory's, both of which have their makeConnection()
    /// when this returns. Bytes move when the reactor pumps. The pump lives as long as the reactor.
    ///
    /// Null, and nothing is connected, when the factory gives no protocol, or throws, which is
    /// logged. Throws std::logic_error when the port does not listen.
    IoPump* connect(Ref<IProtocol> client);

    const Address& getHost() const noexcept override { return host_; }
    std::size_t connections() const noexcept override { return connections_; }
    Deferred<> stopListening() override;

private:
    friend class MemoryConnector;
    friend class MemoryReactor;

    MemoryPort(MemoryReactor& reactor, Address host, Ref<IProtocolFactory> factory,
               const std::source_location& where)
        : reactor_(&reactor), host_(std::move(host)), factory_(std::move(factory)), where_(where) {}
    ~MemoryPort() override = default;

    Ref<IProtocol> build(const Address& from);
    void count(IoPump& pump);
    void close();

    MemoryReactor* reactor_;  // null when that is gone
    Address host_;
    Ref<IProtocolFactory> factory_;
    ListenOptions options_;
    UnixListenOptions unixOptions_;
    std::source_location where_;
    std::size_t connections_ = 0;
    bool listening_ = true;
};

}  // namespace marline::testing
