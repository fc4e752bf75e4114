#include <marline/protocols/http/detail/http_channel.hpp>

#include <utility>

#include <marline/protocols/http/serializer.hpp>
#include <marline/protocols/http/status.hpp>
#include <marline/reactor/log.hpp>

namespace marline::http {
namespace {

// How long a connection that was refused is read on, so that the peer gets the answer and not a
// reset (RFC 9112 §9.6).
constexpr Duration kDrainTimeout = std::chrono::seconds(2);

}  // namespace

HttpChannel::~HttpChannel() {
    if (timer_.active()) {
        timer_.cancel();
    }
}

void HttpChannel::makeConnection(ITransport& transport) {
    transport_ = &transport;
    enter(State::Idle, site_->options().headerTimeout);
    timer_ = site_->clock().callLater(site_->options().headerTimeout, [this] { checkTime(); });
}

void HttpChannel::dataReceived(std::span<const std::byte> data) {
    const Ref<HttpChannel> alive(this);
    if (state_ == State::Draining) {
        return;
    }
    if (reading_ || state_ == State::Handling) {
        held_ += asText(data);
        transport_->pauseProducing();
        return;
    }
    read(data);
}

/// Reads on until all is read, or a request is being handled.
void HttpChannel::read(std::span<const std::byte> input) {
    reading_ = true;
    bool more = true;
    while (more && transport_ != nullptr && state_ != State::Handling &&
           state_ != State::Draining) {
        if (state_ == State::Idle && !input.empty()) {
            enter(State::Head, site_->options().headerTimeout);
        }
        switch (parser_.next(input)) {
        case WireEvent::Head:
            beginRequest();
            break;
        case WireEvent::Body:
            request_->content_ += asText(parser_.body());
            enter(State::Body, site_->options().bodyTimeout);
            break;
        case WireEvent::End:
            handle();
            break;
        case WireEvent::Failed: {
            const ParseError error = parser_.error();
            refuse(error.status(), error.what());
            break;
        }
        case WireEvent::NeedData:
        case WireEvent::Informational:
        case WireEvent::Done:
            more = false;
            break;
        }
    }
    reading_ = false;
    if (transport_ != nullptr && state_ == State::Handling) {
        held_.append(asText(input));
        transport_->pauseProducing();
    }
}

void HttpChannel::beginRequest() {
    const RequestHead& head = parser_.head();
    keepAlive_ = head.keepAlive;
    parser_.limitBody(site_->options().maxBody);
    request_ = makeRef<Request>(*this, head, transport_->getPeer());
    if (head.expectation == Expectation::Continue && head.framing != BodyFraming::None) {
        transport_->write("HTTP/1.1 100 Continue\r\n\r\n");
    }
    enter(State::Body, site_->options().bodyTimeout);
}

void HttpChannel::handle() {
    enter(State::Handling, Duration::zero());
    const Ref<Request> request = request_;
    try {
        const Ref<Resource> resource = site_->getResourceFor(*request);
        if (!resource) {
            request->setResponseCode(kNotFound);
            request->setHeader("Content-Type", "text/plain");
            request->finish("404 Not Found\n");
            return;
        }
        answer(resource->render(*request), *resource);
    } catch (...) {
        log(LogLevel::Error, "exception while handling " + request->method() + " " +
                                 request->uri() + ": " + Failure::current().brief());
        refuse(kInternalServerError, "Internal Server Error");
    }
}

void HttpChannel::answer(Rendered rendered, Resource& resource) {
    const Ref<Request> request = request_;
    if (auto* body = std::get_if<std::string>(&rendered)) {
        request->finish(*body);
    } else if (auto* later = std::get_if<Deferred<std::string>>(&rendered)) {
        Deferred<std::string> pending = *later;
        if (!pending.called()) {
            rendering_ = pending;
        }
        pending.addCallbacks(
            [self = Ref<HttpChannel>(this), request](const std::string& page) {
                self->rendering_.reset();
                if (!request->finished()) {
                    request->finish(page);
                }
            },
            [self = Ref<HttpChannel>(this), request](const Failure& why) {
                self->rendering_.reset();
                if (request->finished()) {
                    return;
                }
                log(LogLevel::Error, "handling " + request->method() + " " + request->uri() +
                                         " failed: " + why.brief());
                self->refuse(kInternalServerError, "Internal Server Error");
            });
    } else if (std::holds_alternative<MethodNotAllowed>(rendered)) {
        request->setResponseCode(kNotAllowed);
        request->setHeader("Allow", resource.allowedMethods());
        request->setHeader("Content-Type", "text/plain");
        request->finish("405 Method Not Allowed\n");
    }
}

void HttpChannel::requestFinished() {
    const Ref<HttpChannel> alive(this);
    request_.reset();
    if (transport_ == nullptr || state_ == State::Draining) {
        return;
    }
    if (!keepAlive_) {
        state_ = State::Draining;
        transport_->loseConnection();
        return;
    }
    enter(State::Idle, site_->options().keepAliveTimeout);
    if (!reading_) {
        const std::string input = std::exchange(held_, {});
        transport_->resumeProducing();
        read(asBytes(input));
    }
}

/// Answers with an error and closes, when the peer has had the time to read it.
void HttpChannel::refuse(int code, const std::string& why) {
    if (transport_ == nullptr) {
        return;
    }
    if (!request_ || !request_->finished()) {
        const bool begun = request_ && request_->state_ == Request::State::Writing;
        if (!begun) {
            std::string answer;
            const std::string body = std::to_string(code) + " " + why + "\n";
            appendResponseHead(answer, code, statusPhrase(code),
                               Headers{{"Date", site_->date()},
                                       {"Content-Type", "text/plain"},
                                       {"Connection", "close"}},
                               BodyLength::known(body.size()));
            transport_->write(answer + body);
        }
        if (begun) {
            transport_->abortConnection();
        }
    }
    if (const Ref<Request> request = std::exchange(request_, {})) {
        request->clientGone(Failure::make<Error>(why));
    }
    enter(State::Draining, kDrainTimeout);
    transport_->resumeProducing();
    transport_->loseWriteConnection();
}

void HttpChannel::connectionLost(const Failure& reason) {
    const Ref<HttpChannel> alive(this);
    transport_ = nullptr;
    if (timer_.active()) {
        timer_.cancel();
    }
    if (const Ref<Request> request = std::exchange(request_, {})) {
        request->clientGone(reason);
    }
    if (std::optional<Deferred<std::string>> rendering = std::exchange(rendering_, std::nullopt)) {
        rendering->cancel();
    }
}

// Time. One timer looks whether the deadline of the state has passed, and waits on: setting a
// deadline costs no more than reading the clock.

void HttpChannel::enter(State state, Duration allowed) {
    state_ = state;
    deadline_ = allowed == Duration::zero() ? Duration::max() : site_->clock().seconds() + allowed;
}

void HttpChannel::checkTime() {
    const Ref<HttpChannel> alive(this);
    const Duration now = site_->clock().seconds();
    if (now >= deadline_) {
        switch (state_) {
        case State::Idle:
            transport_->loseConnection();
            return;
        case State::Head:
            refuse(kRequestTimeout, "the head took longer than headerTimeout");
            break;
        case State::Body:
            refuse(kRequestTimeout, "the body took longer than bodyTimeout");
            break;
        case State::Draining:
            transport_->abortConnection();
            return;
        case State::Handling:
            break;
        }
    }
    const Duration longest = std::min<Duration>(site_->options().headerTimeout, kDrainTimeout);
    const Duration wait = std::min(deadline_ - now, longest);
    timer_ = site_->clock().callLater(std::max(wait, Duration(1)), [this] { checkTime(); });
}

}  // namespace marline::http
