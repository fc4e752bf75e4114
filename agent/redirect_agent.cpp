#include <marline/agent/redirect_agent.hpp>

#include <optional>
#include <string>
#include <utility>

#include <marline/agent/errors.hpp>
#include <marline/deferred/succeed.hpp>

namespace marline {
namespace {

bool isRedirect(int code) noexcept {
    return code == 301 || code == 302 || code == 303 || code == 307 || code == 308;
}

/// A request on its way along a trail of redirects.
struct Trail {
    std::string method;
    Uri uri;
    http::Headers headers;
    Ref<IBodyProducer> body;
    unsigned followed;
    std::optional<Response> previous;
};

std::string describe(const Response& last) {
    std::string text = last.uri().toString();
    for (const Response* r = last.previousResponse(); r != nullptr; r = r->previousResponse()) {
        text.insert(0, r->uri().toString() + " -> ");
    }
    return text;
}

template <class E>
Failure refuse(const Response& response, const std::string& why) {
    return Failure::make<ResponseFailed>(
        "redirect not followed",
        std::vector<Failure>{Failure::make<E>(why + " (" + std::to_string(response.code()) +
                                              " after " + describe(response) + ")")});
}

class Redirecting final : public IAgent {
public:
    Redirecting(Ref<IAgent> inner, RedirectAgentOptions options)
        : inner_(std::move(inner)), options_(std::move(options)) {}

    Deferred<Response> request(std::string_view method, const Uri& uri,
                               const http::Headers& headers, Ref<IBodyProducer> body) override {
        return step(Trail{std::string(method), uri, headers, std::move(body), 0, std::nullopt});
    }

private:
    Deferred<Response> step(Trail trail) {
        Deferred<Response> answer =
            inner_->request(trail.method, trail.uri, trail.headers, trail.body);
        return answer.addCallback(
            [self = Ref<Redirecting>(this), trail = std::move(trail)](Response response) mutable {
                return self->answered(std::move(trail), std::move(response));
            });
    }

    Deferred<Response> answered(Trail trail, Response response) {
        if (trail.previous) {
            response.setPreviousResponse(*trail.previous);
        }
        if (!isRedirect(response.code())) {
            return succeed(std::move(response));
        }
        if (std::optional<Failure> refused = follow(trail, response)) {
            return fail<Response>(std::move(*refused));
        }
        response.discardBody();
        trail.previous = std::move(response);
        return step(std::move(trail));
    }

    /// Turns the trail to where `response` points, or says why not.
    std::optional<Failure> follow(Trail& trail, const Response& response) const {
        const bool toGet = response.code() == 303;
        const bool safe = trail.method == "GET" || trail.method == "HEAD";
        if (!toGet && !safe) {
            return refuse<PageRedirect>(response,
                                        "a " + trail.method + " is not repeated at another place");
        }
        if (trail.followed == options_.redirectLimit) {
            return refuse<InfiniteRedirection>(response,
                                               "more redirects than redirectLimit allows, " +
                                                   std::to_string(options_.redirectLimit));
        }
        const auto location = response.headers().get("Location");
        if (!location) {
            return refuse<RedirectWithNoLocation>(response, "no Location field");
        }
        Result<Uri> target = trail.uri.resolve(*location);
        if (!target.ok()) {
            return refuse<RedirectWithNoLocation>(response, target.failure().message());
        }
        if (trail.uri.scheme() == "https" && target.value().scheme() == "http" &&
            !options_.allowDowngrade) {
            return refuse<PageRedirect>(response, "it leads from https to " +
                                                      target.value().toString() +
                                                      "; set allowDowngrade to follow");
        }
        if (!trail.uri.sameOrigin(target.value())) {
            dropSensitive(trail.headers);
        }
        if (toGet) {
            trail.method = trail.method == "HEAD" ? "HEAD" : "GET";
            trail.body.reset();
            for (const char* name : {"Content-Type", "Content-Length", "Content-Encoding",
                                     "Content-Language", "Content-Location", "Expect"}) {
                trail.headers.removeHeader(name);
            }
        }
        trail.uri = std::move(target).value();
        ++trail.followed;
        return std::nullopt;
    }

    void dropSensitive(http::Headers& headers) const {
        for (const char* name : {"Authorization", "Cookie", "Cookie2", "Host",
                                 "Proxy-Authorization", "WWW-Authenticate"}) {
            headers.removeHeader(name);
        }
        for (const std::string& name : options_.sensitiveHeaders) {
            headers.removeHeader(name);
        }
    }

    Ref<IAgent> inner_;
    RedirectAgentOptions options_;
};

}  // namespace

RedirectAgent::RedirectAgent(const AgentHandle& agent, RedirectAgentOptions options)
    : AgentHandle(makeRef<Redirecting>(agent.agent(), std::move(options))) {}

}  // namespace marline
