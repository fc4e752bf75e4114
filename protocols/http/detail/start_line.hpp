// Internal: the first line of a request or a response.
#pragma once

#include <marline/protocols/http/detail/field_line.hpp>
#include <marline/protocols/http/message_head.hpp>
#include <marline/protocols/http/parse_error.hpp>

#include <string_view>

namespace marline::http::detail {

/// Reads the request line at `at` into method, target, authority, form and version, and moves
/// behind it (RFC 9112 §3).
LineStep readRequestLine(const char*& at, const char* end, RequestHead& head, ParseReason& reason);

/// Says what is wrong with `target` in a request with `method`, which must be a token.
ParseReason checkTarget(std::string_view method, std::string_view target) noexcept;

/// Reads the status line at `at` into version, code and phrase, and moves behind it
/// (RFC 9112 §4). The blank between code and an absent phrase may be absent too: many servers
/// leave it out, and it cannot be read in two ways.
LineStep readStatusLine(const char*& at, const char* end, ResponseHead& head, ParseReason& reason);

}  // namespace marline::http::detail
