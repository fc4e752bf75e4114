// RedirectAgent: follows redirects.
#pragma once

#include <string>
#include <vector>

#include <marline/agent/iagent.hpp>

namespace marline {

/// How a RedirectAgent follows.
struct RedirectAgentOptions {
    /// Redirects that one request may lead to; one more fails it with InfiniteRedirection.
    unsigned redirectLimit = 20;
    /// Follow from https to http. Refused unless set: what was asked for in secret would go on in
    /// the open.
    bool allowDowngrade = false;
    /// Fields that are dropped when a redirect leads to another origin, besides Authorization,
    /// Cookie, Cookie2, Host, Proxy-Authorization and WWW-Authenticate.
    std::vector<std::string> sensitiveHeaders = {};
};

/// Follows 301, 302, 303, 307 and 308 (Twisted: `RedirectAgent`).
///
/// All but 303 are followed only for GET and HEAD and keep the method; a 303 is followed with GET
/// (HEAD stays HEAD), without a body (RFC 9110 §15.4.4). Location is resolved against the URI that
/// gave it. The response's previousResponse() leads back through the trail.
///
/// Fails with ResponseFailed that holds PageRedirect, InfiniteRedirection or
/// RedirectWithNoLocation, each of which has the whole trail.
class MARLINE_API RedirectAgent : public AgentHandle {
public:
    explicit RedirectAgent(const AgentHandle& agent, RedirectAgentOptions options = {});
};

/// Follows as browsers do (Twisted: `BrowserLikeRedirectAgent`; Fetch §4.4, RFC 9110 §15.4): a POST
/// that is answered with 301 or 302 goes on as GET without its body, and so does everything but GET
/// and HEAD behind a 303; 307 and 308 repeat the request as it was, and so do 301 and 302 for other
/// methods. A body that cannot be sent twice fails with PageRedirect there.
class MARLINE_API BrowserLikeRedirectAgent : public AgentHandle {
public:
    explicit BrowserLikeRedirectAgent(const AgentHandle& agent, RedirectAgentOptions options = {});
};

}  // namespace marline
