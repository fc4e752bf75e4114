// MemoryReactor: a Reactor without a network, whose time the test makes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <source_location>
#include <string>
#include <vector>

#include <memory>

#include <marline/deferred/api.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/resolver.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/io_pump.hpp>
#include <marline/reactor/testing/memory_connector.hpp>
#include <marline/reactor/testing/memory_datagram_port.hpp>
#include <marline/reactor/testing/memory_port.hpp>

namespace marline::testing {

/// How a MemoryReactor behaves.
struct MemoryReactorOptions {
    /// How its connections move bytes; the clock and the addresses are the reactor's.
    IoPumpOptions pumps = {};
    /// Attempts to connect reach the ports that listen here by themselves, as completeConnections()
    /// does it, at each pump.
    bool connects = false;
    /// What seconds() shows at first.
    Duration start = Duration::zero();
};

/// Internal: the clock outlives the reactor, whose end may still cancel calls.
struct MemoryReactorClock {
    Clock clock;
};

/// A Reactor for tests (Twisted: `MemoryReactorClock`): what takes a Reactor& takes this one.
///
/// listenTcp(), connectTcp() and their kin open no socket: they are recorded, and the test drives
/// what comes of them. So are readers and writers, whose callbacks are the test's to call. Time
/// stands still but for advance(). Names are those of names(), where `localhost` is one. All else
/// is the Reactor's own: threads, child processes and adopted descriptors are real, and want
/// iterate() or run().
///
///     testing::MemoryReactor reactor;
///     startServer(reactor);
///     auto client = makeRef<testing::AccumulatingProtocol>();
///     reactor.tcpServers().at(0)->connect(client);
///     client->write("hello\r\n");
///     reactor.flush();
///     EXPECT_EQ(client->data(), "hello to you\r\n");
///     reactor.advance(60s);
///     EXPECT_TRUE(client->closed());   // it was idle
///
/// run() and iterate() work too. They pump instead of waiting for the network, and when nothing
/// moves the time jumps to the next delayed call: a program of hours runs in no time, the same way
/// each time.
class MARLINE_API MemoryReactor final : private MemoryReactorClock, public Reactor {
public:
    explicit MemoryReactor(MemoryReactorOptions options = {});
    /// Ends every connection, attempt and port, and drops the delayed calls.
    ~MemoryReactor() override;

    /// What was asked for, in that order; what has ended stays.
    const std::vector<Ref<MemoryPort>>& tcpServers() const noexcept { return tcpServers_; }
    const std::vector<Ref<MemoryPort>>& unixServers() const noexcept { return unixServers_; }
    const std::vector<Ref<MemoryConnector>>& tcpClients() const noexcept { return tcpClients_; }
    const std::vector<Ref<MemoryConnector>>& unixClients() const noexcept { return unixClients_; }
    const std::vector<Ref<MemoryDatagramPort>>& udpPorts() const noexcept { return udpPorts_; }
    /// The connections, in the order they were made; what has ended stays.
    std::size_t connections() const noexcept { return pumps_.size(); }
    IoPump& connection(std::size_t i) { return *pumps_.at(i); }

    /// The clock: what callLater() of this reactor adds is pending there.
    Clock& clock() noexcept { return MemoryReactorClock::clock; }
    /// The names that nameResolver() knows, unless another one was installed.
    StaticResolver& names() noexcept { return *names_; }

    /// From now on listenTcp(), listenUnix() and listenUdp() throw this; and with nothing they
    /// listen again (Twisted: `RaisingMemoryReactor`).
    void raiseOnListen(std::optional<Failure> why) { listenError_ = std::move(why); }
    /// The Deferreds of connectTcp() and connectUnix() fail with this, from the next pump.
    void raiseOnConnect(std::optional<Failure> why) { connectError_ = std::move(why); }

    /// Every attempt that waits reaches the port that listens there, and is refused where none
    /// does. Gives how many attempts that were.
    std::size_t completeConnections();
    /// One turn: what is due, then one move of each connection (see IoPump::pump()). False when
    /// there was nothing to do. What delayed calls throw is logged. Throws std::logic_error inside
    /// of itself.
    bool pump();
    /// Pumps until nothing moves; gives how often something did. Throws std::logic_error when that
    /// is more than IoPump::kMostPumps times.
    std::size_t flush();
    /// Lets `by` pass, from one delayed call to the next, with a flush() at each. A call that adds
    /// one for now each time it runs never lets it return. Throws std::invalid_argument for a
    /// negative time.
    void advance(Duration by);

    Duration seconds() const noexcept override { return MemoryReactorClock::clock.seconds(); }
    DelayedCall callLater(Duration delay, UniqueFunction<void()> call,
                          std::source_location where = std::source_location::current()) override;
    std::vector<DelayedCall> getDelayedCalls() override { return clock().getDelayedCalls(); }
    std::size_t pendingCalls() const noexcept override {
        return MemoryReactorClock::clock.pendingCalls();
    }
    Ref<IListeningPort> listenTcp(
        std::uint16_t port, Ref<IProtocolFactory> factory, const ListenOptions& options = {},
        std::source_location where = std::source_location::current()) override;
    Deferred<Ref<IProtocol>> connectTcp(
        const Address& to, Ref<IProtocolFactory> factory, const ConnectOptions& options = {},
        std::source_location where = std::source_location::current()) override;
    Ref<IListeningPort> listenUnix(
        const std::string& path, Ref<IProtocolFactory> factory,
        const UnixListenOptions& options = {},
        std::source_location where = std::source_location::current()) override;
    Deferred<Ref<IProtocol>> connectUnix(
        const std::string& path, Ref<IProtocolFactory> factory,
        const UnixConnectOptions& options = {},
        std::source_location where = std::source_location::current()) override;
    Ref<IListeningPort> listenUdp(
        std::uint16_t port, Ref<IDatagramProtocol> protocol, const UdpOptions& options = {},
        std::source_location where = std::source_location::current()) override;
    void addReader(Ref<IReadWriteDescriptor> descriptor,
                   std::source_location where = std::source_location::current()) override;
    void addWriter(Ref<IReadWriteDescriptor> descriptor,
                   std::source_location where = std::source_location::current()) override;
    void removeReader(const Ref<IReadWriteDescriptor>& descriptor) override;
    void removeWriter(const Ref<IReadWriteDescriptor>& descriptor) override;
    std::vector<Ref<IReadWriteDescriptor>> removeAll() override;
    std::vector<Ref<IReadWriteDescriptor>> getReaders() const override { return readers_; }
    std::vector<Ref<IReadWriteDescriptor>> getWriters() const override { return writers_; }
    std::vector<std::string> leftovers() const override;

private:
    friend class MemoryConnector;
    friend class MemoryDatagramPort;
    friend class MemoryPort;

    void turn(Duration wait) override;
    void closeAll() override;
    void closeMemory(const char* why);
    bool runDue(Duration by = Duration::zero());
    bool runPumpCalls();
    void callInPump(UniqueFunction<void()> call) { pumpCalls_.push_back(std::move(call)); }
    IoPump& join(Ref<IProtocol> client, Ref<IProtocol> server, const Address& from,
                 const Address& to);
    Address clientAddress(const Address& to);
    Address listenAddress(std::uint16_t port, const std::string& interface);
    template <class Ports>
    void checkFree(const Ports& ports, const Address& host) const;
    MemoryPort* portAt(const Address& to) const noexcept;
    Deferred<Ref<IProtocol>> connect(std::vector<Ref<MemoryConnector>>& list,
                                     Ref<MemoryConnector> connector);

    MemoryReactorOptions options_;
    Ref<StaticResolver> names_;
    std::optional<Failure> listenError_;
    std::optional<Failure> connectError_;
    std::vector<Ref<MemoryPort>> tcpServers_;
    std::vector<Ref<MemoryPort>> unixServers_;
    std::vector<Ref<MemoryConnector>> tcpClients_;
    std::vector<Ref<MemoryConnector>> unixClients_;
    std::vector<Ref<MemoryDatagramPort>> udpPorts_;
    std::vector<Ref<IReadWriteDescriptor>> readers_;
    std::vector<Ref<IReadWriteDescriptor>> writers_;
    std::vector<std::unique_ptr<IoPump>> pumps_;
    std::vector<IoPump*> moving_;  // those that have not ended
    std::vector<UniqueFunction<void()>> pumpCalls_;
    std::uint16_t nextPort_ = 49152;  // the first of the ephemeral ones (RFC 6335 §6)
    bool pumping_ = false;
};

}  // namespace marline::testing
