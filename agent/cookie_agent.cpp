#include <marline/agent/cookie_agent.hpp>

#include <utility>

namespace marline {
namespace {

class WithCookies final : public IAgent {
public:
    WithCookies(Ref<IAgent> inner, Ref<CookieJar> jar)
        : inner_(std::move(inner)), jar_(std::move(jar)) {}

    Deferred<Response> request(std::string_view method, const Uri& uri,
                               const http::Headers& headers, Ref<IBodyProducer> body) override {
        return send(method, uri, headers, std::move(body))
            .addCallback([jar = jar_, uri](Response response) {
                for (const std::string_view field :
                     response.headers().getRawHeaders("Set-Cookie")) {
                    jar->setCookie(uri, field);
                }
                return response;
            });
    }

private:
    Deferred<Response> send(std::string_view method, const Uri& uri, const http::Headers& headers,
                            Ref<IBodyProducer> body) {
        const std::string cookies = jar_->cookiesFor(uri);
        if (cookies.empty() || headers.hasHeader("Cookie")) {
            return inner_->request(method, uri, headers, std::move(body));
        }
        http::Headers fields = headers;
        fields.addRawHeader("Cookie", cookies);
        return inner_->request(method, uri, fields, std::move(body));
    }

    Ref<IAgent> inner_;
    Ref<CookieJar> jar_;
};

}  // namespace

CookieAgent::CookieAgent(const AgentHandle& agent, Ref<CookieJar> jar)
    : AgentHandle(makeRef<WithCookies>(agent.agent(), std::move(jar))) {}

}  // namespace marline
