// Internal: host, port and the form of a request target.
#pragma once

#include <marline/protocols/http/message_head.hpp>
#include <marline/protocols/http/parse_error.hpp>

#include <string_view>

namespace marline::http::detail {

/// Says whether `value` may be a Host field: empty, or `host[:port]` without user information.
bool isHostField(std::string_view value) noexcept;

/// Finds the form of `head.target`, for `head.method`, and its authority if it has one.
ParseReason classifyTarget(RequestHead& head) noexcept;

}  // namespace marline::http::detail
