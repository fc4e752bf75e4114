#include <marline/agent/auth_agent.hpp>

#include <stdexcept>
#include <utility>

#include <marline/protocols/detail/base64.hpp>

namespace marline {
namespace {

class Authorizing final : public IAgent {
public:
    Authorizing(Ref<IAgent> inner, std::string credentials)
        : inner_(std::move(inner)), credentials_(std::move(credentials)) {}

    Deferred<Response> request(std::string_view method, const Uri& uri,
                               const http::Headers& headers, Ref<IBodyProducer> body) override {
        if (headers.hasHeader("Authorization")) {
            return inner_->request(method, uri, headers, std::move(body));
        }
        http::Headers fields = headers;
        fields.addRawHeader("Authorization", credentials_);
        return inner_->request(method, uri, fields, std::move(body));
    }

private:
    Ref<IAgent> inner_;
    std::string credentials_;
};

std::string bearer(std::string_view token) {
    constexpr std::string_view kTokenBytes =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=";
    if (token.empty() || token.find_first_not_of(kTokenBytes) != std::string_view::npos) {
        throw std::invalid_argument(
            "BearerAuthAgent: the token is empty or has other characters "
            "than letters, digits and -._~+/=");
    }
    return "Bearer " + std::string(token);
}

}  // namespace

std::string basicAuthorization(std::string_view user, std::string_view password) {
    return "Basic " + detail::encodeBase64(std::string(user) + ":" + std::string(password));
}

BasicAuthAgent::BasicAuthAgent(const AgentHandle& agent, std::string_view user,
                               std::string_view password)
    : AgentHandle(makeRef<Authorizing>(agent.agent(), basicAuthorization(user, password))) {}

BearerAuthAgent::BearerAuthAgent(const AgentHandle& agent, std::string_view token)
    : AgentHandle(makeRef<Authorizing>(agent.agent(), bearer(token))) {}

}  // namespace marline
