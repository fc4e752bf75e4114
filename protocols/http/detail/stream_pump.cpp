#include <marline/protocols/http/detail/stream_pump.hpp>

#include <utility>

#include <marline/protocols/http/detail/http_channel.hpp>

namespace marline::http::detail {

StreamPump::StreamPump(Ref<HttpChannel> channel, Ref<Request> request, Ref<BodyStream> stream)
    : channel_(std::move(channel)), request_(std::move(request)), stream_(std::move(stream)) {}

void StreamPump::start() {
    if (request_->method() == "HEAD") {
        request_->write({});
        request_->finish();
        return;
    }
    const Ref<StreamPump> alive(this);
    self_ = alive;
    request_->registerProducer(*this, Producing::Pull);
}

void StreamPump::resumeProducing() {
    if (waiting_ || !stream_) {
        return;
    }
    const Ref<StreamPump> alive(this);
    try {
        waiting_ = stream_->next();
    } catch (...) {
        failed(Failure::current());
        return;
    }
    Deferred<std::string> piece = *waiting_;
    piece.addBoth([alive](Result<std::string> outcome) { alive->arrived(std::move(outcome)); });
}

void StreamPump::arrived(Result<std::string> piece) {
    waiting_.reset();
    if (!stream_) {
        return;  // the client has gone
    }
    if (!piece.ok()) {
        failed(piece.failure());
        return;
    }
    try {
        request_->write(piece.value());  // an empty one sends the head at least
    } catch (...) {
        failed(Failure::current());
        return;
    }
    if (piece.value().empty()) {
        const Ref<StreamPump> alive = std::exchange(self_, {});
        stream_.reset();
        request_->unregisterProducer();
        request_->finish();
    }
}

void StreamPump::failed(const Failure& why) {
    const Ref<StreamPump> alive = std::exchange(self_, {});
    stream_.reset();
    request_->unregisterProducer();
    channel_->failed(*request_, why);
}

void StreamPump::stopProducing() {
    const Ref<StreamPump> alive = std::exchange(self_, {});
    stream_.reset();
    if (waiting_) {
        waiting_->cancel();
    }
}

}  // namespace marline::http::detail
