#include <marline/agent/hsts_agent.hpp>

#include <utility>

namespace marline {
namespace {

class Upgrading final : public IAgent {
public:
    Upgrading(Ref<IAgent> inner, Ref<HstsStore> known, HstsAgentOptions options)
        : inner_(std::move(inner)), known_(std::move(known)), options_(options) {}

    Deferred<Response> request(std::string_view method, const Uri& uri,
                               const http::Headers& headers, Ref<IBodyProducer> body) override {
        Deferred<Response> response =
            inner_->request(method, known_->upgraded(uri), headers, std::move(body));
        if (!options_.verified) {
            return response;
        }
        return response.addCallback([known = known_](Response answer) {
            for (const Response* one = &answer; one != nullptr; one = one->previousResponse()) {
                noteAnswer(*known, *one);
            }
            return answer;
        });
    }

private:
    /// The first field counts, if there are several (RFC 6797 §8.1).
    static void noteAnswer(HstsStore& known, const Response& answer) {
        const auto fields = answer.headers().getRawHeaders("Strict-Transport-Security");
        if (!fields.empty() && answer.uri().scheme() == "https") {
            known.note(answer.uri().host(), fields.front());
        }
    }

    Ref<IAgent> inner_;
    Ref<HstsStore> known_;
    HstsAgentOptions options_;
};

}  // namespace

HstsAgent::HstsAgent(const AgentHandle& agent, Ref<HstsStore> known, HstsAgentOptions options)
    : AgentHandle(makeRef<Upgrading>(agent.agent(), std::move(known), options)) {}

}  // namespace marline
