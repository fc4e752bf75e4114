// LineReceiver and LineOnlyReceiver: lines, raw bytes, limits.
#include <marline/protocols/line_receiver.hpp>

#include <stdexcept>
#include <string>
#include <type_traits>

#include <gtest/gtest.h>

#include <test/protocols/framing.hpp>

namespace marline::testing {
namespace {

using Wired = Wire<Lines>;

/// Nothing but lines.
class OnlyLines final : public LineOnlyReceiver {
public:
    void lineReceived(std::string_view line) override { got.emplace_back(line); }

    Frames got;
};

// B-1: whole lines come without their delimiter, however the reads cut them.
TEST(LineReceiver, givesLinesInAnyChunking) {
    EXPECT_EQ(everyWay<Lines>("one\r\n\r\ntw\ro\r\nthr\nee\r\n\r\r\nrest"),
              (Frames{"one", "", "tw\ro", "thr\nee", "\r", "open"}));
}

// B-1: the delimiter is CRLF until another one is set, of any length.
TEST(LineReceiver, endsLinesAtTheDelimiterThatWasSet) {
    EXPECT_EQ(Lines().delimiter(), "\r\n");
    EXPECT_EQ(everyWay<Lines>("a\r\nb\nc\n", [](Lines& lines) { lines.setDelimiter("\n"); }),
              (Frames{"a\r", "b", "c", "open"}));
    EXPECT_EQ(everyWay<Lines>("a--b-END--c--END-d--EN--END-",
                              [](Lines& lines) { lines.setDelimiter("--END-"); }),
              (Frames{"a--b-END--c", "d--EN", "open"}));
}

// A delimiter of nothing would end every line at once: it is refused, and the old one stays.
TEST(LineReceiver, refusesAnEmptyDelimiter) {
    Lines lines;
    EXPECT_THROW(lines.setDelimiter(""), std::invalid_argument);
    EXPECT_EQ(lines.delimiter(), "\r\n");
}

// A delimiter set by a line's callback is that of the next line already, and of what was searched.
TEST(LineReceiver, readsTheRestWithANewDelimiter) {
    EXPECT_EQ(everyWay<Lines>("semi\r\na;b;c\r\n;",
                              [](Lines& lines) {
                                  lines.onLine = [](Lines& self, std::string_view line) {
                                      if (line == "semi") {
                                          self.setDelimiter(";");
                                      }
                                  };
                              }),
              (Frames{"semi", "a", "b", "c\r\n", "open"}));
    Wired wire;
    wire.receive("a;b");
    wire->setDelimiter(";");
    wire.receive("c;");
    EXPECT_EQ(wire->got, (Frames{"a", "bc"}));
}

// A line that lies in one read is a view of that read: nothing is copied.
TEST(LineReceiver, copiesNoLineThatLiesInOneRead) {
    Wired wire;
    const std::string read = "one\r\ntwo\r\n";
    std::vector<const char*> places;
    wire->onLine = [&](Lines&, std::string_view line) { places.push_back(line.data()); };
    wire->dataReceived(asBytes(read));
    EXPECT_EQ(places, (std::vector<const char*>{read.data(), read.data() + 5}));
}

// B-2: setRawMode() in lineReceived() gives the rest of the read to rawDataReceived(), and
// setLineMode(extra) reads on with what was not of the raw bytes.
TEST(LineReceiver, switchesToRawBytesAndBack) {
    const auto prepare = [](Lines& lines) {
        auto left = std::make_shared<std::size_t>(0);
        lines.onLine = [left](Lines& self, std::string_view line) {
            if (line.starts_with("raw ")) {
                *left = std::stoul(std::string(line.substr(4)));
                self.setRawMode();
            }
        };
        lines.onRaw = [left](Lines& self, std::string_view data) {
            const std::size_t ours = std::min(*left, data.size());
            *left -= ours;
            if (*left == 0) {
                self.got.back().resize(self.got.back().size() - (data.size() - ours));
                self.setLineMode(asBytes(data.substr(ours)));
            }
        };
    };
    EXPECT_EQ(everyWay<Lines>("a\r\nraw 5\r\n12\r\n5b\r\nraw 1\r\nxraw 2\r\n\r\nend\r\n", prepare),
              (Frames{"a", "raw 5", "raw:12\r\n5", "b", "raw 1", "raw:x", "raw 2", "raw:\r\n",
                      "end", "open"}));
}

// B-2: modes switch as often as one likes without recursion.
TEST(LineReceiver, switchesModesWithoutRecursion) {
    constexpr int kSwitches = 100'000;
    Wired wire;
    int raw = 0;
    int depth = 0;
    wire->onLine = [&](Lines& self, std::string_view) {
        EXPECT_EQ(++depth, 1);
        self.got.clear();
        self.setRawMode();
        --depth;
    };
    wire->onRaw = [&](Lines& self, std::string_view data) {
        EXPECT_EQ(++depth, 1);
        EXPECT_EQ(data, "rest");
        self.got.clear();
        if (++raw < kSwitches) {
            self.setLineMode(asBytes("line\r\nrest"));
        }
        --depth;
    };
    wire.receive("line\r\nrest");
    EXPECT_EQ(raw, kSwitches);
}

// B-3: bytes that come while a callback runs are only added: the loop outside parses them.
TEST(LineReceiver, parsesWhatComesInACallbackAfterIt) {
    Wired wire;
    int depth = 0;
    wire->onLine = [&](Lines& self, std::string_view line) {
        EXPECT_EQ(++depth, 1);
        if (line == "first") {
            feed(self, "l\r\nmore\r\npart");
            EXPECT_EQ(line, "first") << "the line is still there";
        }
        --depth;
    };
    wire.receive("first\r\nsecond\r\nfu");
    wire.receive("ial\r\n");
    EXPECT_EQ(wire->got, (Frames{"first", "second", "ful", "more", "partial"}));
}

// B-7: clearLineBuffer() gives what is not parsed and forgets it, in a callback and outside.
TEST(LineReceiver, givesAwayWhatIsNotParsed) {
    Wired wire;
    std::string taken;
    wire->onLine = [&](Lines& self, std::string_view line) {
        if (line == "take") {
            feed(self, "added");
            taken = self.takeUnparsed();
            EXPECT_EQ(line, "take") << "the line is still there";
        }
    };
    wire.receive("take\r\nrest\r\npart");
    EXPECT_EQ(taken, "rest\r\npartadded");
    wire.receive("new\r\nhal");
    EXPECT_EQ(wire->takeUnparsed(), "hal");
    EXPECT_EQ(wire->takeUnparsed(), "");
    wire.receive("f\r\nta");
    wire.receive("ke\r\nx");
    EXPECT_EQ(taken, "xadded");
    EXPECT_EQ(wire->got, (Frames{"take", "new", "f", "take"}));
}

// B-8: a whole line beyond the limit comes to lineLengthExceeded() with its delimiter and all that
// is behind it, and nothing of that is parsed any more.
TEST(LineReceiver, refusesAWholeLineBeyondTheLimit) {
    Wired wire;
    wire->setMaxLength(5);
    wire.receive("short\r\nlonger\r\nnext\r\npart");
    EXPECT_EQ(wire->got, (Frames{"short"}));
    EXPECT_EQ(wire->exceeded, (Frames{"longer\r\nnext\r\npart"}));
    EXPECT_EQ(wire->takeUnparsed(), "");
}

// B-9: a line without an end is beyond the limit only when its delimiter cannot end it in time.
TEST(LineReceiver, letsALineOfTheLimitInWhateverTheReads) {
    const std::string longest(kMaxLineLength, 'x');
    Wired wire;
    EXPECT_EQ(wire->maxLength(), 16384U);
    wire.receive(longest);
    wire.receive("\r");
    EXPECT_TRUE(wire->exceeded.empty());
    wire.receive("\n");
    EXPECT_EQ(wire->got, (Frames{longest}));
    wire.receive(longest + "\r");
    wire.receive("x");
    EXPECT_EQ(wire->exceeded, (Frames{longest + "\rx"}));
    EXPECT_TRUE(wire.transport.closed());
}

// B-9: at every cut the line of the limit comes and the one beyond it does not.
TEST(LineReceiver, judgesLengthsInAnyChunking) {
    const auto short5 = [](Lines& lines) { lines.setMaxLength(5); };
    EXPECT_EQ(everyWay<Lines>("12345\r\n1234\r\n", short5), (Frames{"12345", "1234", "open"}));
    EXPECT_EQ(everyWay<Lines>("12345\r\n123456\r\n1\r\n", short5), (Frames{"12345", "closed"}));
    EXPECT_EQ(everyWay<Lines>("\r\n12345\r6", short5), (Frames{"", "closed"}));
}

// B-10: unless it is overridden, lineLengthExceeded() closes the connection.
TEST(LineReceiver, closesTheConnectionOnALineBeyondTheLimit) {
    Wire<OnlyLines> wire;
    wire->setMaxLength(3);
    wire.receive("123\r\n1234\r\n1\r\n");
    EXPECT_EQ(wire->got, (Frames{"123"}));
    EXPECT_TRUE(wire.transport.closed());
}

// B-11: who derives must say what to do with lines; with raw bytes, once it asks for them.
TEST(LineReceiver, leavesItsCallbacksToTheUser) {
    static_assert(std::is_abstract_v<LineReceiver> && std::is_abstract_v<LineOnlyReceiver>);
    class NoRaw final : public LineReceiver {
        void lineReceived(std::string_view) override { setRawMode(); }
    };
    Wire<NoRaw> wire;
    EXPECT_THROW(wire.receive("line\r\nraw"), std::logic_error);
}

// An exception of a callback leaves dataReceived(), and what was waiting is dropped with it.
TEST(LineReceiver, dropsTheRestWhenACallbackThrows) {
    Wired wire;
    wire->onLine = [](Lines&, std::string_view line) {
        if (line == "bad") {
            throw std::runtime_error("bad line");
        }
    };
    wire.receive("ba");
    EXPECT_THROW(wire.receive("d\r\nnext\r\n"), std::runtime_error);
    EXPECT_EQ(wire->takeUnparsed(), "");
}

// B-12: LineOnlyReceiver has lines in any chunking; of a chunk with one too long the rest is lost.
TEST(LineOnlyReceiver, losesTheRestOfTheChunkBehindALineBeyondTheLimit) {
    EXPECT_EQ(everyWay<OnlyLines>("a\r\nb\r\n\r\nc"), (Frames{"a", "b", "", "open"}));
    class Open final : public LineOnlyReceiver {
    public:
        void lineReceived(std::string_view line) override { got.emplace_back(line); }
        void lineLengthExceeded(std::string_view) override {}
        Frames got;
    };
    Wire<Open> wire;
    wire->setMaxLength(3);
    wire.receive("1\r\n1234\r\n2\r\n");
    wire.receive("3\r\n");
    EXPECT_EQ(wire->got, (Frames{"1", "3"}));
}

// B-13: sendLine() writes the line and the delimiter in one go.
TEST(LineReceiver, sendsALineWithItsDelimiter) {
    Wired wire;
    wire->sendLine("hello");
    EXPECT_EQ(wire.transport.value(), "hello\r\n");
    wire->setDelimiter("!");
    wire->sendLine("");
    EXPECT_EQ(wire.transport.value(), "hello\r\n!");
}

// Without a connection there is nobody to send to.
TEST(LineReceiver, sendsNothingWithoutAConnection) {
    Lines lines;
    EXPECT_NO_THROW(lines.sendLine("hello"));
}

}  // namespace
}  // namespace marline::testing
