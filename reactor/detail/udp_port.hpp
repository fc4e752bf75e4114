// Internal: not installed. A UDP socket and its protocol.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include <marline/deferred/source.hpp>
#include <marline/reactor/detail/event_loop.hpp>
#include <marline/reactor/detail/socket.hpp>
#include <marline/reactor/listening_port.hpp>
#include <marline/reactor/udp.hpp>

namespace marline::detail {

class UdpPort;

/// The user's handle of a port; it outlives the port and knows when that has gone.
class UdpPortHandle final : public IListeningPort {
public:
    UdpPortHandle(UdpPort& port, Address address) : port_(&port), address_(std::move(address)) {}

    const Address& getHost() const noexcept override { return address_; }
    std::size_t connections() const noexcept override { return 0; }
    Deferred<> stopListening() override;

private:
    friend class UdpPort;

    UdpPort* port_;
    Address address_;
};

/// Receives and sends datagrams, several with one system call.
///
/// What is written waits in one buffer until the callback that wrote it is over, or the turn, or
/// until there is enough for a call. The protocol is called from the event or the end of a turn.
class UdpPort final : public LoopObject, public IUdpTransport {
public:
    /// `fd` is bound.
    UdpPort(EventLoop& loop, UniqueFd fd, Ref<IDatagramProtocol> protocol,
            const UdpOptions& options);

    /// Tells the protocol and begins to receive; when that throws, the port is gone.
    void start();
    const Ref<UdpPortHandle>& handle() const noexcept { return handle_; }

    using IUdpTransport::write;
    void write(std::span<const std::byte> data, const Address& to) override;
    void write(std::span<const std::byte> data) override;
    void connect(const Address& to) override;
    Deferred<> stopListening() override;
    const Address& getHost() const noexcept override { return handle_->getHost(); }
    void setBroadcastAllowed(bool on) override;
    bool getBroadcastAllowed() const noexcept override { return broadcast_; }
    Deferred<> joinGroup(const std::string& group, const std::string& interface) override;
    Deferred<> leaveGroup(const std::string& group, const std::string& interface) override;
    void setTtl(int hops) override;
    int getTtl() const override;
    void setLoopbackMode(bool on) override;
    bool getLoopbackMode() const override;
    void setOutgoingInterface(const std::string& interface) override;

    void endOfTurn() override;
    void shutDown(const Failure& why) override;
    std::string describe() const override;

private:
    /// A destination without what makes a sockaddr_storage large.
    struct Target {
        sockaddr_in6 address{};
        socklen_t length = 0;  // 0: where the socket is connected to
    };
    /// One datagram in out_.
    struct Unsent {
        std::size_t size;
        Target to;
    };
    struct Batch;

    ~UdpPort() override;

    static void ready(int fd, short what, void* self);
    void readReady();
    void deliver(const Batch& batch, int index);
    void receiveFailed(int error);
    const Target& targetOf(const Address& to);
    void queue(std::span<const std::byte> data, const Target& to);
    void flush();
    void transmit();
    int sendBatch();
    void sendFailed(int error);
    void forgetFirst(std::size_t count);
    void beginToWatch();
    void watch();
    void close();
    int option(int v4, int v6) const;
    void setOption(const char* what, int v4, int v6, int value);
    Deferred<> changeGroup(bool join, const std::string& group, const std::string& interface);

    UniqueFd fd_;
    FdEvent event_;
    Ref<IDatagramProtocol> protocol_;
    Ref<UdpPortHandle> handle_;
    std::size_t maxPacketSize_;
    std::size_t maxUnsent_;
    int family_;
    bool open_ = true;  // until stopListening()
    bool connected_ = false;
    bool broadcast_ = false;
    bool blocked_ = false;     // the kernel takes no more for now
    bool collecting_ = false;  // what is written now is flushed by who set this
    bool saidTooLong_ = false;
    bool saidFull_ = false;
    bool saidFailed_ = false;
    int sendError_ = 0;  // of the first one in unsent_, to be dealt with by flush()
    std::string out_;    // what is to be sent; the first gone_ bytes are
    std::size_t gone_ = 0;
    std::vector<Unsent> unsent_;  // the first sent_ of them are
    std::size_t sent_ = 0;
    // The last ones, as the next is often the same.
    Address from_;
    Target fromTarget_;
    Address to_;
    Target toTarget_;
    std::vector<DeferredSource<>> stopped_;
};

}  // namespace marline::detail
