#include <marline/agent/detail/cache_index.hpp>

#include <algorithm>
#include <chrono>
#include <iterator>

#include <marline/agent/detail/field_list.hpp>

namespace marline::detail {
namespace {

/// All values of a field as one, by which requests are compared; none is not the same as an empty
/// one.
std::optional<std::string> joined(const http::Headers& headers, std::string_view name) {
    if (!headers.hasHeader(name)) {
        return std::nullopt;
    }
    std::string all;
    for (const std::string_view value : headers.getRawHeaders(name)) {
        all.append(all.empty() ? "" : ", ").append(trimmed(value));
    }
    return all;
}

bool chooses(const http::Headers& request, const CacheEntry& entry) {
    return std::all_of(entry.chosenBy.begin(), entry.chosenBy.end(), [&](const auto& field) {
        return joined(request, field.first) == field.second;
    });
}

std::size_t sizeOf(const CacheEntry& entry) {
    std::size_t bytes = sizeof(CacheEntry) + 2 * entry.key.size() + entry.body.size();
    for (const auto& [name, value] : entry.info.headers) {
        bytes += name.size() + value.size() + 16;
    }
    for (const auto& [name, value] : entry.chosenBy) {
        bytes += name.size() + value.value_or("").size() + 64;
    }
    return bytes;
}

}  // namespace

std::string cacheKey(const Uri& uri, const http::Headers& request) {
    std::string key = uri.scheme() + "://" + uri.authority() + uri.requestTarget();
    if (const auto host = request.get("Host"); host && *host != uri.authority()) {
        key.append(" ").append(*host);
    }
    return key;
}

ChoosingFields choosingFields(const http::Headers& request, const http::Headers& response) {
    // Servers need not name Authorization, as no shared cache keeps what it gave.
    ChoosingFields fields{{"Authorization", joined(request, "Authorization")}};
    for (const std::string_view name : listedIn(response, "Vary")) {
        fields.emplace_back(name, joined(request, name));
    }
    return fields;
}

http::HttpTime CacheIndex::now() {
    return options.clock
               ? options.clock()
               : std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

Ref<CacheEntry> CacheIndex::find(const std::string& key, const http::Headers& request) {
    const auto variants = byKey_.find(key);
    if (variants == byKey_.end()) {
        return {};
    }
    auto best = order_.end();
    for (const Order::iterator each : variants->second) {
        if (chooses(request, **each) && (best == order_.end() || (*each)->date >= (*best)->date)) {
            best = each;
        }
    }
    if (best == order_.end()) {
        return {};
    }
    order_.splice(order_.begin(), order_, best);
    return *best;
}

bool CacheIndex::store(const Ref<CacheEntry>& entry, const CacheRequest& asked) {
    if (asked.outdated_) {
        return false;
    }
    dropChosen(entry->key, asked.headers, entry.get());
    entry->date = dateOf(entry->info.headers, entry->times);
    entry->bytes = sizeOf(*entry);
    if (entry->bytes > options.maxBytes || options.maxEntries == 0 || options.maxVariants == 0) {
        return false;
    }
    makeRoom(*entry);
    order_.push_front(entry);
    byKey_[entry->key].push_back(order_.begin());
    metrics.bytes += entry->bytes;
    ++metrics.entries;
    return true;
}

void CacheIndex::makeRoom(const CacheEntry& entry) {
    const auto variants = byKey_.find(entry.key);
    if (variants != byKey_.end() && variants->second.size() >= options.maxVariants) {
        erase(variants->second.front());
        ++metrics.evicted;
    }
    while (metrics.bytes + entry.bytes > options.maxBytes ||
           metrics.entries >= options.maxEntries) {
        erase(std::prev(order_.end()));
        ++metrics.evicted;
    }
}

void CacheIndex::erase(Order::iterator which) {
    const auto variants = byKey_.find((*which)->key);
    std::erase(variants->second, which);
    if (variants->second.empty()) {
        byKey_.erase(variants);
    }
    metrics.bytes -= (*which)->bytes;
    --metrics.entries;
    order_.erase(which);
}

/// Drops `also`, too, whatever chooses it.
void CacheIndex::dropChosen(const std::string& key, const http::Headers& request,
                            const CacheEntry* also) {
    const auto found = byKey_.find(key);
    if (found == byKey_.end()) {
        return;
    }
    const std::vector<Order::iterator> variants = found->second;
    for (const Order::iterator each : variants) {
        if (each->get() == also || chooses(request, **each)) {
            erase(each);
        }
    }
}

void CacheIndex::drop(const CacheRequest& asked) { dropChosen(asked.key, asked.headers, nullptr); }

void CacheIndex::invalidate(const std::string& key) {
    for (auto it = byKey_.find(key); it != byKey_.end(); it = byKey_.find(key)) {
        erase(it->second.back());
    }
    const auto [first, last] = underway_.equal_range(key);
    for (auto it = first; it != last; ++it) {
        it->second->outdated_ = true;
    }
}

void CacheIndex::clear() noexcept {
    byKey_.clear();
    order_.clear();
    metrics.entries = 0;
    metrics.bytes = 0;
    for (const auto& [key, request] : underway_) {
        request->outdated_ = true;
    }
}

bool CacheIndex::hold(std::size_t bytes) noexcept {
    if (bytes > options.maxBytes - held_) {
        return false;
    }
    held_ += bytes;
    return true;
}

CacheRequest::CacheRequest(Ref<ResponseCache> cache, std::string where, std::string_view how,
                           Uri what, http::Headers with)
    : key(std::move(where)), method(how), uri(std::move(what)), headers(std::move(with)),
      when(cache->index().now()), cache_(std::move(cache)),
      place_(index().underway_.emplace(key, this)) {}

}  // namespace marline::detail
