#include <marline/agent/detail/base64.hpp>

#include <cstdint>

namespace marline::detail {

std::string base64(std::string_view bytes) {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (; !bytes.empty(); bytes.remove_prefix(bytes.size() < 3 ? bytes.size() : 3)) {
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            group = group << 8U | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U);
        }
        for (std::size_t i = 0; i < 4; ++i) {
            out += i <= bytes.size() ? kDigits[group >> (18 - 6 * i) & 63U] : '=';
        }
    }
    return out;
}

std::string basicCredentials(std::string_view userAndPassword) {
    return "Basic " + base64(userAndPassword);
}

}  // namespace marline::detail
