// UDP ports: area U.
#include <marline/reactor/udp.hpp>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>

#include "test/reactor/udp_end.hpp"
#include "test/support/running.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;
using test::DatagramRecorder;
using test::ipv4;
using test::kLoopback;
using test::outcomeOf;
using test::runUntil;
using test::turns;
using test::UdpEnd;
using testing::ElementsAre;
using testing::HasSubstr;

// Datagrams go both ways, each whole and with its sender.
TEST(Udp, carriesDatagramsBothWays) {
    Reactor reactor;
    UdpEnd server(reactor);
    UdpEnd client(reactor);
    server.protocol->onData = [](DatagramRecorder& self, std::string_view data,
                                 const Address& from) {
        self.transport()->write("re: " + std::string(data), from);
    };
    client.udp().write("one", server.address());
    client.udp().write("", server.address());
    client.udp().write("three", server.address());
    runUntil(reactor, [&] { return client.protocol->received.size() == 3; });
    EXPECT_THAT(server.protocol->received, ElementsAre("one", "", "three"));
    EXPECT_THAT(client.protocol->received, ElementsAre("re: one", "re: ", "re: three"));
    EXPECT_EQ(server.protocol->sender, client.address());
    EXPECT_EQ(client.protocol->sender, server.address());
}

// IPv6 works the same.
TEST(Udp, carriesDatagramsOverIpv6) {
    Reactor reactor;
    UdpEnd server(reactor, {.interface = "::1"});
    UdpEnd client(reactor, {.interface = "::1"});
    client.udp().write("six", server.address());
    runUntil(reactor, [&] { return server.protocol->received.size() == 1; });
    EXPECT_EQ(server.protocol->sender, client.address());
    EXPECT_THAT(server.address().toString(), HasSubstr("[::1]:"));
}

// U-1: startProtocol runs inside listenUdp; the end comes from a later turn, stopProtocol first.
TEST(Udp, startsAtOnceAndStopsLater) {
    Reactor reactor;
    UdpEnd end(reactor);
    EXPECT_THAT(end.protocol->events, ElementsAre("start"));
    EXPECT_NE(end.address().port, 0);
    Deferred<> stopped = end.port->stopListening();
    stopped.addCallback([&] { end.protocol->events.emplace_back("fired"); });
    EXPECT_THAT(end.protocol->events, ElementsAre("start"));
    EXPECT_TRUE(outcomeOf(reactor, stopped).ok());
    EXPECT_THAT(end.protocol->events, ElementsAre("start", "stop", "fired"));
    EXPECT_EQ(end.protocol->transport(), nullptr);
    EXPECT_TRUE(outcomeOf(reactor, end.port->stopListening()).ok());
    UdpEnd again(reactor);
    EXPECT_NO_THROW(reactor.listenUdp(end.address().port, makeRef<DatagramRecorder>(), kLoopback));
}

// U-1: a protocol that closes its port from a callback is not called back from inside of it.
TEST(Udp, stopProtocolIsNeverReentrant) {
    Reactor reactor;
    UdpEnd end(reactor);
    bool inside = false;
    bool reentered = false;
    end.protocol->onStop = [&] { reentered = inside; };
    end.protocol->onData = [&](DatagramRecorder& self, std::string_view, const Address& from) {
        inside = true;
        self.transport()->stopListening();
        self.transport()->write("too late", from);
        inside = false;
    };
    UdpEnd client(reactor);
    client.udp().write("x", end.address());
    runUntil(reactor, [&] { return end.protocol->events.size() == 2; });
    EXPECT_FALSE(reentered);
    turns(reactor);
    EXPECT_TRUE(client.protocol->received.empty());
}

// C-1: what cannot be bound throws at once and says where.
TEST(Udp, portInUseThrows) {
    Reactor reactor;
    UdpEnd end(reactor);
    try {
        reactor.listenUdp(end.address().port, makeRef<DatagramRecorder>(), kLoopback);
        FAIL() << "bound twice";
    } catch (const CannotListenError& error) {
        EXPECT_EQ(error.code().value(), EADDRINUSE);
        EXPECT_THAT(error.what(), HasSubstr(end.address().toString()));
    }
    EXPECT_THROW(reactor.listenUdp(0, makeRef<DatagramRecorder>(), {.interface = "localhost"}),
                 CannotListenError);
    EXPECT_THROW(reactor.listenUdp(0, makeRef<DatagramRecorder>(), {.maxPacketSize = 0}),
                 std::invalid_argument);
    EXPECT_THROW(reactor.listenUdp(0, makeRef<DatagramRecorder>(), {.maxPacketSize = 65536}),
                 std::invalid_argument);
}

// What startProtocol throws comes out of listenUdp, and the port is free again.
TEST(Udp, startProtocolMayRefuse) {
    Reactor reactor;
    auto protocol = makeRef<DatagramRecorder>();
    std::uint16_t port = 0;
    protocol->onStart = [&](DatagramRecorder& self) {
        port = self.transport()->getHost().port;
        throw TimeoutError("not today");
    };
    EXPECT_THROW(reactor.listenUdp(0, protocol, kLoopback), TimeoutError);
    EXPECT_EQ(protocol->transport(), nullptr);
    protocol->onStart = {};
    EXPECT_EQ(reactor.listenUdp(port, protocol, kLoopback)->getHost().port, port);
}

// One DatagramProtocol serves one port at a time.
TEST(Udp, aProtocolHasOnePort) {
    Reactor reactor;
    UdpEnd end(reactor);
    EXPECT_THROW(reactor.listenUdp(0, end.protocol, kLoopback), std::logic_error);
    EXPECT_NE(end.protocol->transport(), nullptr);
}

// U-2: only numeric addresses of the port's family are written or connected to.
TEST(Udp, namesAndTheOtherFamilyAreRefused) {
    Reactor reactor;
    UdpEnd end(reactor);
    for (const Address& bad :
         {ipv4(53, "localhost"), ipv4(53, ""), ipv4(0), Address{Address::Kind::Ipv6, 53, "::1"},
          Address{Address::Kind::Unix, 53, "127.0.0.1"}, Address{}}) {
        EXPECT_THROW(end.udp().write("x", bad), InvalidAddressError) << bad.toString();
        EXPECT_THROW(end.udp().connect(bad), InvalidAddressError) << bad.toString();
    }
    UdpEnd six(reactor, {.interface = "::1"});
    EXPECT_THROW(six.udp().write("x", ipv4(53)), InvalidAddressError);
}

// What the kernel refuses to send is told to the protocol and logged once, and the rest is sent.
TEST(Udp, aFailedDatagramIsReported) {
    test::CatchLog log;
    Reactor reactor;
    UdpEnd end(reactor);
    UdpEnd other(reactor);
    const Address broadcast = ipv4(other.address().port, "127.255.255.255");
    end.udp().write("before", other.address());
    end.udp().write("x", broadcast);
    end.udp().write("y", broadcast);
    end.udp().write("after", other.address());
    runUntil(reactor, [&] { return other.protocol->received.size() == 2; });
    EXPECT_THAT(end.protocol->events, ElementsAre("start", "failed " + broadcast.toString(),
                                                  "failed " + broadcast.toString()));
    EXPECT_EQ(end.protocol->error.value(), EACCES);
    EXPECT_THAT(log.take(), ElementsAre(HasSubstr(broadcast.toString())));
}

// U-3: what datagramReceived throws is logged, and the port lives on.
TEST(Udp, exceptionInDatagramReceivedIsLogged) {
    test::CatchLog log;
    Reactor reactor;
    UdpEnd server(reactor);
    UdpEnd client(reactor);
    server.protocol->onData = [](DatagramRecorder&, std::string_view data, const Address&) {
        if (data == "bad") {
            throw TimeoutError("bad datagram");
        }
    };
    client.udp().write("bad", server.address());
    client.udp().write("good", server.address());
    runUntil(reactor, [&] { return server.protocol->received.size() == 2; });
    EXPECT_THAT(log.take(), ElementsAre(HasSubstr("bad datagram")));
}

/// A loopback address that nobody receives at.
Address nobody(Reactor& reactor) {
    UdpEnd gone(reactor);
    outcomeOf(reactor, gone.port->stopListening());
    return gone.address();
}

// U-4: a connected port hears that nobody is there, and stays open.
TEST(Udp, connectedPortHearsRefusal) {
    Reactor reactor;
    const Address to = nobody(reactor);
    UdpEnd end(reactor);
    end.udp().connect(to);
    end.udp().write("anybody?");
    runUntil(reactor, [&] { return end.protocol->events.size() == 2; });
    EXPECT_THAT(end.protocol->events, ElementsAre("start", "refused"));
    auto late = makeRef<DatagramRecorder>();
    reactor.listenUdp(to.port, late, kLoopback);
    end.udp().write("now?");
    end.udp().write("with an address", to);
    runUntil(reactor, [&] { return late->received.size() == 2; });
    EXPECT_THAT(late->received, ElementsAre("now?", "with an address"));
}

// U-4: one that is not connected does not.
TEST(Udp, unconnectedPortDoesNotHearRefusal) {
    test::CatchLog log;
    Reactor reactor;
    const Address to = nobody(reactor);
    UdpEnd end(reactor);
    end.udp().write("anybody?", to);
    turns(reactor);
    EXPECT_THAT(end.protocol->events, ElementsAre("start"));
    EXPECT_TRUE(log.take().empty());
}

// A refusal of one datagram that is met while others are sent costs none of these.
TEST(Udp, aRefusalWhileSendingLosesNothing) {
    Reactor reactor;
    const Address to = nobody(reactor);
    UdpEnd end(reactor);
    end.udp().connect(to);
    end.udp().write("anybody?");
    reactor.iterate();  // sends it at the turn's end, so that the refusal waits
    auto late = makeRef<DatagramRecorder>();
    reactor.listenUdp(to.port, late, kLoopback);
    for (int i = 0; i < 100; ++i) {
        end.udp().write(std::to_string(i));
    }
    runUntil(reactor, [&] { return late->received.size() == 100; });
    EXPECT_THAT(end.protocol->events, ElementsAre("start", "refused"));
    EXPECT_EQ(late->received.front(), "0");
}

// A connected port talks to its peer alone, and connects once.
TEST(Udp, connectedPortHasOnePeer) {
    Reactor reactor;
    UdpEnd server(reactor);
    UdpEnd stranger(reactor);
    UdpEnd client(reactor);
    EXPECT_THROW(client.udp().write("x"), std::logic_error);
    client.udp().connect(server.address());
    EXPECT_THROW(client.udp().connect(server.address()), std::logic_error);
    EXPECT_THROW(client.udp().write("x", stranger.address()), InvalidAddressError);
    stranger.udp().write("psst", client.address());
    server.udp().write("hello", client.address());
    runUntil(reactor, [&] { return !client.protocol->received.empty(); });
    turns(reactor);
    EXPECT_THAT(client.protocol->received, ElementsAre("hello"));
}

// What the system refuses to connect to is a ConnectError.
TEST(Udp, connectToABroadcastAddressFails) {
    Reactor reactor;
    UdpEnd end(reactor);
    EXPECT_THROW(end.udp().connect(ipv4(9, "127.255.255.255")), ConnectError);
    EXPECT_NO_THROW(end.udp().connect(ipv4(9)));
}

// U-5: a port closed from a callback delivers nothing more, though datagrams wait.
TEST(Udp, closingStopsDeliveryAtOnce) {
    Reactor reactor;
    UdpEnd server(reactor);
    UdpEnd client(reactor);
    server.protocol->onData = [](DatagramRecorder& self, std::string_view, const Address&) {
        self.transport()->stopListening();
    };
    for (int i = 0; i < 20; ++i) {
        client.udp().write("x", server.address());
    }
    runUntil(reactor, [&] { return server.protocol->events.size() == 2; });
    EXPECT_EQ(server.protocol->received.size(), 1U);
}

// U-5: one turn reads up to 256 KiB and a batch, and leaves the rest for the next.
TEST(Udp, oneTurnReadsABoundedAmount) {
    Reactor reactor;
    UdpEnd server(reactor);
    // The kernel keeps about 200 KiB for a socket, so what is read is sent anew while it is read.
    const std::string large(8000, 'x');
    UdpEnd client(reactor);
    server.protocol->onData = [&](DatagramRecorder& self, std::string_view data, const Address&) {
        if (self.received.size() < 200) {
            self.transport()->write(data, server.address());
        }
    };
    for (int i = 0; i < 10; ++i) {
        client.udp().write(large, server.address());
    }
    std::size_t most = 0;
    while (server.protocol->received.size() < 200) {
        const std::size_t before = server.protocol->received.size();
        reactor.iterate(10s);
        most = std::max(most, server.protocol->received.size() - before);
    }
    EXPECT_LE(most * large.size(), 256 * 1024 + 8 * 8192);
}

// U-6: more than a datagram holds throws at once, and says how much that is.
TEST(Udp, tooLongADatagramThrows) {
    Reactor reactor;
    UdpEnd server(reactor, {.interface = "127.0.0.1", .maxPacketSize = 65535});
    UdpEnd client(reactor);
    try {
        client.udp().write(std::string(65508, 'x'), server.address());
        FAIL() << "took it";
    } catch (const MessageLengthError& error) {
        EXPECT_THAT(error.what(), HasSubstr("65507"));
    }
    UdpEnd six(reactor, {.interface = "::1"});
    EXPECT_THROW(six.udp().write(std::string(65528, 'x'), six.address()), MessageLengthError);
    client.udp().write(std::string(65507, 'x'), server.address());
    runUntil(reactor, [&] { return !server.protocol->received.empty(); });
    EXPECT_EQ(server.protocol->received[0].size(), 65507U);
}

// A datagram longer than maxPacketSize is dropped whole; the first is logged with the knob.
TEST(Udp, datagramsAboveMaxPacketSizeAreDropped) {
    test::CatchLog log;
    Reactor reactor;
    UdpEnd server(reactor, {.interface = "127.0.0.1", .maxPacketSize = 100});
    UdpEnd client(reactor);
    client.udp().write(std::string(101, 'x'), server.address());
    client.udp().write(std::string(102, 'x'), server.address());
    client.udp().write(std::string(100, 'x'), server.address());
    runUntil(reactor, [&] { return !server.protocol->received.empty(); });
    EXPECT_THAT(server.protocol->received, ElementsAre(std::string(100, 'x')));
    EXPECT_THAT(log.take(), ElementsAre(HasSubstr("maxPacketSize")));
}

// Datagrams beyond maxUnsent are dropped, and the first is logged with the knob.
TEST(Udp, datagramsAboveMaxUnsentAreDropped) {
    test::CatchLog log;
    Reactor reactor;
    UdpEnd server(reactor);
    UdpEnd client(reactor, {.interface = "127.0.0.1", .maxUnsent = 10});
    client.udp().write("12345", server.address());
    client.udp().write("67890", server.address());
    client.udp().write("a", server.address());
    client.udp().write("b", server.address());
    runUntil(reactor, [&] { return server.protocol->received.size() == 2; });
    turns(reactor);
    EXPECT_THAT(server.protocol->received, ElementsAre("12345", "67890"));
    EXPECT_THAT(log.take(), ElementsAre(HasSubstr("maxUnsent")));
    client.udp().write("c", server.address());
    runUntil(reactor, [&] { return server.protocol->received.size() == 3; });
}

// More datagrams than one call sends or receives arrive in order, to the right places.
TEST(Udp, manyDatagramsAtOnceArriveInOrder) {
    Reactor reactor;
    UdpEnd client(reactor);
    UdpEnd servers[] = {UdpEnd(reactor), UdpEnd(reactor)};
    for (int i = 0; i < 300; ++i) {
        client.udp().write(std::to_string(i), servers[i % 2].address());
    }
    runUntil(reactor, [&] {
        return servers[0].protocol->received.size() + servers[1].protocol->received.size() == 300;
    });
    for (std::size_t i = 0; i < 300; ++i) {
        EXPECT_EQ(servers[i % 2].protocol->received[i / 2], std::to_string(i));
    }
}

// What was written before stopListening() is sent.
TEST(Udp, stopListeningSendsFirst) {
    Reactor reactor;
    UdpEnd server(reactor);
    UdpEnd client(reactor);
    client.udp().write("last words", server.address());
    EXPECT_TRUE(outcomeOf(reactor, client.port->stopListening()).ok());
    runUntil(reactor, [&] { return !server.protocol->received.empty(); });
    EXPECT_THAT(server.protocol->received, ElementsAre("last words"));
}

// C-4: when stopProtocol throws, the Deferred fails, and the port is free all the same.
TEST(Udp, stopProtocolMayThrow) {
    Reactor reactor;
    UdpEnd end(reactor);
    end.protocol->onStop = [] { throw TimeoutError("cannot let go"); };
    const auto stopped = outcomeOf(reactor, end.port->stopListening());
    ASSERT_FALSE(stopped.ok());
    EXPECT_NE(stopped.failure().check<TimeoutError>(), nullptr);
    EXPECT_NO_THROW(reactor.listenUdp(end.address().port, makeRef<DatagramRecorder>(), kLoopback));
}

// a port that is open when the reactor goes is told so; what stopProtocol throws is logged.
TEST(Udp, portsEndWithTheReactor) {
    test::CatchLog log;
    auto protocol = makeRef<DatagramRecorder>();
    Ref<IListeningPort> port;
    protocol->onStop = [] { throw TimeoutError("cannot let go"); };
    {
        Reactor reactor;
        port = reactor.listenUdp(0, protocol, kLoopback);
    }
    EXPECT_THAT(protocol->events, ElementsAre("start", "stop"));
    EXPECT_THAT(log.take(), ElementsAre(HasSubstr("cannot let go")));
    bool fired = false;
    port->stopListening().addCallback([&] { fired = true; });
    EXPECT_TRUE(fired);
}

}  // namespace
