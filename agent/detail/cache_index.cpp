#include <marline/agent/detail/cache_index.hpp>

#include <algorithm>
#include <chrono>

#include <marline/agent/detail/field_list.hpp>

namespace marline::detail {
namespace {

/// All values of a field as one, by which requests are compared.
std::string joined(const http::Headers& headers, std::string_view name) {
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
        bytes += name.size() + value.size() + 64;
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

std::vector<std::pair<std::string, std::string>> choosingFields(const http::Headers& request,
                                                                const http::Headers& response) {
    // Servers need not name Authorization, as no shared cache keeps what it gave.
    std::vector<std::pair<std::string, std::string>> fields{
        {"Authorization", joined(request, "Authorization")}};
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
    const auto [first, last] = byKey_.equal_range(key);
    const auto found = std::find_if(
        first, last, [&](const auto& candidate) { return chooses(request, **candidate.second); });
    if (found == last) {
        return {};
    }
    order_.splice(order_.begin(), order_, found->second);
    return *found->second;
}

void CacheIndex::store(const Ref<CacheEntry>& entry) {
    const auto [first, last] = byKey_.equal_range(entry->key);
    std::vector<Order::iterator> replaced;
    for (auto it = first; it != last; ++it) {
        if (*it->second == entry || (*it->second)->chosenBy == entry->chosenBy) {
            replaced.push_back(it->second);
        }
    }
    for (const Order::iterator old : replaced) {
        erase(old);
    }
    entry->bytes = sizeOf(*entry);
    if (entry->bytes > options.maxBytes || options.maxEntries == 0) {
        return;
    }
    while (metrics.bytes + entry->bytes > options.maxBytes ||
           metrics.entries >= options.maxEntries) {
        erase(std::prev(order_.end()));
        ++metrics.evicted;
    }
    order_.push_front(entry);
    byKey_.emplace(entry->key, order_.begin());
    metrics.bytes += entry->bytes;
    ++metrics.entries;
}

void CacheIndex::erase(Order::iterator which) {
    const auto [first, last] = byKey_.equal_range((*which)->key);
    byKey_.erase(
        std::find_if(first, last, [&](const auto& entry) { return entry.second == which; }));
    metrics.bytes -= (*which)->bytes;
    --metrics.entries;
    order_.erase(which);
}

void CacheIndex::drop(const std::string& key) {
    for (auto it = byKey_.find(key); it != byKey_.end(); it = byKey_.find(key)) {
        erase(it->second);
    }
}

void CacheIndex::clear() noexcept {
    byKey_.clear();
    order_.clear();
    metrics.entries = 0;
    metrics.bytes = 0;
}

}  // namespace marline::detail
