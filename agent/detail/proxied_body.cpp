#include <marline/agent/detail/proxied_body.hpp>

namespace marline::detail {

Deferred<> ProxiedBody::startProducing(IBodyConsumer& consumer) {
    consumer_ = &consumer;
    done_.emplace([this](const Deferred<>&) { drop(); });
    Deferred<> done = done_->deferred();
    const Ref<ProxiedBody> alive(this);
    consumer.registerProducer(pace_, Producing::Push);
    resumeClient();
    return done;
}

void ProxiedBody::write(std::string_view piece) {
    if (consumer_ != nullptr) {
        consumer_->write(asBytes(piece));
    }
}

void ProxiedBody::finish() {
    const Ref<ProxiedBody> alive(this);
    leave();
    if (auto done = std::exchange(done_, std::nullopt)) {
        done->callback();
    }
}

void ProxiedBody::drop() {
    const Ref<ProxiedBody> alive(this);
    leave();
    resumeClient();
}

void ProxiedBody::release() {
    const Ref<ProxiedBody> alive(this);
    leave();
    request_.reset();
}

void ProxiedBody::pauseClient() {
    if (request_) {
        request_->pauseBody();
    }
}

void ProxiedBody::resumeClient() {
    if (const Ref<http::Request> request = request_) {
        request->resumeBody();
    }
}

void ProxiedBody::leave() {
    if (IBodyConsumer* consumer = std::exchange(consumer_, nullptr)) {
        consumer->unregisterProducer();
    }
}

}  // namespace marline::detail
