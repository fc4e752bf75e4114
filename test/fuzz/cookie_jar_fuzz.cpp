// Fuzzes CookieJar: Set-Cookie fields keep to RFC 6265bis whatever they say, and a jar that was
// saved is the same when it is loaded.
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <marline/agent/cookie_jar.hpp>
#include <marline/agent/detail/set_cookie.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/demand.hpp>

namespace {

using namespace marline;
using marline::testing::demand;

// Later than any clock's time, so that no cookie ends between saving and loading.
constexpr http::HttpTime kNow = std::chrono::sys_days(std::chrono::year(2200) / 1 / 1);
constexpr CookieJarOptions kSmall{.maxPerDomain = 3, .maxCookies = 5};

const std::vector<Uri>& places() {
    static const std::vector<Uri> all = [] {
        std::vector<Uri> uris;
        for (const char* text :
             {"https://a.example.co.uk/x/y", "http://a.example.co.uk/x/y", "https://example.co.uk",
              "http://b.a.example.co.uk/x/", "https://co.uk/", "http://192.0.2.1/x",
              "http://[::1]/", "https://localhost/x/y/z"}) {
            uris.push_back(Uri::parse(text).value());
        }
        return uris;
    }();
    return all;
}

bool startsLike(std::string_view text, std::string_view lower) {
    return text.size() >= lower.size() &&
           std::equal(lower.begin(), lower.end(), text.begin(), [](char a, char b) {
               return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b | 0x20) : b);
           });
}

void checkCookie(const StoredCookie& cookie, const Uri& from) {
    demand(detail::isCookieText(cookie.name) && detail::isCookieText(cookie.value),
           "a cookie can stand in a field");
    demand(cookie.name.find('=') == std::string::npos, "a name has no equals sign");
    demand(cookie.name.size() + cookie.value.size() <= detail::kMaxCookieBytes, "kMaxCookieBytes");
    demand(cookie.path.starts_with('/'), "a path begins with a slash");
    demand(!cookie.expires ||
               (*cookie.expires > kNow && *cookie.expires <= kNow + std::chrono::days(400)),
           "a cookie lives for 400 days at most");
    demand(cookie.hostOnly ? cookie.domain == from.host()
                           : detail::domainMatches(from.host(), cookie.domain),
           "a domain is of who set it");
    demand(cookie.hostOnly || !detail::isPublicSuffix(cookie.domain), "no cookie for a suffix");
    demand(!cookie.secure || from.scheme() == "https", "Secure needs https");
    const std::string& promise = cookie.name.empty() ? cookie.value : cookie.name;
    demand(!startsLike(promise, "__secure-") || cookie.secure, "__Secure- is Secure");
    demand(
        !startsLike(promise, "__host-") || (cookie.secure && cookie.hostOnly && cookie.path == "/"),
        "__Host- is of a host");
}

/// Every line sets a cookie, its first byte says from where.
void set(marline::testing::Chooser& lines, CookieJar& jar) {
    while (!lines.rest().empty()) {
        std::string_view line = lines.takeLine();
        const Uri& from = places()[line.empty() ? 0 : static_cast<unsigned char>(line[0]) % 8U];
        line.remove_prefix(std::min<std::size_t>(1, line.size()));
        const std::vector<StoredCookie> before = jar.cookies();
        const bool kept = jar.setCookie(from, line, kNow);
        const std::vector<StoredCookie> after = jar.cookies();
        demand(after.size() <= kSmall.maxCookies, "maxCookies");
        for (const StoredCookie& cookie : after) {
            const auto same = [&](const StoredCookie& old) {
                return old.name == cookie.name && old.value == cookie.value &&
                       old.domain == cookie.domain && old.path == cookie.path &&
                       old.secure == cookie.secure && old.hostOnly == cookie.hostOnly &&
                       old.expires == cookie.expires;
            };
            if (std::none_of(before.begin(), before.end(), same)) {
                demand(kept, "what is refused is not kept");
                checkCookie(cookie, from);
            }
        }
    }
    for (const Uri& to : places()) {
        const std::string field = jar.cookiesFor(to, kNow);
        demand(marline::testing::isOneLine(field), "a Cookie field is one line");
    }
}

/// The cookies that a Netscape file has room for, as it gives them back.
std::string described(const CookieJar& jar, bool all) {
    std::string text;
    for (const StoredCookie& cookie : jar.cookies()) {
        const bool tab = (cookie.name + cookie.path).find('\t') != std::string::npos;
        if (!all && tab) {
            continue;
        }
        text.append(cookie.name).append("=").append(cookie.value).append(";").append(cookie.domain);
        text.append(cookie.path).append(cookie.hostOnly ? " host" : " domain");
        text.append(cookie.secure ? " secure" : "").append(cookie.httpOnly ? " http " : " ");
        text += cookie.expires ? std::to_string(cookie.expires->time_since_epoch().count()) : "-";
        text += all ? std::to_string(static_cast<int>(cookie.sameSite)) + '\n' : std::string("\n");
    }
    return text;
}

void saveAndLoad(const CookieJar& jar) {
    const auto netscape = makeRef<CookieJar>();
    demand(netscape->addNetscape(jar.toNetscape()).ok(), "a Netscape file can be loaded");
    demand(described(*netscape, false) == described(jar, false), "a Netscape file is the jar");
    const auto json = makeRef<CookieJar>();
    demand(json->addJson(jar.toJson()).ok(), "a JSON file can be loaded");
    demand(described(*json, true) == described(jar, true), "a JSON file is the jar");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::Chooser input(data, size);
    const unsigned choice = input.takeByte();
    const auto jar = makeRef<CookieJar>(choice % 3 == 0 ? kSmall : CookieJarOptions{});
    if (choice % 3 == 0) {
        set(input, *jar);
    } else if (const Result<std::size_t> added =
                   choice % 3 == 1 ? jar->addNetscape(input.rest()) : jar->addJson(input.rest());
               !added.ok()) {
        demand(jar->size() == 0, "nothing is added of what is malformed");
        demand(marline::testing::isOneLine(added.failure().message()), "an error is one line");
    }
    saveAndLoad(*jar);
    return 0;
}
