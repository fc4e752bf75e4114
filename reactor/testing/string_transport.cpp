#include <marline/reactor/testing/string_transport.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace marline::testing {

StringTransport::StringTransport()
    : StringTransport(Address{Address::Kind::Ipv4, 80, "192.0.2.1"},
                      Address{Address::Kind::Ipv4, 54321, "192.0.2.2"}) {}

StringTransport::StringTransport(Address host, Address peer)
    : host_(std::move(host)), peer_(std::move(peer)) {}

void StringTransport::clear() noexcept {
    written_.clear();
    writes_ = 0;
}

void StringTransport::drain(std::size_t bytes) {
    buffered_ -= std::min(bytes, buffered_);
    if (buffered_ > 0 || producer_ == nullptr) {
        return;
    }
    if (producing_ == Producing::Pull || producerPaused_) {
        producerPaused_ = false;
        producer_->resumeProducing();
    }
}

void StringTransport::disconnect() {
    gone_ = true;
    buffered_ = 0;
    if (IProducer* producer = std::exchange(producer_, nullptr)) {
        producer->stopProducing();
    }
}

void StringTransport::write(std::span<const std::byte> data) {
    if (gone_ || aborted_ || writeEnded_ || data.empty()) {
        return;
    }
    written_ += asText(data);
    ++writes_;
    if (!held_) {
        return;
    }
    buffered_ += data.size();
    if (producer_ != nullptr && producing_ == Producing::Push && !producerPaused_ &&
        buffered_ > kHighWater) {
        producerPaused_ = true;
        producer_->pauseProducing();
    }
}

void StringTransport::writeSequence(std::span<const std::span<const std::byte>> pieces) {
    for (const std::span<const std::byte> piece : pieces) {
        write(piece);
    }
}

void StringTransport::loseConnection() { closed_ = closed_ || !gone_; }

void StringTransport::abortConnection() { aborted_ = aborted_ || !gone_; }

void StringTransport::loseWriteConnection() { writeEnded_ = writeEnded_ || !gone_; }

void StringTransport::pauseProducing() { paused_ = true; }

void StringTransport::resumeProducing() { paused_ = false; }

void StringTransport::registerProducer(IProducer& producer, Producing mode) {
    if (producer_ != nullptr) {
        throw std::logic_error("a producer is registered already; unregister it first");
    }
    if (gone_ || aborted_) {
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

void StringTransport::unregisterProducer() { producer_ = nullptr; }

}  // namespace marline::testing
