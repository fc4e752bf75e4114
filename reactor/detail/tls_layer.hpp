// Internal: not installed. TLS between a transport and a protocol.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <marline/deferred/function.hpp>
#include <marline/deferred/result.hpp>
#include <marline/reactor/detail/tls_context_state.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/time.hpp>
#include <marline/reactor/tls_connection.hpp>

namespace marline::detail {

class TlsFileQueue;

/// A protocol to the transport below, a transport to the protocol above (Twisted:
/// `TLSMemoryBIOProtocol`).
///
///     Handshaking --done--> Open --loseConnection--> Closing --both said goodbye--> Closed
///     Handshaking --refused, timeout--> Closed
///
/// A protocol that startTls() found is connected from the start; any other hears nothing before
/// the handshake is done, and nothing at all when it fails.
///
/// OpenSSL reads from the bytes that have just come. The records it makes are gathered, and go to
/// the transport below in one write when OpenSSL has returned: what that write leads to, such as
/// a producer that is paused and writes its last, never runs inside of OpenSSL. What is written
/// while bytes are being read leaves in as few records as it fits into.
class TlsLayer final : public IProtocol, public ITransport, public ITlsConnection {
public:
    /// Called once: the protocol when the handshake is done, or why there is none.
    using Established = UniqueFunction<void(Result<Ref<IProtocol>>)>;

    /// `host` is what a client verifies and resumes; empty for servers. `above` may be empty when
    /// takeOver() follows.
    TlsLayer(const TlsContext& context, const std::string& host, IReactorTime& clock,
             Duration handshakeTimeout, Ref<IProtocol> above, Established established);

    /// Steps between `below` and its protocol, and begins the handshake.
    void takeOver(ITransport& below);

    void makeConnection(ITransport& below) override;
    void dataReceived(std::span<const std::byte> data) override;
    void connectionLost(const Failure& reason) override;

    void write(std::span<const std::byte> data) override;
    void writeSequence(std::span<const std::span<const std::byte>> pieces) override;
    Deferred<> sendFile(int fd, std::uint64_t offset, std::uint64_t count) override;
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
    const Address& getHost() const noexcept override;
    const Address& getPeer() const noexcept override { return peer_; }
    void setTcpNoDelay(bool on) override;
    void setTcpKeepAlive(bool on) override;
    bool getTcpNoDelay() const noexcept override {
        return below_ != nullptr && below_->getTcpNoDelay();
    }
    bool getTcpKeepAlive() const noexcept override {
        return below_ != nullptr && below_->getTcpKeepAlive();
    }
    const ITlsConnection* tls() const noexcept override { return this; }
    Ref<IProtocol> switchProtocol(Ref<IProtocol> next) override;

    std::optional<TlsCertificate> getPeerCertificate() const override;
    std::string_view negotiatedProtocol() const noexcept override;
    std::string_view serverName() const noexcept override;
    std::string_view version() const noexcept override { return SSL_get_version(ssl_.get()); }
    std::string_view cipher() const noexcept override;
    bool resumed() const noexcept override { return SSL_session_reused(ssl_.get()) == 1; }

    // For OpenSSL's callbacks.
    std::size_t takeInput(void* to, std::size_t most) noexcept;
    void gatherRecord(std::span<const std::byte> record);
    void noteRefusal(std::string why) { refusal_ = std::move(why); }
    void noteSession(SSL_SESSION* session);
    const std::string& name() const noexcept { return name_; }
    const TlsContext& context() const noexcept { return context_; }

private:
    enum class State : unsigned char { Handshaking, Open, Closing, Closed };
    friend class TlsFileQueue;

    ~TlsLayer() override;

    // tls_layer.cpp: from below to above.
    void pump();
    void finish();
    bool handshake();
    void tellAbove();
    void readHeld();
    void readRecords();
    bool readRecord(std::span<std::byte> buffer);
    void callLater(Duration delay, void (TlsLayer::*call)());
    void cancelTimer();
    void handshakeTimedOut();
    void goodbyeTimedOut();
    void fail(const Failure& why);
    std::string whom() const;
    Failure refusal(const std::string& what) const;
    Failure ending(const Failure& reason) const;
    void settle(Result<Ref<IProtocol>> outcome);
    // tls_layer_write.cpp: from above to below.
    void encrypt(std::span<const std::byte> data);
    void encryptGathered();
    void sendRecords();
    void gather(std::span<const std::byte> data);
    void holdProducer();
    void startWriting();
    void releaseProducer();
    void close();
    void sayGoodbye();
    // tls_layer_file.cpp: files.
    void keepBehindFiles(std::span<const std::byte> data);
    std::size_t waitingBehindFiles() const noexcept;
    void beginFiles();
    void sendOfFile();
    bool sendPiece();
    bool endOfFile();
    void dropFiles(const Failure& why);

    TlsContext context_;
    std::string name_;
    SslPtr ssl_;
    IReactorTime& clock_;
    ITransport* below_ = nullptr;
    Ref<IProtocol> above_;
    Established established_;
    DelayedCall timer_;  // of the handshake, then of readHeld(), then of the goodbye
    Duration handshakeTimeout_;
    Address peer_;
    std::span<const std::byte> input_;  // what came and OpenSSL has not taken
    std::string held_;                  // the same, kept while reading is paused
    std::string gathered_;              // plain text that waits for its record
    std::string records_;               // what OpenSSL made of it
    std::string refusal_;               // what is wrong with the peer's certificate
    std::optional<Failure> failure_;
    std::unique_ptr<TlsFileQueue>
        files_;  // and what was written after them; none when there are none
    IProducer* producer_ = nullptr;
    Producing producing_ = Producing::Push;
    State state_ = State::Handshaking;
    bool connected_ = false;       // the protocol above has a transport
    bool pumping_ = false;         // bytes are being read: what is written is gathered
    bool encrypting_ = false;      // the same, as OpenSSL writes
    bool paused_ = false;          // the protocol above wants no data
    bool producerBelow_ = false;   // the transport below knows the producer
    bool producerPaused_ = false;  // by this layer, as the handshake goes on
    bool peerSaidGoodbye_ = false;
    bool closeWanted_ = false;  // loseConnection() waits for the producer
};

}  // namespace marline::detail
