// Int8StringReceiver, Int16StringReceiver and Int32StringReceiver.
#include <marline/protocols/int_n_string_receiver.hpp>

#include <string>
#include <type_traits>

#include <gtest/gtest.h>

#include <test/protocols/framing.hpp>

namespace marline::testing {
namespace {

using Int8Strings = Strings<Int8StringReceiver>;
using Int16Strings = Strings<Int16StringReceiver>;
using Int32Strings = Strings<Int32StringReceiver>;

std::string bytes(std::initializer_list<int> values) {
    std::string all;
    for (const int value : values) {
        all += static_cast<char>(value);
    }
    return all;
}

// B-17: a big-endian prefix of one, two or four bytes; a length of zero gives an empty string.
TEST(IntNStringReceiver, givesStringsInAnyChunking) {
    const std::string longer(300, 'y');
    EXPECT_EQ(everyWay<Int8Strings>(bytes({3}) + "abc" + bytes({0, 1}) + "d" + bytes({5}) + "part"),
              (Frames{"abc", "", "d", "open"}));
    EXPECT_EQ(everyWay<Int16Strings>(bytes({0, 2}) + "ab" + bytes({0, 0, 1, 44}) + longer),
              (Frames{"ab", "", longer, "open"}));
    EXPECT_EQ(everyWay<Int32Strings>(bytes({0, 0, 0, 2}) + "ab" + bytes({0, 0, 0, 0, 0, 0, 1, 44}) +
                                     longer + bytes({0, 0, 0})),
              (Frames{"ab", "", longer, "open"}));
}

// The prefix has no sign.
TEST(IntNStringReceiver, readsThePrefixAsUnsigned) {
    const std::string longest(255, 'z');
    EXPECT_EQ(everyWay<Int8Strings>(bytes({255}) + longest), (Frames{longest, "open"}));
}

// A string that lies in one read is a view of that read.
TEST(IntNStringReceiver, copiesNoStringThatLiesInOneRead) {
    Wire<Int8Strings> wire;
    const std::string read = bytes({2}) + "ab" + bytes({3}) + "cde";
    std::vector<const char*> places;
    wire->onString = [&](Int8Strings&, std::string_view s) { places.push_back(s.data()); };
    wire->dataReceived(asBytes(read));
    EXPECT_EQ(places, (std::vector<const char*>{read.data() + 1, read.data() + 4}));
}

// B-18: a prefix beyond the limit is refused before any of its string has come, and what came
// before it is given out.
TEST(IntNStringReceiver, refusesALengthBeyondTheLimit) {
    EXPECT_EQ(Int32Strings().maxLength(), 99999U);
    EXPECT_EQ(everyWay<Int32Strings>(bytes({0, 0, 0, 2}) + "ok" + bytes({0, 1, 0x86, 0xa0})),
              (Frames{"ok", "closed"}));
    EXPECT_EQ(everyWay<Int32Strings>(bytes({255, 255, 255, 255}) + "x"), (Frames{"closed"}));
    const auto two = [](Int8Strings& strings) { strings.setMaxLength(2); };
    EXPECT_EQ(everyWay<Int8Strings>(bytes({2}) + "ab" + bytes({3}) + "abc" + bytes({1}) + "x", two),
              (Frames{"ab", "closed"}));
}

// B-18: lengthLimitExceeded() has the length, and the prefix and all behind it to take.
TEST(IntNStringReceiver, saysWhichLengthIsBeyondTheLimit) {
    class Taking final : public Int16StringReceiver {
    public:
        void stringReceived(std::string_view string) override { got.emplace_back(string); }
        void lengthLimitExceeded(std::size_t length) override {
            got.push_back(std::to_string(length) + " " + takeUnparsed());
        }
        Frames got;
    };
    Wire<Taking> wire;
    wire->setMaxLength(256);
    wire.receive(bytes({0, 1}) + "a" + bytes({1, 1}) + "xyz");
    wire.receive(bytes({0, 1}) + "b");
    EXPECT_EQ(wire->got, (Frames{"a", "257 " + bytes({1, 1}) + "xyz", "b"}));
}

// B-18: an override that does nothing is asked again at the next read, not for ever.
TEST(IntNStringReceiver, asksAgainAtTheNextRead) {
    class Idle final : public Int8StringReceiver {
    public:
        void stringReceived(std::string_view) override {}
        void lengthLimitExceeded(std::size_t) override { ++asked; }
        int asked = 0;
    };
    Wire<Idle> wire;
    wire->setMaxLength(1);
    wire.receive(bytes({9}));
    EXPECT_EQ(wire->asked, 1);
    wire.receive("x");
    EXPECT_EQ(wire->asked, 2);
}

// B-19: a string that its prefix cannot say is refused, and nothing is sent.
TEST(IntNStringReceiver, refusesToSendWhatThePrefixCannotSay) {
    Wire<Int8Strings> wire8;
    EXPECT_THROW(wire8->sendString(std::string(256, 'x')), StringTooLongError);
    EXPECT_EQ(wire8.transport.value(), "");
    wire8->sendString(std::string(255, 'x'));
    EXPECT_EQ(wire8.transport.value(), bytes({255}) + std::string(255, 'x'));
    Wire<Int16Strings> wire16;
    EXPECT_THROW(wire16->sendString(std::string(65536, 'x')), StringTooLongError);
    wire16->sendString(std::string(65535, 'x'));
    EXPECT_EQ(wire16.transport.value(), bytes({255, 255}) + std::string(65535, 'x'));
}

// Strings are sent behind their length; without a connection there is nobody to send to.
TEST(IntNStringReceiver, sendsStrings) {
    Wire<Int32Strings> wire;
    wire->sendString("hello");
    wire->sendString("");
    EXPECT_EQ(wire.transport.value(), bytes({0, 0, 0, 5}) + "hello" + bytes({0, 0, 0, 0}));
    Int32Strings unconnected;
    EXPECT_NO_THROW(unconnected.sendString("nobody"));
}

// B-20: a pause holds between two strings of one read.
TEST(IntNStringReceiver, pausesBetweenStrings) {
    Wire<Int8Strings> wire;
    wire->onString = [](Int8Strings& self, std::string_view) { self.pauseProducing(); };
    wire.receive(bytes({1}) + "a" + bytes({1}) + "b" + bytes({1}));
    EXPECT_EQ(wire->got, (Frames{"a"}));
    EXPECT_TRUE(wire.transport.paused());
    wire->resumeProducing();
    EXPECT_EQ(wire->got, (Frames{"a", "b"}));
    wire->resumeProducing();
    wire.receive("c");
    EXPECT_EQ(wire->got, (Frames{"a", "b", "c"}));
}

// B-11: what to do with strings is the user's to say.
TEST(IntNStringReceiver, leavesStringReceivedToTheUser) {
    static_assert(std::is_abstract_v<Int8StringReceiver> &&
                  std::is_abstract_v<Int16StringReceiver> &&
                  std::is_abstract_v<Int32StringReceiver>);
}

}  // namespace
}  // namespace marline::testing
