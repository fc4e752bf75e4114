#include <marline/protocols/http/auth.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include <marline/protocols/http/detail/characters.hpp>
#include <marline/protocols/http/status.hpp>

namespace marline::http {
namespace {

/// Decodes base64 (RFC 4648 §4), with padding or without; nothing for what is none.
std::optional<std::string> decodeBase64(std::string_view text) {
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    while (text.ends_with('=')) {
        text.remove_suffix(1);
    }
    std::string out;
    unsigned bits = 0;
    unsigned have = 0;
    for (const char c : text) {
        const std::size_t value = kAlphabet.find(c);
        if (value == std::string_view::npos) {
            return std::nullopt;
        }
        bits = (bits << 6U | static_cast<unsigned>(value)) & 0xffffU;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out += static_cast<char>(bits >> have & 0xffU);
        }
    }
    return out;
}

}  // namespace

bool sameSecret(std::string_view left, std::string_view right) noexcept {
    if (left.size() != right.size()) {
        return false;
    }
    unsigned difference = 0;
    for (std::size_t i = 0; i < left.size(); ++i) {
        difference |= static_cast<unsigned char>(left[i]) ^ static_cast<unsigned char>(right[i]);
    }
    return difference == 0;
}

BasicAuth::BasicAuth(Ref<Resource> guarded, std::string realm, Check check)
    : guarded_(std::move(guarded)), realm_(std::move(realm)), check_(std::move(check)) {
    if (!std::all_of(realm_.begin(), realm_.end(),
                     [](char c) { return detail::isOf(detail::CharClass::Quoted, c); })) {
        throw std::invalid_argument("a realm has no quotes, backslashes or control characters");
    }
}

Ref<Resource> BasicAuth::standIn(Request& request) {
    constexpr std::string_view kScheme = "basic ";
    const std::string_view sent = request.getHeader("Authorization").value_or("");
    if (!sameFieldName(sent.substr(0, kScheme.size()), kScheme)) {
        return {};
    }
    const auto pair = decodeBase64(detail::trimBlanks(sent.substr(kScheme.size())));
    const std::size_t colon = pair ? pair->find(':') : std::string::npos;
    if (colon == std::string::npos) {
        return {};
    }
    const std::string_view text = *pair;
    if (!check_(text.substr(0, colon), text.substr(colon + 1))) {
        return {};
    }
    request.setUser(pair->substr(0, colon));
    return guarded_;
}

Rendered BasicAuth::render(Request& request) {
    request.setHeader("WWW-Authenticate", "Basic realm=\"" + realm_ + "\", charset=\"UTF-8\"");
    return HttpError(kUnauthorized, "who are you?");
}

}  // namespace marline::http
