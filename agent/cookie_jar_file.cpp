// CookieJar as a file.
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include <marline/agent/cookie_jar.hpp>

namespace marline {
namespace {

constexpr std::string_view kHttpOnly = "#HttpOnly_";

[[noreturn]] void refuseFile(const char* what, const std::string& path) {
    throw std::system_error(errno, std::system_category(), what + path);
}

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
    if (columns[0].empty() || !subdomains || !columns[2].starts_with('/') || !secure ||
        error != std::errc{} || end != columns[4].data() + columns[4].size()) {
        return std::nullopt;
    }
    cookie.domain = columns[0].substr(columns[0].starts_with('.') ? 1 : 0);
    cookie.hostOnly = !*subdomains;
    cookie.path = columns[2];
    cookie.secure = *secure;
    if (expires != 0) {
        cookie.expires = http::HttpTime(std::chrono::seconds(expires));
    }
    cookie.name = columns[5];
    cookie.value = columns[6];
    return cookie;
}

}  // namespace

std::string CookieJar::toNetscape() const {
    std::string text = "# Netscape HTTP Cookie File\n";
    for (const Entry& entry : entries_) {
        const StoredCookie& cookie = entry.cookie;
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
    for (std::size_t number = 1; !text.empty(); ++number) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        line.remove_suffix(line.ends_with('\r') ? 1 : 0);
        if (line.empty() || (line.starts_with('#') && !line.starts_with(kHttpOnly))) {
            continue;
        }
        std::optional<StoredCookie> cookie = readLine(line);
        if (!cookie) {
            return Failure::make<Error>("line " + std::to_string(number) +
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

void CookieJar::save(const std::string& path) const {
    const std::string text = toNetscape();
    const std::string fresh = path + ".new";
    const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    std::FILE* opened = fd < 0 ? nullptr : ::fdopen(fd, "wb");
    if (opened == nullptr) {
        refuseFile("cannot write ", fresh);
    }
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(opened, &std::fclose);
    if (std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() ||
        std::fclose(file.release()) != 0 || std::rename(fresh.c_str(), path.c_str()) != 0) {
        const int error = errno;
        ::unlink(fresh.c_str());
        errno = error;
        refuseFile("cannot write ", path);
    }
}

Result<std::size_t> CookieJar::load(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return Failure(
            std::system_error(errno, std::system_category(), "cannot read cookies of " + path));
    }
    return addNetscape(std::string(std::istreambuf_iterator<char>(file), {}));
}

}  // namespace marline
