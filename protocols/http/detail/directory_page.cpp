#include <marline/protocols/http/detail/directory_page.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <system_error>
#include <tuple>
#include <vector>

#include <dirent.h>
#include <sys/stat.h>

#include <marline/protocols/http/detail/beneath.hpp>
#include <marline/protocols/http/detail/characters.hpp>
#include <marline/protocols/http/pages.hpp>

namespace marline::http::detail {
namespace {

constexpr std::string_view kHead =
    R"(<meta name="viewport" content="width=device-width,initial-scale=1">
<style>
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.25rem;font-weight:600;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}
th{text-align:left;font-weight:600;font-size:.85rem;opacity:.7}
td,th{padding:.3rem .75rem .3rem 0;border-bottom:1px solid #8884}
td:first-child{overflow-wrap:anywhere}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums;opacity:.8}
a{text-decoration:none}a:hover{text-decoration:underline}
p{opacity:.7;font-size:.85rem}
</style>
)";

struct Entry {
    std::string name;
    std::uint64_t size;
    std::chrono::sys_seconds changed;
    bool folder;
};

std::vector<Entry> entriesOf(UniqueFd folder, bool hidden) {
    const std::unique_ptr<DIR, int (*)(DIR*)> opened(::fdopendir(folder.get()), &::closedir);
    if (!opened) {
        throw std::system_error(errno, std::system_category(), "list a folder");
    }
    folder.release();
    std::vector<Entry> entries;
    while (const dirent* each = ::readdir(opened.get())) {
        const std::string name = each->d_name;
        struct stat info{};
        if (name == "." || name == ".." || (!hidden && isHidden(name)) ||
            ::fstatat(::dirfd(opened.get()), name.c_str(), &info, 0) != 0) {
            continue;
        }
        if (S_ISDIR(info.st_mode) || S_ISREG(info.st_mode)) {
            entries.push_back({name, static_cast<std::uint64_t>(info.st_size),
                               std::chrono::sys_seconds(std::chrono::seconds(info.st_mtime)),
                               S_ISDIR(info.st_mode)});
        }
    }
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
        return std::tie(b.folder, a.name) < std::tie(a.folder, b.name);
    });
    return entries;
}

std::string timeText(std::chrono::sys_seconds time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02u %02d:%02d",
                  static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                  static_cast<int>(clock.minutes().count()));
    return text.data();
}

void appendRow(std::string& page, const Entry& entry) {
    const std::string slash = entry.folder ? "/" : "";
    page.append("<tr><td><a href=\"./").append(encodeSegment(entry.name)).append(slash);
    page.append("\">").append(escapeHtml(entry.name)).append(slash).append("</a></td>");
    page.append("<td class=\"n\">").append(entry.folder ? "" : readableSize(entry.size));
    page.append("</td><td class=\"n\">").append(timeText(entry.changed)).append("</td></tr>\n");
}

}  // namespace

std::string readableSize(std::uint64_t bytes) {
    constexpr std::array<const char*, 6> kUnits{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        return std::to_string(bytes) + " B";
    }
    double value = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    for (; value >= 1023.5; ++unit) {
        value /= 1024;
    }
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), value < 9.95 ? "%.1f %s" : "%.0f %s", value,
                  kUnits[unit]);
    return text.data();
}

std::string encodeSegment(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    constexpr std::string_view kMarks = "-._~";
    std::string out;
    for (const char c : text) {
        if (isDigit(c) || isAlpha(c) || kMarks.find(c) != std::string_view::npos) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += kDigits[byte >> 4U];
            out += kDigits[byte & 15U];
        }
    }
    return out;
}

std::string directoryPage(UniqueFd folder, std::string_view path, bool hidden, std::size_t max) {
    std::vector<Entry> entries = entriesOf(std::move(folder), hidden);
    const std::size_t all = entries.size();
    entries.resize(std::min(all, max), Entry{});
    const std::string title = escapeHtml(path);
    std::string page = "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\n";
    page.append("<title>").append(title).append("</title>\n").append(kHead).append("</head>\n");
    page.append("<body>\n<h1>").append(title).append("</h1>\n<table>\n<thead><tr><th>Name</th>");
    page.append("<th class=\"n\">Size</th><th class=\"n\">Changed (UTC)</th></tr></thead>\n");
    page.append("<tbody>\n");
    if (path != "/") {
        page.append("<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n");
    }
    for (const Entry& entry : entries) {
        appendRow(page, entry);
    }
    page.append("</tbody>\n</table>\n<p>");
    page.append(std::to_string(entries.size()));
    if (all > max) {
        page.append(" of ").append(std::to_string(all));
    }
    return page.append(all == 1 ? " entry" : " entries").append("</p>\n</body>\n</html>\n");
}

}  // namespace marline::http::detail
