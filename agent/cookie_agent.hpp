// CookieAgent: sends and keeps cookies.
#pragma once

#include <marline/agent/cookie_jar.hpp>
#include <marline/agent/iagent.hpp>

namespace marline {

/// Sends the cookies of a jar and keeps those of every response (Twisted: `CookieAgent`).
///
/// A Cookie field of the caller's is sent instead of the jar's. Put RedirectAgent around this one,
/// not inside, so that the cookies of redirects count, and CacheAgent inside, so that it sees the
/// cookies that were sent:
///
///     auto jar = makeRef<CookieJar>();
///     RedirectAgent agent{CookieAgent{Agent{reactor}, jar}};
class MARLINE_API CookieAgent : public AgentHandle {
public:
    /// `jar` may be shared by agents of one thread.
    CookieAgent(const AgentHandle& agent, Ref<CookieJar> jar);
};

}  // namespace marline
