#include <marline/agent/iagent.hpp>

#include <marline/deferred/succeed.hpp>

namespace marline {

Deferred<Response> AgentHandle::request(std::string_view method, std::string_view uri,
                                        const http::Headers& headers,
                                        Ref<IBodyProducer> body) const {
    Result<Uri> parsed = Uri::parse(uri);
    if (!parsed.ok()) {
        return fail<Response>(parsed.failure());
    }
    return agent_->request(method, parsed.value(), headers, std::move(body));
}

}  // namespace marline
