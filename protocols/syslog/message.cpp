// How a message is written.
#include <marline/protocols/syslog/message.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <set>
#include <stdexcept>
#include <utility>

#include <unistd.h>

#include <marline/protocols/detail/text.hpp>
#include <marline/protocols/syslog/detail/names.hpp>

namespace marline::syslog {
namespace {

constexpr std::string_view kNone = "-";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::string priority(const Message& message) {
    const unsigned value =
        static_cast<unsigned>(message.facility) * 8U + static_cast<unsigned>(message.severity);
    return '<' + std::to_string(value) + '>';
}

std::tm utc(Message::Time time, std::chrono::microseconds& fraction) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(time);
    fraction = time - whole;
    const std::time_t seconds = whole.time_since_epoch().count();
    std::tm parts{};
    if (gmtime_r(&seconds, &parts) == nullptr || parts.tm_year < -1900 || parts.tm_year > 8099) {
        throw std::invalid_argument("syslog: a time has a year from 0 to 9999");
    }
    return parts;
}

std::string timestamp(const std::optional<Message::Time>& time) {
    if (!time) {
        return std::string(kNone);
    }
    std::chrono::microseconds fraction{};
    const std::tm parts = utc(*time, fraction);
    std::array<char, 64> text{};
    const int length =
        std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
                      parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                      parts.tm_min, parts.tm_sec, static_cast<int>(fraction.count()));
    return std::string(text.data(), static_cast<std::size_t>(length));
}

/// A name, or that there is none.
std::string named(const std::string& name, std::size_t most, const char* what) {
    if (name.empty()) {
        return std::string(kNone);
    }
    if (!detail::isName(name, most)) {
        throw std::invalid_argument(std::string("syslog: Message::") + what + " is up to " +
                                    std::to_string(most) +
                                    " bytes of printable ASCII without blanks");
    }
    return name;
}

void append(std::string& out, const Parameter& parameter) {
    if (!detail::isSdName(parameter.name) || !marline::detail::isUtf8(parameter.value)) {
        throw std::invalid_argument("syslog: a Parameter has a name of up to " +
                                    std::to_string(kMaxSdName) +
                                    " bytes without = ] \" and blanks, and a value of UTF-8");
    }
    out += ' ' + parameter.name + "=\"";
    for (const char c : parameter.value) {
        out += c == '"' || c == '\\' || c == ']' ? "\\" : "";
        out += c;
    }
    out += '"';
}

std::string structuredData(const std::vector<Element>& elements) {
    std::string out;
    std::set<std::string_view> ids;
    for (const Element& element : elements) {
        if (!detail::isSdName(element.id) || !ids.insert(element.id).second) {
            throw std::invalid_argument("syslog: an Element has an id of its own, of up to " +
                                        std::to_string(kMaxSdName) +
                                        " bytes without = ] \" and blanks");
        }
        out += '[' + element.id;
        for (const Parameter& parameter : element.parameters) {
            append(out, parameter);
        }
        out += ']';
    }
    return out.empty() ? std::string(kNone) : out;
}

/// `head`, and as much of the text as there is room for.
std::string joined(std::string head, const Message& message, std::size_t most) {
    if (message.utf8 && !marline::detail::isUtf8(message.text)) {
        throw std::invalid_argument("syslog: Message::text is not UTF-8, as Message::utf8 says");
    }
    if (head.size() > most) {
        throw std::length_error("syslog: a message has " + std::to_string(head.size()) +
                                " bytes without its text, more than " + std::to_string(most));
    }
    std::size_t length = std::min(message.text.size(), most - head.size());
    if (length < message.text.size() && marline::detail::isUtf8(message.text)) {
        while (length > 0 && (static_cast<unsigned char>(message.text[length]) & 0xc0U) == 0x80U) {
            --length;
        }
    }
    return head.append(message.text, 0, length);
}

}  // namespace

Message localMessage(std::string appName, Severity severity, std::string text) {
    std::array<char, kMaxHostName + 1> host{};
    ::gethostname(host.data(), host.size() - 1);
    const bool utf8 = marline::detail::isUtf8(text);
    return {.severity = severity,
            .time = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()),
            .hostName = host.data(),
            .appName = std::move(appName),
            .procId = std::to_string(::getpid()),
            .text = std::move(text),
            .utf8 = utf8};
}

std::string formatMessage(const Message& message, std::size_t most) {
    std::string head = priority(message) + "1 " + timestamp(message.time) + ' ' +
                       named(message.hostName, kMaxHostName, "hostName") + ' ' +
                       named(message.appName, kMaxAppName, "appName") + ' ' +
                       named(message.procId, kMaxProcId, "procId") + ' ' +
                       named(message.msgId, kMaxMsgId, "msgId") + ' ' +
                       structuredData(message.elements);
    if (message.text.empty()) {
        return joined(std::move(head), message, most);
    }
    head += ' ';
    if (message.utf8) {
        head += kByteOrderMark;
    }
    return joined(std::move(head), message, most);
}

std::string formatLocalMessage(const Message& message, std::size_t most) {
    std::string head = priority(message);
    if (message.time) {
        const std::time_t seconds =
            std::chrono::floor<std::chrono::seconds>(*message.time).time_since_epoch().count();
        std::tm parts{};
        ::localtime_r(&seconds, &parts);
        std::array<char, 64> text{};
        const int length =
            std::snprintf(text.data(), text.size(), "%s %2d %02d:%02d:%02d ",
                          detail::kMonths.at(static_cast<std::size_t>(parts.tm_mon)).data(),
                          parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
        head.append(text.data(), static_cast<std::size_t>(length));
    }
    if (!message.appName.empty()) {
        head += named(message.appName, kMaxAppName, "appName");
        if (!message.procId.empty()) {
            head += '[' + named(message.procId, kMaxProcId, "procId") + ']';
        }
        head += ": ";
    }
    return joined(std::move(head), message, most);
}

}  // namespace marline::syslog
