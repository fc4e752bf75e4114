// MemoryPipe: a connection without a network, both ends of it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline::testing {

/// Two transports back to back. Nothing moves but in step(), and then at most `chunk` bytes each
/// way, so every interleaving is the test's. An end behaves as a TCP transport does.
class MemoryPipe {
public:
    static constexpr std::size_t kWhole = std::numeric_limits<std::size_t>::max();

    class End final : public ITransport {
    public:
        void write(std::span<const std::byte> data) override {
            if (ended_ || aborting_ || closing_ == Closing::Sent) {
                return;
            }
            out_ += asText(data);
            sent += asText(data);
            ++writes;
            if (producer_ != nullptr && mode_ == Producing::Push && !producerPaused_ &&
                out_.size() > kHighWater) {
                producerPaused_ = true;
                producer_->pauseProducing();
            }
        }
        void writeSequence(std::span<const std::span<const std::byte>> pieces) override {
            for (const std::span<const std::byte> piece : pieces) {
                write(piece);
            }
        }
        void loseConnection() override {
            if (closing_ == Closing::No) {
                closing_ = Closing::Wanted;
            }
        }
        void abortConnection() override { aborting_ = !ended_; }
        void loseWriteConnection() override { loseConnection(); }
        void pauseProducing() override { paused_ = true; }
        void resumeProducing() override { paused_ = false; }
        std::size_t bytesBuffered() const noexcept override { return out_.size(); }
        bool disconnecting() const noexcept override {
            return closing_ != Closing::No || aborting_ || ended_;
        }
        const Address& getHost() const noexcept override { return address_; }
        const Address& getPeer() const noexcept override { return peer_->address_; }
        void setTcpNoDelay(bool on) override { noDelay = on; }
        void setTcpKeepAlive(bool on) override { keepAlive = on; }
        void registerProducer(IProducer& producer, Producing mode) override {
            if (producer_ != nullptr) {
                throw std::logic_error("a producer is registered already");
            }
            if (ended_ || aborting_) {
                producer.stopProducing();
                return;
            }
            producer_ = &producer;
            mode_ = mode;
            producerPaused_ = false;
            if (mode == Producing::Pull) {
                producer.resumeProducing();
            }
        }
        void unregisterProducer() override { producer_ = nullptr; }
        Ref<IProtocol> switchProtocol(Ref<IProtocol> next) override {
            if (producer_ != nullptr) {
                throw std::logic_error("a producer is registered");
            }
            protocol_.swap(next);
            return next;
        }

        bool ended() const noexcept { return ended_; }
        bool paused() const noexcept { return paused_; }

        std::string sent;  ///< All that was ever written.
        int writes = 0;
        bool noDelay = false;
        bool keepAlive = false;

    private:
        friend class MemoryPipe;
        enum class Closing { No, Wanted, Sent };
        static constexpr std::size_t kHighWater = 64 * 1024;

        /// What this end wrote goes to the other one; true when something happened.
        bool deliver(std::size_t chunk) {
            if (aborting_ && !ended_) {
                lose(ConnectionAborted());
                peer_->lose(ConnectionLost("connection reset by peer"));
                return true;
            }
            const bool deaf = peer_->ended_ || peer_->disconnecting();
            if (!out_.empty() && (deaf || !peer_->paused_)) {
                const std::string data = out_.substr(0, chunk);
                out_.erase(0, data.size());
                if (!deaf) {
                    peer_->receive(data);
                }
                return true;
            }
            if (out_.empty() && feed()) {
                return true;
            }
            if (out_.empty() && producer_ == nullptr && closing_ == Closing::Wanted) {
                closing_ = Closing::Sent;
                lose(ConnectionDone());
                return true;
            }
            if (out_.empty() && ended_ && !peer_->ended_ && !peer_->paused_) {
                peer_->lose(ConnectionDone());
                return true;
            }
            return false;
        }
        bool feed() {
            if (ended_ || producer_ == nullptr || (mode_ == Producing::Push && !producerPaused_)) {
                return false;
            }
            producerPaused_ = false;
            try {
                producer_->resumeProducing();
            } catch (...) {
                lose(Failure::current());
            }
            return true;
        }
        void receive(const std::string& data) {
            // A copy of the exact size, so that a sanitizer sees reads beyond it.
            const std::vector<std::byte> bytes(
                reinterpret_cast<const std::byte*>(data.data()),
                reinterpret_cast<const std::byte*>(data.data()) + data.size());
            try {
                protocol_->dataReceived(bytes);
            } catch (...) {
                lose(Failure::current());
            }
        }
        void lose(const Failure& why) {
            if (std::exchange(ended_, true)) {
                return;
            }
            aborting_ = false;
            if (IProducer* producer = std::exchange(producer_, nullptr)) {
                producer->stopProducing();
            }
            const Ref<IProtocol> protocol = std::exchange(protocol_, {});
            protocol->connectionLost(why);
        }

        Ref<IProtocol> protocol_;
        End* peer_ = nullptr;
        Address address_;
        std::string out_;
        IProducer* producer_ = nullptr;
        Producing mode_ = Producing::Push;
        bool producerPaused_ = false;
        Closing closing_ = Closing::No;
        bool aborting_ = false;
        bool paused_ = false;
        bool ended_ = false;
    };

    explicit MemoryPipe(std::size_t chunk = kWhole) : chunk_(chunk) {
        client.peer_ = &server;
        server.peer_ = &client;
        client.address_ = {Address::Kind::Ipv4, 40000, "127.0.0.1"};
        server.address_ = {Address::Kind::Ipv4, 443, "127.0.0.2"};
    }
    MemoryPipe(const MemoryPipe&) = delete;
    MemoryPipe& operator=(const MemoryPipe&) = delete;
    /// As a reactor that goes: the ends that are left are lost.
    ~MemoryPipe() {
        for (End* end : {&client, &server}) {
            if (end->protocol_) {
                end->lose(ConnectionLost("the pipe was destroyed"));
            }
        }
    }

    void connect(Ref<IProtocol> clientSide, Ref<IProtocol> serverSide) {
        client.protocol_ = std::move(clientSide);
        server.protocol_ = std::move(serverSide);
        for (End* end : {&server, &client}) {
            const Ref<IProtocol> protocol = end->protocol_;
            protocol->makeConnection(*end);
        }
    }

    /// One chunk each way; false when there was nothing to do.
    bool step() {
        if (!client.protocol_ && !server.protocol_) {
            return false;
        }
        const bool one = client.deliver(chunk_);
        const bool other = server.deliver(chunk_);
        return one || other;
    }
    /// Goes on until nothing moves any more.
    void run() {
        while (step()) {
        }
    }
    /// The wire is cut: both ends see an end of file, with what was under way gone.
    void cut() {
        for (End* end : {&client, &server}) {
            end->out_.clear();
            end->lose(ConnectionDone());
        }
    }
    /// What is under way to the server is replaced.
    void inject(End& from, std::string_view bytes) { from.out_ = bytes; }
    void setChunk(std::size_t chunk) { chunk_ = chunk; }

    End client;
    End server;

private:
    std::size_t chunk_;
};

}  // namespace marline::testing
