#include <marline/reactor/testing/memory_transport.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::testing {
namespace {

/// Runs what is told at the end, which nothing may keep from coming.
template <class Call>
void tell(const char* what, Call&& call) {
    try {
        call();
    } catch (...) {
        log(LogLevel::Error,
            std::string("exception in ") + what + ": " + Failure::current().brief());
    }
}

}  // namespace

/// Runs a callback of the protocol; what it throws ends the connection. False then.
template <class Call>
bool MemoryTransport::guarded(Call&& call) {
    try {
        call();
        return true;
    } catch (...) {
        const Failure why = Failure::current();
        log(LogLevel::Error, "exception in a protocol's callback, closing " + getPeer().toString() +
                                 ": " + why.brief());
        lose(why);
        return false;
    }
}

void MemoryTransport::start() {
    guarded([this] {
        const Ref<IProtocol> protocol = protocol_;
        protocol->makeConnection(*this);
    });
}

// What the protocol asks for.

void MemoryTransport::write(std::span<const std::byte> data) {
    if (state_ == State::Ended || state_ == State::Aborting || writeEnded_) {
        return;
    }
    out_ += asText(data);
    written_ += asText(data);
    if (producer_ != nullptr && producing_ == Producing::Push && !producerPaused_ &&
        out_.size() > kHighWater) {
        producerPaused_ = true;
        producer_->pauseProducing();
    }
}

void MemoryTransport::writeSequence(std::span<const std::span<const std::byte>> pieces) {
    for (const std::span<const std::byte> piece : pieces) {
        write(piece);
    }
}

void MemoryTransport::loseConnection() {
    if (state_ == State::Open) {
        state_ = State::Flushing;
    }
}

void MemoryTransport::abortConnection() {
    if (state_ != State::Ended) {
        state_ = State::Aborting;
    }
}

void MemoryTransport::loseWriteConnection() { ending_ = true; }

void MemoryTransport::registerProducer(IProducer& producer, Producing mode) {
    if (producer_ != nullptr) {
        throw std::logic_error("a producer is registered already; unregister it first");
    }
    if (state_ == State::Ended || state_ == State::Aborting) {
        producer.stopProducing();
        return;
    }
    producer_ = &producer;
    producing_ = mode;
    producerPaused_ = false;
    if (mode == Producing::Pull) {
        producer.resumeProducing();
    }
}

Ref<IProtocol> MemoryTransport::switchProtocol(Ref<IProtocol> next) {
    if (producer_ != nullptr) {
        throw std::logic_error("a producer is registered; unregister it before the switch");
    }
    if (state_ != State::Open) {
        throw std::logic_error("the connection is closing or gone");
    }
    protocol_.swap(next);
    return next;
}

// What happens when the pump moves.

/// True when the next step brings bytes to the other end.
bool MemoryTransport::wouldDeliver() const noexcept {
    return state_ != State::Aborting && !out_.empty() && peer_->state_ == State::Open &&
           !peer_->paused_;
}

/// One thing that this end does; false when there is none.
bool MemoryTransport::step(std::size_t most) {
    if (state_ == State::Aborting) {
        lose(ConnectionAborted());
        peer_->lose(ConnectionLost("connection reset by peer"));
        return true;
    }
    const bool deaf = peer_->state_ != State::Open;
    if (!out_.empty()) {
        if (!deaf && peer_->paused_) {
            return false;
        }
        const std::string data = out_.substr(0, most);
        out_.erase(0, data.size());
        if (!deaf) {
            peer_->receive(data);
        }
        return true;
    }
    if (state_ != State::Ended && finishFlushing()) {
        return true;
    }
    if ((state_ == State::Ended || writeEnded_) && !deaf && !peer_->readEnded_ && !peer_->paused_) {
        peer_->peerEnded();
        return true;
    }
    return false;
}

/// Everything is delivered: what waited for that goes on. False when nothing did.
bool MemoryTransport::finishFlushing() {
    if (producer_ != nullptr && (producing_ == Producing::Pull || producerPaused_)) {
        producerPaused_ = false;
        guarded([this] { producer_->resumeProducing(); });
        return true;
    }
    if (state_ == State::Flushing) {
        lose(ConnectionDone());
        return true;
    }
    if (!ending_ || writeEnded_ || producer_ != nullptr) {
        return false;
    }
    writeEnded_ = true;
    const Ref<IProtocol> protocol = protocol_;
    if (readEnded_) {
        lose(ConnectionDone());
    } else if (protocol->wantsHalfClose()) {
        guarded([&] { protocol->writeConnectionLost(); });
    }
    return true;
}

void MemoryTransport::receive(const std::string& data) {
    // A copy of the exact size, so that a sanitizer sees reads beyond it.
    const std::span<const std::byte> bytes = asBytes(data);
    const std::vector<std::byte> copy(bytes.begin(), bytes.end());
    const Ref<IProtocol> protocol = protocol_;
    guarded([&] { protocol->dataReceived(copy); });
}

void MemoryTransport::peerEnded() {
    const Ref<IProtocol> protocol = protocol_;
    if (!protocol->wantsHalfClose()) {
        lose(ConnectionDone());
        return;
    }
    readEnded_ = true;
    if (guarded([&] { protocol->readConnectionLost(); }) && writeEnded_) {
        lose(ConnectionDone());
    }
}

void MemoryTransport::lose(const Failure& why) {
    if (std::exchange(state_, State::Ended) == State::Ended) {
        return;
    }
    reason_ = why;
    out_.clear();
    if (IProducer* producer = std::exchange(producer_, nullptr)) {
        tell("stopProducing()", [&] { producer->stopProducing(); });
    }
    const Ref<IProtocol> protocol = std::exchange(protocol_, {});
    tell("connectionLost()", [&] { protocol->connectionLost(why); });
    if (UniqueFunction<void()> call = std::exchange(whenEnded_, {})) {
        tell("the factory's end", call);
    }
}

}  // namespace marline::testing
