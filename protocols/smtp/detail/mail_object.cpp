#include <marline/protocols/smtp/detail/mail_object.hpp>

#include <algorithm>
#include <stdexcept>

#include <marline/protocols/smtp/mail_address.hpp>

namespace marline::smtp::detail {
namespace {

constexpr std::size_t kLongestLine = 998;  // RFC 5322 §2.1.1

void checkAddress(std::string_view text, bool mayBeNull) {
    const auto address = MailAddress::parse(text);
    if (!address || (address->null() && !mayBeNull)) {
        throw std::invalid_argument("sendMail: no mail address: '" + std::string(text) + "'");
    }
}

void addLine(MailObject& mail, std::string_view line) {
    if (line.size() > kLongestLine) {
        throw std::invalid_argument("sendMail: the message has a line of " +
                                    std::to_string(line.size()) +
                                    " bytes, more than 998: encode it");
    }
    if (line.find('\r') != std::string_view::npos) {
        throw std::invalid_argument("sendMail: the message has a CR without LF: encode it");
    }
    mail.text.append(line.starts_with('.') ? "." : "").append(line).append("\r\n");
    mail.bytes += line.size() + 2;
}

}  // namespace

MailObject makeMailObject(std::string_view from, const std::vector<std::string>& to,
                          std::string_view message) {
    if (to.empty()) {
        throw std::invalid_argument("sendMail: no recipients");
    }
    checkAddress(from, true);
    for (const std::string& recipient : to) {
        checkAddress(recipient, false);
    }
    MailObject mail{std::string(from), to, {}, 0, false};
    mail.text.reserve(message.size() + message.size() / 16);
    mail.eightBit =
        std::ranges::any_of(message, [](char c) { return static_cast<unsigned char>(c) >= 0x80U; });
    while (!message.empty()) {
        const std::size_t end = std::min(message.find('\n'), message.size());
        std::string_view line = message.substr(0, end);
        if (end < message.size() && line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        addLine(mail, line);
        message.remove_prefix(std::min(end + 1, message.size()));
    }
    mail.text += ".\r\n";
    return mail;
}

}  // namespace marline::smtp::detail
