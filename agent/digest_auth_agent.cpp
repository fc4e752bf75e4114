#include <map>
#include <random>
#include <utility>

#include <marline/agent/auth_agent.hpp>
#include <marline/agent/detail/digest.hpp>
#include <marline/deferred/succeed.hpp>

namespace marline {
namespace {

std::string originOf(const Uri& uri) { return uri.scheme() + "://" + uri.authority(); }

class Digesting final : public IAgent {
public:
    Digesting(Ref<IAgent> inner, std::string user, std::string password)
        : inner_(std::move(inner)), user_(std::move(user)), password_(std::move(password)) {}

    Deferred<Response> request(std::string_view method, const Uri& uri,
                               const http::Headers& headers, Ref<IBodyProducer> body) override {
        if (headers.hasHeader("Authorization")) {
            return inner_->request(method, uri, headers, std::move(body));
        }
        const bool known = known_.count(originOf(uri)) != 0;
        return inner_
            ->request(method, uri, known ? signedFields(method, uri, headers) : headers, body)
            .addCallback([self = Ref<Digesting>(this), method = std::string(method), uri, headers,
                          body, known](const Response& response) {
                return self->answered(response, method, uri, headers, body, known);
            });
    }

private:
    /// A challenge, and how often it was answered.
    struct Known {
        detail::DigestChallenge challenge;
        unsigned count = 0;
    };

    Deferred<Response> answered(const Response& response, const std::string& method, const Uri& uri,
                                const http::Headers& headers, const Ref<IBodyProducer>& body,
                                bool tried) {
        if (response.code() != 401 || !response.uri().sameOrigin(uri) ||
            (body && !body->repeatable())) {
            return succeed(response);
        }
        auto challenge = detail::findDigestChallenge(response.headers());
        if (!challenge || (tried && !challenge->stale && sameRealm(uri, *challenge))) {
            return succeed(response);
        }
        known_[originOf(uri)] = Known{std::move(*challenge)};
        response.discardBody();
        return inner_->request(method, uri, signedFields(method, uri, headers), body);
    }

    /// Whether the password was refused, and not only an old nonce of another realm.
    bool sameRealm(const Uri& uri, const detail::DigestChallenge& challenge) const {
        const auto found = known_.find(originOf(uri));
        return found != known_.end() && found->second.challenge.realm == challenge.realm;
    }

    http::Headers signedFields(std::string_view method, const Uri& uri,
                               const http::Headers& headers) {
        Known& known = known_.at(originOf(uri));
        const std::string cnonce = nonce();
        const std::string target = uri.requestTarget();
        http::Headers fields = headers;
        fields.addRawHeader("Authorization", detail::digestAuthorization(
                                                 known.challenge, {user_, password_, method, target,
                                                                   cnonce, ++known.count}));
        return fields;
    }

    static std::string nonce() {
        std::random_device random;
        std::string text;
        for (int i = 0; i < 4; ++i) {
            text += std::to_string(random());
        }
        return text;
    }

    Ref<IAgent> inner_;
    std::string user_;
    std::string password_;
    std::map<std::string, Known> known_;  // by origin
};

}  // namespace

DigestAuthAgent::DigestAuthAgent(const AgentHandle& agent, std::string user, std::string password)
    : AgentHandle(makeRef<Digesting>(agent.agent(), std::move(user), std::move(password))) {}

}  // namespace marline
