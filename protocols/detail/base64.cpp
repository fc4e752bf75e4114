#include <marline/protocols/detail/base64.hpp>

#include <cstdint>

namespace marline::detail {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string encodeBase64(std::string_view bytes) {
    std::string out;
    std::uint32_t bits = 0;
    unsigned have = 0;
    for (const char c : bytes) {
        bits = bits << 8U | static_cast<unsigned char>(c);
        for (have += 8; have >= 6; have -= 6) {
            out += kDigits[bits >> (have - 6) & 63U];
        }
    }
    if (have > 0) {
        out += kDigits[bits << (6 - have) & 63U];
    }
    return out.append((4 - out.size() % 4) % 4, '=');
}

std::optional<std::string> decodeBase64(std::string_view text) {
    if (text.size() % 4 != 0) {
        return std::nullopt;
    }
    std::size_t padding = 0;
    for (; padding < 2 && text.ends_with('='); ++padding) {
        text.remove_suffix(1);
    }
    std::string out;
    std::uint32_t bits = 0;
    unsigned have = 0;
    for (const char c : text) {
        const std::size_t value = kDigits.find(c);
        if (value == std::string_view::npos) {
            return std::nullopt;
        }
        bits = bits << 6U | static_cast<std::uint32_t>(value);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out += static_cast<char>(bits >> have & 255U);
        }
    }
    const bool whole = have < 6 && (bits & ((1U << have) - 1U)) == 0;
    return whole ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace marline::detail
