#include <chrono>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "tls_bed.hpp"

namespace {

using namespace marline;
using namespace marline::testing;
using ::testing::HasSubstr;

void ignore(RecordingProtocol&) {}

// S-5: A clean close is ConnectionDone on both sides, with all that was written before.
TEST(TlsClosing, isCleanOnBothSides) {
    TlsBed bed;
    bed.run();
    bed.client().transport->write("last words");
    bed.client().transport->loseConnection();
    EXPECT_TRUE(bed.client().transport->disconnecting());
    EXPECT_EQ(bed.client().losses, 0) << "delivered from inside loseConnection()";
    bed.pipe.run();
    EXPECT_EQ(bed.server().received, "last words");
    EXPECT_TRUE(bed.server().lostWith<ConnectionDone>());
    EXPECT_TRUE(bed.client().lostWith<ConnectionDone>());
    EXPECT_EQ(bed.client().losses + bed.server().losses, 2);
}

// S-9: A stream that ends without close_notify is told from a clean end.
TEST(TlsClosing, aTruncatedStreamIsToldFromACleanEnd) {
    TlsBed bed;
    bed.run();
    bed.client().transport->write("all of it?");
    bed.pipe.run();
    bed.pipe.client.loseConnection();
    bed.pipe.run();
    EXPECT_EQ(bed.server().received, "all of it?");
    EXPECT_TRUE(bed.server().lostWith<ConnectionTruncated>());
    EXPECT_THAT(bed.server().lost->message(), HasSubstr("close_notify"));
}

// A record cut in the middle is a truncation.
TEST(TlsClosing, aCutRecordIsATruncation) {
    TlsBed bed;
    bed.run();
    bed.pipe.setChunk(10);
    bed.client().transport->write(std::string(1000, 'x'));
    bed.pipe.step();
    bed.pipe.cut();
    EXPECT_EQ(bed.server().received, "");
    EXPECT_TRUE(bed.server().lostWith<ConnectionTruncated>());
}

// A record changed on the way ends the connection with a TlsError.
TEST(TlsClosing, aChangedRecordIsAnError) {
    TlsBed bed;
    bed.run();
    bed.pipe.inject(bed.pipe.client, std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
    bed.pipe.run();
    EXPECT_TRUE(bed.server().lostWith<TlsError>());
    EXPECT_THAT(bed.server().lost->message(), HasSubstr("127.0.0.1:40000"));
    EXPECT_TRUE(bed.client().lostWith<TlsError>()) << "the alert did not arrive";
}

// abortConnection() drops everything: the one side knows why, the other lost its connection.
TEST(TlsClosing, abortDropsWhatIsUnderWay) {
    TlsBed bed;
    bed.run();
    bed.client().transport->write("never");
    bed.client().transport->abortConnection();
    EXPECT_EQ(bed.client().losses, 0);
    bed.pipe.run();
    EXPECT_TRUE(bed.client().lostWith<ConnectionAborted>());
    EXPECT_TRUE(bed.server().lostWith<ConnectionLost>());
    EXPECT_EQ(bed.server().received, "");
}

// disconnecting() says so after an abort too.
TEST(TlsClosing, abortIsDisconnecting) {
    TlsBed bed;
    bed.run();
    EXPECT_FALSE(bed.client().transport->disconnecting());
    bed.client().transport->abortConnection();
    EXPECT_TRUE(bed.client().transport->disconnecting());
}

// An abort after loseConnection() is an abort.
TEST(TlsClosing, abortAfterCloseAborts) {
    TlsBed bed;
    bed.run();
    bed.client().transport->loseConnection();
    bed.client().transport->abortConnection();
    bed.pipe.run();
    EXPECT_TRUE(bed.client().lostWith<ConnectionAborted>());
}

// S-8: What is written after loseConnection() is dropped.
TEST(TlsClosing, writesAfterCloseAreDropped) {
    TlsBed bed;
    bed.run();
    bed.client().transport->write("before");
    bed.client().transport->loseConnection();
    bed.client().transport->write("after");
    bed.pipe.run();
    EXPECT_EQ(bed.server().received, "before");
    EXPECT_TRUE(bed.server().lostWith<ConnectionDone>());
}

// S-11: Every call of a transport that is gone does nothing.
TEST(TlsClosing, callsAfterTheEndDoNothing) {
    TlsBed bed;
    ITransport* transport = nullptr;
    bed.clients = makeRef<RecordingFactory>([&](RecordingProtocol& protocol) {
        protocol.onLost = [&](RecordingProtocol&) {
            transport->write("late");
            transport->loseConnection();
            transport->abortConnection();
            transport->pauseProducing();
            transport->resumeProducing();
            transport->setTcpNoDelay(true);
            transport->setTcpKeepAlive(true);
            transport->unregisterProducer();
            EXPECT_EQ(transport->bytesBuffered(), 0U);
            EXPECT_TRUE(transport->disconnecting());
        };
    });
    bed.run();
    transport = bed.client().transport;
    bed.server().transport->loseConnection();
    bed.pipe.run();
    EXPECT_EQ(bed.client().losses, 1);
}

// Data that comes after this side's loseConnection() is not delivered.
TEST(TlsClosing, deliversNothingAfterLoseConnection) {
    TlsBed bed;
    bed.servers = makeRef<RecordingFactory>([](RecordingProtocol& protocol) {
        protocol.onData = [](RecordingProtocol& self, std::string_view) {
            self.transport->loseConnection();
        };
    });
    bed.run();
    bed.client().transport->write("one");
    bed.client().transport->write("two");
    bed.pipe.run();
    EXPECT_EQ(bed.server().received, "one");
    EXPECT_TRUE(bed.client().lostWith<ConnectionDone>());
}

// Nor after this side's abort, though it came in one chunk.
TEST(TlsClosing, deliversNothingAfterAbort) {
    TlsBed bed;
    bed.servers = makeRef<RecordingFactory>([](RecordingProtocol& protocol) {
        protocol.onData = [](RecordingProtocol& self, std::string_view) {
            self.transport->abortConnection();
        };
    });
    bed.run();
    bed.client().transport->write("one");
    bed.client().transport->write("two");
    bed.pipe.run();
    EXPECT_EQ(bed.server().received, "one");
    EXPECT_TRUE(bed.server().lostWith<ConnectionAborted>());
}

// A reply written before loseConnection() in one callback arrives before the close.
TEST(TlsClosing, sendsTheReplyBeforeTheClose) {
    TlsBed bed;
    bed.servers = makeRef<RecordingFactory>([](RecordingProtocol& protocol) {
        protocol.onData = [](RecordingProtocol& self, std::string_view) {
            self.transport->write("reply");
            self.transport->loseConnection();
            self.transport->write("too late");
        };
    });
    bed.run();
    bed.client().transport->write("request");
    bed.pipe.run();
    EXPECT_EQ(bed.client().received, "reply");
    EXPECT_TRUE(bed.client().lostWith<ConnectionDone>());
}

// What dataReceived() throws ends the connection and is the reason.
TEST(TlsClosing, anExceptionInDataReceivedIsTheReason) {
    TlsBed bed;
    bed.servers = makeRef<RecordingFactory>([](RecordingProtocol& protocol) {
        protocol.onData = [](RecordingProtocol&, std::string_view) {
            throw std::out_of_range("no such thing");
        };
    });
    bed.run();
    bed.client().transport->write("one");
    bed.client().transport->write("two");
    bed.pipe.run();
    EXPECT_EQ(bed.server().deliveries, 1);
    EXPECT_TRUE(bed.server().lostWith<std::out_of_range>());
    EXPECT_TRUE(bed.client().lostWith<ConnectionTruncated>());
}

// What makeConnection() throws is the reason too, and what connect() fails with.
TEST(TlsClosing, anExceptionInMakeConnectionIsTheReason) {
    TlsBed bed;
    bed.clients = makeRef<RecordingFactory>([](RecordingProtocol& protocol) {
        protocol.onMade = [](RecordingProtocol&) { throw std::out_of_range("not today"); };
    });
    bed.run();
    ASSERT_TRUE(bed.failure);
    EXPECT_NE(bed.failure->check<std::out_of_range>(), nullptr) << bed.refusal();
    EXPECT_EQ(bed.client().losses, 1);
    EXPECT_TRUE(bed.client().lostWith<std::out_of_range>());
    EXPECT_EQ(bed.clock.pendingCalls(), 0U);
}

// A protocol may drop everything that the test holds inside each of its callbacks.
TEST(TlsClosing, survivesProtocolsThatDropEverything) {
    for (int where = 0; where < 3; ++where) {
        TlsBed bed;
        bed.clients->keep = false;
        const auto drop = [&](int callback) {
            if (callback == where) {
                bed.protocol.reset();
                bed.connecting.reset();
                bed.clients.reset();
            }
        };
        bed.clients = makeRef<RecordingFactory>([&](RecordingProtocol& protocol) {
            protocol.onMade = [&](RecordingProtocol&) { drop(0); };
            protocol.onData = [&](RecordingProtocol&, std::string_view) { drop(1); };
            protocol.onLost = [&](RecordingProtocol&) { drop(2); };
        });
        bed.clients->keep = false;
        bed.run();
        bed.server().transport->write("data");
        bed.pipe.run();
        bed.server().transport->loseConnection();
        bed.pipe.run();
        EXPECT_TRUE(bed.server().lostWith<ConnectionDone>());
        EXPECT_TRUE(bed.pipe.client.ended());
    }
}

// A protocol may abort or close in makeConnection(); connect() has fired all the same.
TEST(TlsClosing, mayCloseInMakeConnection) {
    for (const bool abort : {false, true}) {
        TlsBed bed;
        bed.clients = makeRef<RecordingFactory>([&](RecordingProtocol& protocol) {
            protocol.onMade = [&](RecordingProtocol& self) {
                abort ? self.transport->abortConnection() : self.transport->loseConnection();
            };
        });
        bed.run();
        EXPECT_TRUE(bed.protocol) << bed.refusal();
        EXPECT_EQ(bed.client().losses, 1);
        EXPECT_EQ(bed.client().lostWith<ConnectionAborted>(), abort);
        EXPECT_TRUE(bed.pipe.server.ended());
    }
}

// The end of the transport below reaches both, also when nobody closed it.
TEST(TlsClosing, aLostTransportIsALostConnection) {
    RecordingProtocol* client = nullptr;
    Ref<RecordingProtocol> kept;
    {
        TlsBed bed;
        bed.clients = makeRef<RecordingFactory>(ignore);
        bed.run();
        client = &bed.client();
        kept = Ref<RecordingProtocol>(client);
    }
    EXPECT_EQ(kept->losses, 1);
    EXPECT_TRUE(kept->lostWith<ConnectionLost>());
}

// S-5: the connection below is closed only when the peer has said goodbye as well.
TEST(TlsClosing, waitsForThePeersGoodbye) {
    TlsBed bed;
    bed.run();
    bed.pipe.server.pauseProducing();
    bed.client().transport->loseConnection();
    bed.pipe.step();
    EXPECT_FALSE(bed.pipe.client.disconnecting());
    bed.pipe.server.resumeProducing();
    bed.pipe.run();
    EXPECT_TRUE(bed.client().lostWith<ConnectionDone>());
    EXPECT_TRUE(bed.server().lostWith<ConnectionDone>());
    EXPECT_EQ(bed.clock.pendingCalls(), 0U);
}

// S-5: it does not wait for ever: kTlsGoodbyeTimeout.
TEST(TlsClosing, waitsForThePeersGoodbyeNoLongerThanAllowed) {
    TlsBed bed;
    bed.run();
    bed.client().transport->loseConnection();
    bed.clock.advance(kTlsGoodbyeTimeout - std::chrono::milliseconds(1));
    EXPECT_FALSE(bed.pipe.client.disconnecting());
    bed.clock.advance(std::chrono::milliseconds(1));
    EXPECT_TRUE(bed.pipe.client.disconnecting());
    bed.pipe.run();
    EXPECT_TRUE(bed.client().lostWith<ConnectionDone>());
    EXPECT_TRUE(bed.server().lostWith<ConnectionDone>());
}

// S-5: a peer that ends the stream instead has been told, so that nothing is missing.
TEST(TlsClosing, anEndInsteadOfAGoodbyeIsEnoughAfterOurs) {
    TlsBed bed;
    bed.run();
    bed.client().transport->loseConnection();
    bed.pipe.cut();
    EXPECT_TRUE(bed.client().lostWith<ConnectionDone>());
}

// S-5: what was held back by a pause does not keep the goodbye from being seen.
TEST(TlsClosing, closesWhilePaused) {
    TlsBed bed;
    bed.run();
    bed.server().onData = [](RecordingProtocol& self, std::string_view) {
        self.transport->pauseProducing();
    };
    for (const char* record : {"one", "two", "three"}) {
        bed.client().transport->write(record);
    }
    bed.client().transport->loseConnection();
    bed.pipe.run();
    ASSERT_EQ(bed.server().received, "one");
    bed.server().transport->loseConnection();
    bed.pipe.run();
    EXPECT_EQ(bed.server().received, "one");
    EXPECT_TRUE(bed.server().lostWith<ConnectionDone>());
    EXPECT_EQ(bed.clock.pendingCalls(), 0U);
}

// S-5: everything that was written goes out before the goodbye, however much it is.
TEST(TlsClosing, sendsAHugeWriteBeforeTheGoodbye) {
    TlsBed bed;
    bed.run();
    bed.client().transport->write(std::string(3'000'000, 'x'));
    bed.client().transport->loseConnection();
    bed.pipe.run();
    EXPECT_EQ(bed.server().received.size(), 3'000'000U);
    EXPECT_TRUE(bed.server().lostWith<ConnectionDone>());
}

// S-5: both sides may close at once.
TEST(TlsClosing, bothMayCloseAtOnce) {
    TlsBed bed;
    bed.run();
    bed.client().transport->loseConnection();
    bed.server().transport->loseConnection();
    bed.pipe.run();
    EXPECT_TRUE(bed.client().lostWith<ConnectionDone>());
    EXPECT_TRUE(bed.server().lostWith<ConnectionDone>());
}

// S-6: connectionLost() comes when the transport below has closed, and not with the goodbye.
TEST(TlsClosing, isLostOnlyWhenTheTransportBelowIs) {
    TlsBed bed;
    bed.run();
    bed.client().transport->loseConnection();
    bed.pipe.step();
    EXPECT_TRUE(bed.pipe.server.disconnecting()) << "the goodbye did not arrive";
    EXPECT_FALSE(bed.pipe.client.ended());
    EXPECT_EQ(bed.client().losses, 0);
    bed.pipe.run();
    EXPECT_EQ(bed.client().losses, 1);
}

// S-10: OpenSSL's error in a write is what the connection ends with.
TEST(TlsClosing, anErrorInAWriteIsTheReason) {
    static SSL* captured = nullptr;
    TlsContext context = clientContext();
    SSL_CTX_set_info_callback(context.native(),
                              [](const SSL* ssl, int, int) { captured = const_cast<SSL*>(ssl); });
    TlsBed bed(context);
    bed.run();
    ASSERT_EQ(SSL_shutdown(captured), 0);  // from now on OpenSSL refuses to write
    bed.client().transport->write("refused");
    bed.client().transport->write("not even tried");
    EXPECT_EQ(bed.client().losses, 0);
    bed.pipe.run();
    ASSERT_TRUE(bed.client().lostWith<TlsError>());
    EXPECT_THAT(bed.client().lost->message(), HasSubstr("protocol is shutdown"));
    EXPECT_EQ(bed.server().received, "");
}

// S-10: a write that fails below is the reason above, as it is.
TEST(TlsClosing, anErrorBelowIsTheReason) {
    TlsBed bed;
    bed.run();
    bed.pipe.server.abortConnection();
    bed.client().transport->write("into the void");
    bed.pipe.run();
    EXPECT_TRUE(bed.client().lostWith<ConnectionLost>());
    EXPECT_FALSE(bed.client().lostWith<ConnectionTruncated>());
    EXPECT_THAT(bed.client().lost->message(), HasSubstr("reset by peer"));
}

// S-11: a second loseConnection() does nothing.
TEST(TlsClosing, closingTwiceIsClosingOnce) {
    TlsBed bed;
    bed.run();
    bed.client().transport->loseConnection();
    const std::size_t sent = bed.pipe.client.sent.size();
    bed.client().transport->loseConnection();
    EXPECT_EQ(bed.pipe.client.sent.size(), sent);
    bed.pipe.run();
    EXPECT_EQ(bed.client().losses, 1);
    EXPECT_TRUE(bed.client().lostWith<ConnectionDone>());
}

}  // namespace
