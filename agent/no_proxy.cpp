// NoProxy: which hosts are reached without a proxy.
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include <marline/agent/detail/field_list.hpp>
#include <marline/agent/proxy_settings.hpp>

namespace marline {
namespace {

constexpr unsigned kIpv6Bits = 128;
constexpr unsigned kIpv4Bits = 32;
constexpr unsigned kMappedBits = kIpv6Bits - kIpv4Bits;

/// An address as 16 bytes, IPv4 as ::ffff:a.b.c.d, so that every way to write it is the same;
/// empty for what is no address.
std::string addressBytes(std::string_view text) {
    const std::string host(text.substr(0, text.find('%')));
    std::array<char, kIpv6Bits / 8> bytes{};
    if (inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1) {
        return {bytes.data(), bytes.size()};
    }
    std::memset(bytes.data(), 0, bytes.size());
    bytes[10] = bytes[11] = '\xff';
    if (inet_pton(AF_INET, host.c_str(), bytes.data() + 12) == 1) {
        return {bytes.data(), bytes.size()};
    }
    return {};
}

bool isIpv4(std::string_view text) noexcept { return text.find(':') == std::string_view::npos; }

std::optional<unsigned> number(std::string_view text, unsigned most) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    return whole && value <= most ? std::optional(value) : std::nullopt;
}

bool sameBits(std::string_view a, std::string_view b, unsigned bits) noexcept {
    const std::size_t whole = bits / 8;
    if (a.substr(0, whole) != b.substr(0, whole)) {
        return false;
    }
    const unsigned rest = bits % 8;
    const auto difference = static_cast<unsigned char>(rest == 0 ? 0 : a[whole] ^ b[whole]);
    return rest == 0 || difference >> (8U - rest) == 0;
}

/// Whether `host` is `name` or below it.
bool below(std::string_view host, std::string_view name) noexcept {
    if (host.ends_with('.')) {
        host.remove_suffix(1);
    }
    if (host.size() < name.size()) {
        return false;
    }
    const std::string_view tail = host.substr(host.size() - name.size());
    return detail::sameWord(tail, name) &&
           (host.size() == name.size() || host[host.size() - name.size() - 1] == '.');
}

/// Takes a `:port` from the end; false when what stands there is none.
bool takePort(std::string_view& text, std::uint16_t& port) {
    const std::size_t colon = text.rfind(':');
    const bool bracketed = text.starts_with('[');
    const bool several = colon != text.find(':');  // IPv6 without brackets has no port
    if (colon == std::string_view::npos || (bracketed ? text.ends_with(']') : several)) {
        return true;
    }
    const auto value = number(text.substr(colon + 1), 65535);
    if (!value || *value == 0) {
        return false;
    }
    port = static_cast<std::uint16_t>(*value);
    text = text.substr(0, colon);
    return true;
}

}  // namespace

std::optional<NoProxy::Rule> NoProxy::parseRule(std::string_view text) {
    Rule rule;
    if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
        const std::string_view base = text.substr(0, slash);
        const auto bits = number(text.substr(slash + 1), isIpv4(base) ? kIpv4Bits : kIpv6Bits);
        rule.address = addressBytes(base);
        if (!bits || rule.address.empty()) {
            return std::nullopt;
        }
        rule.bits = *bits + (isIpv4(base) ? kMappedBits : 0);
        return rule;
    }
    if (!takePort(text, rule.port)) {
        return std::nullopt;
    }
    if (text.starts_with('[') && text.ends_with(']')) {
        text = text.substr(1, text.size() - 2);
    }
    if (text == "*") {
        return rule;
    }
    rule.address = addressBytes(text);
    rule.bits = kIpv6Bits;
    if (rule.address.empty()) {
        text.remove_prefix(text.starts_with("*.") ? 2 : text.starts_with('.') ? 1 : 0);
        text.remove_suffix(text.ends_with('.') ? 1 : 0);
        rule.name = text;
        if (rule.name.empty()) {
            return std::nullopt;
        }
    }
    return rule;
}

NoProxy::NoProxy(std::string_view list) {
    constexpr std::string_view kBetween = ", \t\r\n";
    for (std::size_t at = 0; (at = list.find_first_not_of(kBetween, at)) != list.npos;) {
        const std::size_t end = std::min(list.find_first_of(kBetween, at), list.size());
        if (auto rule = parseRule(list.substr(at, end - at))) {
            rules_.push_back(std::move(*rule));
        }
        at = end;
    }
}

bool NoProxy::matches(std::string_view host, std::uint16_t port) const {
    if (rules_.empty()) {
        return false;
    }
    const std::string asked = addressBytes(host);
    return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
        if (rule.port != 0 && rule.port != port) {
            return false;
        }
        if (!rule.address.empty()) {
            return !asked.empty() && sameBits(asked, rule.address, rule.bits);
        }
        return rule.name.empty() || (asked.empty() && below(host, rule.name));
    });
}

}  // namespace marline
