// Agent: makes HTTP requests over a pool of connections.
#pragma once

#include <cstddef>
#include <cstdint>

#include <marline/agent/iagent.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/limits.hpp>
#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/time.hpp>

namespace marline {
namespace detail {
class ConnectionPool;
class PoolingAgent;
}  // namespace detail

class Proxy;

/// Chooses where the connection for a URI goes (Twisted: `IAgentEndpointFactory`): a proxy, a UNIX
/// socket, a test's memory.
class MARLINE_API IAgentEndpointFactory : public RefCounted {
public:
    /// The endpoint to connect to for `uri`, whose scheme is http or https.
    virtual Ref<IStreamClientEndpoint> endpointForUri(const Uri& uri) = 0;

    /// The proxy that this connection goes through, null when there is none: requests are then
    /// written as it wants them, and connections by different proxies never stand in for each
    /// other. The Proxy lives as long as the factory.
    virtual const Proxy* proxyFor(const Uri& uri) const;

protected:
    ~IAgentEndpointFactory() override = default;
};

/// How an Agent connects, how many connections it keeps, and how long it waits.
struct AgentOptions {
    /// Time for finding the address and connecting.
    Duration connectTimeout = std::chrono::seconds(30);
    /// Time from the request's last byte to the response's head.
    Duration headersTimeout = std::chrono::seconds(60);
    /// Time in which the server must take at least something of the request, while there is some.
    Duration sendTimeout = std::chrono::seconds(60);
    /// How long the body of a request that has `Expect: 100-continue` waits for the server's word
    /// before it is sent all the same (RFC 9110 §10.1.1).
    Duration continueTimeout = std::chrono::seconds(1);
    /// Time in which a body must bring at least one byte, while somebody reads it.
    Duration idleTimeout = std::chrono::seconds(60);
    /// Time from the request to the last byte of the response's body, waiting for a turn included;
    /// zero: no limit, since nobody knows how long a body is.
    Duration totalTimeout = Duration::zero();
    /// Keep connections for further requests to the same origin.
    bool persistent = true;
    /// Connections to one origin at a time; requests beyond wait, first come, first served.
    std::size_t maxPerHost = 6;
    /// Connections in all.
    std::size_t maxTotal = 256;
    /// How long a connection that nothing uses is kept, unless the server's `Keep-Alive: timeout=`
    /// says less. Below what servers allow, so that it is
    /// seldom the server that closes.
    Duration cachedConnectionTimeout = std::chrono::seconds(50);
    /// Send a request again, once, when a kept connection turns out to be dead before a byte of
    /// the response: only GET, HEAD, OPTIONS, TRACE, PUT and DELETE, with a body that can be
    /// repeated (RFC 9110 §9.2.2).
    bool retryAutomatically = true;
    /// Limits of a response's head and chunks.
    http::WireLimits wire = {};
    /// Where connections go; empty: to the host that the URI names, with TLS for https.
    Ref<IAgentEndpointFactory> endpoints = {};
};

/// What an Agent has, and has done since it was made.
struct AgentMetrics {
    // Now.
    std::size_t open = 0;        ///< Connections.
    std::size_t idle = 0;        ///< Those of them that wait for a request.
    std::size_t connecting = 0;  ///< Attempts to connect.
    std::size_t waiting = 0;     ///< Requests that wait for their turn.
    // So far.
    std::uint64_t connected = 0;  ///< Connections that came about.
    std::uint64_t failed = 0;     ///< Attempts that failed or were cancelled.
    std::uint64_t reused = 0;     ///< Requests on a connection that was kept.
    std::uint64_t retries = 0;    ///< Requests that were sent again, as a kept connection was dead.
    std::uint64_t expired = 0;    ///< Connections closed since nothing used them for long.
    std::uint64_t evicted = 0;    ///< Connections closed to make room for another host's.
};

/// Makes HTTP/1.1 requests (Twisted: `Agent`): a handle, cheap to copy, whose copies share one
/// pool of connections.
///
/// https is verified with the reactor's trust. Redirects, cookies and codings are other agents'
/// business, which wrap this one.
///
///     Agent agent{reactor};
///     agent.request("GET", "http://example.org/").addCallback([](Response response) { … });
class MARLINE_API Agent : public AgentHandle {
public:
    /// `reactor` must outlive the agent and its requests.
    explicit Agent(Reactor& reactor, AgentOptions options = {});

    /// An agent that takes its connections from `endpoints` alone and its time from `clock`
    /// (Twisted: `Agent.usingEndpointFactory`); both must outlive it.
    static Agent usingEndpointFactory(IReactorTime& clock, Ref<IAgentEndpointFactory> endpoints,
                                      AgentOptions options = {});

    Agent(const Agent&) noexcept;
    Agent(Agent&&) noexcept;
    Agent& operator=(Agent) noexcept;
    ~Agent();

    /// Closes the connections that nothing uses; fires when they are closed (Twisted:
    /// `HTTPConnectionPool.closeCachedConnections`). New ones are made as before.
    Deferred<> closeCachedConnections() const;

    /// Takes no more requests, which fail with RequestNotSent, as do those that wait for their
    /// turn; lets those under way end; fires when the last connection is closed. Cancel them to be
    /// quick.
    Deferred<> close() const;

    /// Numbers for whoever watches.
    AgentMetrics metrics() const noexcept;

private:
    explicit Agent(Ref<detail::PoolingAgent> agent);

    Ref<detail::ConnectionPool> pool_;
};

}  // namespace marline
