// Internal: not installed. Text, made fit to be shown or compared.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <marline/deferred/api.hpp>

namespace marline::detail {

/// At most `most` bytes of `text`, where a blank stands for whatever is no printable ASCII: one
/// line, which does nothing to a terminal or a log.
MARLINE_API std::string printable(std::string_view text, std::size_t most = 500);

/// With the letters of ASCII in lower case.
MARLINE_API std::string lowerCase(std::string_view text);

/// Two digits a byte, in lower case.
std::string hexText(std::span<const unsigned char> bytes);

/// Whether it is UTF-8 (RFC 3629).
bool isUtf8(std::string_view text) noexcept;

}  // namespace marline::detail
