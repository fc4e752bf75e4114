#include <marline/agent/retry_agent.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include <marline/agent/detail/directives.hpp>
#include <marline/agent/detail/methods.hpp>
#include <marline/agent/errors.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/protocols/http/http_date.hpp>
#include <marline/reactor/defer_later.hpp>

namespace marline {
namespace {

/// A request and how often it was sent.
struct Attempt {
    std::string method;
    Uri uri;
    http::Headers headers;
    Ref<IBodyProducer> body;
    unsigned sent = 0;
};

/// Longer waits than this are this: more than there are Durations for could be asked for.
constexpr std::chrono::seconds kLongest{std::int64_t{1} << 31};

/// What a Retry-After field says, in seconds or as a date.
std::optional<Duration> retryAfter(const http::Headers& headers) {
    using std::chrono::seconds;
    const auto field = headers.get("Retry-After");
    if (!field) {
        return std::nullopt;
    }
    if (const auto wait = detail::deltaSeconds(*field, kLongest)) {
        return *wait;
    }
    if (const auto date = http::parseHttpDate(*field)) {
        const auto now = std::chrono::floor<seconds>(std::chrono::system_clock::now());
        return std::clamp(*date - now, seconds(0), kLongest);
    }
    return std::nullopt;
}

bool mayHelp(const Failure& why) {
    const auto* failed = why.check<ResponseFailed>();
    const Failure& cause = failed != nullptr ? failed->reasons().front() : why;
    return cause.check<CancelledError>() == nullptr && cause.check<BadRequest>() == nullptr &&
           cause.check<UriError>() == nullptr && cause.check<SchemeNotSupported>() == nullptr &&
           cause.check<RedirectError>() == nullptr;
}

class Retrying final : public IAgent {
public:
    Retrying(Ref<IAgent> inner, IReactorTime& clock, RetryAgentOptions options)
        : inner_(std::move(inner)), clock_(clock), options_(std::move(options)),
          budget_(options_.budgetReserve) {}

    Deferred<Response> request(std::string_view method, const Uri& uri,
                               const http::Headers& headers, Ref<IBodyProducer> body) override {
        if (!detail::idempotent(method) || (body && !body->repeatable())) {
            return inner_->request(method, uri, headers, std::move(body));
        }
        budget_ = std::min(budget_ + options_.budgetRatio, options_.budgetReserve);
        return send(Attempt{std::string(method), uri, headers, std::move(body)});
    }

private:
    Deferred<Response> send(Attempt attempt) {
        ++attempt.sent;
        return inner_->request(attempt.method, attempt.uri, attempt.headers, attempt.body)
            .addBoth([self = Ref<Retrying>(this),
                      attempt](const Result<Response>& outcome) -> Deferred<Response> {
                const std::optional<Duration> wait = self->waitAfter(attempt, outcome);
                if (!wait) {
                    return outcome.ok() ? succeed(outcome.value())
                                        : fail<Response>(outcome.failure());
                }
                if (outcome.ok()) {
                    outcome.value().discardBody();
                }
                return deferLater(self->clock_, *wait).addCallback([self, attempt] {
                    return self->send(attempt);
                });
            });
    }

    /// How long to wait before the next attempt; nothing when this was the last.
    std::optional<Duration> waitAfter(const Attempt& attempt, const Result<Response>& outcome) {
        if (attempt.sent >= options_.attempts || budget_ < 1) {
            return std::nullopt;
        }
        Duration wait = backoff(attempt.sent);
        if (!outcome.ok()) {
            if (!mayHelp(outcome.failure())) {
                return std::nullopt;
            }
        } else {
            const auto& codes = options_.codes;
            if (std::find(codes.begin(), codes.end(), outcome.value().code()) == codes.end()) {
                return std::nullopt;
            }
            wait = retryAfter(outcome.value().headers()).value_or(wait);
            if (wait > options_.maxRetryAfter) {
                return std::nullopt;
            }
        }
        budget_ -= 1;
        return wait;
    }

    Duration backoff(unsigned sent) {
        Duration most = options_.firstDelay;
        for (unsigned i = 1; i < sent && most < options_.maxDelay; ++i) {
            most *= 2;
        }
        most = std::min(most, options_.maxDelay);
        return Duration(std::uniform_int_distribution<Duration::rep>(0, most.count())(random_));
    }

    Ref<IAgent> inner_;
    IReactorTime& clock_;
    RetryAgentOptions options_;
    double budget_;
    std::minstd_rand random_{std::random_device{}()};
};

}  // namespace

RetryAgent::RetryAgent(const AgentHandle& agent, IReactorTime& clock, RetryAgentOptions options)
    : AgentHandle(makeRef<Retrying>(agent.agent(), clock, std::move(options))) {}

}  // namespace marline
