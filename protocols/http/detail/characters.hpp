// Internal: which bytes may stand where (RFC 9110 §5.6, RFC 9112 §3, RFC 3986), as one table.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace marline::http::detail {

/// Classes of bytes; one byte may be in several.
enum class CharClass : std::uint8_t {
    Token = 1,    ///< tchar: names and methods
    Target = 2,   ///< may stand in a request target
    Value = 4,    ///< may stand in a field value or a phrase
    Host = 8,     ///< may stand in a registered name
    Quoted = 16,  ///< within a quoted string, neither `"` nor `\`
};

constexpr unsigned bitOf(CharClass wanted) noexcept { return static_cast<unsigned>(wanted); }

constexpr bool isDigit(char byte) noexcept { return byte >= '0' && byte <= '9'; }
constexpr bool isAlpha(char byte) noexcept {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/// The value of a hexadecimal digit, or -1.
constexpr int hexValue(char byte) noexcept {
    if (isDigit(byte))
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

constexpr std::array<std::uint8_t, 256> makeCharTable() noexcept {
    std::array<std::uint8_t, 256> table{};
    // A target may hold what browsers send unescaped, beyond RFC 3986: ^ ` { | } and, in a query
    // only, the backslash (see badTargetByte). Never a fragment, a quote or an angle bracket.
    constexpr std::string_view kNotInTarget = "\"#<>\\";
    constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
    // sub-delims without the comma: two Host fields joined by one would look like a name.
    constexpr std::string_view kHostMarks = "-._~!$&'()*+;=";
    for (unsigned i = 0; i < 256; ++i) {
        const char byte = static_cast<char>(i);
        const bool wordByte = isDigit(byte) || isAlpha(byte);
        unsigned classes = 0;
        if (wordByte || (i < 128 && kTokenMarks.find(byte) != std::string_view::npos))
            classes |= bitOf(CharClass::Token);
        if (i > 0x20 && i < 0x7f && kNotInTarget.find(byte) == std::string_view::npos)
            classes |= bitOf(CharClass::Target);
        if (i == '\t' || (i >= 0x20 && i != 0x7f))
            classes |= bitOf(CharClass::Value);
        if (wordByte || (i < 128 && kHostMarks.find(byte) != std::string_view::npos))
            classes |= bitOf(CharClass::Host);
        if ((classes & bitOf(CharClass::Value)) != 0 && byte != '"' && byte != '\\')
            classes |= bitOf(CharClass::Quoted);
        table[i] = static_cast<std::uint8_t>(classes);
    }
    return table;
}

inline constexpr std::array<std::uint8_t, 256> kCharTable = makeCharTable();

constexpr bool isOf(CharClass wanted, char byte) noexcept {
    return (kCharTable[static_cast<unsigned char>(byte)] & bitOf(wanted)) != 0;
}

constexpr bool isBlank(char byte) noexcept { return byte == ' ' || byte == '\t'; }

/// Cuts blanks (OWS, RFC 9110 §5.6.3) off both ends.
constexpr std::string_view trimBlanks(std::string_view text) noexcept {
    while (!text.empty() && isBlank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && isBlank(text.back()))
        text.remove_suffix(1);
    return text;
}

}  // namespace marline::http::detail
