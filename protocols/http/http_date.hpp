// Dates as HTTP writes them (RFC 9110 §5.6.7).
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <marline/deferred/api.hpp>

namespace marline::http {

/// A time of the wall clock, in whole seconds.
using HttpTime = std::chrono::sys_seconds;

/// `Sun, 06 Nov 1994 08:49:37 GMT` (Twisted: `datetimeToString`).
MARLINE_API std::string formatHttpDate(HttpTime time);
/// Room for one, whatever its year.
using HttpDateRoom = std::array<char, 64>;
/// The same, written to `room`.
MARLINE_API std::string_view formatHttpDate(HttpTime time, HttpDateRoom& room) noexcept;

/// Reads that form, and the two obsolete ones, `Sunday, 06-Nov-94 08:49:37 GMT` and
/// `Sun Nov  6 08:49:37 1994`; nothing for anything else (Twisted: `stringToDatetime`). A year of
/// two digits is the one nearest to `now`, not more than 50 years ahead.
MARLINE_API std::optional<HttpTime> parseHttpDate(std::string_view text, HttpTime now);
/// The same with the present.
MARLINE_API std::optional<HttpTime> parseHttpDate(std::string_view text);

}  // namespace marline::http
