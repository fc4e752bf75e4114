#include <marline/protocols/http/auth.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include <marline/protocols/detail/base64.hpp>
#include <marline/protocols/http/detail/characters.hpp>
#include <marline/protocols/http/status.hpp>

namespace marline::http {

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
    const auto pair =
        marline::detail::decodeBase64(detail::trimBlanks(sent.substr(kScheme.size())));
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
