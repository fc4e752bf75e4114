// Internal: not installed. What the names in a message may hold.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include <marline/protocols/syslog/message.hpp>

namespace marline::syslog::detail {

inline constexpr std::array<std::string_view, 12> kMonths = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// PRINTUSASCII of RFC 5424 §6, at least one.
inline bool isName(std::string_view text, std::size_t most) noexcept {
    return !text.empty() && text.size() <= most &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

/// SD-NAME of the same.
inline bool isSdName(std::string_view text) noexcept {
    return isName(text, kMaxSdName) && text.find_first_of("=]\"") == std::string_view::npos;
}

}  // namespace marline::syslog::detail
