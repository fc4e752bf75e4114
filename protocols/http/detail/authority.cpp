#include <marline/protocols/http/detail/authority.hpp>

#include <marline/protocols/http/detail/characters.hpp>
#include <marline/protocols/http/detail/lower_case.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <cstddef>

namespace marline::http::detail {

namespace {

/// A registered name or an IPv4 address (RFC 3986 §3.2.2), not empty.
bool isRegisteredName(std::string_view name) noexcept {
    for (std::size_t at = 0; at < name.size(); ++at) {
        if (isOf(CharClass::Host, name[at]))
            continue;
        if (name[at] != '%' || name.size() - at < 3 || hexValue(name[at + 1]) < 0 ||
            hexValue(name[at + 2]) < 0)
            return false;
        at += 2;
    }
    return !name.empty();
}

bool isIpv6Address(std::string_view text) noexcept {
    char copy[INET6_ADDRSTRLEN];
    in6_addr address;
    if (text.size() >= sizeof(copy))
        return false;
    copy[text.copy(copy, sizeof(copy) - 1)] = '\0';
    return inet_pton(AF_INET6, copy, &address) == 1;
}

/// A port of 0 to 65535, or nothing, which the grammar allows.
bool isPort(std::string_view text) noexcept {
    unsigned port = 0;
    for (const char digit : text) {
        if (!isDigit(digit))
            return false;
        port = port * 10 + static_cast<unsigned>(digit - '0');
        if (port > 65535)
            return false;
    }
    return true;
}

bool isAuthority(std::string_view text, bool needsPort) noexcept {
    std::size_t hostEnd;
    if (text.starts_with('[')) {
        const std::size_t bracket = text.find(']');
        if (bracket == std::string_view::npos || !isIpv6Address(text.substr(1, bracket - 1)))
            return false;
        hostEnd = bracket + 1;
    } else {
        hostEnd = std::min(text.find(':'), text.size());
        if (!isRegisteredName(text.substr(0, hostEnd)))
            return false;
    }
    if (hostEnd == text.size())
        return !needsPort;
    const std::string_view port = text.substr(hostEnd + 1);
    return text[hostEnd] == ':' && isPort(port) && !(needsPort && port.empty());
}

/// The length of `http://` or `https://` at the front, in any case; 0 if there is neither.
std::size_t schemeLength(std::string_view target) noexcept {
    for (const std::string_view scheme : {std::string_view("http"), std::string_view("https")}) {
        if (equalsWord(target.substr(0, scheme.size()), scheme) &&
            target.substr(scheme.size()).starts_with("://"))
            return scheme.size() + 3;
    }
    return 0;
}

}  // namespace

bool isHostField(std::string_view value) noexcept {
    return value.empty() || isAuthority(value, false);
}

ParseReason classifyTarget(RequestHead& head) noexcept {
    const std::string_view target = head.target;
    if (head.method == "CONNECT") {
        head.form = TargetForm::Authority;
        head.authority = target;
        return isAuthority(target, true) ? ParseReason::None : ParseReason::BadTargetForm;
    }
    if (target.front() == '/') {
        head.form = TargetForm::Origin;
        return ParseReason::None;
    }
    if (target == "*") {
        head.form = TargetForm::Asterisk;
        return head.method == "OPTIONS" ? ParseReason::None : ParseReason::BadTargetForm;
    }
    const std::size_t scheme = schemeLength(target);
    if (scheme == 0)
        return ParseReason::BadTargetForm;
    const std::size_t pathStart = std::min(target.find_first_of("/?", scheme), target.size());
    head.form = TargetForm::Absolute;
    head.authority = target.substr(scheme, pathStart - scheme);
    return isAuthority(head.authority, false) ? ParseReason::None : ParseReason::BadTarget;
}

}  // namespace marline::http::detail
