#include <marline/protocols/amp/argument.hpp>

#include <array>
#include <charconv>
#include <cstdio>

#include <marline/protocols/amp/errors.hpp>

namespace marline::amp {
namespace {

constexpr std::size_t kPrefix = 2;
constexpr unsigned kByteBits = 8;

[[noreturn]] void refuse(std::string_view value, const char* type) {
    constexpr std::size_t kShown = 40;
    throw InvalidArgument("'" + std::string(value.substr(0, kShown)) + "' is no " + type);
}

template <class T>
void writeNumber(T value, std::string& out) {
    std::array<char, 32> digits;
    out.append(digits.data(),
               std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

template <class T>
T readNumber(std::string_view value, const char* type) {
    T number{};
    const char* const end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, number);
    if (error != std::errc() || stop != end) {
        refuse(value, type);
    }
    return number;
}

/// The digits of `value` from `at` on, as many as `count`, with `after` behind them.
int digits(std::string_view value, std::size_t& at, std::size_t count, std::string_view after) {
    const std::string_view part = value.substr(std::min(at, value.size()), count);
    at += count + after.size();
    if (part.size() < count || part.front() == '-' ||
        value.substr(at - after.size(), after.size()) != after) {
        refuse(value, "AMP DateTime");
    }
    return readNumber<int>(part, "AMP DateTime");
}

}  // namespace

namespace detail {

void writeInteger(std::int64_t value, std::string& out) { writeNumber(value, out); }

void writeUnsigned(std::uint64_t value, std::string& out) { writeNumber(value, out); }

std::int64_t readInteger(std::string_view value, std::int64_t least, std::int64_t most) {
    const auto number = readNumber<std::int64_t>(value, "integer that fits");
    if (number < least || number > most) {
        refuse(value, "integer that fits");
    }
    return number;
}

std::uint64_t readUnsigned(std::string_view value, std::uint64_t most) {
    const auto number = readNumber<std::uint64_t>(value, "unsigned integer that fits");
    if (number > most) {
        refuse(value, "unsigned integer that fits");
    }
    return number;
}

void finishItem(std::string& out, std::size_t at) {
    const std::size_t length = out.size() - at - kPrefix;
    if (length > kMaxValueLength) {
        throw TooLong("AMP: an item of a list has " + std::to_string(length) +
                      " bytes, of at most " + std::to_string(kMaxValueLength));
    }
    out[at] = static_cast<char>(length >> kByteBits);
    out[at + 1] = static_cast<char>(length);
}

std::string_view takeItem(std::string_view& list) {
    if (list.size() < kPrefix) {
        refuse(list, "list: it ends within a length");
    }
    const std::size_t length = static_cast<std::size_t>(static_cast<unsigned char>(list[0]))
                                   << kByteBits |
                               static_cast<unsigned char>(list[1]);
    if (list.size() - kPrefix < length) {
        refuse(list, "list: it ends within an item");
    }
    const std::string_view item = list.substr(kPrefix, length);
    list.remove_prefix(kPrefix + length);
    return item;
}

}  // namespace detail

bool Argument<bool>::read(std::string_view value) {
    if (value != "True" && value != "False") {
        refuse(value, "AMP Boolean");
    }
    return value == "True";
}

void Argument<double>::write(double value, std::string& out) { writeNumber(value, out); }

double Argument<double>::read(std::string_view value) {
    return readNumber<double>(value, "AMP Float");
}

void Argument<DateTime>::write(DateTime value, std::string& out) {
    using namespace std::chrono;
    const auto day = floor<days>(value);
    const year_month_day date(day);
    const hh_mm_ss<microseconds> time(value - day);
    std::array<char, 64> text;
    const int length = std::snprintf(
        text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06d+00:00",
        static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
        static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
        static_cast<int>(time.subseconds().count()));
    out.append(text.data(), static_cast<std::size_t>(length));
}

DateTime Argument<DateTime>::read(std::string_view value) {
    using namespace std::chrono;
    std::size_t at = 0;
    const year year(digits(value, at, 4, "-"));
    const month month(static_cast<unsigned>(digits(value, at, 2, "-")));
    const day day(static_cast<unsigned>(digits(value, at, 2, "T")));
    const hours hour(digits(value, at, 2, ":"));
    const minutes minute(digits(value, at, 2, ":"));
    const seconds second(digits(value, at, 2, "."));
    const microseconds micro(digits(value, at, 6, ""));
    const bool west = value.substr(std::min(at, value.size())).starts_with('-');
    if (!west && !value.substr(std::min(at, value.size())).starts_with('+')) {
        refuse(value, "AMP DateTime");
    }
    ++at;
    const hours zoneHour(digits(value, at, 2, ":"));
    const minutes zone = zoneHour + minutes(digits(value, at, 2, ""));
    const year_month_day date(year, month, day);
    if (at != value.size() || !date.ok() || hour >= days(1) || minute >= hours(1) ||
        second >= minutes(1)) {
        refuse(value, "AMP DateTime");
    }
    return sys_days(date) + hour + minute + second + micro + (west ? zone : -zone);
}

}  // namespace marline::amp
