// StringTransport: what a protocol did to its transport.
#include <marline/reactor/testing/string_transport.hpp>

#include <array>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marline::testing {
namespace {

using ::testing::ElementsAre;

struct Producer final : IProducer {
    void resumeProducing() override { asked.emplace_back("resume"); }
    void pauseProducing() override { asked.emplace_back("pause"); }
    void stopProducing() override { asked.emplace_back("stop"); }

    std::vector<std::string> asked;
};

// M-1: it records what is written, in one piece or in several.
TEST(StringTransport, recordsWhatIsWritten) {
    StringTransport transport;
    transport.write("one ");
    const std::array<std::span<const std::byte>, 2> pieces{asBytes("two "), asBytes("three")};
    transport.writeSequence(pieces);
    EXPECT_EQ(transport.value(), "one two three");
    EXPECT_EQ(transport.writes(), 3U);
    transport.clear();
    EXPECT_EQ(transport.value(), "");
    EXPECT_EQ(transport.writes(), 0U);
}

// M-1: loseConnection() shows, and what is written behind it is recorded, as it would be sent.
TEST(StringTransport, tellsThatItIsToBeClosed) {
    StringTransport transport;
    EXPECT_FALSE(transport.disconnecting());
    transport.loseConnection();
    EXPECT_TRUE(transport.closed());
    EXPECT_TRUE(transport.disconnecting());
    transport.write("goodbye");
    EXPECT_EQ(transport.value(), "goodbye");
}

// M-1: after an abort, a half-close or the end nothing is sent any more.
TEST(StringTransport, discardsWritesAfterTheEnd) {
    StringTransport aborted;
    aborted.abortConnection();
    aborted.write("x");
    EXPECT_TRUE(aborted.aborted());
    EXPECT_EQ(aborted.value(), "");
    StringTransport halfClosed;
    halfClosed.loseWriteConnection();
    halfClosed.write("x");
    EXPECT_TRUE(halfClosed.writeEnded());
    EXPECT_EQ(halfClosed.value(), "");
    StringTransport gone;
    gone.disconnect();
    gone.write("x");
    gone.loseConnection();
    EXPECT_FALSE(gone.closed());
    EXPECT_TRUE(gone.disconnecting());
    EXPECT_EQ(gone.value(), "");
}

// M-1: it keeps whether it is paused; unlike Twisted's, a call after the close does nothing harmful
// but what it would do on a socket.
TEST(StringTransport, keepsWhetherItIsPaused) {
    StringTransport transport;
    EXPECT_FALSE(transport.paused());
    transport.pauseProducing();
    EXPECT_TRUE(transport.paused());
    transport.resumeProducing();
    EXPECT_FALSE(transport.paused());
    transport.loseConnection();
    EXPECT_NO_THROW(transport.pauseProducing());
    EXPECT_NO_THROW(transport.resumeProducing());
}

// M-1: a second producer is refused; unregistering without one does nothing, as on every transport.
TEST(StringTransport, takesOneProducer) {
    StringTransport transport;
    Producer one;
    Producer other;
    transport.registerProducer(one, Producing::Push);
    EXPECT_EQ(transport.producer(), &one);
    EXPECT_EQ(transport.producing(), Producing::Push);
    EXPECT_THROW(transport.registerProducer(other, Producing::Pull), std::logic_error);
    EXPECT_EQ(transport.producer(), &one);
    transport.unregisterProducer();
    EXPECT_EQ(transport.producer(), nullptr);
    EXPECT_NO_THROW(transport.unregisterProducer());
}

// A push producer is paused while too much waits, and resumed when all of it is gone.
TEST(StringTransport, pausesAPushProducerWhileTheKernelTakesNothing) {
    StringTransport transport;
    Producer producer;
    transport.registerProducer(producer, Producing::Push);
    transport.hold();
    transport.write(std::string(StringTransport::kHighWater + 1, 'x'));
    EXPECT_EQ(transport.bytesBuffered(), StringTransport::kHighWater + 1);
    transport.drain(StringTransport::kHighWater);
    EXPECT_THAT(producer.asked, ElementsAre("pause"));
    transport.drain();
    EXPECT_THAT(producer.asked, ElementsAre("pause", "resume"));
    EXPECT_EQ(transport.bytesBuffered(), 0U);
    transport.disconnect();
    EXPECT_THAT(producer.asked, ElementsAre("pause", "resume", "stop"));
}

// A pull producer is asked at once, and again at each drain; after the end it is sent away.
TEST(StringTransport, asksAPullProducer) {
    StringTransport transport;
    Producer producer;
    transport.registerProducer(producer, Producing::Pull);
    EXPECT_THAT(producer.asked, ElementsAre("resume"));
    transport.drain();
    EXPECT_THAT(producer.asked, ElementsAre("resume", "resume"));
    transport.disconnect();
    Producer late;
    transport.registerProducer(late, Producing::Pull);
    EXPECT_THAT(late.asked, ElementsAre("stop"));
    EXPECT_EQ(transport.producer(), nullptr);
}

// Its ends are what the test says.
TEST(StringTransport, hasTheAddressesOfTheTest) {
    StringTransport transport({Address::Kind::Ipv6, 443, "::1"}, {Address::Kind::Ipv6, 9, "::2"});
    EXPECT_EQ(transport.getHost().toString(), "[::1]:443");
    EXPECT_EQ(transport.getPeer().toString(), "[::2]:9");
    EXPECT_EQ(StringTransport().getPeer().toString(), "192.0.2.2:54321");
}

}  // namespace
}  // namespace marline::testing
