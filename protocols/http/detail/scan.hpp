// Internal: finds the end of a name, a target or a value, many bytes at a time.
#pragma once

#include <marline/protocols/http/detail/characters.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace marline::http::detail {

// Each of the three functions gives the first byte in [at, end) that is not of its class, or
// end. They exist in up to three spellings that agree on every input; the tests compare them.

/// One byte at a time: the definition, and the tail of the others.
namespace scalar {

template <CharClass Class>
inline const char* skip(const char* at, const char* end) noexcept {
    while (at != end && isOf(Class, *at))
        ++at;
    return at;
}

inline const char* skipToken(const char* at, const char* end) noexcept {
    return skip<CharClass::Token>(at, end);
}
inline const char* skipTarget(const char* at, const char* end) noexcept {
    return skip<CharClass::Target>(at, end);
}
inline const char* skipValue(const char* at, const char* end) noexcept {
    return skip<CharClass::Value>(at, end);
}

}  // namespace scalar

/// Eight bytes in one 64-bit word, for machines without SSE2.
namespace swar {

inline constexpr std::uint64_t kOnes = 0x0101010101010101U;
inline constexpr std::uint64_t kHighs = 0x8080808080808080U;
inline constexpr std::uint64_t kLows = ~kHighs;

/// The high bit of each byte of `word` that equals `byte`; exact, no carry between bytes.
constexpr std::uint64_t equal(std::uint64_t word, unsigned char byte) noexcept {
    const std::uint64_t x = word ^ (kOnes * byte);
    return ~(((x & kLows) + kLows) | x) & kHighs;
}

/// The high bit of each byte of `word` that is below `byte`, for `byte` <= 0x80; exact.
constexpr std::uint64_t below(std::uint64_t word, unsigned char byte) noexcept {
    const std::uint64_t low = (word & kLows) + kOnes * static_cast<unsigned char>(0x80 - byte);
    return ~(low | word) & kHighs;
}

constexpr std::uint64_t badForValue(std::uint64_t word) noexcept {
    return (below(word, 0x20) & ~equal(word, '\t')) | equal(word, 0x7f);
}

constexpr std::uint64_t badForTarget(std::uint64_t word) noexcept {
    return below(word, 0x21) | (word & kHighs) | equal(word, 0x7f) | equal(word, '"') |
           equal(word, '#') | equal(word, '<') | equal(word, '>') | equal(word, '\\');
}

template <std::uint64_t (*Bad)(std::uint64_t), CharClass Class>
inline const char* skip(const char* at, const char* end) noexcept {
    while (end - at >= 8) {
        std::uint64_t word;
        std::memcpy(&word, at, 8);
        if (const std::uint64_t bad = Bad(word); bad != 0) {
            if constexpr (std::endian::native == std::endian::little)
                return at + std::countr_zero(bad) / 8;
            else
                return at + std::countl_zero(bad) / 8;
        }
        at += 8;
    }
    return scalar::skip<Class>(at, end);
}

inline const char* skipToken(const char* at, const char* end) noexcept {
    return scalar::skipToken(at, end);
}
inline const char* skipTarget(const char* at, const char* end) noexcept {
    return skip<badForTarget, CharClass::Target>(at, end);
}
inline const char* skipValue(const char* at, const char* end) noexcept {
    return skip<badForValue, CharClass::Value>(at, end);
}

}  // namespace swar

#if defined(__SSE2__)

/// Sixteen bytes at a time; part of every x86-64.
namespace sse2 {

inline __m128i load(const char* at) noexcept {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}
inline __m128i equal(__m128i bytes, char byte) noexcept {
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte));
}
inline unsigned mask(__m128i bytes) noexcept {
    return static_cast<unsigned>(_mm_movemask_epi8(bytes));
}

inline unsigned badForValue(__m128i bytes) noexcept {
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    return mask(_mm_or_si128(_mm_andnot_si128(equal(bytes, '\t'), control), equal(bytes, 0x7f)));
}

inline unsigned badForTarget(__m128i bytes) noexcept {
    // Signed: bytes from 0x80 up are negative and fail as well.
    const __m128i visible = _mm_cmpgt_epi8(bytes, _mm_set1_epi8(0x20));
    // '"' and '#' differ in one bit only, as do '<' and '>'.
    const __m128i quoteOrHash = equal(_mm_or_si128(bytes, _mm_set1_epi8(1)), '#');
    const __m128i angle = equal(_mm_or_si128(bytes, _mm_set1_epi8(2)), '>');
    const __m128i rest = _mm_or_si128(equal(bytes, '\\'), equal(bytes, 0x7f));
    const __m128i bad = _mm_or_si128(_mm_or_si128(quoteOrHash, angle), rest);
    return mask(_mm_andnot_si128(bad, visible)) ^ 0xffffU;
}

/// Only letters and the hyphen count as good; the rest of the tokens is left to the table.
inline unsigned unusualForToken(__m128i bytes) noexcept {
    const __m128i lower = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    // 'a'..'z' becomes -128..-103, so that one signed comparison is enough.
    const __m128i shifted = _mm_add_epi8(lower, _mm_set1_epi8(static_cast<char>(0x80 - 'a')));
    const __m128i letter = _mm_cmplt_epi8(shifted, _mm_set1_epi8(-128 + 26));
    return mask(_mm_or_si128(letter, equal(bytes, '-'))) ^ 0xffffU;
}

template <unsigned (*Bad)(__m128i), CharClass Class>
inline const char* skip(const char* at, const char* end) noexcept {
    while (end - at >= 16) {
        if (const unsigned bad = Bad(load(at)); bad != 0)
            return at + std::countr_zero(bad);
        at += 16;
    }
    return scalar::skip<Class>(at, end);
}

inline const char* skipToken(const char* at, const char* end) noexcept {
    return scalar::skipToken(skip<unusualForToken, CharClass::Token>(at, end), end);
}
inline const char* skipTarget(const char* at, const char* end) noexcept {
    return skip<badForTarget, CharClass::Target>(at, end);
}
inline const char* skipValue(const char* at, const char* end) noexcept {
    return skip<badForValue, CharClass::Value>(at, end);
}

}  // namespace sse2

namespace best = sse2;
#else
namespace best = swar;
#endif

using best::skipTarget;
using best::skipToken;
using best::skipValue;

/// Says whether `text` is one token (RFC 9110 §5.6.2).
inline bool isToken(std::string_view text) noexcept {
    const char* const end = text.data() + text.size();
    return !text.empty() && skipToken(text.data(), end) == end;
}

/// Says whether `text` may be a field value or a phrase: no control character but the tab.
inline bool isValue(std::string_view text) noexcept {
    const char* const end = text.data() + text.size();
    return skipValue(text.data(), end) == end;
}

}  // namespace marline::http::detail
