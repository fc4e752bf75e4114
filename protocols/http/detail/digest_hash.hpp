// Internal: not installed. What both ends of the Digest scheme compute (RFC 7616).
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include <marline/deferred/api.hpp>

struct evp_md_st;

namespace marline::http::detail {

/// The hash that an `algorithm` names, with `-sess` or without; MD5 for none, null for an unknown
/// one.
MARLINE_API const evp_md_st* digestAlgorithm(std::string_view name) noexcept;

/// Whether OpenSSL does it here: under FIPS there is no MD5.
MARLINE_API bool digestWorks(const evp_md_st* hash) noexcept;

/// The hash of the parts with colons between them, in hexadecimal. Throws std::runtime_error when
/// OpenSSL does not do it.
MARLINE_API std::string digestHash(const evp_md_st* hash,
                                   std::initializer_list<std::string_view> parts);

/// `text` as a quoted string.
MARLINE_API std::string quotedText(std::string_view text);

}  // namespace marline::http::detail
