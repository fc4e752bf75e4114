// HstsStore: what Strict-Transport-Security fields say, and for whom.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <utility>
#include <vector>

#include <libpsl.h>

#include <marline/agent/detail/directives.hpp>
#include <marline/agent/detail/host_name.hpp>
#include <marline/agent/detail/text_lines.hpp>
#include <marline/agent/detail/whole_file.hpp>
#include <marline/agent/hsts_agent.hpp>
#include <marline/protocols/detail/text.hpp>

namespace marline {
namespace {

/// Longer ages than this are this: no clock ends before.
constexpr std::chrono::seconds kLongestAge = std::chrono::years(100);

struct Policy {
    std::optional<std::chrono::seconds> maxAge;
    bool subdomains = false;
};

/// Reads the field (§6.1): unknown directives are ignored, one that is given twice spoils all.
std::optional<Policy> readPolicy(std::string_view text) {
    Policy policy;
    detail::DirectiveReader reader(text, ';');
    while (const auto directive = reader.next()) {
        if (detail::sameWord(directive->name, "max-age")) {
            const auto age = detail::deltaSeconds(directive->value, kLongestAge);
            if (policy.maxAge || !age) {
                return std::nullopt;
            }
            policy.maxAge = age;
        } else if (detail::sameWord(directive->name, "includeSubDomains")) {
            if (policy.subdomains || directive->hasValue) {
                return std::nullopt;
            }
            policy.subdomains = true;
        }
    }
    return reader.failed() || !policy.maxAge ? std::nullopt : std::optional(policy);
}

/// In lower case and without the dot of a fully qualified name.
std::string canonical(std::string_view host) {
    host.remove_suffix(host.ends_with('.') ? 1 : 0);
    return detail::lowerCase(host);
}

/// Whether a canonical host can be known: it is no address, and a line of the file can hold it.
bool isName(const std::string& host) {
    return !host.empty() && host.front() != '.' && host.front() != '#' && !host.ends_with('.') &&
           host.find_first_of(" \t\r\n") == std::string::npos && !detail::isAddress(host);
}

/// The domain that one owner has, below which names are free: what is below a public suffix, else
/// the host itself.
std::string ownedDomain(const std::string& host) {
    const char* const domain = psl_registrable_domain(psl_builtin(), host.c_str());
    return domain == nullptr ? host : domain;
}

std::string timeText(http::HttpTime time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%04d%02u%02u %02ld:%02ld:%02ld",
                  static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()), static_cast<long>(clock.hours().count()),
                  static_cast<long>(clock.minutes().count()),
                  static_cast<long>(clock.seconds().count()));
    return text.data();
}

/// Reads the decimal digits at `text[at…at + count)`.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
    int value = 0;
    const char* first = text.data() + at;
    const auto [end, error] = std::from_chars(first, first + count, value);
    return error == std::errc{} && end == first + count && value >= 0 ? std::optional(value)
                                                                      : std::nullopt;
}

/// Reads `20270131 12:00:00`.
std::optional<http::HttpTime> readTime(std::string_view text) {
    if (text.size() != 17 || text[8] != ' ' || text[11] != ':' || text[14] != ':') {
        return std::nullopt;
    }
    const auto year = digits(text, 0, 4);
    const auto month = digits(text, 4, 2);
    const auto day = digits(text, 6, 2);
    const auto hour = digits(text, 9, 2);
    const auto minute = digits(text, 12, 2);
    const auto second = digits(text, 15, 2);
    if (!year || !month || !day || !hour || !minute || !second || *hour > 23 || *minute > 59 ||
        *second > 60) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date(std::chrono::year(*year),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day)));
    if (!date.ok()) {
        return std::nullopt;
    }
    return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
           std::chrono::seconds(*second);
}

struct Line {
    std::string host;
    http::HttpTime expires;
    bool subdomains;
};

/// Reads `.example.org "20270131 12:00:00"`, or "unlimited" for the time.
std::optional<Line> readLine(std::string_view text) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos || text.size() < space + 3 || text[space + 1] != '"' ||
        !text.ends_with('"')) {
        return std::nullopt;
    }
    const std::string_view time = text.substr(space + 2, text.size() - space - 3);
    const auto expires = time == "unlimited" ? std::optional(http::HttpTime(std::chrono::sys_days(
                                                   std::chrono::year(9999) / 12 / 31)))
                                             : readTime(time);
    std::string_view host = text.substr(0, space);
    const bool subdomains = host.starts_with('.');
    host.remove_prefix(subdomains ? 1 : 0);
    std::string name = canonical(host);
    if (!expires || !isName(name)) {
        return std::nullopt;
    }
    return Line{std::move(name), *expires, subdomains};
}

}  // namespace

http::HttpTime HstsStore::present() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

bool HstsStore::note(std::string_view host, std::string_view text, http::HttpTime now) {
    const std::optional<Policy> policy = readPolicy(text);
    std::string name = canonical(host);
    if (!policy || !isName(name)) {
        return false;
    }
    if (policy->maxAge == std::chrono::seconds(0)) {
        if (const auto old = hosts_.find(name); old != hosts_.end()) {
            forget(old);
        }
    } else {
        keep(std::move(name), now + *policy->maxAge, policy->subdomains, now);
    }
    return true;
}

void HstsStore::keep(std::string host, http::HttpTime expires, bool subdomains,
                     http::HttpTime now) {
    if (const auto old = hosts_.find(host); old != hosts_.end()) {
        old->second.expires = expires;
        old->second.subdomains = subdomains;
        return;
    }
    std::string owned = ownedDomain(host);
    makeRoom(owned, now);
    if (options_.maxHosts > 0 && options_.maxPerDomain > 0) {
        ++perDomain_[owned];
        hosts_.emplace(std::move(host), Host{expires, subdomains, noted_++, std::move(owned)});
    }
}

HstsStore::Hosts::iterator HstsStore::forget(Hosts::iterator which) {
    const auto count = perDomain_.find(which->second.owned);
    if (--count->second == 0) {
        perDomain_.erase(count);
    }
    return hosts_.erase(which);
}

void HstsStore::makeRoom(const std::string& owned, http::HttpTime now) {
    const auto domainIsFull = [&] {
        const auto count = perDomain_.find(owned);
        return count != perDomain_.end() && count->second >= options_.maxPerDomain;
    };
    const auto isFull = [&] { return hosts_.size() >= options_.maxHosts || domainIsFull(); };
    if (!isFull()) {
        return;
    }
    for (auto it = hosts_.begin(); it != hosts_.end();) {
        it = it->second.expires <= now ? forget(it) : std::next(it);
    }
    if (!isFull()) {
        return;
    }
    // Who has many of them drops its own.
    const bool own = domainIsFull();
    auto oldest = hosts_.end();
    for (auto it = hosts_.begin(); it != hosts_.end(); ++it) {
        if ((!own || it->second.owned == owned) &&
            (oldest == hosts_.end() || it->second.noted < oldest->second.noted)) {
            oldest = it;
        }
    }
    if (oldest != hosts_.end()) {
        forget(oldest);
    }
}

bool HstsStore::knows(std::string_view text, http::HttpTime now) const {
    if (hosts_.empty()) {
        return false;
    }
    const std::string name = canonical(text);
    if (detail::isAddress(name)) {
        return false;
    }
    const std::string_view host = name;
    for (std::string_view domain = host; !domain.empty();) {
        const auto found = hosts_.find(domain);
        if (found != hosts_.end() && found->second.expires > now &&
            (domain.size() == host.size() || found->second.subdomains)) {
            return true;
        }
        domain.remove_prefix(std::min(domain.find('.'), domain.size() - 1) + 1);
    }
    return false;
}

Uri HstsStore::upgraded(const Uri& uri, http::HttpTime now) const {
    if (uri.scheme() != "http" || !knows(uri.host(), now)) {
        return uri;
    }
    const std::string user = uri.userInfo().empty() ? "" : uri.userInfo() + "@";
    const std::string port = uri.port() == 80 ? "" : ":" + std::to_string(uri.port());
    return Uri::parse("https://" + user + uri.host() + port + uri.path() + uri.query() +
                      uri.fragment())
        .value();
}

std::string HstsStore::toText() const {
    std::string text = "# Hosts that are asked by https only\n";
    for (const auto& [name, host] : hosts_) {
        text += (host.subdomains ? "." : "") + name + " \"" + timeText(host.expires) + "\"\n";
    }
    return text;
}

Result<std::size_t> HstsStore::addText(std::string_view text) {
    std::vector<Line> found;
    detail::TextLines lines(text);
    while (const auto line = lines.next()) {
        if (line->starts_with('#')) {
            continue;
        }
        std::optional<Line> one = readLine(*line);
        if (!one) {
            return Failure::make<Error>("line " + std::to_string(lines.number()) +
                                        " of the HSTS hosts is not HOST \"YYYYMMDD HH:MM:SS\"");
        }
        found.push_back(std::move(*one));
    }
    const http::HttpTime now = present();
    std::size_t added = 0;
    for (Line& line : found) {
        if (line.expires > now) {
            keep(std::move(line.host), line.expires, line.subdomains, now);
            ++added;
        }
    }
    return added;
}

void HstsStore::save(const std::string& path) const { detail::writeWhole(path, toText()); }

Result<std::size_t> HstsStore::load(const std::string& path) {
    const Result<std::string> text = detail::readWhole(path, "HSTS hosts");
    return text.ok() ? addText(text.value()) : Result<std::size_t>(text.failure());
}

}  // namespace marline
