// LineReceiver as a producer: paused, resumed and stopped.
#include <string>

#include <gtest/gtest.h>

#include <test/protocols/framing.hpp>

namespace marline::testing {
namespace {

using Wired = Wire<Lines>;

// B-4: pauseProducing() ends the delivery behind the current line and pauses the transport;
// resumeProducing() gives out what is waiting before it returns.
TEST(LineReceiver, pausesBetweenLines) {
    Wired wire;
    wire->onLine = [](Lines& self, std::string_view line) {
        if (line == "pause") {
            self.pauseProducing();
        }
    };
    wire.receive("a\r\npause\r\nb\r\npause\r\nc\r\nd");
    EXPECT_EQ(wire->got, (Frames{"a", "pause"}));
    EXPECT_TRUE(wire.transport.paused() && wire->paused());
    wire->resumeProducing();
    EXPECT_EQ(wire->got, (Frames{"a", "pause", "b", "pause"}));
    EXPECT_TRUE(wire.transport.paused());
    wire->resumeProducing();
    wire.receive("e\r\n");
    EXPECT_EQ(wire->got, (Frames{"a", "pause", "b", "pause", "c", "de"}));
    EXPECT_FALSE(wire.transport.paused() || wire->paused());
}

// B-4: what a transport brings all the same is kept until the end of the pause.
TEST(LineReceiver, keepsWhatComesInThePause) {
    Wired wire;
    wire->pauseProducing();
    wire.receive("a\r\n");
    wire.receive("b\r\n");
    EXPECT_TRUE(wire->got.empty());
    wire->resumeProducing();
    EXPECT_EQ(wire->got, (Frames{"a", "b"}));
}

// B-4: raw bytes wait for the end of the pause, too.
TEST(LineReceiver, pausesBeforeRawBytes) {
    Wired wire;
    wire->onLine = [](Lines& self, std::string_view) {
        self.setRawMode();
        self.pauseProducing();
    };
    wire.receive("line\r\nraw bytes");
    EXPECT_EQ(wire->got, (Frames{"line"}));
    wire->resumeProducing();
    EXPECT_EQ(wire->got, (Frames{"line", "raw:raw bytes"}));
}

// B-3: resumeProducing() in a callback leaves the delivery to the loop outside.
TEST(LineReceiver, resumesInACallbackWithoutRecursion) {
    Wired wire;
    int depth = 0;
    wire->onLine = [&](Lines& self, std::string_view) {
        EXPECT_EQ(++depth, 1);
        self.pauseProducing();
        self.resumeProducing();
        --depth;
    };
    wire.receive("a\r\nb\r\nc\r\n");
    EXPECT_EQ(wire->got, (Frames{"a", "b", "c"}));
}

// B-5: stopProducing() ends the delivery and the connection.
TEST(LineReceiver, stopsForGood) {
    Wired wire;
    wire->onLine = [](Lines& self, std::string_view) { self.stopProducing(); };
    wire.receive("a\r\nb\r\n");
    EXPECT_EQ(wire->got, (Frames{"a"}));
    EXPECT_TRUE(wire.transport.closed());
}

// B-6: nothing is given out once the transport is disconnecting; the rest is still there.
TEST(LineReceiver, endsTheDeliveryWhenTheConnectionCloses) {
    Wired wire;
    wire->onLine = [](Lines& self, std::string_view) { self.transport()->loseConnection(); };
    wire.receive("a\r\nb\r\nc");
    EXPECT_EQ(wire->got, (Frames{"a"}));
    EXPECT_EQ(wire->takeUnparsed(), "b\r\nc");
}

// A pause that is asked for before there is a connection holds for its first bytes.
TEST(LineReceiver, mayBePausedBeforeItIsConnected) {
    const auto lines = makeRef<Lines>();
    lines->pauseProducing();
    feed(*lines, "a\r\n");
    EXPECT_TRUE(lines->got.empty());
    lines->resumeProducing();
    EXPECT_EQ(lines->got, (Frames{"a"}));
    lines->stopProducing();
    feed(*lines, "b\r\n");
    EXPECT_EQ(lines->got, (Frames{"a"}));
}

// holdFrames() lets the transport read on, up to so many bytes that wait.
TEST(LineReceiver, holdsFramesAndReadsOn) {
    Wired wire;
    wire->onLine = [](Lines& self, std::string_view line) {
        if (line == "hold") {
            self.holdFrames(3);
        }
    };
    wire.receive("hold\r\na\r\n");
    EXPECT_EQ(wire->got, (Frames{"hold"}));
    EXPECT_FALSE(wire.transport.paused());
    wire.receive("b");
    EXPECT_TRUE(wire.transport.paused());
    wire->releaseFrames();
    EXPECT_EQ(wire->got, (Frames{"hold", "a"}));
    EXPECT_FALSE(wire.transport.paused());
    wire.receive("\r\nhold\r\n1234");
    EXPECT_EQ(wire->got, (Frames{"hold", "a", "b", "hold"}));
    EXPECT_TRUE(wire.transport.paused());
    wire->releaseFrames();
    wire->holdFrames(3);
    EXPECT_TRUE(wire.transport.paused());
}

// Frames that are held and paused as well come when both are over.
TEST(LineReceiver, isHeldAndPausedIndependently) {
    for (const bool resumedFirst : {true, false}) {
        Wired wire;
        wire->holdFrames(2);
        wire->pauseProducing();
        wire.receive("a\r\n");
        resumedFirst ? wire->resumeProducing() : wire->releaseFrames();
        EXPECT_TRUE(wire->got.empty());
        EXPECT_TRUE(wire.transport.paused());
        resumedFirst ? wire->releaseFrames() : wire->resumeProducing();
        EXPECT_EQ(wire->got, (Frames{"a"}));
        EXPECT_FALSE(wire.transport.paused());
    }
}

// releaseFrames() in a callback leaves the delivery to the loop outside.
TEST(LineReceiver, releasesInACallbackWithoutRecursion) {
    Wired wire;
    int depth = 0;
    wire->onLine = [&](Lines& self, std::string_view) {
        EXPECT_EQ(++depth, 1);
        self.holdFrames(0);
        self.releaseFrames();
        --depth;
    };
    wire.receive("a\r\nb\r\nc\r\n");
    EXPECT_EQ(wire->got, (Frames{"a", "b", "c"}));
    EXPECT_FALSE(wire.transport.paused());
}

}  // namespace
}  // namespace marline::testing
