// MemoryTransport: one end of a connection without a network.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include <marline/deferred/api.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/address.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline::testing {

/// What a protocol of an IoPump writes to (Twisted: `iosim.FakeTransport`).
///
/// It keeps the contract of ITransport as a TCP connection does: nothing happens to the protocol
/// inside of its calls, only when the pump moves. What its callbacks throw is logged and ends the
/// connection with that reason. The kernel in between has no room of its own: what is written
/// waits here until it is delivered, and a push producer is paused beyond kHighWater bytes.
class MARLINE_API MemoryTransport final : public ITransport {
public:
    /// A push producer that has more than this much waiting is paused.
    static constexpr std::size_t kHighWater = 64 * 1024;

    MemoryTransport(const MemoryTransport&) = delete;
    MemoryTransport& operator=(const MemoryTransport&) = delete;

    /// Everything that was ever written here.
    const std::string& written() const noexcept { return written_; }
    /// True between pauseProducing() and resumeProducing().
    bool paused() const noexcept { return paused_; }
    /// True once connectionLost() was called.
    bool ended() const noexcept { return state_ == State::Ended; }
    /// Why, when it has ended; null before.
    const Failure* reason() const noexcept { return reason_ ? &*reason_ : nullptr; }
    /// True when it has ended with an E.
    template <class E>
    bool endedWith() const noexcept {
        return reason_ && reason_->check<E>() != nullptr;
    }
    /// The connection breaks at this end, which hears `why` at once; the other end hears of a
    /// clean end when the pump moves. What waits is lost.
    void lose(const Failure& why);

    using ITransport::write;
    void write(std::span<const std::byte> data) override;
    void writeSequence(std::span<const std::span<const std::byte>> pieces) override;
    void loseConnection() override;
    void abortConnection() override;
    void loseWriteConnection() override;
    void pauseProducing() override { paused_ = true; }
    void resumeProducing() override { paused_ = false; }
    void registerProducer(IProducer& producer, Producing mode) override;
    void unregisterProducer() override { producer_ = nullptr; }
    std::size_t bytesBuffered() const noexcept override { return out_.size(); }
    bool disconnecting() const noexcept override { return state_ != State::Open; }
    const Address& getHost() const noexcept override { return host_; }
    const Address& getPeer() const noexcept override { return peer_->host_; }
    void setTcpNoDelay(bool on) override { noDelay_ = on; }
    void setTcpKeepAlive(bool on) override { keepAlive_ = on; }
    bool getTcpNoDelay() const noexcept override { return noDelay_; }
    bool getTcpKeepAlive() const noexcept override { return keepAlive_; }
    Ref<IProtocol> switchProtocol(Ref<IProtocol> next) override;

private:
    friend class IoPump;
    enum class State : unsigned char { Open, Flushing, Aborting, Ended };

    MemoryTransport(Ref<IProtocol> protocol, Address host)
        : protocol_(std::move(protocol)), host_(std::move(host)) {}
    ~MemoryTransport() = default;

    void start();
    bool wouldDeliver() const noexcept;
    bool step(std::size_t most);
    bool finishFlushing();
    void receive(const std::string& data);
    void peerEnded();
    template <class Call>
    bool guarded(Call&& call);

    Ref<IProtocol> protocol_;
    MemoryTransport* peer_ = nullptr;
    Address host_;
    std::string out_;
    std::string written_;
    std::optional<Failure> reason_;
    UniqueFunction<void()> whenEnded_;
    IProducer* producer_ = nullptr;
    Producing producing_ = Producing::Push;
    State state_ = State::Open;
    bool producerPaused_ = false;
    bool paused_ = false;
    bool ending_ = false;  // loseWriteConnection(): to be ended when all is delivered
    bool writeEnded_ = false;
    bool readEnded_ = false;
    bool noDelay_ = true;
    bool keepAlive_ = false;
};

}  // namespace marline::testing
