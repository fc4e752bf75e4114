// Internal: not installed. A connected stream socket as a transport.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include <marline/deferred/failure.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/address.hpp>
#include <marline/reactor/detail/event_loop.hpp>
#include <marline/reactor/detail/socket.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline::detail {

/// Who counts connections: the port that accepted them.
class IConnectionCounter {
public:
    virtual void connectionEnded() = 0;

protected:
    ~IConnectionCounter() = default;
};

/// A stream on a non-blocking socket.
///
///     Open --loseConnection--> Flushing --all sent, no producer--> Ended
///     Open, Flushing --abortConnection--> Aborting --end of the turn--> Ended
///     any --the peer, an error, a callback that threw--> Ended
///
/// Reading goes through the loop's one buffer. What is written is kept until the end of the turn
/// and leaves in one call; the event waits for writability only while the kernel takes no more.
/// The protocol hears connectionLost() from the event or the end of a turn, never from its own call.
class StreamConnection final : public LoopObject, public ITransport {
public:
    StreamConnection(EventLoop& loop, UniqueFd fd, Address peer, Ref<IProtocol> protocol,
                     IConnectionCounter* counter);

    /// Begins to read and tells the protocol.
    void start();
    /// The counter is about to go.
    void forgetCounter() noexcept { counter_ = nullptr; }

    void write(std::span<const std::byte> data) override;
    void writeSequence(std::span<const std::span<const std::byte>> pieces) override;
    void loseConnection() override;
    void abortConnection() override;
    void loseWriteConnection() override;
    void pauseProducing() override;
    void resumeProducing() override;
    void registerProducer(IProducer& producer, Producing mode) override;
    void unregisterProducer() override;
    std::size_t bytesBuffered() const noexcept override { return out_.size() - sent_; }
    bool disconnecting() const noexcept override { return state_ != State::Open; }
    const Address& getHost() const noexcept override;
    const Address& getPeer() const noexcept override { return peer_; }
    void setTcpNoDelay(bool on) override;
    void setTcpKeepAlive(bool on) override;

    void endOfTurn() override;
    void shutDown(const Failure& why) override;

private:
    enum class State : unsigned char { Open, Flushing, Aborting, Ended };

    ~StreamConnection() override;

    static void ready(int fd, short what, void* self);
    void readReady();
    void peerEnded();
    void flush();
    void sent(std::size_t bytes);
    void finishFlushing();
    void watch();
    void lose(const Failure& reason);
    template <class Call>
    bool guarded(Call&& call);

    UniqueFd fd_;
    FdEvent event_;
    Ref<IProtocol> protocol_;
    IConnectionCounter* counter_;
    IProducer* producer_ = nullptr;
    std::string out_;       // what is to be sent, from sent_ on
    std::size_t sent_ = 0;
    Address peer_;
    mutable Address host_;  // asked for when it is wanted
    State state_ = State::Open;
    Producing producing_ = Producing::Push;
    bool reading_ = false;         // wants dataReceived()
    bool blocked_ = false;         // the kernel takes no more for now
    bool producerPaused_ = false;
    bool ending_ = false;          // loseWriteConnection(): shut down when flushed
    bool writeEnded_ = false;
    bool readEnded_ = false;
};

}  // namespace marline::detail
