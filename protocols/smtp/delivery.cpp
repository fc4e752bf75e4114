#include <marline/protocols/smtp/delivery.hpp>

#include <array>
#include <cstdio>
#include <ctime>

namespace marline::smtp {

std::string mailDate() {
    // Not strftime(): its names are those of the program's language.
    constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d +0000",
                  kDays.at(static_cast<std::size_t>(parts.tm_wday)), parts.tm_mday,
                  kMonths.at(static_cast<std::size_t>(parts.tm_mon)), parts.tm_year + 1900,
                  parts.tm_hour, parts.tm_min, parts.tm_sec);
    return text.data();
}

std::string IMessageDelivery::receivedHeader(const SmtpSession& session, const MailAddress&) {
    // RFC 3848 names the protocols.
    std::string with = session.extended ? "ESMTP" : "SMTP";
    if (session.extended) {
        with.append(session.tls ? "S" : "").append(session.user.empty() ? "" : "A");
    }
    const char* const family = session.peer.kind == Address::Kind::Ipv6 ? "IPv6:" : "";
    return "Received: from " + session.helo + " ([" + family + session.peer.host + "]) by " +
           session.host + " with " + with + "; " + mailDate();
}

}  // namespace marline::smtp
