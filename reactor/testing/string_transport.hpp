// StringTransport: a transport without a network, for tests of protocols.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <marline/deferred/api.hpp>
#include <marline/reactor/address.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline::testing {

/// Keeps what a protocol writes and what it asks for (Twisted: `StringTransport`).
///
/// The test brings bytes and ends by calling the protocol itself. The kernel that a real transport
/// writes to takes everything at once; after hold() it takes nothing until drain(), and a push
/// producer is paused beyond kHighWater bytes as over TCP.
///
///     testing::StringTransport transport;
///     protocol->makeConnection(transport);
///     protocol->dataReceived(asBytes("hello\r\n"));
///     EXPECT_EQ(transport.value(), "hello\r\n");
class MARLINE_API StringTransport final : public ITransport {
public:
    /// A push producer that has more than this much waiting is paused.
    static constexpr std::size_t kHighWater = 64 * 1024;

    StringTransport();
    /// Has `host` and `peer` as its ends.
    StringTransport(Address host, Address peer);
    virtual ~StringTransport() = default;

    // What the protocol did.

    /// Everything written since the start or the last clear().
    const std::string& value() const noexcept { return written_; }
    /// How many calls of write() brought it.
    std::size_t writes() const noexcept { return writes_; }
    /// Forgets what was written.
    void clear() noexcept;
    /// True after loseConnection().
    bool closed() const noexcept { return closed_; }
    /// True after abortConnection().
    bool aborted() const noexcept { return aborted_; }
    /// True after loseWriteConnection().
    bool writeEnded() const noexcept { return writeEnded_; }
    /// True between pauseProducing() and resumeProducing(): a real transport would not read.
    bool paused() const noexcept { return paused_; }
    /// The registered producer; null without one.
    IProducer* producer() const noexcept { return producer_; }
    /// How it wants to be asked. Only with a producer.
    Producing producing() const noexcept { return producing_; }

    // What the test makes happen.

    /// From now on the kernel takes nothing.
    void hold() noexcept { held_ = true; }
    /// The kernel takes `bytes` of what waits; when nothing is left the producer is resumed. More
    /// than waits means all of it.
    void drain(std::size_t bytes = static_cast<std::size_t>(-1));
    /// The connection is gone: the producer is stopped and every later call does nothing. The test
    /// calls connectionLost() itself, afterwards.
    void disconnect();

    using ITransport::write;
    void write(std::span<const std::byte> data) override;
    void writeSequence(std::span<const std::span<const std::byte>> pieces) override;
    void loseConnection() override;
    void abortConnection() override;
    void loseWriteConnection() override;
    void pauseProducing() override;
    void resumeProducing() override;
    void registerProducer(IProducer& producer, Producing mode) override;
    void unregisterProducer() override;
    std::size_t bytesBuffered() const noexcept override { return buffered_; }
    bool disconnecting() const noexcept override { return closed_ || aborted_ || gone_; }
    const Address& getHost() const noexcept override { return host_; }
    const Address& getPeer() const noexcept override { return peer_; }
    void setTcpNoDelay(bool) override {}
    void setTcpKeepAlive(bool) override {}

private:
    Address host_;
    Address peer_;
    std::string written_;
    std::size_t writes_ = 0;
    std::size_t buffered_ = 0;
    IProducer* producer_ = nullptr;
    Producing producing_ = Producing::Push;
    bool producerPaused_ = false;
    bool held_ = false;
    bool paused_ = false;
    bool closed_ = false;
    bool aborted_ = false;
    bool writeEnded_ = false;
    bool gone_ = false;
};

}  // namespace marline::testing
