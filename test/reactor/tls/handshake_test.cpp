#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "tls_bed.hpp"

namespace {

using namespace marline;
using namespace marline::testing;
using ::testing::HasSubstr;

// A handshake makes both protocols, fires connect() with the client's, and data gets across.
TEST(TlsHandshake, connectsAndEchoes) {
    TlsBed bed;
    bed.servers = makeRef<RecordingFactory>(echo);
    bed.run();
    ASSERT_TRUE(bed.protocol) << bed.refusal();
    EXPECT_EQ(bed.protocol.get(), &bed.client());
    bed.client().transport->write("hello");
    bed.pipe.run();
    EXPECT_EQ(bed.client().received, "hello");
    EXPECT_THAT(bed.pipe.client.sent, ::testing::Not(HasSubstr("hello")));
}

// Nothing depends on how the bytes are cut: one at a time is as good.
TEST(TlsHandshake, worksByteByByte) {
    TlsBed bed;
    bed.servers = makeRef<RecordingFactory>(echo);
    bed.pipe.setChunk(1);
    bed.run();
    ASSERT_TRUE(bed.protocol) << bed.refusal();
    bed.client().transport->write("byte by byte");
    bed.client().transport->loseConnection();
    bed.pipe.run();
    EXPECT_EQ(bed.server().received, "byte by byte");
    EXPECT_TRUE(bed.server().lostWith<ConnectionDone>());
}

// S-1: A protocol hears nothing before the handshake is done, and then makeConnection() first.
TEST(TlsHandshake, makesTheConnectionOnlyWhenItIsDone) {
    TlsBed bed;
    bed.begin();
    EXPECT_EQ(bed.client().made, 0);
    EXPECT_EQ(bed.server().made, 0);
    bed.pipe.run();
    EXPECT_EQ(bed.client().made, 1);
    EXPECT_EQ(bed.server().made, 1);
    EXPECT_EQ(bed.clock.pendingCalls(), 0U) << "a deadline was left";
}

// S-1: What a protocol writes in makeConnection() arrives.
TEST(TlsHandshake, sendsWhatIsWrittenInMakeConnection) {
    TlsBed bed;
    const auto greet = [](RecordingProtocol& protocol) {
        protocol.onMade = [](RecordingProtocol& self) { self.transport->write("greeting"); };
    };
    bed.clients = makeRef<RecordingFactory>(greet);
    bed.servers = makeRef<RecordingFactory>(greet);
    bed.run();
    EXPECT_EQ(bed.client().received, "greeting");
    EXPECT_EQ(bed.server().received, "greeting");
}

// The addresses and TCP's options are those of the transport below.
TEST(TlsHandshake, passesAddressesAndOptionsThrough) {
    TlsBed bed;
    bed.run();
    ITransport& transport = *bed.client().transport;
    EXPECT_EQ(transport.getHost(), bed.pipe.client.getHost());
    EXPECT_EQ(transport.getPeer(), bed.pipe.client.getPeer());
    transport.setTcpNoDelay(true);
    transport.setTcpKeepAlive(true);
    EXPECT_TRUE(bed.pipe.client.noDelay);
    EXPECT_TRUE(bed.pipe.client.keepAlive);
}

// S-22: TLS 1.1 is refused by our server.
TEST(TlsHandshake, serverRefusesTls11) {
    TlsContext old = clientContext();
    SSL_CTX_set_min_proto_version(old.native(), TLS1_1_VERSION);
    SSL_CTX_set_max_proto_version(old.native(), TLS1_1_VERSION);
    SSL_CTX_set_cipher_list(old.native(), "ALL:@SECLEVEL=0");
    TlsBed bed(old);
    bed.run();
    EXPECT_THAT(bed.refusal(), HasSubstr("protocol version"));
    EXPECT_EQ(bed.server().made, 0);
}

// S-22: TLS 1.1 is refused by our client.
TEST(TlsHandshake, clientRefusesTls11) {
    TlsContext old = serverContext();
    SSL_CTX_set_min_proto_version(old.native(), TLS1_1_VERSION);
    SSL_CTX_set_max_proto_version(old.native(), TLS1_1_VERSION);
    SSL_CTX_set_cipher_list(old.native(), "ALL:@SECLEVEL=0");
    TlsBed bed(clientContext(), old);
    bed.run();
    ASSERT_TRUE(bed.failure);
    EXPECT_NE(bed.failure->check<TlsError>(), nullptr);
    EXPECT_EQ(bed.client().made, 0);
}

// TLS 1.2 is spoken with those that know no better.
TEST(TlsHandshake, speaksTls12) {
    TlsContext old = clientContext();
    SSL_CTX_set_max_proto_version(old.native(), TLS1_2_VERSION);
    TlsBed bed(old);
    bed.servers = makeRef<RecordingFactory>(echo);
    bed.run();
    ASSERT_TRUE(bed.protocol) << bed.refusal();
    bed.client().transport->write("old");
    bed.pipe.run();
    EXPECT_EQ(bed.client().received, "old");
}

// S-4: A server that answers with garbage is no TLS server.
TEST(TlsHandshake, refusesGarbage) {
    TlsBed bed;
    bed.begin();
    bed.pipe.inject(bed.pipe.server, std::string(64, '\xff'));
    bed.pipe.inject(bed.pipe.client, "");
    bed.pipe.run();
    ASSERT_TRUE(bed.failure);
    EXPECT_NE(bed.failure->check<TlsError>(), nullptr);
    EXPECT_THAT(bed.refusal(), HasSubstr("TLS handshake with server.test (127.0.0.2:443) failed"));
    EXPECT_EQ(bed.client().made, 0);
    EXPECT_EQ(bed.client().losses, 0);
}

// A plain HTTP answer fails with a TlsError too.
TEST(TlsHandshake, refusesAPlainHttpAnswer) {
    TlsBed bed;
    bed.begin();
    bed.pipe.inject(bed.pipe.client, "");
    bed.pipe.inject(bed.pipe.server, "HTTP/1.1 400 Bad Request\r\n\r\n");
    bed.pipe.run();
    ASSERT_TRUE(bed.failure);
    EXPECT_NE(bed.failure->check<TlsError>(), nullptr);
}

// Plain HTTP to a TLS server closes the connection, and the protocol never hears of it.
TEST(TlsHandshake, serverRefusesPlainHttp) {
    TlsBed bed;
    bed.begin();
    bed.pipe.inject(bed.pipe.client, "GET / HTTP/1.1\r\nHost: server.test\r\n\r\n");
    bed.pipe.run();
    EXPECT_TRUE(bed.pipe.server.ended());
    EXPECT_EQ(bed.server().made, 0);
    EXPECT_EQ(bed.server().losses, 0);
}

// A peer that closes in the handshake fails it.
TEST(TlsHandshake, failsWhenThePeerCloses) {
    TlsBed bed;
    bed.pipe.setChunk(100);
    bed.begin();
    bed.pipe.step();
    bed.pipe.cut();
    ASSERT_TRUE(bed.failure);
    EXPECT_NE(bed.failure->check<TlsError>(), nullptr);
    EXPECT_THAT(bed.refusal(), HasSubstr("server.test"));
    EXPECT_EQ(bed.clock.pendingCalls(), 0U);
}

// A handshake that is not done in time is aborted, on both sides, and names its knob.
TEST(TlsHandshake, timesOut) {
    TlsBed bed;
    bed.begin();
    bed.clock.advance(kTlsHandshakeTimeout - std::chrono::milliseconds(1));
    EXPECT_FALSE(bed.failure);
    bed.clock.advance(std::chrono::milliseconds(1));
    ASSERT_TRUE(bed.failure);
    EXPECT_NE(bed.failure->check<ConnectTimeoutError>(), nullptr);
    EXPECT_THAT(bed.refusal(), HasSubstr("10000 ms (handshakeTimeout)"));
    bed.pipe.run();
    EXPECT_TRUE(bed.pipe.client.ended());
    EXPECT_TRUE(bed.pipe.server.ended());
    EXPECT_EQ(bed.client().made + bed.client().losses, 0);
}

// A handshake that stops half-way is timed out as well.
TEST(TlsHandshake, timesOutHalfWay) {
    TlsBed bed;
    bed.pipe.setChunk(100);
    bed.begin();
    bed.pipe.step();
    bed.pipe.step();
    bed.clock.advance(kTlsHandshakeTimeout);
    ASSERT_TRUE(bed.failure);
    EXPECT_NE(bed.failure->check<ConnectTimeoutError>(), nullptr);
    bed.pipe.run();
    EXPECT_EQ(bed.server().made, 0);
}

// A factory that gives no protocol refuses the connection.
TEST(TlsHandshake, aServerFactoryMayRefuse) {
    TlsBed bed;
    bed.servers->refuse = true;
    const Ref<IProtocolFactory> factory = tlsServerFactory(serverContext(), bed.clock, bed.servers);
    EXPECT_FALSE(factory->buildProtocol({}));
}

// doStart() and doStop() reach the factory inside.
TEST(TlsHandshake, tellsTheFactoryInsideOfItsStartAndStop) {
    TlsBed bed;
    const Ref<IProtocolFactory> factory = tlsServerFactory(serverContext(), bed.clock, bed.servers);
    factory->doStart();
    factory->doStop();
    EXPECT_EQ(bed.servers->starts, 1);
    EXPECT_EQ(bed.servers->stops, 1);
}

}  // namespace
