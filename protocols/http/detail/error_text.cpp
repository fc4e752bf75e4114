#include <marline/protocols/http/detail/error_text.hpp>

#include <algorithm>
#include <array>

#include <marline/protocols/http/status.hpp>

namespace marline::http::detail {

std::string errorText(int code, std::string_view text) {
    std::string line = std::to_string(code);
    line.append(" ").append(statusPhrase(code)).append(": ").append(text).append("\n");
    return line;
}

bool isKnownMethod(std::string_view method) noexcept {
    constexpr std::array<std::string_view, 9> kKnown{
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
    return std::find(kKnown.begin(), kKnown.end(), method) != kKnown.end();
}

}  // namespace marline::http::detail
