// MemoryDatagramPort: a UDP port of a MemoryReactor, and what the test does to it.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/address.hpp>
#include <marline/reactor/listening_port.hpp>
#include <marline/reactor/udp.hpp>

namespace marline::testing {

class MemoryReactor;

/// One datagram that a protocol wrote.
struct WrittenDatagram {
    std::string data;
    Address to;
};

/// What listenUdp() of a MemoryReactor made: it keeps what is written, and the test delivers
/// (Twisted: `FakeDatagramTransport`).
class MARLINE_API MemoryDatagramPort final : public IListeningPort, public IUdpTransport {
public:
    /// What it was made with.
    const Ref<IDatagramProtocol>& protocol() const noexcept { return protocol_; }
    const UdpOptions& options() const noexcept { return options_; }
    const std::source_location& where() const noexcept { return where_; }
    /// True until stopListening(), or the end of the reactor.
    bool listening() const noexcept { return listening_; }

    /// What was written, in order; take() also forgets it.
    const std::vector<WrittenDatagram>& written() const noexcept { return written_; }
    std::vector<WrittenDatagram> take() { return std::exchange(written_, {}); }
    /// The groups that were joined and not left, each with its interface.
    const std::set<std::pair<std::string, std::string>>& groups() const noexcept { return groups_; }
    /// The interface that setOutgoingInterface() named.
    const std::string& outgoingInterface() const noexcept { return outgoing_; }

    /// A datagram comes. As on a socket it is dropped when it is longer than maxPacketSize or,
    /// after connect(), from elsewhere, and what the protocol throws is logged. False when it did
    /// not reach the protocol.
    bool deliver(std::string_view data, const Address& from);
    /// Nobody receives where the port is connected to.
    void refuse();
    /// The system would not send a datagram to `to`.
    void failToSend(const Address& to, std::error_code why);

    using IUdpTransport::write;
    void write(std::span<const std::byte> data, const Address& to) override;
    void write(std::span<const std::byte> data) override;
    void connect(const Address& to) override;
    Deferred<> stopListening() override;
    const Address& getHost() const noexcept override { return host_; }
    std::size_t connections() const noexcept override { return 0; }
    void setBroadcastAllowed(bool on) override { broadcast_ = on; }
    bool getBroadcastAllowed() const noexcept override { return broadcast_; }
    Deferred<> joinGroup(const std::string& group, const std::string& interface) override;
    Deferred<> leaveGroup(const std::string& group, const std::string& interface) override;
    void setTtl(int hops) override { ttl_ = hops; }
    int getTtl() const override { return ttl_; }
    void setLoopbackMode(bool on) override { loopback_ = on; }
    bool getLoopbackMode() const override { return loopback_; }
    void setOutgoingInterface(const std::string& interface) override { outgoing_ = interface; }

private:
    friend class MemoryReactor;

    MemoryDatagramPort(MemoryReactor& reactor, Address host, Ref<IDatagramProtocol> protocol,
                       UdpOptions options, const std::source_location& where)
        : reactor_(&reactor), host_(std::move(host)), protocol_(std::move(protocol)),
          options_(std::move(options)), where_(where) {}
    ~MemoryDatagramPort() override = default;

    void checkTarget(const Address& to) const;
    void keep(std::span<const std::byte> data, const Address& to);
    void close();

    MemoryReactor* reactor_;  // null when that is gone, or the port closed
    Address host_;
    Ref<IDatagramProtocol> protocol_;
    UdpOptions options_;
    std::source_location where_;
    std::vector<WrittenDatagram> written_;
    std::set<std::pair<std::string, std::string>> groups_;
    std::optional<Address> connectedTo_;
    std::string outgoing_;
    int ttl_ = 1;
    bool broadcast_ = false;
    bool loopback_ = true;
    bool listening_ = true;
};

}  // namespace marline::testing
