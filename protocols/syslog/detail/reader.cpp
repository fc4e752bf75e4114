#include <marline/protocols/syslog/detail/reader.hpp>

#include <algorithm>
#include <utility>

#include <marline/protocols/detail/text.hpp>
#include <marline/protocols/syslog/detail/names.hpp>

namespace marline::syslog::detail {
namespace {

constexpr unsigned kMostPriority = 191;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool isDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::optional<unsigned> takePriority(std::string_view& data) {
    const std::size_t end = data.find('>');
    if (!data.starts_with('<') || end < 2 || end > 4) {
        return std::nullopt;
    }
    unsigned value = 0;
    for (const char c : data.substr(1, end - 1)) {
        if (!isDigit(c)) {
            return std::nullopt;
        }
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    if (value > kMostPriority || (data[1] == '0' && end > 2)) {
        return std::nullopt;
    }
    data.remove_prefix(end + 1);
    return value;
}

Result<Message> Reader::read() {
    if (readHeader() && structuredData() && text()) {
        return std::move(message_);
    }
    return Failure::make<FormatError>("syslog: byte " +
                                      std::to_string(data_.size() - rest_.size()) + " is not " +
                                      wanted_ + " (RFC 5424)");
}

bool Reader::wants(const char* what) {
    wanted_ = what;
    return false;
}

bool Reader::literal(char c) {
    if (!rest_.starts_with(c)) {
        return false;
    }
    rest_.remove_prefix(1);
    return true;
}

bool Reader::blank() { return literal(' ') || wants("a blank"); }

/// So many digits, no more and no less.
bool Reader::number(int& into, std::size_t digits) {
    const std::string_view text = rest_.substr(0, digits);
    if (text.size() < digits || !std::all_of(text.begin(), text.end(), isDigit)) {
        return false;
    }
    into = 0;
    for (const char c : text) {
        into = into * 10 + (c - '0');
    }
    rest_.remove_prefix(digits);
    return true;
}

bool Reader::readHeader() {
    const auto priority = takePriority(rest_);
    if (!priority) {
        return wants("a priority");
    }
    message_.facility = static_cast<Facility>(*priority / 8);
    message_.severity = static_cast<Severity>(*priority % 8);
    if (!literal('1')) {
        return wants("version 1");
    }
    return blank() && timestamp() && blank() &&
           word(message_.hostName, kMaxHostName, "a host's name") && blank() &&
           word(message_.appName, kMaxAppName, "a program's name") && blank() &&
           word(message_.procId, kMaxProcId, "a process") && blank() &&
           word(message_.msgId, kMaxMsgId, "a kind of message") && blank();
}

/// A name, or `-` for none.
bool Reader::word(std::string& into, std::size_t most, const char* what) {
    const std::string_view text = rest_.substr(0, rest_.find(' '));
    if (!isName(text, most)) {
        return wants(what);
    }
    into = text == "-" ? std::string_view() : text;
    rest_.remove_prefix(text.size());
    return true;
}

bool Reader::timestamp() {
    if (literal('-')) {
        return true;
    }
    int year = 0;
    int month = 0;
    int day = 0;
    std::chrono::microseconds time{};
    const bool whole = number(year, 4) && literal('-') && number(month, 2) && literal('-') &&
                       number(day, 2) && literal('T') && clock(time) && fraction(time) &&
                       zone(time);
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!whole || !date.ok()) {
        return wants("(or follows) a time as 2003-10-11T22:14:15.003Z");
    }
    message_.time = std::chrono::sys_days(date) + time;
    return true;
}

/// There are no leap seconds here.
bool Reader::clock(std::chrono::microseconds& time) {
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!number(hour, 2) || !literal(':') || !number(minute, 2) || !literal(':') ||
        !number(second, 2) || hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    time = std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
    return true;
}

/// Up to six digits, when there is a dot.
bool Reader::fraction(std::chrono::microseconds& time) {
    if (!literal('.')) {
        return true;
    }
    constexpr std::size_t kMostDigits = 6;
    std::size_t digits = 0;
    std::int64_t value = 0;
    for (; digits < kMostDigits && !rest_.empty() && isDigit(rest_.front()); ++digits) {
        value = value * 10 + (rest_.front() - '0');
        rest_.remove_prefix(1);
    }
    const bool some = digits > 0;
    for (; digits < kMostDigits; ++digits) {
        value *= 10;
    }
    time += std::chrono::microseconds(value);
    return some;
}

bool Reader::zone(std::chrono::microseconds& time) {
    if (literal('Z')) {
        return true;
    }
    const bool ahead = literal('+');
    int hours = 0;
    int minutes = 0;
    if ((!ahead && !literal('-')) || !number(hours, 2) || !literal(':') || !number(minutes, 2) ||
        hours > 23 || minutes > 59) {
        return false;
    }
    const auto offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
    time += ahead ? -offset : offset;
    return true;
}

bool Reader::structuredData() {
    if (literal('-')) {
        return true;
    }
    if (!rest_.starts_with('[')) {
        return wants("structured data");
    }
    while (literal('[')) {
        if (!element()) {
            return false;
        }
    }
    return true;
}

/// SD-NAME; empty when there is none.
std::string_view Reader::name() {
    const std::string_view text = rest_.substr(0, rest_.find_first_of(" =]\""));
    if (!isSdName(text)) {
        return {};
    }
    rest_.remove_prefix(text.size());
    return text;
}

bool Reader::element() {
    Element found{.id = std::string(name()), .parameters = {}};
    if (found.id.empty()) {
        return wants("the id of an element");
    }
    if (std::ranges::any_of(message_.elements,
                            [&](const Element& before) { return before.id == found.id; })) {
        return wants("the end of an id that comes once");
    }
    while (literal(' ')) {
        if (!parameter(found)) {
            return false;
        }
    }
    message_.elements.push_back(std::move(found));
    return literal(']') || wants("the end of an element");
}

bool Reader::parameter(Element& of) {
    Parameter found{.name = std::string(name()), .value = {}};
    if (found.name.empty() || !literal('=') || !literal('"')) {
        return wants("the name of a parameter, with a value");
    }
    if (!value(found.value)) {
        return wants("the value of a parameter, in UTF-8");
    }
    of.parameters.push_back(std::move(found));
    return true;
}

/// A backslash before anything else than `"`, `\` and `]` is one.
bool Reader::value(std::string& into) {
    while (!rest_.empty() && rest_.front() != '"') {
        if (rest_.front() == ']') {
            return false;
        }
        const bool escaped = rest_.size() > 1 && rest_.front() == '\\' &&
                             std::string_view("\"\\]").find(rest_[1]) != std::string_view::npos;
        rest_.remove_prefix(escaped ? 1 : 0);
        into += rest_.front();
        rest_.remove_prefix(1);
    }
    return literal('"') && marline::detail::isUtf8(into);
}

bool Reader::text() {
    if (rest_.empty()) {
        return true;
    }
    if (!blank()) {
        return false;
    }
    message_.utf8 = rest_.starts_with(kByteOrderMark);
    rest_.remove_prefix(message_.utf8 ? kByteOrderMark.size() : 0);
    if (message_.utf8 && !marline::detail::isUtf8(rest_)) {
        return wants("the beginning of UTF-8");
    }
    message_.text = rest_;
    return true;
}

}  // namespace marline::syslog::detail
