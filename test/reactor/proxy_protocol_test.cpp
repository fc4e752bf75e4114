// Servers behind a proxy: E-27.
#include <marline/reactor/proxy_protocol.hpp>

#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/protocols/protocol.hpp>
#include <marline/reactor/endpoint_wrappers.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include "test/support/recording_protocol.hpp"
#include "test/support/running.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;
using marline::testing::Clock;
using marline::testing::RecordingFactory;
using marline::testing::RecordingProtocol;
using marline::testing::StringTransport;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kHeader = "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n";
const Address kClient{Address::Kind::Ipv4, 56324, "192.0.2.1"};
const Address kService{Address::Kind::Ipv4, 443, "192.0.2.2"};
const Address kHere{Address::Kind::Ipv4, 80, "127.0.0.1"};
const Address kProxy{Address::Kind::Ipv4, 4000, "127.0.0.2"};

/// Remembers for whom protocols were built.
class AskedFactory final : public IProtocolFactory {
public:
    Ref<IProtocol> buildProtocol(const Address& peer) override {
        peers.push_back(peer);
        return recording->buildProtocol(peer);
    }
    Ref<RecordingFactory> recording = makeRef<RecordingFactory>();
    std::vector<Address> peers;
};

class Proxied : public ::testing::Test {
protected:
    void SetUp() override {
        connection = proxyServerFactory(clock, factory, 5s)->buildProtocol(kProxy);
        connection->makeConnection(transport);
    }
    void receive(std::string_view text) { connection->dataReceived(asBytes(text)); }
    RecordingProtocol& inner() { return *factory->recording->built.at(0); }
    bool begun() const { return !factory->recording->built.empty(); }

    Clock clock;
    Ref<AskedFactory> factory = makeRef<AskedFactory>();
    StringTransport transport{kHere, kProxy};
    Ref<IProtocol> connection;
    test::CatchLog logged;
};

// E-27: the protocol is built for the announced peer, which getPeer() gives; getHost() likewise.
TEST_F(Proxied, theProtocolSeesTheAnnouncedAddresses) {
    receive(kHeader);
    EXPECT_THAT(factory->peers, ElementsAre(kClient));
    ASSERT_TRUE(begun());
    EXPECT_EQ(inner().made, 1);
    EXPECT_EQ(inner().transport->getPeer(), kClient);
    EXPECT_EQ(inner().transport->getHost(), kService);
    EXPECT_EQ(inner().deliveries, 0);
}

// E-27: what comes with the header and after it reaches the protocol, in whatever pieces.
TEST_F(Proxied, bytesBehindTheHeaderAreTheProtocols) {
    for (const char c : kHeader) {
        EXPECT_FALSE(begun());
        receive(std::string(1, c));
    }
    receive("hello ");
    receive("world");
    EXPECT_EQ(inner().received, "hello world");
}

// E-27: bytes in the header's own packet are not lost.
TEST_F(Proxied, bytesInTheHeadersPacketAreDelivered) {
    receive(kHeader + "hello");
    EXPECT_EQ(inner().received, "hello");
    EXPECT_EQ(inner().deliveries, 1);
}

// E-27: without addresses in the header those of the socket stay.
TEST_F(Proxied, unknownKeepsTheRealAddresses) {
    receive("PROXY UNKNOWN\r\n");
    EXPECT_THAT(factory->peers, ElementsAre(kProxy));
    EXPECT_EQ(inner().transport->getPeer(), kProxy);
    EXPECT_EQ(inner().transport->getHost(), kHere);
}

// E-27: a bad header closes the connection, which the protocol never hears of.
TEST_F(Proxied, aBadHeaderEndsTheConnection) {
    receive("GET / HTTP/1.1\r\n");
    EXPECT_TRUE(transport.aborted());
    EXPECT_THAT(logged.take(), ElementsAre(HasSubstr("PROXY header from 127.0.0.2:4000 refused")));
    connection->connectionLost(ConnectionAborted());
    EXPECT_FALSE(begun());
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// The header has its time, kProxyHeaderTimeout unless told otherwise; the log names the knob.
TEST_F(Proxied, aLateHeaderEndsTheConnection) {
    receive(kHeader.substr(0, 10));
    clock.advance(5s - 1ns);
    EXPECT_FALSE(transport.aborted());
    clock.advance(1ns);
    EXPECT_TRUE(transport.aborted());
    EXPECT_THAT(logged.take(), ElementsAre(HasSubstr("5000 ms (headerTimeout)")));
    EXPECT_EQ(kProxyHeaderTimeout, 10s);
}

// Once the header is there, nothing is timed any more.
TEST_F(Proxied, theTimeEndsWithTheHeader) {
    receive(kHeader);
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// A connection that ends before its header, as of a health check, is nothing to speak of.
TEST_F(Proxied, anEndBeforeTheHeaderIsSilent) {
    connection->connectionLost(ConnectionDone());
    EXPECT_EQ(clock.pendingCalls(), 0U);
    EXPECT_THAT(logged.take(), IsEmpty());
    EXPECT_FALSE(connection->wantsHalfClose());
}

// A factory without a protocol for the peer refuses it.
TEST_F(Proxied, aFactoryMayRefuse) {
    factory->recording->refuse = true;
    receive(kHeader + "hello");
    EXPECT_TRUE(transport.aborted());
    connection->connectionLost(ConnectionAborted());
}

// The protocol hears of the end, and its late calls do nothing.
TEST_F(Proxied, theEndReachesTheProtocol) {
    receive(kHeader);
    ITransport* kept = inner().transport;
    connection->connectionLost(ConnectionDone());
    EXPECT_TRUE(inner().lostWith<ConnectionDone>());
    kept->write("late");
    kept->writeSequence({});
    kept->loseConnection();
    kept->abortConnection();
    kept->loseWriteConnection();
    kept->pauseProducing();
    kept->resumeProducing();
    kept->unregisterProducer();
    kept->setTcpNoDelay(true);
    kept->setTcpKeepAlive(true);
    EXPECT_EQ(transport.value(), "");
    EXPECT_FALSE(transport.closed() || transport.aborted() || transport.writeEnded());
    EXPECT_TRUE(kept->disconnecting());
    EXPECT_EQ(kept->bytesBuffered(), 0U);
}

/// A producer that counts what is asked of it.
struct CountedProducer final : IProducer {
    void resumeProducing() override { ++resumed; }
    void pauseProducing() override { ++paused; }
    void stopProducing() override { ++stopped; }
    int resumed = 0;
    int paused = 0;
    int stopped = 0;
};

// Everything that the protocol asks of its transport reaches the socket's.
TEST_F(Proxied, callsReachTheSocket) {
    receive(kHeader);
    ITransport& to = *inner().transport;
    transport.hold();
    to.write("abc");
    const std::vector<std::span<const std::byte>> pieces{asBytes("d"), asBytes("ef")};
    to.writeSequence(pieces);
    EXPECT_EQ(transport.value(), "abcdef");
    EXPECT_EQ(to.bytesBuffered(), 6U);
    to.pauseProducing();
    EXPECT_TRUE(transport.paused());
    to.resumeProducing();
    EXPECT_FALSE(transport.paused());
    CountedProducer producer;
    to.registerProducer(producer, Producing::Push);
    EXPECT_EQ(transport.producer(), &producer);
    to.unregisterProducer();
    EXPECT_EQ(transport.producer(), nullptr);
    to.loseWriteConnection();
    EXPECT_TRUE(transport.writeEnded());
    to.loseConnection();
    EXPECT_TRUE(transport.closed());
    EXPECT_TRUE(to.disconnecting());
    to.abortConnection();
    EXPECT_TRUE(transport.aborted());
}

// A producer that comes after the end is stopped at once.
TEST_F(Proxied, lateProducersAreStopped) {
    receive(kHeader);
    ITransport* kept = inner().transport;
    connection->connectionLost(ConnectionDone());
    CountedProducer producer;
    kept->registerProducer(producer, Producing::Pull);
    EXPECT_EQ(producer.stopped, 1);
}

/// A factory whose protocols do `prepare` when they are connected.
class Pausing : public Proxied {
protected:
    void prepare(std::function<void(RecordingProtocol&)> made) {
        factory->recording = makeRef<RecordingFactory>(
            [made](RecordingProtocol& protocol) { protocol.onMade = made; });
    }
};

// A protocol that pauses at once gets nothing until it resumes, and then from a later turn.
TEST_F(Pausing, whatCameWithTheHeaderWaitsForAPausedProtocol) {
    prepare([](RecordingProtocol& self) { self.transport->pauseProducing(); });
    receive(kHeader + "hello");
    EXPECT_EQ(inner().received, "");
    inner().transport->resumeProducing();
    EXPECT_EQ(inner().received, "");
    EXPECT_TRUE(transport.paused()) << "nothing may overtake what waits";
    clock.advance(0s);
    EXPECT_EQ(inner().received, "hello");
    EXPECT_FALSE(transport.paused());
}

// Paused again meanwhile, it waits on; lost meanwhile, it is gone.
TEST_F(Pausing, resumingMayBeTakenBack) {
    prepare([](RecordingProtocol& self) { self.transport->pauseProducing(); });
    receive(kHeader + "hello");
    inner().transport->resumeProducing();
    inner().transport->pauseProducing();
    clock.advance(0s);
    EXPECT_EQ(inner().received, "");
    EXPECT_TRUE(transport.paused());
    inner().transport->resumeProducing();
    inner().transport->resumeProducing();
    connection->connectionLost(ConnectionDone());
    EXPECT_EQ(clock.pendingCalls(), 0U);
    EXPECT_EQ(inner().received, "");
}

// A protocol that closes at once gets no data.
TEST_F(Pausing, noDataAfterAClose) {
    prepare([](RecordingProtocol& self) { self.transport->loseConnection(); });
    receive(kHeader + "hello");
    EXPECT_EQ(inner().deliveries, 0);
    EXPECT_TRUE(transport.closed());
}

/// Knows when its transport changes and TLS is up.
class Switchable final : public Protocol {
public:
    void connectionMade() override { events += "made "; }
    void dataReceived(std::span<const std::byte> data) override { events += asText(data); }
    void handshakeCompleted() override { events += "handshake "; }
    void transportChanged(ITransport& to) override {
        Protocol::transportChanged(to);
        events += "changed ";
    }

    std::string events;
};

// E-5: what TLS has to say, before the header or after it, reaches the protocol once it is there.
TEST_F(Proxied, handshakesAreToldWhenThereIsAProtocol) {
    const auto early = makeRef<Switchable>();
    const auto late = makeRef<Switchable>();
    const auto before = proxyServerFactory(clock, detail::factoryOfOne(early))->buildProtocol({});
    const auto after = proxyServerFactory(clock, detail::factoryOfOne(late))->buildProtocol({});
    StringTransport one;
    StringTransport two;
    before->makeConnection(one);
    before->handshakeCompleted();
    before->dataReceived(asBytes(kHeader + "data"));
    EXPECT_EQ(early->events, "made handshake data");
    after->makeConnection(two);
    after->dataReceived(asBytes(kHeader + "data "));
    after->handshakeCompleted();
    EXPECT_EQ(late->events, "made data handshake ");
    before->connectionLost(ConnectionDone());
    after->connectionLost(ConnectionDone());
}

// Another protocol may take over, as startTls() does, unless a producer writes or it is too late.
TEST_F(Proxied, theProtocolCanBeSwitched) {
    receive(kHeader);
    const auto next = makeRef<Switchable>();
    ITransport& to = *inner().transport;
    CountedProducer producer;
    to.registerProducer(producer, Producing::Push);
    EXPECT_THROW(to.switchProtocol(next), std::logic_error);
    to.unregisterProducer();
    EXPECT_EQ(to.switchProtocol(next).get(), &inner());
    receive("data");
    EXPECT_EQ(next->events, "data");
    EXPECT_EQ(inner().received, "");
    EXPECT_EQ(to.tls(), nullptr);
    EXPECT_FALSE(to.getTcpNoDelay() || to.getTcpKeepAlive());
    to.loseConnection();
    EXPECT_THROW(to.switchProtocol(next), std::logic_error);
    connection->connectionLost(ConnectionDone());
    EXPECT_THROW(to.switchProtocol(next), std::logic_error);
    EXPECT_EQ(to.tls(), nullptr);
    EXPECT_FALSE(to.getTcpNoDelay() || to.getTcpKeepAlive());
}

// TLS may also take the place of the transport below; then that is written to and closed.
TEST_F(Proxied, theTransportBelowMayChange) {
    receive(kHeader);
    StringTransport secure;
    connection->transportChanged(secure);
    inner().transport->write("hello");
    EXPECT_EQ(secure.value(), "hello");
    EXPECT_EQ(transport.value(), "");
}

// On loopback: the server answers the one behind the proxy, whose address it sees.
TEST(ProxyOnLoopback, theEndpointTakesTheHeader) {
    Reactor reactor;
    const auto server = makeRef<AskedFactory>();
    server->recording = makeRef<RecordingFactory>(&marline::testing::echo);
    const auto endpoint =
        proxyEndpoint(reactor, makeRef<TcpServerEndpoint>(reactor, std::uint16_t{0},
                                                          ListenOptions{.interface = "127.0.0.1"}));
    const auto port = test::outcomeOf(reactor, endpoint->listen(server)).value();
    const auto client = std::make_shared<test::Record>();
    client->onMade = [](ITransport& to) { to.write(kHeader + "hello"); };
    reactor.connectTcp(port->getHost(), test::recorderFactory(client));
    test::runUntil(reactor, [&] { return client->received == "hello"; });
    EXPECT_THAT(server->peers, ElementsAre(kClient));
    client->transport->write("again");
    test::runUntil(reactor, [&] { return client->received == "helloagain"; });
    client->transport->loseConnection();
    test::runUntil(reactor, [&] { return server->recording->built[0]->losses == 1; });
}

}  // namespace
