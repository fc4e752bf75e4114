#include <marline/agent/cookie_jar.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

#include <marline/agent/detail/field_list.hpp>
#include <marline/agent/detail/set_cookie.hpp>

namespace marline {
namespace {

constexpr std::chrono::days kLongestLife{400};

bool startsWithWord(std::string_view text, std::string_view word) noexcept {
    return detail::sameWord(text.substr(0, word.size()), word);
}

/// Whether a cookie keeps what its name promises (RFC 6265bis §5.7, steps 20 to 22).
bool keepsPrefix(const StoredCookie& cookie, bool pathGiven) noexcept {
    const std::string_view promise = cookie.name.empty() ? cookie.value : cookie.name;
    const bool secure = startsWithWord(promise, "__Secure-");
    const bool host = startsWithWord(promise, "__Host-");
    if (cookie.name.empty()) {
        return !secure && !host;
    }
    if (host) {
        return cookie.secure && cookie.hostOnly && pathGiven && cookie.path == "/";
    }
    return !secure || cookie.secure;
}

/// The domain that a field may set a cookie for: its own, the host, or nothing when it may not.
std::optional<std::string> domainFor(const detail::SetCookie& set, const std::string& host,
                                     bool& hostOnly) {
    std::string domain = set.domain.value_or("");
    if (!domain.empty() && detail::isPublicSuffix(domain)) {
        if (domain != host) {
            return std::nullopt;
        }
        domain.clear();
    }
    hostOnly = domain.empty();
    if (hostOnly) {
        return host;
    }
    return detail::domainMatches(host, domain) ? std::optional(std::move(domain)) : std::nullopt;
}

std::optional<http::HttpTime> expiryOf(const detail::SetCookie& set, http::HttpTime now) {
    if (set.maxAge) {
        return now + std::min<std::chrono::seconds>(*set.maxAge, kLongestLife);
    }
    return set.expires ? std::optional(std::min(*set.expires, now + kLongestLife)) : std::nullopt;
}

bool ended(const StoredCookie& cookie, http::HttpTime now) noexcept {
    return cookie.expires && *cookie.expires <= now;
}

}  // namespace

http::HttpTime CookieJar::present() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

bool CookieJar::setCookie(const Uri& uri, std::string_view text, http::HttpTime now) {
    std::optional<detail::SetCookie> set = detail::parseSetCookie(text);
    if (!set) {
        return false;
    }
    StoredCookie cookie{std::move(set->name), std::move(set->value), {}, {}};
    std::optional<std::string> domain = domainFor(*set, uri.host(), cookie.hostOnly);
    if (!domain) {
        return false;
    }
    const bool secureChannel = uri.scheme() == "https";
    cookie.domain = std::move(*domain);
    cookie.path = set->path ? *set->path : detail::defaultCookiePath(uri.path());
    cookie.expires = expiryOf(*set, now);
    cookie.secure = set->secure;
    cookie.httpOnly = set->httpOnly;
    cookie.sameSite = set->sameSite;
    if ((cookie.secure && !secureChannel) ||
        (cookie.sameSite == http::SameSite::None && !cookie.secure) ||
        !keepsPrefix(cookie, set->path.has_value()) ||
        (!secureChannel && hidesSecure(cookie, now))) {
        return false;
    }
    add(std::move(cookie), now);
    return true;
}

/// Whether a cookie from an open channel would stand in the way of one that https has set.
bool CookieJar::hidesSecure(const StoredCookie& cookie, http::HttpTime now) const {
    return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        const StoredCookie& old = entry.cookie;
        return old.secure && !ended(old, now) && old.name == cookie.name &&
               (detail::domainMatches(old.domain, cookie.domain) ||
                detail::domainMatches(cookie.domain, old.domain)) &&
               detail::pathMatches(cookie.path, old.path);
    });
}

CookieJar::Entry* CookieJar::find(const StoredCookie& cookie) noexcept {
    for (Entry& entry : entries_) {
        const StoredCookie& old = entry.cookie;
        if (old.name == cookie.name && old.domain == cookie.domain && old.path == cookie.path &&
            old.hostOnly == cookie.hostOnly) {
            return &entry;
        }
    }
    return nullptr;
}

void CookieJar::add(StoredCookie cookie, http::HttpTime now) {
    if (Entry* old = find(cookie)) {
        old->cookie = std::move(cookie);
        dropExpired(now);
        return;
    }
    if (ended(cookie, now)) {
        return;
    }
    dropExpired(now);
    makeRoom(cookie.domain);
    entries_.push_back({std::move(cookie), made_++});
}

void CookieJar::dropExpired(http::HttpTime now) {
    std::erase_if(entries_, [now](const Entry& entry) { return ended(entry.cookie, now); });
}

void CookieJar::makeRoom(const std::string& domain) {
    const auto same = [&domain](const Entry& entry) { return entry.cookie.domain == domain; };
    const auto count = std::count_if(entries_.begin(), entries_.end(), same);
    if (static_cast<std::size_t>(count) >= options_.maxPerDomain) {
        entries_.erase(std::find_if(entries_.begin(), entries_.end(), same));
    }
    if (entries_.size() >= options_.maxCookies && !entries_.empty()) {
        entries_.erase(entries_.begin());
    }
}

std::string CookieJar::cookiesFor(const Uri& uri, http::HttpTime now) const {
    const std::string path = uri.path().empty() ? "/" : uri.path();
    std::vector<const Entry*> found;
    for (const Entry& entry : entries_) {
        const StoredCookie& cookie = entry.cookie;
        const bool host = cookie.hostOnly ? uri.host() == cookie.domain
                                          : detail::domainMatches(uri.host(), cookie.domain);
        if (host && !ended(cookie, now) && detail::pathMatches(path, cookie.path) &&
            (!cookie.secure || uri.scheme() == "https")) {
            found.push_back(&entry);
        }
    }
    std::stable_sort(found.begin(), found.end(), [](const Entry* left, const Entry* right) {
        return left->cookie.path.size() > right->cookie.path.size();
    });
    std::string text;
    for (const Entry* entry : found) {
        text += text.empty() ? "" : "; ";
        text += entry->cookie.name.empty() ? entry->cookie.value
                                           : entry->cookie.name + "=" + entry->cookie.value;
    }
    return text;
}

std::vector<StoredCookie> CookieJar::cookies() const {
    std::vector<StoredCookie> all;
    for (const Entry& entry : entries_) {
        all.push_back(entry.cookie);
    }
    return all;
}

void CookieJar::clearSession() {
    std::erase_if(entries_, [](const Entry& entry) { return !entry.cookie.expires; });
}

}  // namespace marline
