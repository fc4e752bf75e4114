#include <marline/agent/detail/uri_text.hpp>

#include <algorithm>
#include <cstddef>

namespace marline::detail {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";

int hexValue(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool encodedAt(std::string_view text, std::size_t i) noexcept {
    return i + 2 < text.size() && hexValue(text[i + 1]) >= 0 && hexValue(text[i + 2]) >= 0;
}

bool mayStand(char c) noexcept {
    constexpr std::string_view kOthers = "-._~!$&'()*+,;=:@/?#[]";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
}

/// `scheme://` at the beginning of a text; empty when it begins with something else.
std::string_view schemeOf(std::string_view text) noexcept {
    constexpr std::string_view kOfSchemes =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";
    const std::size_t end = std::min(text.find_first_not_of(kOfSchemes), text.size());
    return text.substr(end).starts_with("://") ? text.substr(0, end + 3) : std::string_view();
}

void appendHex(std::string& out, char c) {
    const auto byte = static_cast<unsigned char>(c);
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
}

}  // namespace

std::string percentEncoded(std::string_view text, std::string_view refused) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool stands = mayStand(text[i]) && refused.find(text[i]) == std::string_view::npos;
        if (stands || (text[i] == '%' && encodedAt(text, i))) {
            out += text[i];
        } else {
            out += '%';
            appendHex(out, text[i]);
        }
    }
    return out;
}

std::string percentDecoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && encodedAt(text, i)) {
            out += static_cast<char>(hexValue(text[i + 1]) * 16 + hexValue(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::string shown(std::string_view text) {
    constexpr std::size_t kShown = 200;
    std::string out;
    // A bad password may hold anything, `/` and `@` too: all before the last `@` may be of it.
    if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
        out.append(schemeOf(text.substr(0, at))).append("***");
        text.remove_prefix(at);
    }
    for (const char c : text.substr(0, kShown)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f) {
            out += c;
        } else {
            out += "\\x";
            appendHex(out, c);
        }
    }
    return text.size() > kShown ? out + "…" : out;
}

}  // namespace marline::detail
