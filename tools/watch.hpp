// What happens on the way of a request: for -v and for the timings of --json.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <marline/marline.hpp>

namespace tools {

/// Times what the last connection took, and tells it when it is asked to.
class ConnectionWatch final : public marline::RefCounted {
public:
    /// With `verbose`, each step is a line on stderr.
    ConnectionWatch(marline::Reactor& reactor, bool verbose)
        : reactor_(reactor), verbose_(verbose) {}

    /// Nothing where the step was not taken: an address needs no resolving, http has no TLS, and a
    /// connection that was kept has none of them.
    std::optional<marline::Duration> resolve;
    std::optional<marline::Duration> connect;
    std::optional<marline::Duration> tls;

    marline::Duration now() const { return reactor_.seconds(); }
    /// Writes `* text` when verbose.
    void note(const std::string& text) const;
    bool verbose() const noexcept { return verbose_; }

private:
    ~ConnectionWatch() override = default;

    marline::Reactor& reactor_;
    bool verbose_;
};

/// The hosts that URIs name, watched; names resolve through `reactor`'s resolver, which is watched
/// from now on.
marline::Ref<marline::IAgentEndpointFactory> watchedEndpoints(marline::Reactor& reactor,
                                                              marline::Duration timeout,
                                                              marline::Ref<ConnectionWatch> watch);

/// `inner`, which goes through proxies, with what happens inside of their tunnels watched as well.
marline::Ref<marline::IAgentEndpointFactory> watchedTunnels(
    marline::Ref<marline::IAgentEndpointFactory> inner, marline::Ref<ConnectionWatch> watch);

/// Writes each request and each response's head to stderr, as `> ` and `< ` lines. Credentials are
/// left out.
class VerboseAgent final : public marline::AgentHandle {
public:
    explicit VerboseAgent(const marline::AgentHandle& agent);
};

}  // namespace tools
