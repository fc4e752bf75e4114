// CookieJar: what servers asked a client to keep.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <marline/agent/uri.hpp>
#include <marline/deferred/api.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/result.hpp>
#include <marline/protocols/http/cookie.hpp>
#include <marline/protocols/http/http_date.hpp>

namespace marline {

/// A cookie in a jar (RFC 6265bis §5.7).
struct StoredCookie {
    std::string name;
    std::string value;
    std::string domain;  ///< The host, or the domain all of whose hosts get it.
    std::string path = "/";
    /// When it ends; none: with the session.
    std::optional<http::HttpTime> expires = {};
    bool hostOnly = true;  ///< Only for the host `domain`.
    bool secure = false;   ///< Only over https.
    bool httpOnly = false;
    http::SameSite sameSite = http::SameSite::Default;
};

/// How much a jar holds.
struct CookieJarOptions {
    /// Cookies for one domain; one more drops the oldest of them.
    std::size_t maxPerDomain = 180;
    /// Cookies in all; one more drops the oldest.
    std::size_t maxCookies = 3000;
};

/// Keeps cookies by the rules of RFC 6265bis: domain, path, expiry, Secure, HttpOnly, SameSite,
/// prefixes (`__Host-`, `__Secure-`), and no cookies for public suffixes such as `co.uk` (libpsl).
///
/// SameSite is kept and not acted upon: a client of a program has no site that a request comes
/// from. Name and value have 4096 bytes at most, and no cookie lives longer than 400 days, as the
/// RFC says.
class MARLINE_API CookieJar final : public RefCounted {
public:
    explicit CookieJar(CookieJarOptions options = {}) : options_(options) {}

    /// Keeps what the Set-Cookie field `text` of a response from `uri` asks for, or drops the
    /// cookie that it ends. False when it is refused.
    bool setCookie(const Uri& uri, std::string_view text, http::HttpTime now);
    bool setCookie(const Uri& uri, std::string_view text) {
        return setCookie(uri, text, present());
    }

    /// Keeps a cookie as it is, in place of the one with its name, domain and path.
    void add(StoredCookie cookie, http::HttpTime now);
    void add(StoredCookie cookie) { add(std::move(cookie), present()); }

    /// The value of the Cookie field for a request to `uri`: longer paths first, then older
    /// cookies; empty when there is none.
    std::string cookiesFor(const Uri& uri, http::HttpTime now) const;
    std::string cookiesFor(const Uri& uri) const { return cookiesFor(uri, present()); }

    /// All of them, those that have ended included, the oldest first.
    std::vector<StoredCookie> cookies() const;
    std::size_t size() const noexcept { return entries_.size(); }
    void clear() noexcept { entries_.clear(); }
    /// Drops those that have no expiry.
    void clearSession();

    /// The jar as a Netscape cookie file, as curl and wget read and write it. Cookies that no line
    /// can hold, as their name or path has a tab, are left out.
    std::string toNetscape() const;
    /// Adds what such a file has; fails at the first line that is none, and then adds nothing.
    Result<std::size_t> addNetscape(std::string_view text);
    /// Writes toNetscape() to a file that only its owner can read, by way of a new one, so that a
    /// jar is never half written. Throws std::system_error.
    void save(const std::string& path) const;
    /// Adds what the file at `path` has; std::system_error when it cannot be read.
    Result<std::size_t> load(const std::string& path);

    /// The jar as JSON, with SameSite, which a Netscape file has no place for:
    /// `{"cookies": [{"name", "value", "domain", "path", "expires", "hostOnly", "secure",
    /// "httpOnly", "sameSite"}…]}`. `expires` is in seconds since 1970, or null. Bytes that are
    /// not ASCII stand as the characters of the same number.
    std::string toJson() const;
    /// Adds what such a text has. An Error with the line of what is no JSON, or the number of the
    /// cookie and its field that cannot be kept; then nothing is added.
    Result<std::size_t> addJson(std::string_view text);
    /// As save() and load(), with JSON.
    void saveJson(const std::string& path) const;
    Result<std::size_t> loadJson(const std::string& path);

private:
    struct Entry {
        StoredCookie cookie;
        std::uint64_t made;  // the order they came in
    };

    ~CookieJar() override = default;

    static http::HttpTime present();
    Entry* find(const StoredCookie& cookie) noexcept;
    bool hidesSecure(const StoredCookie& cookie, http::HttpTime now) const;
    void makeRoom(const std::string& domain);
    void dropExpired(http::HttpTime now);

    CookieJarOptions options_;
    std::vector<Entry> entries_;  // the oldest first
    std::uint64_t made_ = 0;
};

}  // namespace marline
