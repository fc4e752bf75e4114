#include <marline/protocols/http/cookie.hpp>

#include <algorithm>
#include <stdexcept>

#include <marline/protocols/http/detail/characters.hpp>

namespace marline::http {
namespace {

void appendClean(std::string& out, std::string_view text) {
    for (const char c : text) {
        out += c == ';' || c == '\r' || c == '\n' ? ' ' : c;
    }
}

void appendAttribute(std::string& out, std::string_view name, std::string_view value) {
    if (!value.empty()) {
        out.append("; ").append(name).append("=");
        appendClean(out, value);
    }
}

bool isToken(std::string_view text) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return detail::isOf(detail::CharClass::Token, c);
    });
}

std::string_view nameOf(SameSite sameSite) noexcept {
    switch (sameSite) {
    case SameSite::Default: break;
    case SameSite::Lax: return "Lax";
    case SameSite::Strict: return "Strict";
    case SameSite::None: return "None";
    }
    return {};
}

}  // namespace

std::string formatCookie(const Cookie& cookie) {
    if (!isToken(cookie.name)) {
        throw std::invalid_argument("a cookie's name is a token, not '" + cookie.name + "'");
    }
    if (cookie.sameSite == SameSite::None && !cookie.secure) {
        throw std::invalid_argument("cookie " + cookie.name + ": SameSite::None needs `secure`");
    }
    std::string out = cookie.name + "=";
    appendClean(out, cookie.value);
    if (cookie.maxAge) {
        appendAttribute(out, "Max-Age", std::to_string(cookie.maxAge->count()));
    }
    appendAttribute(out, "Domain", cookie.domain);
    appendAttribute(out, "Path", cookie.path);
    out.append(cookie.secure ? "; Secure" : "").append(cookie.httpOnly ? "; HttpOnly" : "");
    appendAttribute(out, "SameSite", nameOf(cookie.sameSite));
    return out;
}

std::optional<std::string_view> findCookie(std::string_view field, std::string_view name) noexcept {
    while (!field.empty()) {
        const std::size_t end = field.find(';');
        std::string_view pair = field.substr(0, end);
        field = end == std::string_view::npos ? std::string_view{} : field.substr(end + 1);
        while (!pair.empty() && detail::isBlank(pair.front())) {
            pair.remove_prefix(1);
        }
        if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') {
            return pair.substr(name.size() + 1);
        }
    }
    return std::nullopt;
}

}  // namespace marline::http
