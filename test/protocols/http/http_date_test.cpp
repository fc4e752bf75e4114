// Dates: the form that is written, and the three that are read.
#include <marline/protocols/http/http_date.hpp>

#include <gtest/gtest.h>

#include <chrono>

namespace marline::http {
namespace {

using namespace std::chrono;

constexpr HttpTime kExample = sys_days(1994y / November / 6) + 8h + 49min + 37s;
constexpr HttpTime kNow = sys_days(2026y / November / 21);

// RFC 9110 §5.6.7: the preferred form.
TEST(HttpDateTest, writesTheFixedForm) {
    EXPECT_EQ(formatHttpDate(kExample), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(formatHttpDate(HttpTime{}), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(formatHttpDate(sys_days(12000y / January / 1)), "Sat, 01 Jan 12000 00:00:00 GMT");
    EXPECT_EQ(formatHttpDate(sys_days(987y / January / 1)), "Mon, 01 Jan 0987 00:00:00 GMT");
    EXPECT_EQ(formatHttpDate(sys_days(2024y / February / 29) + 23h + 59min + 59s),
              "Thu, 29 Feb 2024 23:59:59 GMT");
}

// What is written is read back as the same time, over leap years and centuries.
TEST(HttpDateTest, readsWhatItWrites) {
    for (HttpTime time = kExample; time < kExample + 400h * 24 * 100; time += 1234567s) {
        EXPECT_EQ(parseHttpDate(formatHttpDate(time), kNow), time);
    }
}

// RFC 9110 §5.6.7: the two obsolete forms.
TEST(HttpDateTest, readsObsoleteForms) {
    EXPECT_EQ(parseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT", kNow), kExample);
    EXPECT_EQ(parseHttpDate("Sun Nov  6 08:49:37 1994", kNow), kExample);
    EXPECT_EQ(parseHttpDate("Wed Nov 16 08:49:37 1994", kNow), kExample + 10 * 24h);
}

// A year of two digits is not more than 50 years ahead.
TEST(HttpDateTest, findsTheCentury) {
    const auto yearOf = [](const char* text) {
        return static_cast<int>(year_month_day(floor<days>(*parseHttpDate(text, kNow))).year());
    };
    EXPECT_EQ(yearOf("Sunday, 06-Nov-76 08:49:37 GMT"), 2076);
    EXPECT_EQ(yearOf("Sunday, 06-Nov-77 08:49:37 GMT"), 1977);
    EXPECT_EQ(yearOf("Sunday, 06-Nov-00 08:49:37 GMT"), 2000);
}

// what is no date is nothing.
TEST(HttpDateTest, refusesWhatIsNoDate) {
    for (const char* bad : {"", "yesterday", "Sun, 06 Nov 1994 08:49:37",
                            "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 6 Nov 1994 08:49:37 GMT",
                            "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
                            "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
                            "Sun, 06 Now 1994 08:49:37 GMT", "Xun, 06 Nov 1994 08:49:37 GMT",
                            "Sun, 06 Nov 19x4 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
                            "Sun Nov 6 08:49:37 1994", "Sun, 06-Nov-94 08:49:37 GMT"}) {
        EXPECT_EQ(parseHttpDate(bad, kNow), std::nullopt) << bad;
    }
}

// Without a present of one's own it is the clock's.
TEST(HttpDateTest, knowsThePresent) {
    EXPECT_EQ(parseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"), kExample);
}

}  // namespace
}  // namespace marline::http
