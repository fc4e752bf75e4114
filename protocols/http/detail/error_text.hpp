// Internal: not installed. What a server says when it does not serve.
#pragma once

#include <string>
#include <string_view>

namespace marline::http::detail {

/// `404 Not Found: there is nothing here`, with a line end: plain text, nothing of the request.
std::string errorText(int code, std::string_view text);

/// All that a client learns of an error of the program (Twisted: Z-9).
inline constexpr std::string_view kFailedText = "the server has failed; its log says why";

/// True for the methods of RFC 9110 §9.3 and PATCH: a resource without them answers 405, and any
/// other method is a 501 (Twisted: Z-6).
bool isKnownMethod(std::string_view method) noexcept;

}  // namespace marline::http::detail
