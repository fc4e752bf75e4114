// CachingResolver: remembers what another resolver found.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <marline/reactor/resolver.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

/// What a CachingResolver remembers, and for how long.
struct CachingResolverOptions {
    /// Names that are kept; for one more the name that was not asked for the longest is forgotten.
    /// 0 keeps nothing.
    std::size_t maxNames = 10000;
    /// The longest that addresses are kept, whatever their TTL says.
    Duration maxTtl = std::chrono::hours(1);
    /// How long addresses are kept that came without a TTL.
    Duration ttl = std::chrono::minutes(1);
    /// How long it is kept that there is no such name (DNSNameError). Other errors are not kept.
    Duration negativeTtl = std::chrono::seconds(5);
};

/// Asks another resolver, and remembers the answers (Twisted: `twisted.names.cache`).
///
/// The same name asked for again while it is looked up is one question, which is cancelled when all
/// who asked have cancelled. Names are the same in upper and lower case. Answers are kept for all
/// ports together, so a StaticResolver that tells ports apart belongs around it, not inside it.
class MARLINE_API CachingResolver final : public IResolver {
public:
    /// `clock` must outlive it.
    CachingResolver(IReactorTime& clock, Ref<IResolver> resolver,
                    CachingResolverOptions options = {});

    Deferred<std::vector<Address>> resolve(const std::string& name, std::uint16_t port) override;

    /// Names that are kept.
    std::size_t size() const noexcept;
    /// Forgets all of them; what is being asked goes on.
    void clear();

private:
    class Cache;

    /// Whoever still waits fails with DeferredLost.
    ~CachingResolver() override;

    Ref<Cache> cache_;
};

}  // namespace marline
