// IResolver: finds the addresses of names.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/address.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

/// What a resolver found.
struct ResolvedAddresses {
    std::vector<Address> addresses;
    /// How long that holds; without a value the resolver does not know.
    std::optional<Duration> ttl;
};

/// Finds the addresses behind a name (Twisted: `IHostnameResolver`).
///
/// Addresses come with a port, so that a resolver may send a name and port elsewhere altogether.
class MARLINE_API IResolver : public RefCounted {
public:
    /// The addresses to try for `name`, best first, at least one; usually with `port` in each.
    /// Fails with DNSLookupError. Cancelling it fails it with CancelledError, and costs nothing.
    virtual Deferred<std::vector<Address>> resolve(const std::string& name, std::uint16_t port) = 0;
    /// The same, with how long it holds, for those that keep it. A resolver that knows overrides
    /// it.
    virtual Deferred<ResolvedAddresses> resolveWithTtl(const std::string& name, std::uint16_t port);

protected:
    ~IResolver() override = default;
};

/// Knows some names by itself and asks another resolver for the rest.
class MARLINE_API StaticResolver final : public IResolver {
public:
    /// `rest` answers what this does not know; empty: such names fail.
    explicit StaticResolver(Ref<IResolver> rest = {}) : rest_(std::move(rest)) {}

    /// From now on `name` with `port` leads to `to`, port and all. A `port` of 0 stands for every
    /// port, and then a port of 0 in `to` for the one that is asked for. Later additions for the
    /// same name and port come behind the earlier ones.
    void add(const std::string& name, std::uint16_t port, Address to);

    Deferred<std::vector<Address>> resolve(const std::string& name, std::uint16_t port) override;

private:
    std::map<std::pair<std::string, std::uint16_t>, std::vector<Address>> known_;
    Ref<IResolver> rest_;
};

/// True when `text` is a numeric address, and then `out` is it with `port`: no resolver is asked
/// for it.
MARLINE_API bool parseNumericAddress(const std::string& text, std::uint16_t port, Address& out);

}  // namespace marline
