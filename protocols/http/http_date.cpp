#include <marline/protocols/http/http_date.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include <marline/protocols/http/detail/characters.hpp>

namespace marline::http {
namespace {

using namespace std::chrono;

constexpr std::array<std::string_view, 7> kDays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::size_t kShortDay = 3;

/// Puts a date together; the caller has seen to the room.
class Writer {
public:
    explicit Writer(char* to) : at_(to) {}

    const char* end() const noexcept { return at_; }
    Writer& text(std::string_view what) noexcept {
        at_ = std::copy(what.begin(), what.end(), at_);
        return *this;
    }
    Writer& two(unsigned number) noexcept {
        *at_++ = static_cast<char>('0' + number / 10);
        *at_++ = static_cast<char>('0' + number % 10);
        return *this;
    }
    /// Four digits, or more and a sign if it has them.
    Writer& year(int number) noexcept {
        if (number >= 0 && number <= 9999) {
            return two(static_cast<unsigned>(number) / 100)
                .two(static_cast<unsigned>(number) % 100);
        }
        at_ = std::to_chars(at_, at_ + std::numeric_limits<int>::digits10 + 2, number).ptr;
        return *this;
    }

private:
    char* at_;
};

/// Takes a date apart from the front; once something is not as expected it stays failed.
class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    bool done() const noexcept { return good_ && rest_.empty(); }

    bool skip(std::string_view text) {
        good_ = good_ && rest_.starts_with(text);
        if (good_) {
            rest_.remove_prefix(text.size());
        }
        return good_;
    }

    /// A day's name; true when it is a long one.
    bool day() {
        for (const std::string_view name : kDays) {
            if (rest_.starts_with(name)) {
                return skip(name);
            }
        }
        for (const std::string_view name : kDays) {
            if (rest_.starts_with(name.substr(0, kShortDay))) {
                skip(name.substr(0, kShortDay));
                return false;
            }
        }
        good_ = false;
        return false;
    }

    unsigned month() {
        const auto at = std::find(kMonths.begin(), kMonths.end(), rest_.substr(0, 3));
        good_ = good_ && at != kMonths.end();
        if (!good_) {
            return 0;
        }
        rest_.remove_prefix(3);
        return static_cast<unsigned>(at - kMonths.begin()) + 1;
    }

    int number(std::size_t digits) {
        int value = 0;
        good_ = good_ && rest_.size() >= digits;
        for (std::size_t i = 0; good_ && i < digits; ++i) {
            good_ = detail::isDigit(rest_[i]);
            value = value * 10 + (rest_[i] - '0');
        }
        if (good_) {
            rest_.remove_prefix(digits);
        }
        return good_ ? value : 0;
    }

    /// `08:49:37`; a 60th second is the next minute's first.
    seconds timeOfDay() {
        const int hour = number(2);
        skip(":");
        const int minute = number(2);
        skip(":");
        const int second = number(2);
        good_ = good_ && hour < 24 && minute < 60 && second <= 60;
        return hours(hour) + minutes(minute) + seconds(second);
    }

    bool next(char c) const noexcept { return rest_.starts_with(c); }

private:
    std::string_view rest_;
    bool good_ = true;
};

int fullYear(int twoDigits, HttpTime now) {
    const int present = static_cast<int>(year_month_day(floor<days>(now)).year());
    const int candidate = present / 100 * 100 + twoDigits;
    return candidate > present + 50 ? candidate - 100 : candidate;
}

}  // namespace

std::string_view formatHttpDate(HttpTime time, HttpDateRoom& room) noexcept {
    const auto midnight = floor<days>(time);
    const year_month_day date(midnight);
    const hh_mm_ss clock(time - midnight);
    Writer out(room.data());
    out.text(kDays[weekday(midnight).c_encoding()].substr(0, kShortDay)).text(", ");
    out.two(static_cast<unsigned>(date.day())).text(" ");
    out.text(kMonths[static_cast<unsigned>(date.month()) - 1]).text(" ");
    out.year(static_cast<int>(date.year())).text(" ");
    out.two(static_cast<unsigned>(clock.hours().count())).text(":");
    out.two(static_cast<unsigned>(clock.minutes().count())).text(":");
    out.two(static_cast<unsigned>(clock.seconds().count())).text(" GMT");
    return {room.data(), out.end()};
}

std::string formatHttpDate(HttpTime time) {
    HttpDateRoom room;
    return std::string(formatHttpDate(time, room));
}

std::optional<HttpTime> parseHttpDate(std::string_view text, HttpTime now) {
    Reader reader(text);
    const bool longDay = reader.day();
    unsigned monthNumber = 0;
    int dayNumber = 0;
    int yearNumber = 0;
    seconds clock{};
    if (reader.next(',')) {
        reader.skip(", ");
        dayNumber = reader.number(2);
        const char* separator = longDay ? "-" : " ";
        reader.skip(separator);
        monthNumber = reader.month();
        reader.skip(separator);
        yearNumber = longDay ? fullYear(reader.number(2), now) : reader.number(4);
        reader.skip(" ");
        clock = reader.timeOfDay();
        reader.skip(" GMT");
    } else {
        reader.skip(" ");
        monthNumber = reader.month();
        reader.skip(" ");
        dayNumber = reader.next(' ') && reader.skip(" ") ? reader.number(1) : reader.number(2);
        reader.skip(" ");
        clock = reader.timeOfDay();
        reader.skip(" ");
        yearNumber = reader.number(4);
    }
    const year_month_day date(year(yearNumber), month(monthNumber),
                              day(static_cast<unsigned>(dayNumber)));
    if (!reader.done() || !date.ok()) {
        return std::nullopt;
    }
    return sys_days(date) + clock;
}

std::optional<HttpTime> parseHttpDate(std::string_view text) {
    return parseHttpDate(text, floor<seconds>(system_clock::now()));
}

}  // namespace marline::http
