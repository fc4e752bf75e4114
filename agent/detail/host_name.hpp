// Internal: not installed. Hosts as texts: names and numeric addresses.
#pragma once

#include <string>
#include <string_view>

namespace marline::detail {

/// Whether `host`, without brackets, is a numeric address and no name. What has a colon is taken
/// for IPv6, with or without a zone; what ends in a number, or in that and a dot, for IPv4, also in
/// short like 127.1: no name does (RFC 3696 §2).
bool isAddress(std::string_view host) noexcept;

/// `host` as it stands in a URI or a Host field: in brackets when it is IPv6.
std::string bracketed(const std::string& host);

}  // namespace marline::detail
