// Internal: not installed. TLS between a transport and a protocol.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include <marline/deferred/function.hpp>
#include <marline/deferred/result.hpp>
#include <marline/reactor/detail/tls_context_state.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/time.hpp>

namespace marline::detail {

/// A protocol to the transport below, a transport to the protocol above (Twisted:
/// `TLSMemoryBIOProtocol`).
///
///     Handshaking --done--> Open --loseConnection--> Closing --close_notify sent--> Closed
///     Handshaking --refused, timeout--> Closed, and the protocol above never hears of it
///
/// OpenSSL reads from the bytes that have just come and writes straight into the transport below:
/// there is no buffer in between. What is written while bytes are being read is gathered, and
/// leaves in as few records as it fits into.
class TlsLayer final : public IProtocol, public ITransport {
public:
    /// Called once: the protocol when the handshake is done, or why there is none.
    using Established = UniqueFunction<void(Result<Ref<IProtocol>>)>;

    /// `host` is what a client verifies and resumes; empty for servers.
    TlsLayer(const TlsContext& context, const std::string& host, IReactorTime& clock,
             Duration handshakeTimeout, Ref<IProtocol> above, Established established);

    void makeConnection(ITransport& below) override;
    void dataReceived(std::span<const std::byte> data) override;
    void connectionLost(const Failure& reason) override;

    void write(std::span<const std::byte> data) override;
    void writeSequence(std::span<const std::span<const std::byte>> pieces) override;
    void loseConnection() override;
    void abortConnection() override;
    void loseWriteConnection() override { loseConnection(); }
    void pauseProducing() override;
    void resumeProducing() override;
    void registerProducer(IProducer& producer, Producing mode) override;
    void unregisterProducer() override;
    std::size_t bytesBuffered() const noexcept override;
    bool disconnecting() const noexcept override {
        return state_ >= State::Closing || closeWanted_ || failure_.has_value();
    }
    const Address& getHost() const noexcept override { return host_; }
    const Address& getPeer() const noexcept override { return peer_; }
    void setTcpNoDelay(bool on) override;
    void setTcpKeepAlive(bool on) override;
    bool getTcpNoDelay() const noexcept override {
        return below_ != nullptr && below_->getTcpNoDelay();
    }
    bool getTcpKeepAlive() const noexcept override {
        return below_ != nullptr && below_->getTcpKeepAlive();
    }

    // For OpenSSL's callbacks.
    std::size_t takeInput(void* to, std::size_t most) noexcept;
    void sendOutput(std::span<const std::byte> record);
    void noteRefusal(const std::string& why) { refusal_ = why; }
    void noteSession(SSL_SESSION* session);

private:
    enum class State : unsigned char { Handshaking, Open, Closing, Closed };

    ~TlsLayer() override;

    void pump();
    bool handshake();
    void tellAbove();
    void readHeld();
    void readRecords();
    bool readRecord(std::span<std::byte> buffer);
    void encrypt(std::span<const std::byte> data);
    void flushGathered();
    void sayGoodbye();
    void fail(const Failure& why);
    std::string whom() const;
    Failure refusal(const std::string& what) const;
    void settle(Result<Ref<IProtocol>> outcome);

    TlsContext context_;
    std::string name_;
    SslPtr ssl_;
    IReactorTime& clock_;
    ITransport* below_ = nullptr;
    Ref<IProtocol> above_;
    Established established_;
    DelayedCall deadline_;
    DelayedCall resumption_;
    Duration handshakeTimeout_;
    Address host_;
    Address peer_;
    std::span<const std::byte> input_;  // what came and OpenSSL has not taken
    std::string held_;                  // the same, kept while reading is paused
    std::string gathered_;              // written while bytes are being read
    std::string refusal_;               // what is wrong with the peer's certificate
    std::optional<Failure> failure_;
    State state_ = State::Handshaking;
    bool pumping_ = false;
    bool paused_ = false;
    bool producing_ = false;
    bool peerSaidGoodbye_ = false;
    bool closeWanted_ = false;
};

}  // namespace marline::detail
