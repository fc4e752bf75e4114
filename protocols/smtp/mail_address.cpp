#include <marline/protocols/smtp/mail_address.hpp>

#include <algorithm>

namespace marline::smtp {
namespace {

bool isAlnum(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// RFC 5322 §3.2.3.
bool isAtomText(char c) {
    return isAlnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

/// Words of `fits`, separated by single dots.
template <class Fits>
bool isDotted(std::string_view text, Fits fits) {
    char before = '.';
    for (const char c : text) {
        if (c == '.' ? before == '.' : !fits(c)) {
            return false;
        }
        before = c;
    }
    return before != '.';
}

/// Where the quoted string ends that `text` begins with; npos when it does not end, or holds what
/// it may not.
std::size_t quotedEnd(std::string_view text) {
    for (std::size_t at = 1; at < text.size(); ++at) {
        if (text[at] == '"') {
            return at + 1;
        }
        at += text[at] == '\\' ? 1U : 0U;
        if (at == text.size() || text[at] < ' ' || text[at] > '~') {
            break;
        }
    }
    return std::string_view::npos;
}

bool isDomain(std::string_view text) {
    if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
        const std::string_view literal = text.substr(1, text.size() - 2);
        return std::ranges::all_of(
            literal, [](char c) { return isAlnum(c) || c == '.' || c == ':' || c == '-'; });
    }
    return isDotted(text, [](char c) { return isAlnum(c) || c == '-'; });
}

}  // namespace

std::optional<MailAddress> MailAddress::parse(std::string_view text) {
    if (text.empty()) {
        return MailAddress();
    }
    const bool quoted = text.front() == '"';
    const std::size_t end = quoted ? quotedEnd(text) : text.find('@');
    const std::string_view local = text.substr(0, std::min(end, text.size()));
    const std::string_view rest = text.substr(local.size());
    const bool good = quoted ? end != std::string_view::npos : isDotted(local, isAtomText);
    if (!good || local.size() > kMaxLocalPart || rest.size() > kMaxDomain + 1 ||
        !rest.starts_with('@') || !isDomain(rest.substr(1))) {
        return std::nullopt;
    }
    return MailAddress{std::string(local), std::string(rest.substr(1))};
}

}  // namespace marline::smtp
