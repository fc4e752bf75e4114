// Internal: not installed. What a client accepts (RFC 9110 §12.4).
#pragma once

#include <span>
#include <string_view>

namespace marline::http::detail {

/// How much a coding is wanted by an Accept-Encoding field, in thousandths; 0: not at all. A coding
/// that is not named is wanted as much as `*`, and not at all without that, but for `identity`.
unsigned qualityOf(std::string_view field, std::string_view coding) noexcept;

/// The one of `codings` that is wanted most, the first among equals, unless `identity` is named and
/// wanted more; else empty. Empty ones among them do not count.
std::string_view preferred(std::string_view field,
                           std::span<const std::string_view> codings) noexcept;

}  // namespace marline::http::detail
