// Internal: not installed. What a line of a client's says.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <marline/protocols/smtp/mail_address.hpp>

namespace marline::smtp::detail {

/// Takes the word off the front of `line`, with the blank behind it.
std::string_view takeWord(std::string_view& line);

/// Letters of ASCII in upper case.
std::string upper(std::string_view text);

/// What HELO or EHLO may name: printable ASCII without blanks, or brackets inside of it.
bool isHelo(std::string_view name);

/// The argument of MAIL or RCPT: `FROM:<path> PARAMETER…`.
struct PathCommand {
    MailAddress address;
    std::vector<std::string_view> parameters;
};

/// Reads it; `prefix` is `FROM:` or `TO:`. A source route is read and left out (RFC 5321 appendix
/// C). Nothing when it is not written as RFC 5321 §4.1.2 says.
std::optional<PathCommand> parsePath(std::string_view line, std::string_view prefix);

}  // namespace marline::smtp::detail
