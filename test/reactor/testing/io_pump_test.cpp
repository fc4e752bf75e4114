// IoPump: a connection in memory behaves as one over TCP does, and moves only when it is told to.
#include <marline/reactor/testing/io_pump.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/protocols/protocol.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/accumulating_protocol.hpp>
#include <marline/reactor/testing/certificates.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/tls.hpp>
#include <marline/reactor/tls_context.hpp>

#include <test/support/reactor_fixture.hpp>
#include <test/support/running.hpp>

namespace marline::testing {
namespace {

using namespace std::chrono_literals;
using test::Record;
using test::Recorder;
using ::testing::ElementsAre;

/// Two recorders, and the pump between them.
class IoPumpTest : public ::testing::Test {
protected:
    void join(const IoPumpOptions& options = {}) {
        pump.emplace(makeRef<Recorder>(client), makeRef<Recorder>(server), options);
    }
    void TearDown() override {
        pump.reset();
        EXPECT_TRUE(logged.empty()) << logged.all();
    }

    CaughtLog logged;
    std::shared_ptr<Record> client = std::make_shared<Record>();
    std::shared_ptr<Record> server = std::make_shared<Record>();
    std::optional<IoPump> pump;
};

// M-3, M-4: what is written moves when the test pumps, and never inside of write().
TEST_F(IoPumpTest, bytesMoveOnlyWhenPumped) {
    server->onData = [](ITransport& transport, std::string_view data) { transport.write(data); };
    join();
    client->transport->write("ping");
    EXPECT_EQ(server->received, "");
    EXPECT_EQ(pump->client().bytesBuffered(), 4U);
    // The client's move is the first, so the echo is ready for the server's.
    EXPECT_TRUE(pump->pump());
    EXPECT_EQ(server->received, "ping");
    EXPECT_EQ(client->received, "ping");
    EXPECT_EQ(pump->client().written(), "ping");
    EXPECT_EQ(pump->server().written(), "ping");
    EXPECT_FALSE(pump->pump());
}

// M-4: a protocol that pumps from its own callback is told so.
TEST_F(IoPumpTest, aPumpInsideOfItselfIsRefused) {
    server->onData = [this](ITransport&, std::string_view) {
        EXPECT_THROW(pump->pump(), std::logic_error);
        EXPECT_THROW(pump->flush(), std::logic_error);
    };
    join();
    client->transport->write("x");
    EXPECT_EQ(pump->flush(), 1U);
}

// M-3: each pump lets time pass on the clock that is given.
TEST_F(IoPumpTest, aClockAdvancesWithEveryPump) {
    Clock clock;
    bool now = false;
    clock.callLater(0s, [&] { now = true; });
    join({.clock = &clock, .tick = 2s});
    pump->pump();
    EXPECT_TRUE(now);
    pump->pump();
    EXPECT_EQ(clock.seconds(), 4s);
}

// M-3: a closing end still sends what is written; a closed one takes no more.
TEST_F(IoPumpTest, writesAfterTheCloseAreDiscarded) {
    join();
    client->transport->write("before ");
    client->transport->loseConnection();
    client->transport->write("meanwhile");
    EXPECT_TRUE(client->transport->disconnecting());
    EXPECT_FALSE(pump->client().ended());
    pump->flush();
    EXPECT_EQ(server->received, "before meanwhile");
    EXPECT_TRUE(pump->client().endedWith<ConnectionDone>());
    EXPECT_TRUE(pump->server().endedWith<ConnectionDone>());
    pump->client().write("after");
    EXPECT_EQ(pump->client().written(), "before meanwhile");
    EXPECT_FALSE(pump->pump());
}

// An abort drops what is under way; the other end hears of a lost connection.
TEST_F(IoPumpTest, anAbortDropsWhatIsUnderWay) {
    join();
    client->transport->write("lost");
    client->transport->abortConnection();
    EXPECT_FALSE(client->lost.has_value());
    pump->flush();
    EXPECT_EQ(server->received, "");
    EXPECT_TRUE(pump->client().endedWith<ConnectionAborted>());
    EXPECT_TRUE(pump->server().endedWith<ConnectionLost>());
    EXPECT_TRUE(pump->ended());
}

// A half-closed connection carries the other way until that is closed as well.
TEST_F(IoPumpTest, halfACloseLeavesTheOtherWayOpen) {
    client->halfClose = server->halfClose = true;
    join();
    client->transport->write("question");
    client->transport->loseWriteConnection();
    pump->flush();
    EXPECT_THAT(client->events, ElementsAre("made", "write lost"));
    EXPECT_THAT(server->events, ElementsAre("made", "read lost"));
    client->transport->write("too late");
    server->transport->write("answer");
    pump->flush();
    EXPECT_EQ(server->received, "question");
    EXPECT_EQ(client->received, "answer");
    server->transport->loseWriteConnection();
    pump->flush();
    EXPECT_TRUE(pump->client().endedWith<ConnectionDone>());
    EXPECT_TRUE(pump->server().endedWith<ConnectionDone>());
}

// A protocol that knows no half-close is closed by one.
TEST_F(IoPumpTest, halfACloseEndsAProtocolThatDoesNotWantIt) {
    client->halfClose = true;
    join();
    client->transport->loseWriteConnection();
    pump->flush();
    EXPECT_TRUE(pump->server().endedWith<ConnectionDone>());
    EXPECT_TRUE(pump->client().endedWith<ConnectionDone>());
}

// What a paused protocol does not read waits, and so does the end of the stream.
TEST_F(IoPumpTest, aPausedEndHearsNothing) {
    join();
    server->transport->pauseProducing();
    client->transport->write("later");
    client->transport->loseConnection();
    EXPECT_EQ(pump->flush(), 0U);
    EXPECT_TRUE(pump->server().paused());
    server->transport->resumeProducing();
    pump->flush();
    EXPECT_EQ(server->received, "later");
    EXPECT_TRUE(pump->server().endedWith<ConnectionDone>());
}

// What a callback throws is logged, and ends the connection with that reason.
TEST_F(IoPumpTest, anExceptionEndsTheConnection) {
    server->onData = [](ITransport&, std::string_view) { throw std::runtime_error("bad input"); };
    join();
    client->transport->write("x");
    pump->flush();
    EXPECT_TRUE(pump->server().endedWith<std::runtime_error>());
    EXPECT_TRUE(pump->client().endedWith<ConnectionDone>());
    EXPECT_EQ(logged.count("bad input"), 1U);
    logged.clear();
}

// So does what makeConnection() throws, and what connectionLost() throws is logged too.
TEST_F(IoPumpTest, exceptionsAtBothEndsOfALifeAreLogged) {
    client->onMade = [](ITransport&) { throw std::runtime_error("not today"); };
    server->onLost = [](ITransport&) { throw std::runtime_error("nor then"); };
    join();
    EXPECT_TRUE(pump->client().endedWith<std::runtime_error>());
    pump->flush();
    EXPECT_TRUE(pump->server().endedWith<ConnectionDone>());
    EXPECT_EQ(logged.count("not today"), 1U);
    EXPECT_EQ(logged.count("nor then"), 1U);
    logged.clear();
}

/// Notes what it is asked for; as a pull producer it writes `left` pieces and is done.
struct Producer final : IProducer {
    explicit Producer(ITransport& to) : transport(&to) {}

    void resumeProducing() override {
        asked.emplace_back("resume");
        if (left > 0) {
            transport->write("piece ");
            if (--left == 0) {
                transport->unregisterProducer();
            }
        }
    }
    void pauseProducing() override { asked.emplace_back("pause"); }
    void stopProducing() override { asked.emplace_back("stop"); }

    ITransport* transport;
    int left = 0;
    std::vector<std::string> asked;
};

// M-3: a pull producer is asked again whenever everything is delivered, and a close waits for it.
TEST_F(IoPumpTest, aPullProducerIsAskedAsThingsAreDelivered) {
    join();
    Producer producer(*client->transport);
    producer.left = 3;
    client->transport->registerProducer(producer, Producing::Pull);
    client->transport->loseConnection();
    EXPECT_EQ(producer.asked.size(), 1U);
    pump->flush();
    EXPECT_EQ(server->received, "piece piece piece ");
    EXPECT_THAT(producer.asked, ElementsAre("resume", "resume", "resume"));
    EXPECT_TRUE(pump->server().endedWith<ConnectionDone>());
}

// A push producer is paused beyond the high-water mark, resumed when all is gone, stopped at the
// end.
TEST_F(IoPumpTest, aPushProducerIsPausedResumedAndStopped) {
    join();
    Producer producer(*client->transport);
    client->transport->registerProducer(producer, Producing::Push);
    EXPECT_THROW(client->transport->registerProducer(producer, Producing::Push), std::logic_error);
    client->transport->write(std::string(MemoryTransport::kHighWater, 'x'));
    EXPECT_THAT(producer.asked, ElementsAre());
    client->transport->write("x");
    EXPECT_THAT(producer.asked, ElementsAre("pause"));
    pump->flush();
    EXPECT_THAT(producer.asked, ElementsAre("pause", "resume"));
    pump->cut();
    EXPECT_THAT(producer.asked, ElementsAre("pause", "resume", "stop"));
    Producer late(pump->client());
    pump->client().registerProducer(late, Producing::Push);
    EXPECT_THAT(late.asked, ElementsAre("stop"));
}

// A chunk cuts what is delivered, not what is written.
TEST_F(IoPumpTest, deliveriesAreNoLongerThanTheChunk) {
    std::vector<std::string> pieces;
    server->onData = [&](ITransport&, std::string_view data) { pieces.emplace_back(data); };
    join({.chunk = 3});
    client->transport->write("abcdefgh");
    pump->flush();
    EXPECT_THAT(pieces, ElementsAre("abc", "def", "gh"));
    EXPECT_EQ(pump->deliveries(), 3U);
}

/// The pieces that a conversation arrives in.
std::vector<std::string> conversation(std::uint64_t seed) {
    std::vector<std::string> pieces;
    const auto one = std::make_shared<Record>();
    const auto other = std::make_shared<Record>();
    one->onData = [&](ITransport&, std::string_view data) {
        pieces.push_back("<" + std::string(data));
    };
    other->onData = [&](ITransport&, std::string_view data) {
        pieces.push_back(">" + std::string(data));
    };
    IoPump pump(makeRef<Recorder>(one), makeRef<Recorder>(other), {.chunk = 5, .seed = seed});
    one->transport->write(std::string(50, 'a'));
    other->transport->write(std::string(50, 'b'));
    pump.flush();
    EXPECT_EQ(one->received, std::string(50, 'b'));
    EXPECT_EQ(other->received, std::string(50, 'a'));
    return pieces;
}

// A seed cuts and interleaves at random, and the same seed does so in the same way.
TEST_F(IoPumpTest, aSeedMakesMovesThatCanBeRepeated) {
    EXPECT_EQ(conversation(1), conversation(1));
    EXPECT_NE(conversation(1), conversation(2));
    for (const std::string& piece : conversation(3)) {
        EXPECT_LE(piece.size(), 6U);
    }
}

// The n-th delivery can be made to fail: everything before it arrives, and both ends are told.
TEST_F(IoPumpTest, theDeliveryOfANumberFails) {
    for (std::size_t n = 1; n <= 4; ++n) {
        client->received.clear();
        server->received.clear();
        join({.chunk = 1, .failAt = n});
        client->transport->write("abc");
        pump->flush();
        EXPECT_EQ(server->received, std::string("abc").substr(0, n - 1));
        EXPECT_EQ(pump->server().endedWith<ConnectionLost>(), n < 4);
        EXPECT_EQ(pump->client().endedWith<ConnectionLost>(), n < 4);
    }
}

// Whoever waits for the end of a connection is called behind connectionLost(), or at once.
TEST_F(IoPumpTest, theEndOfAConnectionCanBeWaitedFor) {
    std::vector<std::string> seen;
    server->onLost = [&](ITransport&) { seen.emplace_back("lost"); };
    join();
    pump->whenEnded(pump->server(), [&] { seen.emplace_back("ended"); });
    pump->cut();
    pump->whenEnded(pump->server(), [&] { seen.emplace_back("at once"); });
    EXPECT_THAT(seen, ElementsAre("lost", "ended", "at once"));
}

// A pump that goes takes the connection with it.
TEST_F(IoPumpTest, theEndOfThePumpIsToldToBoth) {
    join();
    pump.reset();
    EXPECT_NE(client->lost->check<ConnectionLost>(), nullptr);
    EXPECT_NE(server->lost->check<ConnectionLost>(), nullptr);
}

// The transports know addresses and options, as those of sockets do.
TEST_F(IoPumpTest, theEndsHaveAddressesAndOptions) {
    join({.client = {Address::Kind::Ipv6, 1, "::1"}, .server = {Address::Kind::Ipv6, 2, "::2"}});
    EXPECT_EQ(client->transport->getHost().toString(), "[::1]:1");
    EXPECT_EQ(client->transport->getPeer().toString(), "[::2]:2");
    EXPECT_TRUE(client->transport->getTcpNoDelay());
    client->transport->setTcpNoDelay(false);
    client->transport->setTcpKeepAlive(true);
    EXPECT_FALSE(client->transport->getTcpNoDelay());
    EXPECT_TRUE(client->transport->getTcpKeepAlive());
}

// What makes no sense is refused before anything happens.
TEST_F(IoPumpTest, senselessOptionsAreRefused) {
    EXPECT_THROW(join({.chunk = 0}), std::invalid_argument);
    EXPECT_THROW(join({.tick = -1s}), std::invalid_argument);
    EXPECT_THROW(IoPump(Ref<IProtocol>(), makeRef<Recorder>(server)), std::invalid_argument);
    EXPECT_TRUE(server->events.empty());
}

// M-3: TLS begins where the protocols say so, over the same pump, also a byte at a time.
TEST(IoPump, tlsBeginsInTheMiddle) {
    const CertificateAuthority authority;
    const PemPair leaf = authority.issue({.names = {"example.org"}});
    Clock clock;
    const auto one = makeRef<AccumulatingProtocol>();
    const auto other = makeRef<AccumulatingProtocol>();
    IoPump pump(one, other, {.chunk = 1});
    one->write("STARTTLS\r\n");
    pump.flush();
    EXPECT_EQ(other->take(), "STARTTLS\r\n");
    startTls(*other->transport(), TlsContext::server(leaf.certificate, leaf.key), clock);
    startTls(*one->transport(), TlsContext::client().trustPem(authority.certificatePem()), clock,
             "example.org");
    one->write("secret");
    pump.flush();
    EXPECT_EQ(other->take(), "secret");
    EXPECT_EQ(pump.client().written().find("secret"), std::string::npos);
    one->transport()->loseConnection();
    pump.flush();
    EXPECT_TRUE(one->closedWith<ConnectionDone>());
    EXPECT_TRUE(other->closedWith<ConnectionDone>());
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

}  // namespace
}  // namespace marline::testing
