#include <marline/protocols/http/detail/http_channel.hpp>

#include <algorithm>
#include <utility>

#include <marline/protocols/http/detail/error_text.hpp>
#include <marline/protocols/http/detail/request_extras.hpp>
#include <marline/protocols/http/http_error.hpp>
#include <marline/protocols/http/serializer.hpp>
#include <marline/protocols/http/status.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::http {
namespace {

// What may come while a request is handled before reading pauses (Twisted: H-2).
constexpr std::size_t kHeldBytes = 16 * 1024;
// Room for a body that was announced, before any of it came.
constexpr std::uint64_t kReservedBody = 64 * 1024;

const char* bodyTooLarge(const BodySink* sink) noexcept {
    return sink != nullptr ? "the body is larger than its resource takes"
                           : "the body is larger than SiteOptions::maxBody";
}

}  // namespace

HttpChannel::~HttpChannel() { stopTimer(); }

void HttpChannel::makeConnection(ITransport& transport) {
    transport_ = &transport;
    peer_ = transport.getPeer();
    site_->connectionMade(*this);
    transport.registerProducer(*this, Producing::Push);
    now_ = site_->clock().seconds();
    allow(site_->options().headerTimeout);
}

// Reading.

void HttpChannel::dataReceived(std::span<const std::byte> data) {
    const Ref<HttpChannel> alive(this);
    if (state_ == State::Closing) {
        return;
    }
    if (mayRead()) {
        read(data);
        settle();
    }
    if (!data.empty() && state_ != State::Closing && transport_ != nullptr) {
        hold(data);
    }
}

/// Whether the next request, or more of it, may be read.
bool HttpChannel::mayRead() const noexcept {
    return transport_ != nullptr && state_ < State::Handling && !blocked_ && !bodyPaused_;
}

/// Reads on until all is read, or a request is being handled, or the client takes no more.
void HttpChannel::read(std::span<const std::byte>& input) {
    reading_ = true;
    now_ = site_->clock().seconds();
    bool more = true;
    while (more && mayRead()) {
        switch (parser_.next(input)) {
        case WireEvent::Head: beginRequest(); break;
        case WireEvent::Body: takeBody(asText(parser_.body())); break;
        case WireEvent::End:
            if (state_ == State::Body) {
                endBody();
            }
            break;
        case WireEvent::Failed: {
            const ParseError error = parser_.error();
            const bool body = error.reason() == ParseReason::BodyTooLarge;
            refuse(error.status(), body ? bodyTooLarge(sink_) : error.what());
            break;
        }
        case WireEvent::NeedData:
        case WireEvent::Informational:
        case WireEvent::Done: more = false; break;
        }
    }
    reading_ = false;
}

void HttpChannel::readHeld() {
    if (reading_) {
        return;
    }
    std::string input = std::exchange(held_, {});
    auto rest = asBytes(std::string_view(input).substr(std::exchange(heldFrom_, 0)));
    read(rest);
    if (!rest.empty() && transport_ != nullptr && state_ != State::Closing) {
        heldFrom_ = input.size() - rest.size();
        held_ = std::move(input);
    } else {
        site_->giveBuffer(std::move(input));
    }
    if (paused_ && transport_ != nullptr && held_.size() - heldFrom_ <= kHeldBytes) {
        paused_ = false;
        transport_->resumeProducing();
    }
    settle();
}

void HttpChannel::hold(std::span<const std::byte> data) {
    if (held_.empty()) {
        held_ = site_->takeBuffer();
    }
    held_.erase(0, std::exchange(heldFrom_, 0));
    held_ += asText(data);
    if (held_.size() > kHeldBytes && !paused_) {
        paused_ = true;
        transport_->pauseProducing();
    }
}

/// Gives the state that was reached its time.
void HttpChannel::settle() {
    if (transport_ == nullptr || state_ == State::Closing) {
        return;
    }
    const SiteOptions& options = site_->options();
    if (state_ == State::Handling || blocked_) {
        allow(options.sendTimeout);
    } else if (state_ == State::Body) {
        if (std::exchange(bodyCame_, false)) {
            allow(options.bodyTimeout);
        }
    } else if (parser_.eof() != WireEof::InHead) {
        allow(options.keepAliveTimeout);
    } else if (state_ == State::Idle) {
        state_ = State::Head;
        allow(options.headerTimeout);
    }
}

void HttpChannel::beginRequest() {
    const RequestHead& head = parser_.head();
    keepAlive_ = head.keepAlive && !site_->closing();
    request_ = site_->takeRequest();
    request_->begin(*this, head);
    if (head.framing == BodyFraming::None) {
        handle();
        return;
    }
    request_->keepFields();
    try {
        const std::uint64_t most = askForBody();
        if (head.framing == BodyFraming::ContentLength && head.contentLength > most) {
            refuse(kContentTooLarge, bodyTooLarge(sink_));
            return;
        }
        parser_.limitBody(most);
    } catch (...) {
        refuse(Failure::current());
        return;
    }
    if (head.framing == BodyFraming::ContentLength && sink_ == nullptr) {
        request_->content_.reserve(
            static_cast<std::size_t>(std::min(head.contentLength, kReservedBody)));
    }
    if (head.expectation == Expectation::Continue) {
        send("HTTP/1.1 100 Continue\r\n\r\n");
    }
    state_ = State::Body;
    bodyCame_ = true;
}

/// Asks the resource where the body is to go, and gives how large it may be.
std::uint64_t HttpChannel::askForBody() {
    if (request_->uri() == "*" || request_->method() == "CONNECT") {
        return site_->options().maxBody;
    }
    resource_ = site_->getResourceFor(*request_);
    found_ = true;
    if (Ref<BodySink> sink = resource_ ? resource_->bodySink(*request_) : Ref<BodySink>()) {
        sink_ = sink.get();
        request_->extras().sink = std::move(sink);
    }
    return sink_ != nullptr ? sink_->maxBody() : site_->options().maxBody;
}

void HttpChannel::takeBody(std::string_view piece) {
    bodyCame_ = true;
    if (sink_ == nullptr) {
        request_->content_ += piece;
        return;
    }
    try {
        sink_->write(piece);
    } catch (...) {
        refuse(Failure::current());
    }
}

void HttpChannel::endBody() {
    if (BodySink* sink = std::exchange(sink_, nullptr)) {
        try {
            sink->finish();
        } catch (...) {
            refuse(Failure::current());
            return;
        }
    }
    handle();
}

void HttpChannel::pauseBody(const Request& request) {
    bodyPaused_ = bodyPaused_ || (request_.get() == &request && state_ < State::Handling);
}

void HttpChannel::resumeBody(const Request& request) {
    const Ref<HttpChannel> alive(this);
    if (request_.get() != &request || !std::exchange(bodyPaused_, false)) {
        return;
    }
    bodyCame_ = true;  // the client could bring nothing meanwhile
    if (mayRead()) {
        readHeld();
    }
}

// Ending.

void HttpChannel::abort() {
    keepAlive_ = false;
    if (transport_ != nullptr) {
        transport_->abortConnection();
    }
}

/// Answers with an error what cannot be read on, and closes.
void HttpChannel::refuse(int code, std::string_view why) {
    log(LogLevel::Info,
        "refused " + peer_.toString() + ": " + std::to_string(code) + " " + std::string(why));
    const std::string page = detail::errorText(code, why);
    std::string answer;
    appendResponseHead(
        answer, code, statusPhrase(code),
        Headers{{"Date", date()}, {"Content-Type", "text/plain"}, {"Connection", "close"}},
        BodyLength::known(page.size()));
    send(answer + page);
    forgetBody();
    if (Ref<Request> request = std::exchange(request_, {})) {
        request->clientGone(Failure::make<HttpError>(code, std::string(why)));
        site_->giveRequest(std::move(request));
    }
    close();
}

/// Refuses the body, as who was to take it said.
void HttpChannel::refuse(const Failure& why) {
    if (const auto* meant = why.check<HttpError>()) {
        refuse(meant->code(), meant->what());
    } else {
        log(LogLevel::Error, "exception while reading the body of " + request_->method() + " " +
                                 request_->uri() + ": " + why.brief());
        refuse(kInternalServerError, detail::kFailedText);
    }
}

void HttpChannel::forgetBody() {
    sink_ = nullptr;
    found_ = false;
    bodyPaused_ = false;
    resource_.reset();
}

/// Tells the handler that nobody waits for its answer any more (Twisted: H-21).
void HttpChannel::clientGone(const Failure& why) {
    forgetBody();
    if (const Ref<Request> request = std::exchange(request_, {})) {
        request->clientGone(why);
    }
    if (std::optional<Deferred<>> rendering = std::exchange(rendering_, std::nullopt)) {
        rendering->cancel();
    }
}

void HttpChannel::readConnectionLost() {
    const Ref<HttpChannel> alive(this);
    if (IProducer* producer = std::exchange(attached_, nullptr)) {
        transport_->unregisterProducer();
        producer->stopProducing();
    }
    clientGone(ConnectionDone());
    if (transport_ != nullptr) {
        close();
        transport_->loseConnection();
    }
}

void HttpChannel::connectionLost(const Failure& reason) {
    const Ref<HttpChannel> alive(this);
    transport_ = nullptr;
    attached_ = nullptr;
    stopTimer();
    clientGone(reason);
    site_->connectionEnded(*this);
}

/// Closes at once, and gives true, when there is no request; else behind its response.
bool HttpChannel::closeWhenDone() {
    const Ref<HttpChannel> alive(this);
    keepAlive_ = false;
    if (transport_ == nullptr || state_ != State::Idle) {
        return false;
    }
    const bool idle = transport_->bytesBuffered() == 0;
    close();
    if (idle) {
        transport_->loseConnection();
    }
    return idle;
}

/// Ends the own side, and reads on for a while: closing with bytes unread would be a reset, which
/// can take the last response from the client (RFC 9112 §9.6).
void HttpChannel::close() {
    if (state_ == State::Closing) {
        return;
    }
    state_ = State::Closing;
    held_ = {};
    heldFrom_ = 0;
    transport_->unregisterProducer();
    transport_->loseWriteConnection();
    if (std::exchange(paused_, false)) {
        transport_->resumeProducing();
    }
    now_ = site_->clock().seconds();
    allow(site_->options().closeTimeout);
}

}  // namespace marline::http
