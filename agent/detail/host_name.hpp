// Internal: not installed. Hosts as texts: names and numeric addresses.
#pragma once

#include <string>
#include <string_view>

namespace marline::detail {

/// Whether `host`, without brackets, is a numeric address and no name; what has a colon is taken
/// for IPv6, with or without a zone.
bool isAddress(std::string_view host) noexcept;

/// `host` as it stands in a URI or a Host field: in brackets when it is IPv6.
std::string bracketed(const std::string& host);

}  // namespace marline::detail
