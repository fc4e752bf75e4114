#include <marline/agent/detail/proxied_exchange.hpp>

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include <marline/agent/detail/proxied_fields.hpp>
#include <marline/agent/errors.hpp>
#include <marline/protocols/http/status.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::detail {
namespace {

/// Whether it was time that ended the request, at whatever stage.
bool tookTooLong(const Failure& why) {
    if (why.check<TimeoutError>() != nullptr || why.check<ConnectTimeoutError>() != nullptr ||
        why.check<DNSQueryTimeoutError>() != nullptr) {
        return true;
    }
    const auto* failed = why.check<ResponseFailed>();
    return failed != nullptr &&
           std::any_of(failed->reasons().begin(), failed->reasons().end(), tookTooLong);
}

int codeFor(const Failure& why) {
    if (why.check<UriError>() != nullptr || why.check<BadRequest>() != nullptr) {
        return http::kBadRequest;
    }
    return tookTooLong(why) ? http::kGatewayTimeout : http::kBadGateway;
}

const char* textFor(int code) {
    switch (code) {
    case http::kBadRequest: return "the request cannot be passed on";
    case http::kGatewayTimeout: return "the server behind this one took too long";
    default: return "the server behind this one did not answer";
    }
}

}  // namespace

void ProxiedExchange::begin(const AgentHandle& agent, std::string_view uri,
                            const http::Headers& fields, Ref<IBodyProducer> body,
                            Ref<ProxiedBody> streamed) {
    const Ref<ProxiedExchange> self(this);
    body_ = std::move(streamed);
    request_->notifyFinish().addBoth([self](const Result<>&) { self->over(); });
    Deferred<> asking =
        agent.request(request_->method(), uri, fields, std::move(body))
            .addBoth([self](Result<Response> outcome) { self->arrived(std::move(outcome)); });
    if (request_ && !outcome_) {
        asking_ = asking;
    }
}

void ProxiedExchange::arrived(Result<Response> outcome) {
    asking_.reset();
    if (!outcome.ok() && body_) {
        body_->drop();
    }
    if (!request_) {
        if (outcome.ok()) {
            outcome.value().abort();
        }
        return;
    }
    outcome_ = std::move(outcome);
    if (ready_) {
        answer();
    }
}

void ProxiedExchange::ready() {
    const Ref<ProxiedExchange> alive(this);
    ready_ = true;
    if (outcome_) {
        answer();
    }
}

void ProxiedExchange::answer() {
    if (!outcome_->ok()) {
        refuse(outcome_->failure());
        return;
    }
    const Response response = outcome_->value();
    try {
        relay(response);
    } catch (const std::exception&) {
        response.abort();
        begun_ ? cut(Failure::current()) : refuse(Failure::current());
    }
}

void ProxiedExchange::relay(const Response& response) {
    const Ref<http::Request> request = request_;
    request->setResponseCode(response.code(), response.phrase());
    const bool old = response.version() == http::Version::Http10;
    request->responseHeaders() =
        forwardedResponse(response.headers(), (old ? "1.0 " : "1.1 ") + via_);
    if (response.length() != 0U && !request->responseHeaders().hasHeader("Content-Type")) {
        request->setHeader("Content-Type", "application/octet-stream");  // RFC 9110 §8.3
    }
    request->write({});
    begun_ = true;
    if (request->finished()) {
        return;
    }
    request->registerProducer(*this, Producing::Push);
    response.deliverBody(Ref<IProtocol>(this));
}

void ProxiedExchange::dataReceived(std::span<const std::byte> data) {
    if (request_) {
        request_->write(asText(data));
    }
}

void ProxiedExchange::connectionLost(const Failure& reason) {
    const Ref<ProxiedExchange> alive(this);
    upstream_ = nullptr;
    const Ref<http::Request> request = request_;
    if (!request || request->finished()) {
        return;
    }
    request->unregisterProducer();
    if (reason.check<ResponseDone>() != nullptr || reason.check<PotentialDataLoss>() != nullptr) {
        request->finish();
        return;
    }
    cut(reason);
}

/// Part of the answer is there: its rest cannot be replaced by an error page.
void ProxiedExchange::cut(const Failure& why) {
    const Ref<http::Request> request = request_;
    log(LogLevel::Error, "proxy: " + request->method() + " " + request->uri() + ": " + why.brief());
    request->abort();
}

void ProxiedExchange::resumeProducing() {
    if (upstream_ != nullptr) {
        upstream_->resumeProducing();
    }
}

void ProxiedExchange::pauseProducing() {
    if (upstream_ != nullptr) {
        upstream_->pauseProducing();
    }
}

void ProxiedExchange::refuse(const Failure& why) {
    const Ref<http::Request> request = request_;
    const int code = codeFor(why);
    log(LogLevel::Error, "proxy: " + request->method() + " " + request->uri() + ": " + why.brief());
    request->responseHeaders().clear();
    request->setResponseCode(code);
    request->setHeader("Content-Type", "text/plain");
    request->finish(std::to_string(code) + " " + std::string(http::statusPhrase(code)) + "\n\n" +
                    textFor(code) + "\n");
}

/// The client has its answer, or has gone.
void ProxiedExchange::over() {
    const Ref<ProxiedExchange> alive(this);
    request_.reset();
    if (body_) {
        body_->release();
    }
    if (auto asking = std::exchange(asking_, std::nullopt)) {
        asking->cancel();
    }
    if (auto outcome = std::exchange(outcome_, std::nullopt); outcome && outcome->ok()) {
        outcome->value().abort();
    }
    body_.reset();
}

}  // namespace marline::detail
