// How an HttpConnection sends the body of its request.
#include <string>
#include <utility>

#include <marline/agent/detail/http_connection.hpp>
#include <marline/agent/errors.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/protocols/http/serializer.hpp>

namespace marline::detail {

void HttpConnection::sendBody() {
    if (!exchange_->body) {
        requestSent();
        return;
    }
    phase_ = Sending::Body;
    unsent_ = 0;
    startTimer(limits_->sendTimeout);
    const Ref<const Exchange> exchange = exchange_;
    Deferred<> sending = maybeDeferred([&] {
        bodyToSend_ = exchange->body->length();
        return exchange->body->startProducing(*this);
    });
    sending_ = sending;
    sending.addBoth(
        [self = Ref<HttpConnection>(this)](const Result<>& outcome) { self->bodySent(outcome); });
    if (state_ == State::Closed) {
        // It failed before there was something to cancel.
        cancelSending();
    }
}

void HttpConnection::write(std::span<const std::byte> data) {
    if (transport_ == nullptr || phase_ != Sending::Body || state_ == State::Closed) {
        return;
    }
    if (!exchange_->body->length()) {
        std::string chunk;
        http::appendChunk(chunk, data);
        transport_->write(chunk);
        return;
    }
    if (data.size() > *bodyToSend_) {
        generationFailed(WrongBodyLength("it is longer than its length() of " +
                                         std::to_string(*exchange_->body->length()) + " bytes"));
        return;
    }
    *bodyToSend_ -= data.size();
    transport_->write(data);
}

/// A 1xx answer: all but 100 say nothing that is acted upon (RFC 9110 §15.2).
void HttpConnection::informed() {
    if (phase_ == Sending::Waiting && parser_.head().code == 100) {
        sendBody();
    }
}

void HttpConnection::generationFailed(Failure why) {
    abort(Failure::make<RequestGenerationFailed>("the body of the request to " + peer(),
                                                 std::vector<Failure>{std::move(why)}));
}

void HttpConnection::bodySent(const Result<>& outcome) {
    sending_.reset();
    if (state_ == State::Closed || phase_ != Sending::Body) {
        return;
    }
    if (!outcome.ok()) {
        generationFailed(outcome.failure());
    } else if (bodyToSend_ && *bodyToSend_ != 0) {
        generationFailed(WrongBodyLength("it is shorter than its length() by " +
                                         std::to_string(*bodyToSend_) + " bytes"));
    } else {
        if (!bodyToSend_) {
            std::string end;
            http::appendLastChunk(end);
            transport_->write(end);
        }
        requestSent();
    }
}

void HttpConnection::cancelSending() {
    if (sending_) {
        Deferred<> sending = *std::exchange(sending_, std::nullopt);
        sending.cancel();
    }
}

void HttpConnection::requestSent() {
    phase_ = Sending::Done;
    if (state_ == State::Awaiting) {
        startTimer(limits_->headersTimeout);
    }
}

void HttpConnection::registerProducer(IProducer& producer, Producing mode) {
    if (transport_ == nullptr) {
        producer.stopProducing();
    } else {
        transport_->registerProducer(producer, mode);
    }
}

void HttpConnection::unregisterProducer() {
    if (transport_ != nullptr) {
        transport_->unregisterProducer();
    }
}

}  // namespace marline::detail
