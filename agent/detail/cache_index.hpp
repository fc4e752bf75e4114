// Internal: not installed. The responses of a cache, found by what was asked for.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <marline/agent/cache_agent.hpp>
#include <marline/agent/detail/cache_rules.hpp>
#include <marline/agent/detail/response_state.hpp>
#include <marline/deferred/ref.hpp>

namespace marline::detail {

/// The fields of a request that chose a response (RFC 9111 §4.1), each with all of its values as
/// one, or without any.
using ChoosingFields = std::vector<std::pair<std::string, std::optional<std::string>>>;

/// A response that was kept. Its body never changes; whoever serves it holds a reference.
struct CacheEntry final : RefCounted {
    CacheEntry(std::string uri, ResponseInfo what) : key(std::move(uri)), info(std::move(what)) {}

    std::string key;
    ChoosingFields chosenBy;
    ResponseInfo info;
    std::string body;
    ResponseTimes times{};
    http::HttpTime date{};  // when the server made it; by the index
    std::size_t bytes = 0;  // as counted by the index

private:
    ~CacheEntry() override = default;
};

/// What responses to `uri` are kept under: all of it but its fragment, and the Host that `request`
/// names when that is another one.
std::string cacheKey(const Uri& uri, const http::Headers& request);

/// The fields of `request` that choose among the responses like `response`.
ChoosingFields choosingFields(const http::Headers& request, const http::Headers& response);

class CacheRequest;

/// All entries, in the order of their use.
class CacheIndex {
public:
    explicit CacheIndex(ResponseCacheOptions limits) : options(std::move(limits)) {}

    http::HttpTime now();

    /// The entry for a request, of several the one that the server made last (RFC 9111 §4); it
    /// counts as used now. Empty when there is none.
    Ref<CacheEntry> find(const std::string& key, const http::Headers& request);
    /// Keeps the answer to `asked` in place of those that it would choose, and drops what was used
    /// least recently beyond the limits. False when it is not kept: what came since has made it
    /// invalid, or it is too large.
    bool store(const Ref<CacheEntry>& entry, const CacheRequest& asked);
    /// Drops the entries that `asked` would choose.
    void drop(const CacheRequest& asked);
    /// Drops all entries for a key, and lets none of what is on its way for it be kept.
    void invalidate(const std::string& key);
    /// The same for all keys.
    void clear() noexcept;

    /// Counts bytes of bodies on their way; false, and not counted, beyond `maxBytes` of them.
    bool hold(std::size_t bytes) noexcept;
    void release(std::size_t bytes) noexcept { held_ -= bytes; }

    ResponseCacheOptions options;
    ResponseCacheMetrics metrics;

private:
    friend class CacheRequest;
    using Order = std::list<Ref<CacheEntry>>;
    using Underway = std::multimap<std::string_view, CacheRequest*>;

    void erase(Order::iterator which);
    void dropChosen(const std::string& key, const http::Headers& request, const CacheEntry* also);
    void makeRoom(const CacheEntry& entry);

    Order order_;  // the one used last first
    std::map<std::string, std::vector<Order::iterator>, std::less<>> byKey_;  // stored last: last
    Underway underway_;
    std::size_t held_ = 0;
};

/// A request on its way to the server, whose answer may be kept.
class CacheRequest final : public RefCounted {
public:
    CacheRequest(Ref<ResponseCache> cache, std::string where, std::string_view how, Uri what,
                 http::Headers with);

    const std::string key;
    const std::string method;
    const Uri uri;
    const http::Headers headers;
    const http::HttpTime when;

    CacheIndex& index() const noexcept { return cache_->index(); }

private:
    friend class CacheIndex;
    ~CacheRequest() override { index().underway_.erase(place_); }

    Ref<ResponseCache> cache_;
    bool outdated_ = false;  // what is stored for the key was made invalid since
    CacheIndex::Underway::iterator place_;
};

}  // namespace marline::detail
