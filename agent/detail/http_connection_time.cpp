// How long an HttpConnection waits.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <marline/agent/detail/http_connection.hpp>
#include <marline/agent/errors.hpp>

namespace marline::detail {
namespace {

std::string seconds(Duration duration) {
    const auto tenths = std::chrono::ceil<std::chrono::milliseconds>(duration).count() / 100;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

std::vector<Failure> late(RequestPhase phase, Duration passed, const std::string& what,
                          const char* knob) {
    return {Failure::make<RequestTimeoutError>(phase, passed,
                                               what + " " + seconds(passed) + " (" + knob + ")")};
}

}  // namespace

RequestTimeoutError totalTimeUp(Duration total) {
    return RequestTimeoutError(RequestPhase::Total, total,
                               "not done within " + seconds(total) + " (totalTimeout)");
}

void HttpConnection::startTimer(Duration allowed) {
    lastActivity_ = clock_.seconds();
    startTimerAt(later(lastActivity_, allowed));
}

void HttpConnection::startTimerAt(Duration due) {
    deadline_ = exchange_ && exchange_->deadline ? std::min(*exchange_->deadline, due) : due;
    if (timerDue_ > deadline_) {
        dropTimer();
        timerDue_ = deadline_;
        timer_ = clock_.callLater(std::max(deadline_ - clock_.seconds(), Duration::zero()),
                                  [this] { timerRan(); });
    }
}

void HttpConnection::again(Duration after) { startTimerAt(later(clock_.seconds(), after)); }

void HttpConnection::dropTimer() {
    if (std::exchange(timerDue_, kNever) != kNever && timer_.active()) {
        timer_.cancel();
    }
}

void HttpConnection::timerRan() {
    timerDue_ = kNever;
    if (clock_.seconds() < deadline_) {
        startTimerAt(deadline_);
    } else {
        timeUp();
    }
}

void HttpConnection::expireAfter(Duration allowed) { startTimer(allowed); }

void HttpConnection::timeUp() {
    if (state_ == State::Idle) {
        owner_->connectionExpired(*this);
        return;
    }
    if (exchange_->deadline && clock_.seconds() >= *exchange_->deadline) {
        responseFailed("the request to " + peer() + " was not done",
                       {Failure(totalTimeUp(exchange_->total))});
    } else if (state_ == State::Body) {
        bodyTimeUp();
    } else if (phase_ == Sending::Waiting) {
        // A server that does not know 100 Continue must not stop the request (RFC 9110 §10.1.1).
        sendBody();
    } else if (phase_ == Sending::Body) {
        sendTimeUp();
    } else {
        headersTimeUp();
    }
}

/// A body that its producer is slow with may take its time; one that the peer does not take, not.
void HttpConnection::sendTimeUp() {
    const std::size_t unsent = transport_->bytesBuffered();
    if (unsent == 0 || unsent != std::exchange(unsent_, unsent)) {
        lastActivity_ = clock_.seconds();
    }
    const Duration passed = clock_.seconds() - lastActivity_;
    if (passed < limits_->sendTimeout) {
        again(limits_->sendTimeout - passed);
        return;
    }
    abort(Failure::make<RequestTransmissionFailed>(
        "the request to " + peer() + " stopped",
        late(RequestPhase::Send, passed, "the server took nothing for", "sendTimeout")));
}

void HttpConnection::headersTimeUp() {
    std::vector<Failure> why =
        late(RequestPhase::Headers, limits_->headersTimeout, "no head within", "headersTimeout");
    if (parser_.eof() == http::WireEof::Nothing) {
        abort(Failure::make<ResponseNeverReceived>("no response from " + peer(), std::move(why)));
    } else {
        responseFailed("the response from " + peer() + " stopped inside its head", std::move(why));
    }
}

void HttpConnection::bodyTimeUp() {
    if (response_ != nullptr && (!held_.empty() || !response_->wantsData())) {
        // The reader may take its time. When it waits for the request to go out, and the server
        // for somebody to take the response, neither would ever go on.
        phase_ == Sending::Body ? sendTimeUp() : again(limits_->idleTimeout);
        return;
    }
    const Duration passed = clock_.seconds() - lastActivity_;
    if (passed < limits_->idleTimeout) {
        again(limits_->idleTimeout - passed);
        return;
    }
    responseFailed("the response from " + peer() + " stopped inside its body",
                   late(RequestPhase::Body, passed, "nothing came for", "idleTimeout"));
}

}  // namespace marline::detail
