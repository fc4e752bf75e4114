#include <marline/agent/detail/response_state.hpp>

#include <stdexcept>
#include <utility>
#include <vector>

#include <marline/agent/detail/http_connection.hpp>
#include <marline/agent/errors.hpp>
#include <marline/reactor/errors.hpp>

namespace marline {
namespace detail {

ResponseState::ResponseState(ResponseInfo info, Ref<HttpConnection> connection)
    : info_(std::move(info)), connection_(std::move(connection)) {}

ResponseState::~ResponseState() {
    if (connection_) {
        connection_->responseGone();
    }
}

void ResponseState::deliverBody(Ref<IProtocol> receiver) {
    if (delivered_) {
        throw std::logic_error("the body of the response to " + info_.method + " " +
                               info_.uri.toString() + " has a reader already");
    }
    delivered_ = true;
    const Ref<ResponseState> alive(this);
    receiver->makeConnection(*this);
    if (!connection_) {
        receiver->connectionLost(endedEarly_ ? *endedEarly_ : Failure(ResponseDone()));
        return;
    }
    receiver_ = std::move(receiver);
    self_ = Ref<ResponseState>(this);
    const Ref<HttpConnection> connection = connection_;
    connection->pump();
}

void ResponseState::discardBody() {
    if (connection_ && !delivered_) {
        delivered_ = true;
        std::exchange(connection_, {})->responseGone();
    }
}

void ResponseState::abort() {
    if (connection_) {
        const Ref<HttpConnection> connection = connection_;
        connection->abort(Failure::make<ResponseFailed>(
            "the response from " + info_.uri.authority() + " was given up",
            std::vector<Failure>{ConnectionAborted()}));
    }
}

void ResponseState::bodyEnded(const Failure& reason) {
    // Whoever is told may drop the last handle.
    const Ref<ResponseState> alive(this);
    self_.reset();
    connection_.reset();
    if (const Ref<IProtocol> receiver = std::exchange(receiver_, {})) {
        receiver->connectionLost(reason);
    } else {
        endedEarly_ = reason;
    }
}

void ResponseState::resumeProducing() {
    paused_ = false;
    if (connection_) {
        const Ref<HttpConnection> connection = connection_;
        connection->pump();
    }
}

void ResponseState::registerProducer(IProducer& producer, Producing) { producer.stopProducing(); }

const Address& ResponseState::getHost() const noexcept {
    static const Address unknown;
    return connection_ && connection_->transport() != nullptr ? connection_->transport()->getHost()
                                                              : unknown;
}

const Address& ResponseState::getPeer() const noexcept {
    static const Address unknown;
    return connection_ && connection_->transport() != nullptr ? connection_->transport()->getPeer()
                                                              : unknown;
}

}  // namespace detail

Response::Response(Ref<detail::ResponseState> state) noexcept : state_(std::move(state)) {}
Response::Response(const Response&) noexcept = default;
Response::Response(Response&&) noexcept = default;
Response& Response::operator=(Response other) noexcept {
    state_.swap(other.state_);
    return *this;
}
Response::~Response() = default;

int Response::code() const noexcept { return state_->info().code; }
const std::string& Response::phrase() const noexcept { return state_->info().phrase; }
http::Version Response::version() const noexcept { return state_->info().version; }
const http::Headers& Response::headers() const noexcept { return state_->info().headers; }
std::optional<std::uint64_t> Response::length() const noexcept { return state_->info().length; }
const Uri& Response::uri() const noexcept { return state_->info().uri; }
const std::string& Response::method() const noexcept { return state_->info().method; }
const Response* Response::previousResponse() const noexcept {
    return state_->previous() ? &*state_->previous() : nullptr;
}
void Response::setPreviousResponse(Response previous) { state_->setPrevious(std::move(previous)); }
void Response::deliverBody(Ref<IProtocol> receiver) const {
    state_->deliverBody(std::move(receiver));
}
void Response::discardBody() const { state_->discardBody(); }
void Response::abort() const { state_->abort(); }

}  // namespace marline
