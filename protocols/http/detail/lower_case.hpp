// Internal: compares tokens with words written in lower case.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace marline::http::detail {

/// Says whether `token` is `word` in any case. Exact if `token` has only bytes of tokens and
/// `word` only lower-case letters and hyphens: setting bit 5 maps no other token byte onto them.
inline bool equalsWord(std::string_view token, std::string_view word) noexcept {
    if (token.size() != word.size())
        return false;
    constexpr std::uint64_t kFold = 0x2020202020202020U;
    std::size_t at = 0;
    for (; at + 8 <= word.size(); at += 8) {
        std::uint64_t left;
        std::uint64_t right;
        std::memcpy(&left, token.data() + at, 8);
        std::memcpy(&right, word.data() + at, 8);
        if ((left | kFold) != (right | kFold))
            return false;
    }
    for (; at < word.size(); ++at) {
        if ((token[at] | 0x20) != word[at])
            return false;
    }
    return true;
}

}  // namespace marline::http::detail
