// How an HttpConnection becomes another protocol's.
#include <string>
#include <utility>

#include <marline/agent/detail/http_connection.hpp>
#include <marline/agent/errors.hpp>
#include <marline/reactor/errors.hpp>

namespace marline::detail {

/// A 101 to a request that offered it: what comes now is not HTTP, and waits for who reads it.
void HttpConnection::upgraded(std::span<const std::byte>& input) {
    dropTimer();
    if (phase_ != Sending::Done) {
        // The server must take the whole request first (RFC 9110 §7.8).
        responseFailed(
            "bad response from " + peer(),
            {Failure::make<Error>("101 Switching Protocols before the request was sent")});
        return;
    }
    state_ = State::Upgraded;
    keepAlive_ = false;
    held_.assign(asText(std::exchange(input, {})));
    transport_->pauseProducing();
    DeferredSource<Response> answer = std::move(*answer_);
    answer_.reset();
    answer.callback(makeResponse(parser_.head(), Ref<HttpConnection>(this)));
}

void HttpConnection::handOver(Ref<IProtocol> protocol, ITransport& gone) {
    const Ref<HttpConnection> alive(this);
    state_ = State::Closed;
    response_ = nullptr;
    exchange_.reset();
    const std::string held = std::exchange(held_, {});
    if (IConnectionOwner* owner = std::exchange(owner_, nullptr)) {
        owner->connectionClosed(*this);
    }
    ITransport* const connection = std::exchange(transport_, nullptr);
    const Ref<IProtocol> self =
        connection != nullptr ? connection->switchProtocol(protocol) : Ref<IProtocol>();
    protocol->makeConnection(connection != nullptr ? *connection : gone);
    if (!held.empty() && (connection == nullptr || !connection->disconnecting())) {
        protocol->dataReceived(asBytes(held));
    }
    if (connection != nullptr) {
        connection->resumeProducing();
    } else {
        protocol->connectionLost(*lost_);
    }
}

}  // namespace marline::detail
