// Connections in memory, whose other end is the test.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <marline/agent/agent.hpp>
#include <marline/agent/uri.hpp>
#include <marline/deferred/source.hpp>
#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline::testing {

/// One connection: the transport that the client sees, and what the test, as its peer, does.
///
/// It keeps the contract of ITransport: nothing is delivered inside of the client's calls, and
/// while the client has paused it the peer's bytes and its close wait.
class ScriptedConnection final : public ITransport {
public:
    void connect(Ref<IProtocol> protocol) {
        protocol_ = std::move(protocol);
        protocol_->makeConnection(*this);
    }

    // What the peer does.

    /// Sends `text`, `chunk` bytes a read.
    void send(std::string_view text, std::size_t chunk = std::string::npos) {
        while (!text.empty()) {
            incoming_.emplace_back(text.substr(0, chunk));
            text.remove_prefix(std::min(chunk, text.size()));
        }
        settle();
    }
    /// Ends the stream cleanly, behind what was sent.
    void close() {
        end_ = Failure(ConnectionDone());
        settle();
    }
    /// The connection breaks now, whatever waits.
    void lose(Failure reason = ConnectionLost("reset by the test")) {
        incoming_.clear();
        deliverEnd(std::move(reason));
    }
    /// Lets a turn of the loop pass: delivers what waits, unless the client has paused.
    void settle() {
        while (protocol_ && !closing_ && !paused_ && !incoming_.empty()) {
            const std::string piece = std::move(incoming_.front());
            incoming_.erase(incoming_.begin());
            const Ref<IProtocol> protocol = protocol_;
            protocol->dataReceived(asBytes(piece));
        }
        if (closing_) {
            deliverEnd(aborted_ ? Failure(ConnectionAborted()) : Failure(ConnectionDone()));
        } else if (end_ && !paused_ && incoming_.empty()) {
            deliverEnd(*end_);
        }
    }

    /// All that the client wrote; take() also forgets it.
    const std::string& written() const noexcept { return written_; }
    std::string take() { return std::exchange(written_, {}); }
    bool paused() const noexcept { return paused_; }
    bool open() const noexcept { return protocol_ && !closing_; }
    bool aborted() const noexcept { return aborted_; }
    IProducer* producer() const noexcept { return producer_; }
    /// Bytes that the client believes are on their way yet.
    std::size_t buffered = 0;

    // ITransport.
    using ITransport::write;
    void write(std::span<const std::byte> data) override {
        if (open()) {
            written_ += asText(data);
        }
    }
    void writeSequence(std::span<const std::span<const std::byte>> pieces) override {
        for (const auto& piece : pieces) {
            write(piece);
        }
    }
    void loseConnection() override { closing_ = true; }
    void abortConnection() override { closing_ = aborted_ = true; }
    void loseWriteConnection() override {}
    void pauseProducing() override { paused_ = true; }
    void resumeProducing() override { paused_ = false; }
    void registerProducer(IProducer& producer, Producing) override { producer_ = &producer; }
    void unregisterProducer() override { producer_ = nullptr; }
    std::size_t bytesBuffered() const noexcept override { return buffered; }
    bool disconnecting() const noexcept override { return !open(); }
    const Address& getHost() const noexcept override { return address_; }
    const Address& getPeer() const noexcept override { return address_; }
    void setTcpNoDelay(bool) override {}
    void setTcpKeepAlive(bool) override {}
    Ref<IProtocol> switchProtocol(Ref<IProtocol> next) override {
        return std::exchange(protocol_, std::move(next));
    }

private:
    void deliverEnd(Failure reason) {
        closing_ = true;
        if (const Ref<IProtocol> protocol = std::exchange(protocol_, {})) {
            if (IProducer* producer = std::exchange(producer_, nullptr)) {
                producer->stopProducing();
            }
            protocol->connectionLost(reason);
        }
    }

    Ref<IProtocol> protocol_;
    std::string written_;
    std::vector<std::string> incoming_;
    std::optional<Failure> end_;
    IProducer* producer_ = nullptr;
    Address address_{Address::Kind::Ipv4, 80, "192.0.2.1"};
    bool paused_ = false;
    bool closing_ = false;
    bool aborted_ = false;
};

/// Every place an Agent may connect to. Accepts at once, unless told to wait.
class ScriptedPeer final : public IAgentEndpointFactory {
public:
    /// An attempt to connect.
    struct Attempt {
        std::string uri;
        Ref<IProtocolFactory> factory;
        DeferredSource<Ref<IProtocol>> source;
        bool cancelled = false;
    };

    /// Attempts wait for accept() or refuse().
    void hold() noexcept { holding_ = true; }
    /// Attempts fail at once.
    void refuseAll() noexcept { refusing_ = true; }

    /// The connections made, the first at 0.
    ScriptedConnection& operator[](std::size_t i) { return *connections_.at(i); }
    std::size_t connections() const noexcept { return connections_.size(); }
    std::size_t attempts() const noexcept { return attempts_.size(); }
    Attempt& attempt(std::size_t i) { return *attempts_.at(i); }

    void accept(std::size_t i) { attempt(i).source.callback(build(attempt(i))); }
    /// The connection stands and is gone again before anybody is told.
    void acceptAndLose(std::size_t i) {
        const Ref<IProtocol> protocol = build(attempt(i));
        connections_.back()->lose();
        attempt(i).source.callback(protocol);
    }
    void refuse(std::size_t i) {
        attempt(i).source.errback(ConnectionRefusedError("refused by the test"));
    }
    /// One turn of the loop for all connections.
    void settle() {
        for (std::size_t i = 0; i < connections_.size(); ++i) {
            connections_[i]->settle();
        }
    }
    /// Breaks what is still open, so that nothing stays alive behind a test.
    void closeAll() {
        for (std::size_t i = 0; i < connections_.size(); ++i) {
            connections_[i]->lose();
        }
    }

    Ref<IStreamClientEndpoint> endpointForUri(const Uri& uri) override {
        return makeRef<Endpoint>(Ref<ScriptedPeer>(this), uri.toString());
    }

private:
    class Endpoint final : public IStreamClientEndpoint {
    public:
        Endpoint(Ref<ScriptedPeer> peer, std::string uri)
            : peer_(std::move(peer)), uri_(std::move(uri)) {}
        Deferred<Ref<IProtocol>> connect(Ref<IProtocolFactory> factory) override {
            return peer_->connect(uri_, std::move(factory));
        }

    private:
        Ref<ScriptedPeer> peer_;
        std::string uri_;
    };

    Deferred<Ref<IProtocol>> connect(const std::string& uri, Ref<IProtocolFactory> factory) {
        const std::size_t i = attempts_.size();
        attempts_.push_back(std::make_unique<Attempt>(
            Attempt{uri, std::move(factory),
                    DeferredSource<Ref<IProtocol>>(
                        [this, i](Deferred<Ref<IProtocol>>) { attempts_[i]->cancelled = true; })}));
        Deferred<Ref<IProtocol>> result = attempts_[i]->source.deferred();
        if (refusing_) {
            refuse(i);
        } else if (!holding_) {
            accept(i);
        }
        return result;
    }
    Ref<IProtocol> build(Attempt& attempt) {
        Ref<IProtocol> protocol = attempt.factory->buildProtocol(Address{});
        connections_.push_back(std::make_unique<ScriptedConnection>());
        connections_.back()->connect(protocol);
        return protocol;
    }

    std::vector<std::unique_ptr<ScriptedConnection>> connections_;
    std::vector<std::unique_ptr<Attempt>> attempts_;
    bool holding_ = false;
    bool refusing_ = false;
};

}  // namespace marline::testing
