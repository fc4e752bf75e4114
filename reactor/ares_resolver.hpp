// AresResolver: looks names up with c-ares, on the loop.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <marline/reactor/reactor.hpp>
#include <marline/reactor/resolver.hpp>

namespace marline {

/// How an AresResolver asks.
struct AresResolverOptions {
    /// `address` or `address:port` (IPv6 in brackets) of the servers to ask, in order; empty:
    /// those of the system.
    std::vector<std::string> servers = {};
    /// How long a server has for its answer, in the first round of all servers.
    Duration timeout = std::chrono::seconds(2);
    /// Rounds in which all servers are asked.
    int tries = 3;
    /// The longest that an answer is kept, whatever its TTL says.
    Duration maxTtl = std::chrono::hours(1);
    /// How long it is kept that a name has no address.
    Duration negativeTtl = std::chrono::seconds(5);
    /// Names that are kept; a further one drops those that are out of date, or else all.
    std::size_t cacheSize = 10000;
};

/// Asks DNS servers, and /etc/hosts before them, without blocking and without threads (Twisted:
/// `twisted.names`).
///
/// A and AAAA are asked together. Answers are kept as long as their TTL says; the same question
/// asked again while it is under way is one question. Sets itself up at the first name.
class MARLINE_API AresResolver final : public IResolver {
public:
    /// `reactor` must outlive it.
    explicit AresResolver(Reactor& reactor, AresResolverOptions options = {});

    /// Fails with DNSLookupError, which names the servers and what they said.
    Deferred<std::vector<Address>> resolve(const std::string& name, std::uint16_t port) override;

private:
    class Channel;

    ~AresResolver() override;

    Reactor& reactor_;
    AresResolverOptions options_;
    std::unique_ptr<Channel> channel_;
};

}  // namespace marline
