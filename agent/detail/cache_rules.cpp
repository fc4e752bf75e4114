#include <marline/agent/detail/cache_rules.hpp>

#include <algorithm>
#include <array>
#include <string>

#include <marline/agent/detail/directives.hpp>
#include <marline/agent/detail/end_to_end.hpp>

namespace marline::detail {
namespace {

using std::chrono::seconds;

/// Longer times than this are this (§1.2.2).
constexpr seconds kLongest{std::int64_t{1} << 31};

seconds least(const std::optional<seconds>& old, std::string_view text) {
    return std::min(old.value_or(kLongest), deltaSeconds(text, kLongest).value_or(seconds(0)));
}

void readDirective(CacheControl& control, const Directive& directive) {
    const auto is = [&](std::string_view name) { return sameWord(directive.name, name); };
    if (is("no-store")) {
        control.noStore = true;
    } else if (is("no-cache")) {
        control.noCache = true;  // with field names too: to ask is always right
    } else if (is("must-revalidate")) {
        control.mustRevalidate = true;
    } else if (is("only-if-cached")) {
        control.onlyIfCached = true;
    } else if (is("max-age")) {
        control.maxAge = least(control.maxAge, directive.value);
    } else if (is("min-fresh")) {
        control.minFresh = deltaSeconds(directive.value, kLongest);
    } else if (is("max-stale")) {
        control.maxStale = directive.hasValue ? least(control.maxStale, directive.value) : kLongest;
    }
}

bool heuristicallyCacheable(int code) noexcept {
    constexpr std::array kCodes{200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501};
    return std::find(kCodes.begin(), kCodes.end(), code) != kCodes.end();
}

std::optional<http::HttpTime> dateIn(const http::Headers& headers, std::string_view name) {
    const auto values = headers.getRawHeaders(name);
    return values.empty() ? std::nullopt : http::parseHttpDate(values.front());
}

/// Fields that change what the client keeps: served again they would undo what came since.
constexpr std::array kOnceOnly{"Set-Cookie", "Strict-Transport-Security"};

bool isOnceOnly(std::string_view name) noexcept {
    return std::any_of(kOnceOnly.begin(), kOnceOnly.end(),
                       [name](std::string_view known) { return sameWord(name, known); });
}

/// Fields that tell how the stored body is made, which a 304 has no say in.
bool isOfBody(std::string_view name) noexcept {
    return sameWord(name, "Content-Length") || sameWord(name, "Content-Encoding") ||
           sameWord(name, "Content-Range") || sameWord(name, "Content-Type");
}

}  // namespace

CacheControl cacheControl(const http::Headers& headers) {
    CacheControl control;
    const auto fields = headers.getRawHeaders("Cache-Control");
    for (const std::string_view field : fields) {
        DirectiveReader reader(field, ',');
        while (const auto directive = reader.next()) {
            readDirective(control, *directive);
        }
        // What cannot be read might have forbidden it.
        control.unreadable = control.unreadable || reader.failed();
    }
    control.noCache = control.noCache || control.unreadable;
    if (fields.empty()) {
        for (const std::string_view word : listedIn(headers, "Pragma")) {
            control.noCache = control.noCache || sameWord(word, "no-cache");
        }
    }
    return control;
}

http::HttpTime dateOf(const http::Headers& headers, const ResponseTimes& times) {
    return dateIn(headers, "Date").value_or(times.received);
}

seconds currentAge(const http::Headers& headers, const ResponseTimes& times, http::HttpTime now) {
    const auto ages = listedIn(headers, "Age");  // the first one counts (§5.1)
    const seconds said =
        ages.empty() ? seconds(0) : deltaSeconds(ages.front(), kLongest).value_or(seconds(0));
    const seconds apparent = std::max(seconds(0), times.received - dateOf(headers, times));
    const seconds corrected = said + (times.received - times.requested);
    return std::max(apparent, corrected) + std::max(seconds(0), now - times.received);
}

seconds freshnessLifetime(const ResponseInfo& info, const ResponseTimes& times,
                          seconds maxHeuristic) {
    if (const auto age = cacheControl(info.headers).maxAge) {
        return *age;
    }
    const http::HttpTime date = dateOf(info.headers, times);
    if (info.headers.hasHeader("Expires")) {
        return std::max(seconds(0), dateIn(info.headers, "Expires").value_or(date) - date);
    }
    const auto modified = dateIn(info.headers, "Last-Modified");
    if (!modified || *modified >= date || !heuristicallyCacheable(info.code)) {
        return seconds(0);
    }
    return std::min((date - *modified) / 10, maxHeuristic);
}

bool mayKeep(const http::Headers& response) {
    const CacheControl control = cacheControl(response);
    const auto vary = listedIn(response, "Vary");
    return !control.noStore && !control.unreadable &&
           std::find(vary.begin(), vary.end(), "*") == vary.end();
}

bool mayStore(const http::Headers& request, const Response& response, const ResponseTimes& times) {
    const http::Headers& headers = response.headers();
    // Only final responses are stored, and a 101 has switched to something else.
    if (response.code() < 200 || response.code() == 206 || response.code() == 304 ||
        cacheControl(request).noStore || !mayKeep(headers)) {
        return false;
    }
    const CacheControl control = cacheControl(headers);
    const http::HttpTime date = dateOf(headers, times);
    const bool fresh = control.maxAge ? *control.maxAge > seconds(0)
                                      : dateIn(headers, "Expires").value_or(date) > date;
    // What can never be served, nor asked about, would only take the place of others.
    return hasValidator(headers) ? fresh || heuristicallyCacheable(response.code())
                                 : fresh && !control.noCache;
}

bool mayServe(const CacheControl& request, const CacheControl& response, seconds lifetime,
              seconds age) {
    if (request.noCache || response.noCache || age > request.maxAge.value_or(kLongest)) {
        return false;
    }
    const seconds left = lifetime - age;
    if (left > seconds(0)) {
        return left >= request.minFresh.value_or(seconds(0));
    }
    return !response.mustRevalidate && !request.minFresh && request.maxStale &&
           -left <= *request.maxStale;
}

bool hasValidator(const http::Headers& headers) {
    return headers.hasHeader("ETag") || headers.hasHeader("Last-Modified");
}

http::Headers storedFields(const http::Headers& headers) {
    return endToEnd(headers, [](std::string_view name) { return !isOnceOnly(name); });
}

void addOnceOnly(http::Headers& headers, const http::Headers& fresh) {
    for (const char* name : kOnceOnly) {
        for (const std::string_view value : fresh.getRawHeaders(name)) {
            headers.addRawHeader(name, value);
        }
    }
}

void mergeFields(http::Headers& stored, const http::Headers& fresh) {
    const http::Headers fields = storedFields(fresh);
    // These two say when the new one came, whether it has them or not.
    stored.removeHeader("Age");
    stored.removeHeader("Date");
    for (const auto& [name, value] : fields) {
        if (!isOfBody(name)) {
            stored.setRawHeaders(name, fields.getRawHeaders(name));
        }
    }
}

bool sameRepresentation(const http::Headers& stored, const http::Headers& fresh) {
    for (const char* name : {"ETag", "Last-Modified"}) {
        const auto now = fresh.get(name);
        if (now && now != stored.get(name)) {
            return false;
        }
    }
    return true;
}

}  // namespace marline::detail
