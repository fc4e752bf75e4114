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
    return request(method, parsed.value(), headers, std::move(body));
}

Deferred<Response> AgentHandle::request(std::string_view method, const Uri& uri,
                                        const http::Headers& headers,
                                        Ref<IBodyProducer> body) const {
    if (uri.userInfo().empty()) {
        return agent_->request(method, uri, headers, std::move(body));
    }
    // As a field, so that each agent knows it for a credential, and none can log it.
    http::Headers fields = headers;
    if (!fields.hasHeader("Authorization")) {
        fields.addRawHeader("Authorization", uri.basicCredentials());
    }
    return agent_->request(method, uri.withoutUserInfo(), fields, std::move(body));
}

}  // namespace marline
