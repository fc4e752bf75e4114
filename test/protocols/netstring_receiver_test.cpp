// NetstringReceiver: strings behind their decimal length.
#include <marline/protocols/netstring_receiver.hpp>

#include <string>
#include <type_traits>

#include <gtest/gtest.h>

#include <test/protocols/framing.hpp>

namespace marline::testing {
namespace {

using Netstrings = Strings<NetstringReceiver>;

// B-14: netstrings come in any chunking: empty ones, one in another, and any bytes.
TEST(NetstringReceiver, givesStringsInAnyChunking) {
    EXPECT_EQ(everyWay<Netstrings>("5:hello,0:,1:a,7:4:nest,,3:,:,,2:12,11:ten and one,"),
              (Frames{"hello", "", "a", "4:nest,", ",:,", "12", "ten and one", "open"}));
    const std::string bytes("\0\xff\n", 3);
    EXPECT_EQ(everyWay<Netstrings>("3:" + bytes + ","), (Frames{bytes, "open"}));
}

// A string that lies in one read is a view of that read.
TEST(NetstringReceiver, copiesNoStringThatLiesInOneRead) {
    Wire<Netstrings> wire;
    const std::string read = "2:ab,3:cde,";
    std::vector<const char*> places;
    wire->onString = [&](Netstrings&, std::string_view s) { places.push_back(s.data()); };
    wire->dataReceived(asBytes(read));
    EXPECT_EQ(places, (std::vector<const char*>{read.data() + 2, read.data() + 7}));
}

// B-15: what is no netstring closes the connection; what came before it is given out.
TEST(NetstringReceiver, refusesWhatIsNoNetstring) {
    for (const std::string bad : {":a,", "a:b,", "-1:a,", " 1:a,", "1 :a,", "00:,", "01:a,", "1:ab",
                                  "1:a;", "1,a", "2x:ab,", ",", "+1:a,", "1a:b,"}) {
        EXPECT_EQ(everyWay<Netstrings>("2:ok," + bad + "2:no,"), (Frames{"ok", "closed"})) << bad;
    }
}

// B-15: a length beyond the limit is refused before its colon has come.
TEST(NetstringReceiver, refusesALengthBeyondTheLimitBeforeItsColon) {
    Wire<Netstrings> wire;
    EXPECT_EQ(wire->maxLength(), 99999U);
    wire.receive("99999");
    EXPECT_FALSE(wire.transport.closed());
    wire.receive("9");
    EXPECT_TRUE(wire.transport.closed());
}

// B-15: nor does a length overflow, or a limit of 0 let a string in.
TEST(NetstringReceiver, judgesAnyLength) {
    EXPECT_EQ(everyWay<Netstrings>(
                  "18446744073709551617:a,",
                  [](Netstrings& strings) { strings.setMaxLength(static_cast<std::size_t>(-1)); }),
              (Frames{"closed"}));
    const auto none = [](Netstrings& strings) { strings.setMaxLength(0); };
    EXPECT_EQ(everyWay<Netstrings>("0:,1:a,", none), (Frames{"", "closed"}));
}

// B-16: a string of exactly the limit is let in.
TEST(NetstringReceiver, letsAStringOfTheLimitIn) {
    const std::string longest(kMaxStringLength, 'x');
    Wire<Netstrings> wire;
    wire.receive("99999:" + longest + ",");
    EXPECT_EQ(wire->got, (Frames{longest}));
    const auto ten = [](Netstrings& strings) { strings.setMaxLength(10); };
    EXPECT_EQ(everyWay<Netstrings>("10:0123456789,", ten), (Frames{"0123456789", "open"}));
    EXPECT_EQ(everyWay<Netstrings>("11:01234567890,", ten), (Frames{"closed"}));
}

// Behind an error nothing is read, also where the connection is left open.
TEST(NetstringReceiver, readsNothingBehindAnError) {
    class Stubborn final : public NetstringReceiver {
    public:
        void stringReceived(std::string_view string) override { got.emplace_back(string); }
        void parseFailed(std::string_view why) override { errors.emplace_back(why); }
        Frames got;
        Frames errors;
    };
    Wire<Stubborn> wire;
    wire->setMaxLength(3);
    wire.receive("4:abcd,1:a,");
    wire.receive("1:a,");
    EXPECT_TRUE(wire->got.empty());
    EXPECT_EQ(wire->errors, (Frames{"a netstring is longer than 3 bytes "
                                    "(NetstringReceiver::setMaxLength)"}));
    EXPECT_EQ(wire->takeUnparsed(), "");
}

// B-11: what to do with strings is the user's to say.
TEST(NetstringReceiver, leavesStringReceivedToTheUser) {
    static_assert(std::is_abstract_v<NetstringReceiver>);
}

// sendString() says the length, and a NetstringReceiver understands it.
TEST(NetstringReceiver, sendsNetstrings) {
    Wire<Netstrings> wire;
    wire->sendString("hello");
    wire->sendString("");
    wire->sendString(std::string(12345, 'x'));
    EXPECT_EQ(wire.transport.value(), "5:hello,0:,12345:" + std::string(12345, 'x') + ",");
    Netstrings unconnected;
    EXPECT_NO_THROW(unconnected.sendString("nobody"));
}

}  // namespace
}  // namespace marline::testing
