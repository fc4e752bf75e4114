#include <marline/protocols/detail/relay.hpp>

#include <utility>

namespace marline::detail {

void Relay::join(Relay& one, Relay& other) {
    one.other_ = &other;
    other.other_ = &one;
    one.transport()->registerProducer(other, Producing::Push);
    other.transport()->registerProducer(one, Producing::Push);
}

void Relay::dataReceived(std::span<const std::byte> data) {
    if (other_ != nullptr) {
        other_->transport()->write(data);
    }
}

void Relay::readConnectionLost() {
    if (other_ != nullptr) {
        other_->transport()->unregisterProducer();
        other_->transport()->loseWriteConnection();
    }
}

void Relay::connectionLost(const Failure& reason) {
    if (Relay* const other = std::exchange(other_, nullptr)) {
        other->other_ = nullptr;
        other->transport()->unregisterProducer();
        other->transport()->resumeProducing();
        other->transport()->loseConnection();
    }
    Protocol::connectionLost(reason);
}

void Relay::pauseProducing() {
    if (transport() != nullptr) {
        transport()->pauseProducing();
    }
}

void Relay::resumeProducing() {
    if (transport() != nullptr) {
        transport()->resumeProducing();
    }
}

}  // namespace marline::detail
