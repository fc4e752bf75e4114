// Internal: not installed. Conditional requests (RFC 9110 §13).
#pragma once

#include <optional>
#include <string_view>

#include <marline/protocols/http/http_date.hpp>

namespace marline::http::detail {

/// True for `"tag"` and `W/"tag"` of bytes that a tag may have.
bool isEntityTag(std::string_view text) noexcept;

/// True when `field`, a list of tags or `*`, has `tag`. The strong comparison never matches a weak
/// tag. An empty tag, of something that has none, is matched by nothing.
bool hasTag(std::string_view field, std::string_view tag, bool strong) noexcept;

/// The fields of a request that make it conditional.
struct Conditions {
    std::optional<std::string_view> ifMatch;
    std::optional<std::string_view> ifNoneMatch;
    std::optional<std::string_view> ifModifiedSince;
    std::optional<std::string_view> ifUnmodifiedSince;
};

/// What they come to, in the order of RFC 9110 §13.2.2: 200, 304 or 412. Dates that cannot be read
/// are ignored (Twisted: Q-16), and so is what is not known of the content.
int conditionOf(const Conditions& conditions, std::string_view method, std::string_view tag,
                std::optional<HttpTime> lastModified);

/// Whether If-Range lets a range be served: its tag, compared strongly, or its exact date.
bool rangeStillMeant(std::string_view ifRange, std::string_view tag, HttpTime lastModified);

}  // namespace marline::http::detail
