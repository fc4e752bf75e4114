// startTls(): TLS on a connection that stands.
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls_bed.hpp"

namespace {

using namespace marline;
using namespace marline::testing;
using ::testing::HasSubstr;

/// Two protocols on a plain connection.
struct PlainBed {
    PlainBed() { pipe.connect(client, server); }

    void secureClient(const std::string& host = kHost) {
        startTls(*client->transport, clientContext(), clock, host);
    }
    void secureServer() { startTls(*server->transport, serverContext(), clock); }
    void secureBoth() {
        secureClient();
        secureServer();
    }

    Clock clock;
    Ref<RecordingProtocol> client = makeRef<RecordingProtocol>();
    Ref<RecordingProtocol> server = makeRef<RecordingProtocol>();
    MemoryPipe pipe;
};

/// Notes how it is asked, and writes `block` once when it is resumed.
class Logged final : public IProducer {
public:
    explicit Logged(ITransport& to) : to_(to) {}
    void resumeProducing() override {
        events.emplace_back("resume");
        if (!block.empty()) {
            to_.write(block);
            block.clear();
            to_.unregisterProducer();
        }
    }
    void pauseProducing() override { events.emplace_back("pause"); }
    void stopProducing() override { events.emplace_back("stop"); }

    std::vector<std::string> events;
    std::string block;

private:
    ITransport& to_;
};

// S-18: a connection is upgraded in its middle, and the peer's certificate is known then.
TEST(StartTls, upgradesAConnection) {
    PlainBed bed;
    bed.server->onData = [&](RecordingProtocol& self, std::string_view data) {
        if (data == "STARTTLS\r\n") {
            self.transport->write("220 go\r\n");
            bed.secureServer();
        }
    };
    bed.client->onData = [&](RecordingProtocol&, std::string_view data) {
        if (data == "220 go\r\n") {
            bed.secureClient();
            bed.client->transport->write("secret");
        }
    };
    bed.client->transport->write("STARTTLS\r\n");
    bed.pipe.run();
    EXPECT_EQ(bed.server->received, "STARTTLS\r\nsecret");
    EXPECT_THAT(bed.pipe.client.sent, ::testing::Not(HasSubstr("secret")));
    EXPECT_EQ(bed.client->made, 1) << "connected a second time";
    EXPECT_EQ(bed.client->handshakes + bed.server->handshakes, 2);
    EXPECT_EQ(bed.client->transport->tls()->getPeerCertificate()->names,
              std::vector<std::string>{kHost});
    EXPECT_EQ(bed.clock.pendingCalls(), 0U);
    bed.server->transport->loseConnection();
    bed.pipe.run();
    EXPECT_TRUE(bed.client->lostWith<ConnectionDone>());
    EXPECT_TRUE(bed.server->lostWith<ConnectionDone>());
}

// S-18: who accepted the connection may be the TLS client.
TEST(StartTls, worksBackwards) {
    PlainBed bed;
    startTls(*bed.server->transport, clientContext(), bed.clock, kHost);
    startTls(*bed.client->transport, serverContext(), bed.clock);
    bed.server->transport->write("from the TLS client");
    bed.pipe.run();
    EXPECT_EQ(bed.client->received, "from the TLS client");
}

// Bytes cut in any way do no harm.
TEST(StartTls, worksByteByByte) {
    PlainBed bed;
    bed.pipe.setChunk(1);
    bed.secureBoth();
    bed.client->transport->write("byte by byte");
    bed.pipe.run();
    EXPECT_EQ(bed.server->received, "byte by byte");
}

// TLS goes over TLS.
TEST(StartTls, worksInsideOfTls) {
    PlainBed bed;
    bed.secureBoth();
    bed.pipe.run();
    bed.secureBoth();
    bed.client->transport->write("twice wrapped");
    bed.pipe.run();
    EXPECT_EQ(bed.server->received, "twice wrapped");
    EXPECT_EQ(bed.client->handshakes, 2);
    bed.client->transport->loseConnection();
    bed.pipe.run();
    EXPECT_TRUE(bed.server->lostWith<ConnectionDone>());
}

// S-1: what is written before the handshake is done leaves after it, in order.
TEST(StartTls, keepsWhatIsWrittenBeforeTheHandshake) {
    PlainBed bed;
    bed.secureBoth();
    bed.client->transport->write("one ");
    bed.client->transport->write("two ");
    EXPECT_EQ(bed.client->transport->bytesBuffered(), 8U + bed.pipe.client.bytesBuffered());
    bed.client->onHandshake = [](RecordingProtocol& self) { self.transport->write("three"); };
    bed.pipe.run();
    EXPECT_EQ(bed.server->received, "one two three");
}

// S-2: handshakeCompleted() comes before any data, when the peer is known.
TEST(StartTls, saysThatTheHandshakeIsDoneBeforeAnyData) {
    PlainBed bed;
    bed.secureBoth();
    bed.client->transport->write("early");
    std::string before = "nothing";
    bool known = false;
    bed.server->onHandshake = [&](RecordingProtocol& self) { before = self.received; };
    bed.client->onHandshake = [&](RecordingProtocol& self) {
        known = self.transport->tls()->getPeerCertificate().has_value();
    };
    bed.pipe.run();
    EXPECT_EQ(before, "");
    EXPECT_EQ(bed.server->received, "early");
    EXPECT_TRUE(known);
}

// S-3: an abort in handshakeCompleted() drops all that was written before.
TEST(StartTls, anAbortInHandshakeCompletedSendsNothing) {
    PlainBed bed;
    bed.secureBoth();
    bed.client->transport->write("for the right peer only");
    bed.client->onHandshake = [](RecordingProtocol& self) { self.transport->abortConnection(); };
    bed.pipe.run();
    EXPECT_EQ(bed.server->received, "");
    EXPECT_TRUE(bed.client->lostWith<ConnectionAborted>());
}

// S-4: a handshake that fails closes the connection, and connectionLost() has the TLS error.
TEST(StartTls, aRefusedPeerIsTheReasonOfTheLoss) {
    PlainBed bed;
    bed.secureClient("other.test");
    bed.secureServer();
    bed.client->transport->write("never");
    bed.pipe.run();
    ASSERT_TRUE(bed.client->lostWith<TlsError>());
    EXPECT_THAT(bed.client->lost->message(), HasSubstr("not for other.test"));
    EXPECT_TRUE(bed.server->lostWith<TlsError>()) << "the alert did not arrive";
    EXPECT_EQ(bed.server->received, "");
    EXPECT_EQ(bed.client->handshakes + bed.server->handshakes, 0);
}

// S-4: so does a peer that goes, or one that says nothing for too long.
TEST(StartTls, aHandshakeThatEndsEarlyIsTheReasonOfTheLoss) {
    PlainBed gone;
    gone.secureClient();
    gone.pipe.cut();
    EXPECT_TRUE(gone.client->lostWith<TlsError>());
    PlainBed silent;
    silent.secureClient();
    silent.clock.advance(kTlsHandshakeTimeout);
    silent.pipe.run();
    EXPECT_TRUE(silent.client->lostWith<ConnectTimeoutError>());
}

// S-7: loseConnection() during the handshake aborts when nothing waits to be sent.
TEST(StartTls, closingBeforeTheHandshakeAborts) {
    PlainBed bed;
    bed.secureBoth();
    bed.client->transport->loseConnection();
    EXPECT_TRUE(bed.client->transport->disconnecting());
    EXPECT_EQ(bed.client->losses, 0);
    bed.pipe.run();
    EXPECT_TRUE(bed.client->lostWith<ConnectionAborted>());
}

// S-7: else it waits for the handshake, sends what waits, and closes; later writes are dropped.
TEST(StartTls, closingBeforeTheHandshakeSendsWhatWaits) {
    PlainBed bed;
    bed.secureBoth();
    bed.client->transport->write("last words");
    bed.client->transport->loseConnection();
    bed.client->transport->write("too late");
    bed.pipe.run();
    EXPECT_EQ(bed.server->received, "last words");
    EXPECT_TRUE(bed.client->lostWith<ConnectionDone>());
    EXPECT_TRUE(bed.server->lostWith<ConnectionDone>());
}

// S-12: what a push producer writes while TLS cannot is kept; it is paused, and resumed after.
TEST(StartTls, holdsAPushProducerUntilTheHandshakeIsDone) {
    PlainBed bed;
    bed.secureBoth();
    Logged producer(*bed.client->transport);
    bed.client->transport->registerProducer(producer, Producing::Push);
    bed.client->transport->write("kept ");
    bed.client->transport->write("too ");
    EXPECT_EQ(producer.events, std::vector<std::string>{"pause"});
    producer.block = "resumed";
    bed.client->transport->loseConnection();
    bed.pipe.run();
    EXPECT_EQ(producer.events, (std::vector<std::string>{"pause", "resume"}));
    EXPECT_EQ(bed.server->received, "kept too resumed");
    EXPECT_TRUE(bed.client->lostWith<ConnectionDone>());
}

// S-12: a pull producer is asked for the first time when the handshake is done.
TEST(StartTls, asksAPullProducerWhenTheHandshakeIsDone) {
    PlainBed bed;
    bed.secureBoth();
    Logged producer(*bed.client->transport);
    producer.block = "pulled";
    bed.client->transport->registerProducer(producer, Producing::Pull);
    EXPECT_TRUE(producer.events.empty());
    bed.pipe.run();
    EXPECT_EQ(bed.server->received, "pulled");
}

// A producer that waited for a handshake that failed is stopped, once.
TEST(StartTls, stopsTheProducerOfAFailedHandshake) {
    PlainBed bed;
    bed.secureClient("other.test");
    bed.secureServer();
    Logged producer(*bed.client->transport);
    bed.client->transport->registerProducer(producer, Producing::Push);
    bed.pipe.run();
    EXPECT_EQ(producer.events, std::vector<std::string>{"stop"});
}

// A producer may be taken back before the handshake is done.
TEST(StartTls, aProducerMayGoBeforeTheHandshake) {
    PlainBed bed;
    bed.secureBoth();
    Logged producer(*bed.client->transport);
    bed.client->transport->registerProducer(producer, Producing::Push);
    bed.client->transport->unregisterProducer();
    bed.pipe.run();
    EXPECT_TRUE(producer.events.empty());
    bed.client->transport->write("alone");
    bed.pipe.run();
    EXPECT_EQ(bed.server->received, "alone");
}

// S-18: with a producer on the plain transport, whose writes would be plain, it is misuse.
TEST(StartTls, isMisuseWithAProducer) {
    PlainBed bed;
    ITransport& plain = *bed.client->transport;
    Logged producer(plain);
    plain.registerProducer(producer, Producing::Push);
    EXPECT_THROW(bed.secureClient(), std::logic_error);
    EXPECT_EQ(bed.client->transport, &plain);
    plain.unregisterProducer();
    plain.write("still plain");
    bed.pipe.run();
    EXPECT_EQ(bed.server->received, "still plain");
    EXPECT_EQ(bed.clock.pendingCalls(), 0U);
}

// S-19: a context that does not work throws at the call, and the connection stays plain.
TEST(StartTls, throwsWhatTheContextThrows) {
    PlainBed bed;
    ITransport& plain = *bed.client->transport;
    EXPECT_THROW(bed.secureClient(""), TlsError);
    EXPECT_THROW(bed.secureClient(std::string("a\0b", 3)), TlsError);
    EXPECT_THROW(bed.secureClient(std::string(300, 'x')), TlsError);
    EXPECT_EQ(bed.client->transport, &plain);
    bed.client->transport->write("still plain");
    bed.pipe.run();
    EXPECT_EQ(bed.server->received, "still plain");
}

/// A protocol that knows nothing of TLS.
class Simple final : public IProtocol {
public:
    void makeConnection(ITransport& to) override { transport = &to; }
    void dataReceived(std::span<const std::byte> data) override { received += asText(data); }
    void connectionLost(const Failure&) override { transport = nullptr; }

    ITransport* transport = nullptr;
    std::string received;
};

// A protocol that cannot change its transport says so, and keeps it.
TEST(StartTls, needsAProtocolThatCanChangeItsTransport) {
    Clock clock;
    auto simple = makeRef<Simple>();
    auto other = makeRef<RecordingProtocol>();
    MemoryPipe pipe;
    pipe.connect(simple, other);
    EXPECT_THROW(startTls(*simple->transport, clientContext(), clock, kHost), std::logic_error);
    other->transport->write("still here");
    pipe.run();
    EXPECT_EQ(simple->received, "still here");
}

// Pausing before the handshake is done holds the data back, and not the handshake.
TEST(StartTls, mayPauseBeforeTheHandshake) {
    PlainBed bed;
    bed.secureBoth();
    bed.server->transport->pauseProducing();
    bed.client->transport->write("later");
    bed.pipe.run();
    EXPECT_EQ(bed.server->handshakes, 1);
    EXPECT_EQ(bed.server->received, "");
    bed.server->transport->resumeProducing();
    bed.clock.advance(Duration::zero());
    bed.pipe.run();
    EXPECT_EQ(bed.server->received, "later");
}

// An exception in handshakeCompleted() ends the connection with it.
TEST(StartTls, anExceptionInHandshakeCompletedIsTheReason) {
    PlainBed bed;
    bed.secureBoth();
    bed.server->onHandshake = [](RecordingProtocol&) { throw std::out_of_range("not you"); };
    bed.pipe.run();
    EXPECT_TRUE(bed.server->lostWith<std::out_of_range>());
}

}  // namespace
