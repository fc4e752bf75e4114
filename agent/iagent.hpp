// IAgent: what makes requests; and the handle that users hold.
#pragma once

#include <string_view>
#include <utility>

#include <marline/agent/body.hpp>
#include <marline/agent/response.hpp>
#include <marline/agent/uri.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/headers.hpp>

namespace marline {

/// Makes requests (Twisted: `IAgent`). Agents wrap each other in any order: each sees a request on
/// its way out and the response on its way back.
class MARLINE_API IAgent : public RefCounted {
public:
    /// Sends one request. The Deferred fires when the response's head is there, whatever its code;
    /// cancelling it ends the request at whatever stage it is.
    ///
    /// `headers` are sent as given, after Host. `body` may be empty. Fails with SchemeNotSupported,
    /// BadRequest, a connection's error, ResponseNeverReceived or ResponseFailed.
    virtual Deferred<Response> request(std::string_view method, const Uri& uri,
                                       const http::Headers& headers, Ref<IBodyProducer> body) = 0;

protected:
    ~IAgent() override = default;
};

/// A handle of an agent: one pointer, cheap to copy, and what all agent classes derive from.
///
/// A request keeps alive what it needs, so a handle may go while requests are under way.
class MARLINE_API AgentHandle {
public:
    /// Sends one request to `uri`. A text that is no URI fails the Deferred with UriError.
    /// `user:password@` becomes an Authorization field, unless `headers` have one.
    Deferred<Response> request(std::string_view method, std::string_view uri,
                               const http::Headers& headers = {},
                               Ref<IBodyProducer> body = {}) const;
    Deferred<Response> request(std::string_view method, const Uri& uri,
                               const http::Headers& headers = {},
                               Ref<IBodyProducer> body = {}) const;

    /// The agent behind the handle.
    const Ref<IAgent>& agent() const noexcept { return agent_; }

protected:
    explicit AgentHandle(Ref<IAgent> agent) noexcept : agent_(std::move(agent)) {}

private:
    Ref<IAgent> agent_;
};

}  // namespace marline
