#include <marline/protocols/http/detail/field_check.hpp>

#include <marline/protocols/http/detail/scan.hpp>

#include <cstddef>
#include <stdexcept>

namespace marline::http::detail {

std::string quoted(std::string_view text) {
    constexpr std::size_t kMost = 64;
    constexpr char kDigits[] = "0123456789abcdef";
    std::string out = "\"";
    for (const char byte : text.substr(0, kMost)) {
        const auto value = static_cast<unsigned char>(byte);
        if (value >= 0x20 && value < 0x7f) {
            out += byte;
        } else {
            out += "\\x";
            out += kDigits[value >> 4];
            out += kDigits[value & 15];
        }
    }
    return out + (text.size() > kMost ? "…\"" : "\"");
}

void checkField(std::string_view name, std::string_view value) {
    if (!isToken(name))
        throw std::invalid_argument("header name " + quoted(name) + " is not a token");
    if (!isValue(value))
        throw std::invalid_argument("header " + quoted(name) +
                                    " has a control character in its value " + quoted(value));
}

}  // namespace marline::http::detail
