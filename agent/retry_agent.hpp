// RetryAgent: sends a request again when that may help.
#pragma once

#include <chrono>
#include <vector>

#include <marline/agent/iagent.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

/// When and how often a RetryAgent tries again.
struct RetryAgentOptions {
    /// Requests sent for one at most, the first one included.
    unsigned attempts = 3;
    /// The wait before the second attempt; it doubles with each, up to `maxDelay`, and each wait is
    /// a random part of it, so that clients do not come back all at once.
    Duration firstDelay = std::chrono::milliseconds(200);
    Duration maxDelay = std::chrono::seconds(10);
    /// A response that says Retry-After is waited for so long, exactly; one that says more than
    /// this is given to the caller.
    Duration maxRetryAfter = std::chrono::seconds(60);
    /// Responses that are tried again.
    std::vector<int> codes = {429, 502, 503, 504};
    /// Retries that each first request pays for: with all servers down, requests are no more than
    /// this part more than without.
    double budgetRatio = 0.2;
    /// Retries that are there from the start, and that can be saved up.
    double budgetReserve = 10;
};

/// Tries again, after a wait, when a request fails or is answered with one of `codes`: only what
/// may be sent twice, which is GET, HEAD, OPTIONS, TRACE, PUT and DELETE with a body that is
/// repeatable (RFC 9110 §9.2.2). Retries are paid for out of a budget that requests fill, so that a
/// server in trouble is not given more of it. Cancelling ends the wait too.
///
/// What no second attempt can mend is not tried again: BadRequest, UriError, SchemeNotSupported, a
/// redirect that is not followed, CancelledError.
class MARLINE_API RetryAgent : public AgentHandle {
public:
    /// `clock` must outlive the agent and its requests.
    RetryAgent(const AgentHandle& agent, IReactorTime& clock, RetryAgentOptions options = {});
};

}  // namespace marline
