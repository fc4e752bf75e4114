// Internal: not installed. A connected stream socket as a transport.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <sys/uio.h>

#include <marline/deferred/failure.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/address.hpp>
#include <marline/reactor/detail/connection_ends.hpp>
#include <marline/reactor/detail/event_loop.hpp>
#include <marline/reactor/detail/socket.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline::detail {

/// Who counts connections: the port that accepted them; or the use of a client's factory.
class IConnectionCounter {
public:
    /// The last call that one connection makes.
    virtual void connectionEnded() = 0;

protected:
    ~IConnectionCounter() = default;
};

/// A stream on a non-blocking socket; what derives from it says how others differ.
///
///     Open --loseConnection--> Flushing --all sent, no producer--> Ended
///     Open, Flushing --abortConnection--> Aborting --end of the turn--> Ended
///     any --the peer, an error, a callback that threw--> Ended
///
/// Reading goes through the loop's one buffer. What a callback of the connection's own event writes
/// leaves in one call when that callback is over; what is written otherwise, at the end of the
/// turn; and much at a time, with what waits, at once. The event waits for writability only while
/// the kernel takes no more. The protocol hears connectionLost() from the event or the end of a
/// turn, never from its own call.
class StreamConnection : public ITransport, public LoopObject {
public:
    StreamConnection(EventLoop& loop, UniqueFd fd, const Address& peer, Ref<IProtocol> protocol,
                     IConnectionCounter* counter);

    /// Begins to read and tells the protocol. False when that threw, and reason() says what.
    bool start();
    /// Why it was lost to an error or exception; null while it was not.
    const Failure* reason() const noexcept { return reason_.get(); }
    /// The counter is about to go.
    void forgetCounter() noexcept { counter_ = nullptr; }

    void write(std::span<const std::byte> data) override;
    void writeSequence(std::span<const std::span<const std::byte>> pieces) override;
    Deferred<> sendFile(int fd, std::uint64_t offset, std::uint64_t count) override;
    void loseConnection() override;
    void abortConnection() override;
    void loseWriteConnection() override;
    void pauseProducing() override;
    void resumeProducing() override;
    void registerProducer(IProducer& producer, Producing mode) override;
    void unregisterProducer() override;
    std::size_t bytesBuffered() const noexcept override {
        return out_ != nullptr ? out_->waiting() : 0;
    }
    std::optional<std::uint64_t> fileBytesBuffered() const noexcept override {
        return out_ != nullptr ? out_->fileBytes() : 0;
    }
    bool disconnecting() const noexcept override { return state_ != State::Open; }
    const Address& getHost() const noexcept override;
    const Address& getPeer() const noexcept override { return ends_.peer(); }
    void setTcpNoDelay(bool on) override;
    void setTcpKeepAlive(bool on) override;
    bool getTcpNoDelay() const noexcept override;
    bool getTcpKeepAlive() const noexcept override;
    Ref<IProtocol> switchProtocol(Ref<IProtocol> next) override;

    void endOfTurn() override;
    void shutDown(const Failure& why) override;
    std::string describe() const override;

protected:
    ~StreamConnection() override;

    /// Reads and writes like recv() and sendmsg().
    virtual ssize_t receive(std::span<std::byte> buffer);
    virtual ssize_t transmit(std::span<iovec> parts);
    /// What transmit() writes to.
    virtual int outgoing() const noexcept { return fd_.get(); }
    /// Gives the protocol what receive() brought. False when that threw.
    virtual bool deliver(std::span<const std::byte> data);
    /// There is no more to read.
    virtual void peerEnded();
    /// Sends what waits. False when the kernel does not take it all, or the connection is lost.
    virtual bool sendAll();
    /// Waits for EV_READ and EV_WRITE as given. Throws std::system_error.
    virtual void setInterest(short interest) { event_.watch(interest); }
    /// Ends this side's stream.
    virtual void endWriting() { ::shutdown(fd_.get(), SHUT_WR); }
    /// Closes what there is; nothing is waited for any more.
    virtual void closeAll() { fd_.reset(); }

    static void ready(int fd, short what, void* self);
    /// Reads and writes: EV_READ and EV_WRITE are possible as given.
    void happened(short what);
    UniqueFd takeFd() noexcept { return std::move(fd_); }
    int fd() const noexcept { return fd_.get(); }
    IProtocol* protocol() const noexcept { return protocol_.get(); }
    /// Delivers what comes.
    bool open() const noexcept { return state_ == State::Open; }
    /// Takes what is written.
    bool writable() const noexcept {
        return state_ != State::Ended && state_ != State::Aborting && !writeEnded_;
    }
    void flushSoon();
    void lose(const Failure& reason);
    /// Runs a callback of the protocol; what it throws ends the connection (Twisted: X-15).
    template <class Call>
    bool guarded(Call&& call) {
        try {
            call();
            return true;
        } catch (...) {
            callbackThrew(Failure::current());
            return false;
        }
    }

private:
    enum class State : unsigned char { Open, Flushing, Aborting, Ended };

    void writeString(std::string&& text) override;

    void readReady();
    void flush();
    void collected();
    std::size_t sendAtOnce(std::span<const std::span<const std::byte>> pieces, std::size_t total);
    std::string& room();
    void keep(std::span<const std::span<const std::byte>> pieces, std::size_t skip);
    void keepString(std::string&& text, std::size_t skip);
    void holdProducer();
    void sent(std::size_t bytes);
    void dropFront();
    bool sendOfFile();
    bool copyOfFile();
    bool endOfFile();
    void finishFlushing();
    void watch() noexcept;
    void loseLater(const Failure& reason) noexcept;
    void tellLost(const Failure& reason);
    void callbackThrew(const Failure& failure);

    // An idle connection is little more than this. The small ones lie in what is left of
    // LoopObject.
    State state_ : 2 = State::Open;
    Producing producing_ : 1 = Producing::Push;
    bool reading_ : 1 = false;     // wants dataReceived()
    bool blocked_ : 1 = false;     // the kernel takes no more for now
    bool watched_ : 1 = false;     // the event waits for that to change
    bool collecting_ : 1 = false;  // what is written now is flushed by who set this
    bool pending_ : 1 = false;     // something was written meanwhile
    bool producerPaused_ : 1 = false;
    bool ending_ : 1 = false;  // loseWriteConnection(): shut down when flushed
    bool writeEnded_ : 1 = false;
    bool readEnded_ : 1 = false;
    UniqueFd fd_;
    Ref<IProtocol> protocol_;
    std::unique_ptr<OutBuffer> out_;  // what is to be sent; none when nothing is
    IProducer* producer_ = nullptr;
    FdEvent event_;
    IConnectionCounter* counter_;
    ConnectionEnds ends_;
    std::unique_ptr<Failure> reason_;  // of an end that is neither clean nor an abort
};

}  // namespace marline::detail
