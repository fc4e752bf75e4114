// AresResolver: looks names up with c-ares, on the loop.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <marline/reactor/dns_records.hpp>
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
    /// Questions that are asked at a time; the others wait. More may be more than the server, or
    /// the sockets between, have room for: what is lost is asked again after `timeout`. Not 0.
    std::size_t maxQuestions = 64;
    /// Where names are looked for first, as in hosts(5). It is read when it has changed; it need
    /// not be there.
    std::string hostsFile = "/etc/hosts";
};

/// Asks DNS servers without blocking and without threads (Twisted: `twisted.names.client`).
///
/// Sets itself up at the first name. It keeps nothing: a CachingResolver around it does. Everything
/// fails with a DNSLookupError, which names the servers and what they said, and can be cancelled.
class MARLINE_API AresResolver final : public IResolver {
public:
    /// `reactor` must outlive it. Throws std::invalid_argument for options that cannot be.
    explicit AresResolver(Reactor& reactor, AresResolverOptions options = {});

    /// Looks in the hosts file, then asks for A and AAAA together; appends the system's search
    /// domains to a name without a dot. Numeric addresses are their own answer. Addresses that
    /// there is a route to come first, and else those that RFC 6724 prefers.
    Deferred<std::vector<Address>> resolve(const std::string& name, std::uint16_t port) override;
    Deferred<ResolvedAddresses> resolveWithTtl(const std::string& name,
                                               std::uint16_t port) override;

    // These ask the servers for one kind of record of exactly `name`. They give the records in the
    // servers' order, and none when the name exists without one; they fail with a DNSNameError
    // when it does not exist.

    /// A and AAAA records.
    Deferred<std::vector<AddressRecord>> lookupAddress(const std::string& name);
    Deferred<std::vector<AddressRecord>> lookupIpv6Address(const std::string& name);
    /// SRV records: `_imap._tcp.example.org`.
    Deferred<std::vector<ServiceRecord>> lookupService(const std::string& name);
    /// MX records.
    Deferred<std::vector<MailExchangeRecord>> lookupMailExchange(const std::string& name);
    /// TXT records.
    Deferred<std::vector<TextRecord>> lookupText(const std::string& name);
    /// PTR records. A numeric address stands for its name below in-addr.arpa or ip6.arpa.
    Deferred<std::vector<NameRecord>> lookupPointer(const std::string& name);
    /// NS records.
    Deferred<std::vector<NameRecord>> lookupNameservers(const std::string& name);
    /// CNAME records: one at most, where servers keep to the rules.
    Deferred<std::vector<NameRecord>> lookupCanonicalName(const std::string& name);

private:
    class Channel;

    ~AresResolver() override;

    Channel& channel();

    Reactor& reactor_;
    AresResolverOptions options_;
    std::unique_ptr<Channel> channel_;
};

}  // namespace marline
