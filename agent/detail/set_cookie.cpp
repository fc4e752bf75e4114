#include <marline/agent/detail/set_cookie.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include <libpsl.h>

#include <marline/agent/detail/field_list.hpp>
#include <marline/agent/detail/host_name.hpp>
#include <marline/protocols/detail/text.hpp>

namespace marline::detail {
namespace {

constexpr std::size_t kMaxAttribute = 1024;

bool hasControls(std::string_view text) noexcept {
    return std::any_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && byte != '\t') || byte == 0x7f;
    });
}

}  // namespace

bool isCookieText(std::string_view text) noexcept {
    return text.find(';') == std::string_view::npos && !hasControls(text);
}

bool isCookieDomain(std::string_view text) noexcept {
    return !text.empty() && text.front() != '.' && text.front() != '#' &&
           text.find('\t') == std::string_view::npos && isCookieText(text);
}

namespace {

/// The text up to the next semicolon, which goes too.
std::string_view takePart(std::string_view& text) noexcept {
    const std::string_view part = text.substr(0, text.find(';'));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    return part;
}

std::optional<std::chrono::seconds> parseMaxAge(std::string_view text) noexcept {
    const bool negative = text.starts_with('-');
    const std::string_view digits = text.substr(negative ? 1 : 0);
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
        return std::nullopt;
    }
    std::int64_t seconds = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), seconds).ec != std::errc{}) {
        seconds = std::numeric_limits<std::int32_t>::max();
    }
    return std::chrono::seconds(negative ? 0 : seconds);
}

http::SameSite parseSameSite(std::string_view text) noexcept {
    if (sameWord(text, "none")) {
        return http::SameSite::None;
    }
    if (sameWord(text, "strict")) {
        return http::SameSite::Strict;
    }
    return sameWord(text, "lax") ? http::SameSite::Lax : http::SameSite::Default;
}

void readAttribute(SetCookie& cookie, std::string_view part) {
    const std::size_t equals = part.find('=');
    const std::string_view name = trimmed(part.substr(0, equals));
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view{} : trimmed(part.substr(equals + 1));
    if (value.size() > kMaxAttribute) {
        return;
    }
    if (sameWord(name, "expires")) {
        if (const auto date = parseCookieDate(value)) {
            cookie.expires = date;
        }
    } else if (sameWord(name, "max-age")) {
        if (const auto age = parseMaxAge(value)) {
            cookie.maxAge = age;
        }
    } else if (sameWord(name, "domain")) {
        cookie.domain = lowerCase(value.substr(value.starts_with('.') ? 1 : 0));
    } else if (sameWord(name, "path")) {
        cookie.path = value.starts_with('/') ? std::optional<std::string>(value) : std::nullopt;
    } else if (sameWord(name, "secure")) {
        cookie.secure = true;
    } else if (sameWord(name, "httponly")) {
        cookie.httpOnly = true;
    } else if (sameWord(name, "samesite")) {
        cookie.sameSite = parseSameSite(value);
    }
}

bool isDigit(char c) noexcept { return c >= '0' && c <= '9'; }

/// What separates the parts of a cookie's date.
bool isDelimiter(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return byte == 0x09 || (byte >= 0x20 && byte <= 0x2f) || (byte >= 0x3b && byte <= 0x40) ||
           (byte >= 0x5b && byte <= 0x60) || (byte >= 0x7b && byte <= 0x7e);
}

/// The number of `least` to `most` digits that `text` begins with, and no more digits.
std::optional<int> leadingNumber(std::string_view text, std::size_t least,
                                 std::size_t most) noexcept {
    std::size_t n = 0;
    while (n < text.size() && isDigit(text[n])) {
        ++n;
    }
    if (n < least || n > most) {
        return std::nullopt;
    }
    int number = 0;
    std::from_chars(text.data(), text.data() + n, number);
    return number;
}

/// The parts of a date as they are found; each is found once.
struct DateParts {
    std::optional<std::array<int, 3>> time;
    std::optional<int> day;
    std::optional<int> month;
    std::optional<int> year;

    void take(std::string_view token) noexcept {
        if (!time && (time = timeIn(token))) {
            return;
        }
        if (!day && (day = leadingNumber(token, 1, 2))) {
            return;
        }
        if (!month && (month = monthIn(token))) {
            return;
        }
        if (!year) {
            year = leadingNumber(token, 2, 4);
        }
    }

    static std::optional<std::array<int, 3>> timeIn(std::string_view token) noexcept {
        std::array<int, 3> parts{};
        for (std::size_t i = 0; i < parts.size(); ++i) {
            const auto number = leadingNumber(token, 1, 2);
            if (!number) {
                return std::nullopt;
            }
            parts[i] = *number;
            token.remove_prefix(isDigit(token.size() > 1 ? token[1] : ' ') ? 2 : 1);
            if (i < 2) {
                if (!token.starts_with(':')) {
                    return std::nullopt;
                }
                token.remove_prefix(1);
            }
        }
        return parts;
    }

    static std::optional<int> monthIn(std::string_view token) noexcept {
        constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                                "jul", "aug", "sep", "oct", "nov", "dec"};
        for (int i = 0; i < 12; ++i) {
            if (sameWord(token.substr(0, 3), kMonths[i])) {
                return i + 1;
            }
        }
        return std::nullopt;
    }
};

}  // namespace

std::optional<SetCookie> parseSetCookie(std::string_view text) {
    if (hasControls(text)) {
        return std::nullopt;
    }
    const std::string_view pair = takePart(text);
    const std::size_t equals = pair.find('=');
    SetCookie cookie;
    if (equals == std::string_view::npos) {
        cookie.value = trimmed(pair);
    } else {
        cookie.name = trimmed(pair.substr(0, equals));
        cookie.value = trimmed(pair.substr(equals + 1));
    }
    const std::size_t size = cookie.name.size() + cookie.value.size();
    if (size == 0 || size > kMaxCookieBytes) {
        return std::nullopt;
    }
    while (!text.empty()) {
        readAttribute(cookie, takePart(text));
    }
    return cookie;
}

std::optional<http::HttpTime> parseCookieDate(std::string_view text) {
    DateParts parts;
    while (!text.empty()) {
        const auto* end = std::find_if(text.begin(), text.end(), isDelimiter);
        if (end != text.begin()) {
            parts.take(text.substr(0, static_cast<std::size_t>(end - text.begin())));
        }
        text.remove_prefix(static_cast<std::size_t>(end - text.begin()) + (end != text.end()));
    }
    if (!parts.time || !parts.day || !parts.month || !parts.year) {
        return std::nullopt;
    }
    int year = *parts.year;
    if (year < 100) {
        year += year >= 70 ? 1900 : 2000;
    }
    const auto [hour, minute, second] = *parts.time;
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(*parts.month)),
                                           std::chrono::day(static_cast<unsigned>(*parts.day))};
    if (year < 1601 || !date.ok() || hour > 23 || minute > 59 || second > 59) {
        return std::nullopt;
    }
    return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
           std::chrono::seconds(second);
}

bool domainMatches(std::string_view host, std::string_view domain) noexcept {
    if (host == domain) {
        return true;
    }
    return host.size() > domain.size() && host.ends_with(domain) &&
           host[host.size() - domain.size() - 1] == '.' && !isAddress(host);
}

bool pathMatches(std::string_view path, std::string_view cookiePath) noexcept {
    if (!path.starts_with(cookiePath)) {
        return false;
    }
    return path.size() == cookiePath.size() || cookiePath.ends_with('/') ||
           path[cookiePath.size()] == '/';
}

std::string defaultCookiePath(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 || slash == std::string_view::npos ? "/" : std::string(path.substr(0, slash));
}

bool isPublicSuffix(std::string domain) {
    // libpsl does not know absolute names: `co.uk.` is as public as `co.uk`.
    if (domain.ends_with('.')) {
        domain.pop_back();
    }
    return psl_is_public_suffix(psl_builtin(), domain.c_str()) != 0;
}

}  // namespace marline::detail
