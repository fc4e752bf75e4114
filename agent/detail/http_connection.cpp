#include <marline/agent/detail/http_connection.hpp>

#include <charconv>
#include <chrono>
#include <utility>

#include <marline/agent/errors.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/errors.hpp>

namespace marline::detail {
namespace {

// What is read of a body that nobody wants, so that the connection can be used again; a longer one
// costs less to close than to read.
constexpr std::uint64_t kMaxDiscarded = 64 * 1024;

/// The N seconds of `Keep-Alive: timeout=N`.
std::optional<Duration> timeoutIn(std::span<const http::FieldView> fields) noexcept {
    const auto value = http::findField(fields, "Keep-Alive");
    constexpr std::string_view kTimeout = "timeout=";
    const std::size_t at = value ? value->find(kTimeout) : std::string_view::npos;
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    std::uint32_t number = 0;
    const std::string_view text = value->substr(at + kTimeout.size());
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} ? std::optional<Duration>(std::chrono::seconds(number))
                                : std::nullopt;
}

}  // namespace

Deferred<Response> HttpConnection::request(Ref<const Exchange> exchange) {
    if (!idle()) {
        return fail<Response>(Failure::make<RequestNotSent>(
            "no response from " + exchange->uri.authority(),
            std::vector<Failure>{ConnectionLost(transport_ == nullptr || state_ == State::Closed
                                                    ? "the connection has gone before the request"
                                                    : "the connection is busy")}));
    }
    exchange_ = std::move(exchange);
    ++requests_;
    state_ = State::Awaiting;
    phase_ = Sending::Waiting;
    discarding_ = false;
    discarded_ = 0;
    parser_.expectResponse(exchange_->method, !exchange_->traits.offeredUpgrade.empty());
    answer_.emplace([this](Deferred<Response>) { abort(CancelledError()); });
    Deferred<Response> answer = answer_->deferred();
    transport_->write(exchange_->head);
    if (exchange_->body && exchange_->traits.expectsContinue) {
        startTimer(limits_->continueTimeout);
    } else {
        sendBody();
    }
    return answer;
}

// The response.

void HttpConnection::dataReceived(std::span<const std::byte> data) {
    const Ref<HttpConnection> alive(this);
    lastActivity_ = clock_.seconds();
    if (state_ == State::Idle) {
        // Bytes that nothing was asked for: this connection is not to be trusted.
        abort(ConnectionAborted());
        return;
    }
    if (reading_ || !held_.empty() || state_ == State::Upgraded) {
        held_ += asText(data);
        return;
    }
    read(data);
}

void HttpConnection::pump() {
    const Ref<HttpConnection> alive(this);
    if (reading_ || state_ != State::Body) {
        return;
    }
    lastActivity_ = clock_.seconds();  // from here on somebody waits
    const std::string input = std::exchange(held_, {});
    read(asBytes(input));
    if (lost_ && held_.empty() && state_ != State::Closed) {
        endOfConnection(Failure(*lost_));
    } else if (transport_ != nullptr && held_.empty()) {
        transport_->resumeProducing();
    }
}

/// Parses `input` up to its end, or until nobody takes the body: then the rest is held, and the
/// transport paused.
void HttpConnection::read(std::span<const std::byte> input) {
    reading_ = true;
    bool going = true;
    while (going && (state_ == State::Awaiting || state_ == State::Body)) {
        if (state_ == State::Body && !discarding_ &&
            (response_ == nullptr || !response_->wantsData())) {
            held_.append(asText(input));
            if (transport_ != nullptr) {
                transport_->pauseProducing();
            }
            break;
        }
        switch (parser_.next(input)) {
        case http::WireEvent::NeedData: going = false; break;
        case http::WireEvent::Informational: informed(); break;
        case http::WireEvent::Head: readHead(input); break;
        case http::WireEvent::Body: readBody(parser_.body()); break;
        case http::WireEvent::End:
            if (response_ != nullptr && !parser_.trailers().empty()) {
                response_->trailersReceived(parser_.trailers());
            }
            endOfResponse(!input.empty());
            break;
        case http::WireEvent::Done: going = false; break;
        case http::WireEvent::Failed:
            responseFailed("bad response from " + peer(), {Failure(parser_.error())});
            break;
        }
    }
    reading_ = false;
}

void HttpConnection::readHead(std::span<const std::byte>& input) {
    const http::ResponseHead& head = parser_.head();
    if (head.framing == http::BodyFraming::Tunnel) {
        upgraded(input);
        return;
    }
    state_ = State::Body;
    keepAlive_ = head.keepAlive;
    keepAliveFor_ = timeoutIn(head.fields);
    DeferredSource<Response> answer = std::move(*answer_);
    answer_.reset();
    if (head.framing == http::BodyFraming::None ||
        (head.framing == http::BodyFraming::ContentLength && head.contentLength == 0)) {
        // The connection is free before the caller sees the response, so that a request made from
        // the callback can have it (Twisted: WR-9).
        Response response = makeResponse(head, {});
        parser_.next(input);
        endOfResponse(!input.empty());
        answer.callback(std::move(response));
    } else {
        startTimerAt(later(lastActivity_, limits_->idleTimeout));
        answer.callback(makeResponse(head, Ref<HttpConnection>(this)));
    }
}

Response HttpConnection::makeResponse(const http::ResponseHead& head,
                                      Ref<HttpConnection> connection) {
    std::optional<std::uint64_t> length;
    if (!connection || head.framing == http::BodyFraming::Tunnel) {
        length = 0;
    } else if (head.framing == http::BodyFraming::ContentLength) {
        length = head.contentLength;
    }
    const bool hasBody = connection.get() != nullptr;
    auto state = makeRef<ConnectionResponse>(
        ResponseInfo{head.code, std::string(head.phrase), head.version, http::Headers(head.fields),
                     length, exchange_->uri, exchange_->method},
        std::move(connection));
    response_ = hasBody ? state.get() : nullptr;
    return Response(std::move(state));
}

void HttpConnection::readBody(std::span<const std::byte> piece) {
    if (!discarding_) {
        try {
            response_->bodyReceived(piece);
        } catch (...) {
            responseFailed("the reader of the body from " + peer() + " threw",
                           {Failure::current()});
        }
        return;
    }
    discarded_ += piece.size();
    if (discarded_ > kMaxDiscarded) {
        abort(ConnectionAborted());
    }
}

void HttpConnection::responseGone() {
    response_ = nullptr;
    if (state_ == State::Upgraded) {
        abort(ConnectionAborted());
    }
    if (state_ != State::Body) {
        return;
    }
    discarding_ = true;
    pump();
}

// The end.

void HttpConnection::endOfResponse(bool inputLeft) {
    deadline_ = kNever;
    const Ref<ConnectionResponse> response(std::exchange(response_, nullptr));
    const bool reusable =
        keepAlive_ && phase_ == Sending::Done && !inputLeft && transport_ != nullptr;
    // Its body may still be in use, until it is cancelled below.
    const Ref<const Exchange> exchange = std::exchange(exchange_, {});
    if (reusable) {
        state_ = State::Idle;
        if (owner_ != nullptr) {
            owner_->connectionIdle(*this);
        } else {
            close();
        }
    } else {
        state_ = State::Closed;
        // An upload that the server did not wait for is given up, and with it what is buffered.
        cancelSending();
        if (transport_ != nullptr) {
            phase_ == Sending::Done ? transport_->loseConnection() : transport_->abortConnection();
        }
    }
    if (deadline_ == kNever) {
        dropTimer();
    }
    if (response) {
        response->bodyEnded(ResponseDone());
    }
}

void HttpConnection::close() {
    state_ = State::Closed;
    dropTimer();
    if (transport_ != nullptr) {
        transport_->loseConnection();
    }
}

void HttpConnection::abort(const Failure& reason) {
    if (state_ == State::Closed) {
        return;
    }
    const Ref<HttpConnection> alive(this);
    state_ = State::Closed;
    dropTimer();
    held_.clear();
    if (transport_ != nullptr) {
        transport_->abortConnection();
    }
    cancelSending();
    if (answer_) {
        DeferredSource<Response> answer = std::move(*answer_);
        answer_.reset();
        answer.errback(reason);
    }
    if (const Ref<ConnectionResponse> response{std::exchange(response_, nullptr)}) {
        response->bodyEnded(reason);
    }
}

void HttpConnection::responseFailed(const std::string& what, std::vector<Failure> reasons) {
    abort(Failure::make<ResponseFailed>(what, std::move(reasons)));
}

void HttpConnection::connectionLost(const Failure& reason) {
    const Ref<HttpConnection> alive(this);
    transport_ = nullptr;
    dropTimer();
    if (state_ == State::Upgraded || (state_ == State::Body && !held_.empty())) {
        // There is something to read yet; what the end means is known behind it.
        lost_ = reason;
        // Nobody takes the rest of the request.
        phase_ = Sending::Done;
        cancelSending();
    } else if (state_ == State::Awaiting || state_ == State::Body) {
        endOfConnection(reason);
    }
    if (state_ == State::Idle) {
        state_ = State::Closed;
    }
    if (IConnectionOwner* owner = std::exchange(owner_, nullptr)) {
        owner->connectionClosed(*this);
    }
}

void HttpConnection::endOfConnection(const Failure& reason) {
    switch (parser_.eof()) {
    case http::WireEof::Clean:
        // All of the body was given, only its end not, since the reader has paused.
        endOfResponse(false);
        break;
    case http::WireEof::Nothing:
        if (phase_ == Sending::Done) {
            abort(Failure::make<ResponseNeverReceived>("no response from " + peer(),
                                                       std::vector<Failure>{reason}));
        } else {
            abort(Failure::make<RequestTransmissionFailed>(
                "the request to " + peer() + " was not sent whole", std::vector<Failure>{reason}));
        }
        break;
    case http::WireEof::InHead:
        responseFailed("the response from " + peer() + " ended inside its head", {reason});
        break;
    case http::WireEof::InBody:
        responseFailed("the response from " + peer() + " ended inside its body", {reason});
        break;
    case http::WireEof::PotentialDataLoss:
        if (reason.check<ConnectionDone>() != nullptr) {
            abort(PotentialDataLoss());
        } else {
            responseFailed("the response from " + peer() + " was cut", {reason});
        }
        break;
    }
}

}  // namespace marline::detail
