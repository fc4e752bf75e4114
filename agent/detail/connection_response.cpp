#include <marline/agent/detail/connection_response.hpp>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <marline/agent/detail/http_connection.hpp>
#include <marline/agent/errors.hpp>
#include <marline/protocols/http/status.hpp>
#include <marline/reactor/errors.hpp>

namespace marline::detail {

ConnectionResponse::ConnectionResponse(ResponseInfo info, Ref<HttpConnection> connection)
    : ResponseState(std::move(info)), connection_(std::move(connection)) {}

ConnectionResponse::~ConnectionResponse() {
    if (connection_) {
        connection_->responseGone();
    }
}

void ConnectionResponse::deliverBody(Ref<IProtocol> receiver) {
    if (delivered_) {
        refuseSecondReader();
    }
    delivered_ = true;
    const Ref<ConnectionResponse> alive(this);
    receiver->makeConnection(*this);
    if (!connection_ || info().code == http::kSwitching) {
        receiver->connectionLost(endedEarly_ ? *endedEarly_ : Failure(ResponseDone()));
        return;
    }
    receiver_ = std::move(receiver);
    self_ = Ref<ConnectionResponse>(this);
    const Ref<HttpConnection> connection = connection_;
    connection->pump();
}

void ConnectionResponse::discardBody() {
    if (connection_ && !delivered_) {
        delivered_ = true;
        std::exchange(connection_, {})->responseGone();
    }
}

void ConnectionResponse::abort() {
    if (connection_) {
        const Ref<HttpConnection> connection = connection_;
        connection->abort(Failure::make<ResponseFailed>(
            "the response from " + info().uri.authority() + " was given up",
            std::vector<Failure>{ConnectionAborted()}));
    }
}

void ConnectionResponse::handOver(Ref<IProtocol> protocol) {
    if (info().code != http::kSwitching) {
        refuseHandOver();
    }
    if (switched_) {
        throw std::logic_error(
            "Response::switchProtocol(): the connection has another protocol already");
    }
    switched_ = true;
    const Ref<ConnectionResponse> alive(this);
    if (const Ref<HttpConnection> connection = std::exchange(connection_, {})) {
        connection->handOver(std::move(protocol), *this);
    } else {
        protocol->makeConnection(*this);
        protocol->connectionLost(endedEarly_ ? *endedEarly_ : Failure(ConnectionAborted()));
    }
}

void ConnectionResponse::bodyEnded(const Failure& reason) {
    // Whoever is told may drop the last handle.
    const Ref<ConnectionResponse> alive(this);
    self_.reset();
    connection_.reset();
    if (const Ref<IProtocol> receiver = std::exchange(receiver_, {})) {
        receiver->connectionLost(reason);
    } else {
        endedEarly_ = reason;
    }
}

void ConnectionResponse::resumeProducing() {
    paused_ = false;
    if (connection_) {
        const Ref<HttpConnection> connection = connection_;
        connection->pump();
    }
}

void ConnectionResponse::registerProducer(IProducer& producer, Producing) {
    producer.stopProducing();
}

const Address& ConnectionResponse::getHost() const noexcept {
    static const Address unknown;
    return connection_ && connection_->transport() != nullptr ? connection_->transport()->getHost()
                                                              : unknown;
}

const Address& ConnectionResponse::getPeer() const noexcept {
    static const Address unknown;
    return connection_ && connection_->transport() != nullptr ? connection_->transport()->getPeer()
                                                              : unknown;
}

}  // namespace marline::detail
