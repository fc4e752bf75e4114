#include <marline/protocols/http/detail/file_cache.hpp>

#include <algorithm>
#include <iterator>

namespace marline::http::detail {

const FileForm* FileCache::Entry::find(std::string_view coding, int effort) const noexcept {
    const auto form = std::find_if(forms.begin(), forms.end(), [&](const FileForm& each) {
        return each.coding == coding && each.effort == effort;
    });
    return form == forms.end() ? nullptr : &*form;
}

bool FileCache::mayKeep(const FileVersion& version, std::chrono::nanoseconds now) const noexcept {
    return maxBytes_ > 0 && now - std::max(version.changed, version.touched) >= settled_;
}

const FileCache::Entry* FileCache::find(std::string_view path) {
    const auto at = byPath_.find(path);
    if (at == byPath_.end()) {
        return nullptr;
    }
    entries_.splice(entries_.begin(), entries_, at->second);
    return &*at->second;
}

void FileCache::keep(std::string_view path, const FileVersion& version, std::string_view type,
                     FileForm form) {
    const std::size_t size = form.bytes->view().size();
    const std::size_t without = kEntryCost + 2 * path.size();
    if (without + size > maxBytes_) {
        return;  // all the others would go for it
    }
    auto at = byPath_.find(path);
    if (at != byPath_.end() && at->second->version != version) {
        erase(at->second);
        at = byPath_.end();
    }
    if (at == byPath_.end()) {
        entries_.push_front({.path = std::string(path),
                             .version = version,
                             .type = std::string(type),
                             .forms = {},
                             .cost = without});
        bytes_ += entries_.front().cost;
        at = byPath_.emplace(entries_.front().path, entries_.begin()).first;
    }
    Entry& entry = *at->second;
    std::erase_if(entry.forms, [&](const FileForm& old) {
        const bool replaced = old.coding == form.coding && old.effort == form.effort;
        const std::size_t freed = replaced ? old.bytes->view().size() : 0;
        entry.cost -= freed;
        bytes_ -= freed;
        return replaced;
    });
    entry.cost += size;
    bytes_ += size;
    entry.forms.push_back(std::move(form));
    entries_.splice(entries_.begin(), entries_, at->second);
    while (bytes_ > maxBytes_) {
        erase(std::prev(entries_.end()));
    }
}

void FileCache::drop(std::string_view path) {
    const auto at = byPath_.find(path);
    if (at != byPath_.end()) {
        erase(at->second);
    }
}

void FileCache::erase(Entries::iterator entry) {
    bytes_ -= entry->cost;
    byPath_.erase(entry->path);
    entries_.erase(entry);
}

}  // namespace marline::http::detail
