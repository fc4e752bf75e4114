// UDP: the contracts between a datagram port and its protocol.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline {

/// How a UDP port is opened.
struct UdpOptions {
    /// The numeric address to receive on; empty: every IPv4 address. It decides the family.
    std::string interface = {};
    /// The largest datagram that is received, 1 to 65535 bytes; larger ones are dropped, and the
    /// first is logged. The smaller it is, the more datagrams one system call brings.
    std::size_t maxPacketSize = 8192;
    /// Bytes that may wait while the kernel takes no more; further datagrams are dropped, and the
    /// first is logged.
    std::size_t maxUnsent = 1024 * 1024;
    /// SO_REUSEADDR: several sockets on one port, each of which gets what is sent to a multicast
    /// group or broadcast (Twisted: `listenMultiple`).
    bool listenMultiple = false;
    /// SO_REUSEPORT: several sockets on one port, which share what is sent to it.
    bool reusePort = false;
};

/// A UDP port, seen from the protocol that uses it (Twisted: `IUDPTransport`,
/// `IMulticastTransport`).
///
/// The reactor owns it; a protocol borrows it from makeConnection() until doStop() returns. No call
/// here calls the protocol before it returns. Once it is closed, writes do nothing.
/// Addresses are numeric, as nothing here may wait for a name. Reactor thread only.
class MARLINE_API IUdpTransport {
public:
    /// Sends one datagram. The bytes are copied or sent before it returns; what is written while
    /// one callback runs leaves together when that is over. `to` is numeric and of the port's
    /// family, or `<broadcast>`; anything else throws InvalidAddressError, and broadcast without
    /// setBroadcastAllowed(true) too. Throws MessageLengthError for more than a datagram holds.
    virtual void write(std::span<const std::byte> data, const Address& to) = 0;
    void write(std::string_view text, const Address& to) { write(asBytes(text), to); }
    /// Sends one datagram to where connect() said; throws std::logic_error when it did not.
    virtual void write(std::span<const std::byte> data) = 0;
    void write(std::string_view text) { write(asBytes(text)); }

    /// From now on sends to `to`, and receives from there, alone; only then the protocol hears
    /// connectionRefused(). Throws InvalidAddressError like write(), ConnectError when the system
    /// refuses, and std::logic_error the second time.
    virtual void connect(const Address& to) = 0;
    /// Closes the port after sending what was written; doStop() of the protocol, and then the
    /// Deferred, come from a later turn. On a port that has stopped it fires as well.
    virtual Deferred<> stopListening() = 0;
    /// The port's own address.
    virtual const Address& getHost() const noexcept = 0;

    /// SO_BROADCAST; off until set.
    virtual void setBroadcastAllowed(bool on) = 0;
    virtual bool getBroadcastAllowed() const noexcept = 0;

    /// Receives what is sent to the group as well. `interface` is a local address or an interface's
    /// name; empty lets the system choose. Fails with MulticastJoinError.
    virtual Deferred<> joinGroup(const std::string& group, const std::string& interface = {}) = 0;
    /// The end of joinGroup(), with the same arguments. Fails with MulticastJoinError.
    virtual Deferred<> leaveGroup(const std::string& group, const std::string& interface = {}) = 0;
    /// How many routers a multicast datagram passes, 0 to 255; 1 until set. These setters throw
    /// std::system_error when the system refuses.
    virtual void setTtl(int hops) = 0;
    virtual int getTtl() const = 0;
    /// Whether this host gets the multicast datagrams that it sends; on until set.
    virtual void setLoopbackMode(bool on) = 0;
    virtual bool getLoopbackMode() const = 0;
    /// Where multicast datagrams leave: a local address or an interface's name. Throws
    /// InvalidAddressError when there is no such interface.
    virtual void setOutgoingInterface(const std::string& interface) = 0;

protected:
    ~IUdpTransport() = default;
};

/// What happens on a UDP port. Most classes derive from DatagramProtocol instead, which keeps the
/// transport (Twisted: `AbstractDatagramProtocol`).
///
/// The port holds a Ref to it until doStop() has returned. What callbacks throw is logged, and the
/// port lives on.
class MARLINE_API IDatagramProtocol : public RefCounted {
public:
    /// The port is open; called once, inside listenUdp(), which passes on what it throws.
    virtual void makeConnection(IUdpTransport& transport) = 0;
    /// A datagram came, which may be empty. Both arguments are gone when this returns.
    virtual void datagramReceived(std::span<const std::byte> data, const Address& from) = 0;
    /// Nobody receives where the port is connected to. The port stays open.
    virtual void connectionRefused() {}
    /// The system would not send a datagram to `to`. It is logged as well, the first of a row.
    virtual void datagramFailed(const Address& to, std::error_code why) {
        static_cast<void>(to);
        static_cast<void>(why);
    }
    /// The port is closed; called once, never from inside a call of the protocol's.
    virtual void doStop() = 0;

protected:
    ~IDatagramProtocol() override = default;
};

}  // namespace marline
