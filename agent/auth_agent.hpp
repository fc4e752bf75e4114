// Agents that say who asks: Basic, Bearer and Digest.
#pragma once

#include <string>
#include <string_view>

#include <marline/agent/iagent.hpp>

namespace marline {

/// The value of an Authorization field for a user and a password (RFC 7617). The user has no colon.
MARLINE_API std::string basicAuthorization(std::string_view user, std::string_view password);

/// Sends an Authorization field with every request that has none (treq: `add_basic_auth`).
///
/// Put it around RedirectAgent, which then drops the field where a redirect leaves the origin. It
/// goes to every origin that is asked for by the caller.
class MARLINE_API BasicAuthAgent : public AgentHandle {
public:
    BasicAuthAgent(const AgentHandle& agent, std::string_view user, std::string_view password);
};

/// The same with a token (RFC 6750).
class MARLINE_API BearerAuthAgent : public AgentHandle {
public:
    /// Throws std::invalid_argument when the token has characters that no token has.
    BearerAuthAgent(const AgentHandle& agent, std::string_view token);
};

/// Answers the Digest challenge of a 401 (RFC 7616: MD5, SHA-256, SHA-512-256 and their -sess
/// forms, with qop `auth` or none) by one request more, and sends what it learned with the next
/// requests to that origin. A body must be repeatable, else the 401 is the response; so it is when
/// the password is refused, and when the response comes from another origin than was asked.
class MARLINE_API DigestAuthAgent : public AgentHandle {
public:
    DigestAuthAgent(const AgentHandle& agent, std::string user, std::string password);
};

}  // namespace marline
