#include <marline/agent/redirect_agent.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

/// Whom a redirect is followed as.
enum class Manner : std::uint8_t { Strict, BrowserLike };

std::vector<std::string> trailTo(const Response& last) {
    std::vector<std::string> trail;
    for (const Response* r = &last; r != nullptr; r = r->previousResponse()) {
        trail.push_back(r->uri().toString());
    }
    std::reverse(trail.begin(), trail.end());
    return trail;
}

template <class E>
Failure refuse(const Response& response, const std::string& why) {
    std::vector<std::string> trail = trailTo(response);
    std::string what =
        "redirect not followed: " + std::to_string(response.code()) + " from " + trail.back();
    if (trail.size() > 1) {
        what += ", behind " + std::to_string(trail.size() - 1) +
                (trail.size() > 2 ? " redirects from " : " redirect from ") + trail.front();
    }
    const std::string location(response.headers().get("Location").value_or(""));
    return Failure::make<ResponseFailed>(
        what,
        std::vector<Failure>{Failure::make<E>(why, response.code(), std::move(trail), location)});
}

/// Where `response`, of `from`, leads to, or why that cannot be said.
Result<Uri> targetOf(const Uri& from, const Response& response) {
    const auto locations = response.headers().getRawHeaders("Location");
    if (locations.empty()) {
        return Failure::make<Error>("no Location field");
    }
    for (const std::string_view other : locations) {
        if (other != locations.front()) {
            return Failure::make<Error>("its Location fields differ");
        }
    }
    return from.resolve(locations.front());
}

class Redirecting final : public IAgent {
public:
    Redirecting(Ref<IAgent> inner, RedirectAgentOptions options, Manner manner)
        : inner_(std::move(inner)), options_(std::move(options)), manner_(manner) {}

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
        const bool toGet = becomesGet(trail.method, response.code());
        const bool safe = trail.method == "GET" || trail.method == "HEAD";
        if (!toGet && !safe && manner_ == Manner::Strict) {
            return refuse<PageRedirect>(response,
                                        "a " + trail.method + " is not repeated at another place");
        }
        if (!toGet && trail.body && !trail.body->repeatable()) {
            return refuse<PageRedirect>(
                response, "the body of the " + trail.method + " cannot be sent twice");
        }
        if (trail.followed == options_.redirectLimit) {
            return refuse<InfiniteRedirection>(response,
                                               "more redirects than redirectLimit allows, " +
                                                   std::to_string(options_.redirectLimit));
        }
        Result<Uri> target = targetOf(trail.uri, response);
        if (!target.ok()) {
            return refuse<RedirectWithNoLocation>(response, target.failure().message());
        }
        if (trail.uri.scheme() == "https" && target.value().scheme() == "http" &&
            !options_.allowDowngrade) {
            return refuse<PageRedirect>(response, "it leads from https to " +
                                                      target.value().toString() +
                                                      "; set allowDowngrade to follow");
        }
        turn(trail, std::move(target).value(), toGet);
        return std::nullopt;
    }

    /// Whether a request goes on as GET without its body (HEAD stays HEAD).
    bool becomesGet(const std::string& method, int code) const noexcept {
        return code == 303 ||
               (manner_ == Manner::BrowserLike && method == "POST" && (code == 301 || code == 302));
    }

    void turn(Trail& trail, Uri target, bool toGet) const {
        // With a Host that the caller gave: it named the old origin.
        if (!trail.uri.sameOrigin(target)) {
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
        trail.uri = target.withoutUserInfo();
        ++trail.followed;
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
    Manner manner_;
};

}  // namespace

RedirectAgent::RedirectAgent(const AgentHandle& agent, RedirectAgentOptions options)
    : AgentHandle(makeRef<Redirecting>(agent.agent(), std::move(options), Manner::Strict)) {}

BrowserLikeRedirectAgent::BrowserLikeRedirectAgent(const AgentHandle& agent,
                                                   RedirectAgentOptions options)
    : AgentHandle(makeRef<Redirecting>(agent.agent(), std::move(options), Manner::BrowserLike)) {}

}  // namespace marline
