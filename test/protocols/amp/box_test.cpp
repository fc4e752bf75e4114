// Box and BoxWriter: keys and values as bytes.
#include <marline/protocols/amp/box.hpp>

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <marline/protocols/amp/errors.hpp>

#include <test/protocols/amp/commands.hpp>

namespace marline::amp::testing {
namespace {

std::string written(std::string_view key, std::string_view value) {
    std::string out;
    BoxWriter box(out);
    box.add(key, value);
    box.end();
    return out;
}

// Keys and values stand behind their lengths in two bytes, and an empty key ends the box.
TEST(Box, isKeysAndValuesBehindTheirLengths) {
    EXPECT_EQ(written("key", "value"), std::string("\0\3key\0\5value\0\0", 14));
    EXPECT_EQ(written("k", std::string(300, 'x')),
              std::string("\0\1k\1\x2c", 5) + std::string(300, 'x') + kEnd);
}

// What is written is read, empty values and any bytes too; the last value of a key counts.
TEST(Box, readsWhatIsWritten) {
    const std::string bytes =
        pair("a", "1") + pair("b", "") + pair("c", std::string(3, '\0')) + pair("a", "2") + kEnd;
    std::size_t from = 0;
    ASSERT_EQ(Box::lengthOf(bytes, from), bytes.size());
    Box box;
    box.read(bytes);
    EXPECT_EQ(box.size(), 4U);
    EXPECT_EQ(box.get("a"), "2");
    EXPECT_EQ(box.get("b"), "");
    EXPECT_EQ(box.get("c"), std::string(3, '\0'));
    EXPECT_EQ(box.get("d"), std::nullopt);
    EXPECT_EQ(box.begin()->second, "1");
    box.read(kEnd);
    EXPECT_EQ(box.size(), 0U);
}

// A part of a box is none, wherever it ends, and what was looked at is not looked at again.
TEST(Box, knowsThatThereIsMoreToCome) {
    const std::string bytes = pair("key", "value") + pair("k", "v") + kEnd;
    std::size_t from = 0;
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        EXPECT_EQ(Box::lengthOf(bytes.substr(0, length), from), std::nullopt) << length;
        EXPECT_LE(from, length);
    }
    EXPECT_EQ(from, bytes.size() - kEnd.size());
    EXPECT_EQ(Box::lengthOf(bytes + "more", from), bytes.size());
}

// A key has 255 bytes at most: a longer one is no box.
TEST(Box, refusesAKeyThatIsTooLong) {
    std::size_t from = 0;
    EXPECT_EQ(Box::lengthOf(pair(std::string(255, 'k'), "") + kEnd, from), 2 + 255 + 2 + 2U);
    from = 0;
    EXPECT_THROW(Box::lengthOf(std::string("\1\0", 2), from), ProtocolError);
}

// A box has kMaxBoxKeys keys at most.
TEST(Box, refusesABoxOfTooManyKeys) {
    std::string bytes;
    for (std::size_t i = 0; i < kMaxBoxKeys; ++i) {
        bytes += pair("k", "");
    }
    Box box;
    EXPECT_NO_THROW(box.read(bytes + kEnd));
    EXPECT_THROW(box.read(bytes + pair("k", "") + kEnd), ProtocolError);
}

// What AMP cannot say is refused, and nothing of it stays.
TEST(BoxWriter, refusesWhatAmpCannotSay) {
    std::string out = "before";
    BoxWriter box(out);
    EXPECT_THROW(box.add("", "x"), std::invalid_argument);
    EXPECT_THROW(box.add(std::string(256, 'k'), "x"), TooLong);
    EXPECT_THROW(box.add("k", std::string(65536, 'v')), TooLong);
    EXPECT_EQ(out, "before");
    box.add(std::string(255, 'k'), std::string(65535, 'v'));
    EXPECT_EQ(out.size(), 6 + 2 + 255 + 2 + 65535U);
}

}  // namespace
}  // namespace marline::amp::testing
