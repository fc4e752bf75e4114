// ReverseProxyResource: a place in a site's tree that another server answers for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <marline/agent/iagent.hpp>
#include <marline/protocols/http/resource.hpp>

namespace marline {

/// What a ReverseProxyResource passes on.
struct ReverseProxyOptions {
    /// Bytes of a request's body; more make a 413. They are passed on as they come.
    std::uint64_t maxBody = std::uint64_t{8} << 20;
    /// The server behind is asked for the host that the client asked for, not for its own.
    bool preserveHost = false;
    /// What came as Forwarded and X-Forwarded-… is kept, and added to: for a proxy whose clients
    /// are proxies themselves. Others could say what they like in them.
    bool trustForwarded = false;
    /// How it calls itself in the Via fields (RFC 9110 §7.6.3), a token.
    std::string via = "marline";
    /// How often a request may have passed proxies called `via` before; more is a loop, and
    /// answered with 508. For longer chains, name them apart.
    std::size_t maxPasses = 5;
};

/// Passes requests for it, and for all below it, on to another server, and the responses back
/// (Twisted: `proxy.ReverseProxyResource`).
///
/// Bodies stream both ways, each side no faster than the other takes them. They do not overlap: the
/// response begins when the request's body is complete, and a server that answers while it reads,
/// and reads no further until somebody takes its answer, is given up after
/// AgentOptions::sendTimeout. Fields of a connection stay on it (RFC 9110 §7.6.1), and trailers are
/// dropped both ways; Via, Forwarded (RFC 7239) and X-Forwarded-For, -Host and -Proto are added.
/// Authorization is passed on, also when a resource in front of this has checked it. A TRACE or
/// OPTIONS with `Max-Forwards: 0` is answered here (§7.6.2).
///
/// What a target has that no URI may have, as browsers send it, is percent-encoded. A server that
/// does not answer makes a 502, or a 504 when it takes too long; a response that ends early cuts
/// the connection. When the client goes, so does the request to the server.
///
///     root->putChild("api", makeRef<ReverseProxyResource>(Agent(reactor),
///     "http://10.0.0.7:8080/v1"));
class MARLINE_API ReverseProxyResource final : public http::Resource {
public:
    /// `/x` below this is `upstream`/x there, query and all. `agent` is to follow no redirects and
    /// to decode nothing: a plain Agent, whose timeouts count. Throws UriError for what is no
    /// http: or https: URI or has a query, and std::invalid_argument for a `via` that is no token.
    ReverseProxyResource(const AgentHandle& agent, std::string_view upstream,
                         ReverseProxyOptions options = {});

    bool isLeaf() const noexcept override { return true; }
    Ref<http::BodySink> bodySink(http::Request& request) override;
    http::Rendered render(http::Request& request) override;
    std::string allowedMethods() const override {
        return "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
    }

private:
    AgentHandle agent_;
    std::string upstream_;  // without a slash at its end
    ReverseProxyOptions options_;
};

}  // namespace marline
