// Internal: not installed. What RFC 9111 says about one response.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include <marline/agent/detail/response_state.hpp>
#include <marline/protocols/http/headers.hpp>
#include <marline/protocols/http/http_date.hpp>

namespace marline::detail {

/// The directives of Cache-Control that matter to a private cache (RFC 9111 §5.2).
struct CacheControl {
    bool noStore = false;
    bool noCache = false;
    bool unreadable = false;  // some of it: noCache as well, and a response is not stored
    bool mustRevalidate = false;
    bool onlyIfCached = false;
    std::optional<std::chrono::seconds> maxAge = {};    // of several the least; bad: zero
    std::optional<std::chrono::seconds> minFresh = {};  // of a request
    std::optional<std::chrono::seconds> maxStale = {};  // of a request
};

/// Reads all Cache-Control fields, and Pragma when there is none (§5.4).
CacheControl cacheControl(const http::Headers& headers);

/// When a response was asked for and came.
struct ResponseTimes {
    http::HttpTime requested;
    http::HttpTime received;
};

/// When the server made it: its Date, or when it came (§4.2.3).
http::HttpTime dateOf(const http::Headers& headers, const ResponseTimes& times);

/// How old it is (§4.2.3).
std::chrono::seconds currentAge(const http::Headers& headers, const ResponseTimes& times,
                                http::HttpTime now);

/// For how long it is fresh (§4.2.1); without a word of the server's by its age (§4.2.2).
std::chrono::seconds freshnessLifetime(const ResponseInfo& info, const ResponseTimes& times,
                                       std::chrono::seconds maxHeuristic);

/// Whether a response with such fields may be kept at all (§4.1, §5.2.2.5).
bool mayKeep(const http::Headers& response);

/// Whether a response to GET may be kept, and is of use (§3).
bool mayStore(const http::Headers& request, const Response& response, const ResponseTimes& times);

/// Whether a stored response answers a request without asking the server (§4): `lifetime` and
/// `age` are its own.
bool mayServe(const CacheControl& request, const CacheControl& response,
              std::chrono::seconds lifetime, std::chrono::seconds age);

/// Whether it has something that a server can be asked with.
bool hasValidator(const http::Headers& headers);

/// The fields that are stored: all but those of one connection (§3.1), and those that change what
/// the client keeps: Set-Cookie and Strict-Transport-Security are acted upon once.
http::Headers storedFields(const http::Headers& headers);

/// Adds to `headers` what storedFields() leaves out of `fresh` as it is acted upon once.
void addOnceOnly(http::Headers& headers, const http::Headers& fresh);

/// Puts the fields of a 304 in place of the stored ones (§3.2).
void mergeFields(http::Headers& stored, const http::Headers& fresh);

/// Whether a 304, or the head of a 200 to HEAD, is about the stored response (§4.3.4, §4.3.5).
bool sameRepresentation(const http::Headers& stored, const http::Headers& fresh);

}  // namespace marline::detail
