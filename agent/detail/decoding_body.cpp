#include <marline/agent/detail/decoding_body.hpp>

#include <vector>

#include <marline/agent/errors.hpp>
#include <marline/reactor/errors.hpp>

namespace marline::detail {

using http::DecodeStep;

void DecodingBody::makeConnection(ITransport& transport) {
    transport_ = &transport;
    receiver_->makeConnection(*this);
}

void DecodingBody::dataReceived(std::span<const std::byte> data) {
    const Ref<DecodingBody> alive(this);
    decode(data);
    goOn();
}

/// Gives what `input` decodes to, until the reader pauses: then the rest is held.
void DecodingBody::decode(std::span<const std::byte> input) {
    busy_ = true;
    while (receiver_ && !paused_ && step(input) == DecodeStep::Piece) {
    }
    busy_ = false;
    held_ = asText(input);
}

DecodeStep DecodingBody::step(std::span<const std::byte>& input) {
    const DecodeStep step = decoding_.next(input);
    if (step == DecodeStep::Failed) {
        fail("the body from " + origin_ + " cannot be decoded", decoding_.error());
    } else if (step == DecodeStep::Piece) {
        const Ref<IProtocol> receiver = receiver_;
        try {
            receiver->dataReceived(decoding_.piece());
        } catch (...) {
            fail("the reader of the body from " + origin_ + " threw", Failure::current());
        }
    }
    return step;
}

/// What is due when nothing is left to decode: the end, or more.
void DecodingBody::goOn() {
    if (!receiver_ || paused_) {
        return;
    }
    if (end_) {
        ended();
    } else if (std::exchange(waiting_, false)) {
        transport_->resumeProducing();
    }
}

void DecodingBody::fail(const std::string& what, Failure why) {
    const Ref<DecodingBody> alive(this);
    if (ITransport* transport = std::exchange(transport_, nullptr)) {
        transport->abortConnection();
    }
    finish(Failure::make<ResponseFailed>(what, std::vector<Failure>{std::move(why)}));
}

void DecodingBody::connectionLost(const Failure& reason) {
    if (std::exchange(transport_, nullptr) == nullptr) {
        return;  // given up here
    }
    const Ref<DecodingBody> alive(this);
    end_ = reason;
    self_ = alive;
    goOn();
}

/// All that came was decoded, and no more will come.
void DecodingBody::ended() {
    const Failure reason = *end_;
    const bool whole =
        reason.check<ResponseDone>() != nullptr || reason.check<PotentialDataLoss>() != nullptr;
    if (whole && !decoding_.complete()) {
        fail("the body from " + origin_ + " cannot be decoded", decoding_.error());
    } else {
        finish(reason);
    }
}

void DecodingBody::finish(const Failure& reason) {
    const Ref<DecodingBody> alive(this);
    self_.reset();
    held_.clear();
    if (const Ref<IProtocol> receiver = std::exchange(receiver_, {})) {
        receiver->connectionLost(reason);
    }
}

void DecodingBody::abortConnection() {
    if (receiver_) {
        fail("the response from " + origin_ + " was given up", ConnectionAborted());
    }
}

void DecodingBody::pauseProducing() {
    paused_ = true;
    if (transport_ != nullptr && !std::exchange(waiting_, true)) {
        transport_->pauseProducing();
    }
}

void DecodingBody::resumeProducing() {
    const Ref<DecodingBody> alive(this);
    paused_ = false;
    if (busy_) {
        return;
    }
    const std::string input = std::exchange(held_, {});
    decode(asBytes(input));
    goOn();
}

const Address& DecodingBody::getHost() const noexcept {
    static const Address unknown;
    return transport_ != nullptr ? transport_->getHost() : unknown;
}

const Address& DecodingBody::getPeer() const noexcept {
    static const Address unknown;
    return transport_ != nullptr ? transport_->getPeer() : unknown;
}

}  // namespace marline::detail
