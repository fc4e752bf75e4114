// Internal: not installed. The responses of a cache, found by what was asked for.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <marline/agent/cache_agent.hpp>
#include <marline/agent/detail/cache_rules.hpp>
#include <marline/agent/detail/response_state.hpp>
#include <marline/deferred/ref.hpp>

namespace marline::detail {

/// A response that was kept. Its body never changes; whoever serves it holds a reference.
struct CacheEntry final : RefCounted {
    CacheEntry(std::string uri, ResponseInfo what) : key(std::move(uri)), info(std::move(what)) {}

    std::string key;
    /// The request's fields that chose it (RFC 9111 §4.1).
    std::vector<std::pair<std::string, std::string>> chosenBy;
    ResponseInfo info;
    std::string body;
    ResponseTimes times{};
    std::size_t bytes = 0;  // as counted by the index

private:
    ~CacheEntry() override = default;
};

/// What responses to `uri` are kept under: all of it but its fragment, and the Host that `request`
/// names when that is another one.
std::string cacheKey(const Uri& uri, const http::Headers& request);

/// The fields of `request` that choose among the responses like `response`.
std::vector<std::pair<std::string, std::string>> choosingFields(const http::Headers& request,
                                                                const http::Headers& response);

/// All entries, in the order of their use.
class CacheIndex {
public:
    explicit CacheIndex(ResponseCacheOptions limits) : options(std::move(limits)) {}

    http::HttpTime now();

    /// The entry for a request, which counts as used now; empty when there is none.
    Ref<CacheEntry> find(const std::string& key, const http::Headers& request);
    /// Keeps an entry in place of the one that the same request would choose, and drops what was
    /// used least recently beyond the limits.
    void store(const Ref<CacheEntry>& entry);
    /// Drops all entries for a URI.
    void drop(const std::string& key);
    void clear() noexcept;

    ResponseCacheOptions options;
    ResponseCacheMetrics metrics;

private:
    using Order = std::list<Ref<CacheEntry>>;

    void erase(Order::iterator which);

    Order order_;  // the one used last first
    std::multimap<std::string, Order::iterator, std::less<>> byKey_;
};

}  // namespace marline::detail
