// Argument<T>: types as Twisted writes them.
#include <marline/protocols/amp/argument.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include <test/protocols/amp/commands.hpp>

namespace marline::amp::testing {
namespace {

template <class T>
std::string written(const T& value) {
    std::string out;
    Argument<T>::write(value, out);
    return out;
}

/// Expects that `value` is written as `text` and read from it.
template <class T>
void expectText(const T& value, const std::string& text) {
    EXPECT_EQ(written(value), text);
    EXPECT_EQ(Argument<T>::read(text), value) << text;
}

template <class T>
void expectRefused(const std::string& text) {
    EXPECT_THROW(Argument<T>::read(text), InvalidArgument) << text;
}

// Integers are decimal digits, of the range of their type.
TEST(AmpArgument, writesIntegers) {
    expectText<std::int64_t>(0, "0");
    expectText<std::int64_t>(-42, "-42");
    expectText(std::numeric_limits<std::int64_t>::min(), "-9223372036854775808");
    expectText(std::numeric_limits<std::uint64_t>::max(), "18446744073709551615");
    expectText<std::int8_t>(-128, "-128");
    expectText<std::uint8_t>(255, "255");
    expectRefused<std::int8_t>("128");
    expectRefused<std::uint8_t>("256");
    expectRefused<std::uint8_t>("-1");
    expectRefused<std::int64_t>("9223372036854775808");
    for (const char* text : {"", "x", "1x", " 1", "1.5", "0x1"}) {
        expectRefused<std::int64_t>(text);
        expectRefused<std::uint32_t>(text);
    }
}

// Booleans are Python's.
TEST(AmpArgument, writesBooleans) {
    expectText(true, "True");
    expectText(false, "False");
    expectRefused<bool>("true");
    expectRefused<bool>("");
}

// Floating point numbers read the same as they were, the special ones too.
TEST(AmpArgument, writesFloatingPointNumbers) {
    expectText(0.1, "0.1");
    expectText(-2.5, "-2.5");
    expectText(1e300, "1e+300");
    expectText(std::numeric_limits<double>::infinity(), "inf");
    expectText(-std::numeric_limits<double>::infinity(), "-inf");
    EXPECT_TRUE(std::isnan(Argument<double>::read(written(std::nan("")))));
    EXPECT_EQ(Argument<double>::read("1e+16"), 1e16);
    expectRefused<double>("");
    expectRefused<double>("1,5");
}

// Strings and paths are themselves.
TEST(AmpArgument, writesStringsAndPaths) {
    expectText(std::string("any\0\xff bytes", 11), std::string("any\0\xff bytes", 11));
    expectText<std::filesystem::path>("/tmp/x y", "/tmp/x y");
}

// A moment is in UTC to the microsecond, and read from any time zone.
TEST(AmpArgument, writesMoments) {
    using namespace std::chrono;
    const DateTime moment =
        sys_days(year(2012) / 1 / 23) + hours(12) + minutes(34) + seconds(56) + microseconds(54321);
    expectText(moment, "2012-01-23T12:34:56.054321+00:00");
    EXPECT_EQ(Argument<DateTime>::read("2012-01-23T14:04:56.054321+01:30"), moment);
    EXPECT_EQ(Argument<DateTime>::read("2012-01-23T11:04:56.054321-01:30"), moment);
    for (const char* text :
         {"", "2012-01-23", "2012-01-23T12:34:56.054321", "2012-02-30T12:34:56.054321+00:00",
          "2012-01-23T24:34:56.054321+00:00", "2012-01-23T12:60:56.054321+00:00",
          "2012-01-23T12:34:60.054321+00:00", "2012-01-23 12:34:56.054321+00:00",
          "2012-01-23T12:34:56.054321*00:00", "2012-01-23T12:34:56.054321+00:00x",
          "2012-01-23T-1:34:56.054321+00:00", "2012-01-23T12:34:56.0543+00:00",
          "20x2-01-23T12:34:56.054321+00:00", "2012-01-23T12:34:56.054321+00:0"}) {
        expectRefused<DateTime>(text);
    }
}

// The items of a list stand behind their lengths.
TEST(AmpArgument, writesLists) {
    expectText(std::vector<std::int32_t>{1, 20}, std::string("\0\0011\0\00220", 7));
    expectText(std::vector<std::string>{}, "");
    expectText(std::vector<std::vector<std::string>>{{"a"}, {}}, std::string("\0\3\0\1a\0\0", 7));
    expectRefused<std::vector<std::string>>(std::string("\0", 1));
    expectRefused<std::vector<std::string>>(std::string("\0\2x", 3));
    expectRefused<std::vector<std::int32_t>>(std::string("\0\1x", 3));
    std::string out;
    EXPECT_THROW(Argument<std::vector<std::string>>::write({std::string(65536, 'x')}, out),
                 TooLong);
}

// A list of structs is boxes one after the other.
TEST(AmpArgument, writesListsOfStructs) {
    const std::vector<Note> notes{{"a", 1}, {"b"}};
    const std::string text =
        pair("text", "a") + pair("level", "1") + kEnd + pair("text", "b") + kEnd;
    EXPECT_EQ(written(notes), text);
    const std::vector<Note> read = Argument<std::vector<Note>>::read(text);
    ASSERT_EQ(read.size(), 2U);
    EXPECT_EQ(read[0].text, "a");
    EXPECT_EQ(read[0].level, 1);
    EXPECT_EQ(read[1].text, "b");
    EXPECT_EQ(read[1].level, std::nullopt);
    expectRefused<std::vector<Note>>(text.substr(0, text.size() - 1));
    expectRefused<std::vector<Note>>(pair("level", "1") + kEnd);
    EXPECT_THROW(Argument<std::vector<Note>>::read(std::string("\1\1", 2)), ProtocolError);
}

}  // namespace
}  // namespace marline::amp::testing
