// CookieJar as a file.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include <marline/agent/cookie_jar.hpp>
#include <marline/agent/detail/set_cookie.hpp>
#include <marline/agent/detail/text_lines.hpp>
#include <marline/agent/detail/whole_file.hpp>

namespace marline {
namespace {

constexpr std::string_view kHttpOnly = "#HttpOnly_";

std::optional<bool> flag(std::string_view text) noexcept {
    return text == "TRUE"    ? std::optional(true)
           : text == "FALSE" ? std::optional(false)
                             : std::nullopt;
}

/// One line: domain, for its hosts too, path, secure, expiry, name, value.
std::optional<StoredCookie> readLine(std::string_view line) {
    StoredCookie cookie;
    if (line.starts_with(kHttpOnly)) {
        cookie.httpOnly = true;
        line.remove_prefix(kHttpOnly.size());
    }
    std::array<std::string_view, 7> columns;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const std::size_t tab = i + 1 < columns.size() ? line.find('\t') : line.size();
        if (tab == std::string_view::npos) {
            return std::nullopt;
        }
        columns[i] = line.substr(0, tab);
        line.remove_prefix(std::min(tab + 1, line.size()));
    }
    const auto subdomains = flag(columns[1]);
    const auto secure = flag(columns[3]);
    std::int64_t expires = 0;
    const auto [end, error] =
        std::from_chars(columns[4].data(), columns[4].data() + columns[4].size(), expires);
    if (!subdomains || !columns[2].starts_with('/') || !secure || error != std::errc{} ||
        end != columns[4].data() + columns[4].size()) {
        return std::nullopt;
    }
    cookie.domain = columns[0].substr(columns[0].starts_with('.') ? 1 : 0);
    cookie.hostOnly = !*subdomains;
    cookie.path = columns[2];
    cookie.secure = *secure;
    if (expires != 0) {
        cookie.expires = http::HttpTime(std::chrono::seconds(
            std::clamp<std::int64_t>(expires, 1, detail::kLastExpiry.count())));
    }
    cookie.name = columns[5];
    cookie.value = columns[6];
    if (!detail::isCookieDomain(cookie.domain) || !detail::isCookieText(cookie.path) ||
        !detail::isCookieText(cookie.name) || cookie.name.find('=') != std::string::npos ||
        !detail::isCookieText(cookie.value) ||
        cookie.name.size() + cookie.value.size() > detail::kMaxCookieBytes) {
        return std::nullopt;
    }
    return cookie;
}

/// Whether a line can hold it: no column but the last one has a tab, and none a line's end.
bool fitsLine(const StoredCookie& cookie) noexcept {
    const auto plain = [](const std::string& text) {
        return detail::isCookieText(text) && text.find('\t') == std::string::npos;
    };
    return plain(cookie.domain) && plain(cookie.path) && plain(cookie.name) &&
           detail::isCookieText(cookie.value);
}

}  // namespace

std::string CookieJar::toNetscape() const {
    std::string text = "# Netscape HTTP Cookie File\n";
    for (const Entry& entry : entries_) {
        const StoredCookie& cookie = entry.cookie;
        if (!fitsLine(cookie)) {
            continue;
        }
        const auto expires = cookie.expires ? cookie.expires->time_since_epoch().count() : 0;
        text += cookie.httpOnly ? kHttpOnly : "";
        text += (cookie.hostOnly ? "" : ".") + cookie.domain + "\t" +
                (cookie.hostOnly ? "FALSE" : "TRUE") + "\t" + cookie.path + "\t" +
                (cookie.secure ? "TRUE" : "FALSE") + "\t" + std::to_string(expires) + "\t" +
                cookie.name + "\t" + cookie.value + "\n";
    }
    return text;
}

Result<std::size_t> CookieJar::addNetscape(std::string_view text) {
    std::vector<StoredCookie> found;
    detail::TextLines lines(text);
    while (const auto line = lines.next()) {
        if (line->starts_with('#') && !line->starts_with(kHttpOnly)) {
            continue;
        }
        std::optional<StoredCookie> cookie = readLine(*line);
        if (!cookie) {
            return Failure::make<Error>("line " + std::to_string(lines.number()) +
                                        " of the cookies is none of the Netscape format");
        }
        found.push_back(std::move(*cookie));
    }
    const http::HttpTime now = present();
    for (StoredCookie& cookie : found) {
        add(std::move(cookie), now);
    }
    return found.size();
}

void CookieJar::save(const std::string& path) const { detail::writeWhole(path, toNetscape()); }

Result<std::size_t> CookieJar::load(const std::string& path) {
    const Result<std::string> text = detail::readWhole(path, "cookies");
    return text.ok() ? addNetscape(text.value()) : Result<std::size_t>(text.failure());
}

}  // namespace marline
