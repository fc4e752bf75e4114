// Internal: not installed. A mail object: an envelope and its content.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace marline::smtp::detail {

/// What is sent, and to whom (RFC 5321 §2.3.1).
struct MailObject {
    std::string from;
    std::vector<std::string> to;
    /// With CRLF, doubled dots, and the end (RFC 5321 §4.5.2).
    std::string text;
    /// Without the doubled dots and the end.
    std::size_t bytes = 0;
    /// Has bytes that are no ASCII.
    bool eightBit = false;
};

/// Throws std::invalid_argument for what cannot be sent, see sendMail().
MailObject makeMailObject(std::string_view from, const std::vector<std::string>& to,
                          std::string_view message);

}  // namespace marline::smtp::detail
