// How a message is read.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <marline/protocols/syslog/detail/names.hpp>
#include <marline/protocols/syslog/detail/reader.hpp>
#include <marline/protocols/syslog/message.hpp>

namespace marline::syslog {
namespace {

/// RFC 3164 §4.3.3: who says no priority means this.
constexpr unsigned kNoPriority = 13;

bool isDigit(char c) { return c >= '0' && c <= '9'; }

/// `Oct 11 22:14:15 ` at the front, which is taken off.
std::optional<std::string> takeLocalTime(std::string_view& data) {
    constexpr std::string_view kShape = "Mmm dd dd:dd:dd";
    if (data.size() < kShape.size() ||
        std::ranges::find(detail::kMonths, data.substr(0, 3)) == detail::kMonths.end()) {
        return std::nullopt;
    }
    for (std::size_t at = 3; at < kShape.size(); ++at) {
        const bool padded = at == 4 && data[at] == ' ';
        if (kShape[at] == 'd' ? !isDigit(data[at]) && !padded : data[at] != kShape[at]) {
            return std::nullopt;
        }
    }
    std::string time(data.substr(0, kShape.size()));
    data.remove_prefix(kShape.size());
    data.remove_prefix(data.starts_with(' ') ? 1 : 0);
    return time;
}

/// A host's name, which a blank follows and no colon ends.
std::string takeHost(std::string_view& data) {
    const std::string_view word = data.substr(0, data.find(' '));
    if (word.size() == data.size() || !detail::isName(word, kMaxHostName) || word.ends_with(':') ||
        word.find('[') != std::string_view::npos) {
        return {};
    }
    data.remove_prefix(word.size() + 1);
    return std::string(word);
}

/// `tag: ` or `tag[pid]: `.
void takeTag(std::string_view& data, Message& into) {
    const std::string_view tag = data.substr(0, data.find_first_of(" :["));
    if (!detail::isName(tag, kMaxAppName)) {
        return;
    }
    std::string_view rest = data.substr(tag.size());
    std::string_view process;
    if (rest.starts_with('[')) {
        process = rest.substr(1, std::min(rest.find(']'), rest.size()) - 1);
        rest.remove_prefix(std::min(process.size() + 2, rest.size()));
        if (!detail::isName(process, kMaxProcId)) {
            return;
        }
    }
    if (!rest.starts_with(':')) {
        return;
    }
    into.appName = tag;
    into.procId = process;
    rest.remove_prefix(rest.starts_with(": ") ? 2 : 1);
    data = rest;
}

Result<Message> parseRfc3164(std::string_view data) {
    while (!data.empty() && (data.back() == '\n' || data.back() == '\r' || data.back() == '\0')) {
        data.remove_suffix(1);
    }
    if (data.empty()) {
        return Failure::make<FormatError>("syslog: an empty message");
    }
    Message message;
    message.format = Message::Format::Rfc3164;
    const unsigned priority = detail::takePriority(data).value_or(kNoPriority);
    message.facility = static_cast<Facility>(priority / 8);
    message.severity = static_cast<Severity>(priority % 8);
    if (auto time = takeLocalTime(data)) {
        message.localTime = std::move(*time);
        message.hostName = takeHost(data);
    }
    takeTag(data, message);
    message.text = data;
    return message;
}

}  // namespace

Result<Message> parseRfc5424(std::string_view data) { return detail::Reader(data).read(); }

Result<Message> parseMessage(std::string_view data) {
    std::string_view rest = data;
    return detail::takePriority(rest) && rest.starts_with("1 ") ? parseRfc5424(data)
                                                                : parseRfc3164(data);
}

}  // namespace marline::syslog
