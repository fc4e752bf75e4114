#include <marline/agent/detail/response_state.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace marline {
namespace detail {

void ResponseState::refuseSecondReader() const {
    throw std::logic_error("the body of the response to " + info_.method + " " +
                           info_.uri.toString() + " has a reader already");
}

void ResponseState::refuseHandOver() const {
    throw std::logic_error("Response::switchProtocol(): the status is " +
                           std::to_string(info_.code) + ", not 101 Switching Protocols");
}

Response filteredResponse(ResponseInfo info, const Response& inner,
                          FilteredResponse::Filter filter) {
    Response outer(makeRef<FilteredResponse>(std::move(info), inner, std::move(filter)));
    if (const Response* previous = inner.previousResponse()) {
        outer.setPreviousResponse(*previous);
    }
    return outer;
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
const http::Headers& Response::trailers() const noexcept { return state_->trailers(); }
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
void Response::switchProtocol(Ref<IProtocol> protocol) const {
    state_->handOver(std::move(protocol));
}

}  // namespace marline
