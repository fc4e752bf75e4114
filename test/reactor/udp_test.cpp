// UDP ports: area U.
#include <marline/reactor/udp.hpp>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/protocols/datagram.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/reactor.hpp>

#include "test/support/running.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;
using test::outcomeOf;
using test::runUntil;
using testing::ElementsAre;
using testing::HasSubstr;

/// Notes everything that happens on a port, and does what a test wants.
class Listener final : public DatagramProtocol {
public:
    void startProtocol() override {
        events.emplace_back("start");
        if (onStart) {
            onStart(*this);
        }
    }
    void datagramReceived(std::span<const std::byte> data, const Address& from) override {
        received.emplace_back(asText(data));
        sender = from;
        if (onData) {
            onData(*this, asText(data), from);
        }
    }
    void connectionRefused() override { events.emplace_back("refused"); }
    void datagramFailed(const Address& to, std::error_code why) override {
        events.push_back("failed " + to.toString());
        error = why;
    }
    void stopProtocol() override {
        events.emplace_back("stop");
        if (onStop) {
            onStop();
        }
    }

    std::vector<std::string> received;
    std::vector<std::string> events;
    Address sender;
    std::error_code error;
    std::function<void(Listener&)> onStart;
    std::function<void(Listener&, std::string_view, const Address&)> onData;
    std::function<void()> onStop;
};

const UdpOptions kLoopback{.interface = "127.0.0.1"};

/// A listener on a port of its own.
struct End {
    explicit End(Reactor& reactor, const UdpOptions& options = kLoopback)
        : port(reactor.listenUdp(0, protocol, options)) {}
    IUdpTransport& udp() const { return *protocol->transport(); }
    const Address& address() const { return port->getHost(); }

    Ref<Listener> protocol = makeRef<Listener>();
    Ref<IListeningPort> port;
};

/// Turns in which nothing is to happen.
void turns(Reactor& reactor) {
    for (int i = 0; i < 5; ++i) {
        reactor.iterate(1ms);
    }
}

Address ipv4(std::uint16_t port, const char* host = "127.0.0.1") {
    return {Address::Kind::Ipv4, port, host};
}

// Datagrams go both ways, each whole and with its sender.
TEST(Udp, carriesDatagramsBothWays) {
    Reactor reactor;
    End server(reactor);
    End client(reactor);
    server.protocol->onData = [](Listener& self, std::string_view data, const Address& from) {
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
    End server(reactor, {.interface = "::1"});
    End client(reactor, {.interface = "::1"});
    client.udp().write("six", server.address());
    runUntil(reactor, [&] { return server.protocol->received.size() == 1; });
    EXPECT_EQ(server.protocol->sender, client.address());
    EXPECT_THAT(server.address().toString(), HasSubstr("[::1]:"));
}

// U-1: startProtocol runs inside listenUdp; the end comes from a later turn, stopProtocol first.
TEST(Udp, startsAtOnceAndStopsLater) {
    Reactor reactor;
    End end(reactor);
    EXPECT_THAT(end.protocol->events, ElementsAre("start"));
    EXPECT_NE(end.address().port, 0);
    Deferred<> stopped = end.port->stopListening();
    stopped.addCallback([&] { end.protocol->events.emplace_back("fired"); });
    EXPECT_THAT(end.protocol->events, ElementsAre("start"));
    EXPECT_TRUE(outcomeOf(reactor, stopped).ok());
    EXPECT_THAT(end.protocol->events, ElementsAre("start", "stop", "fired"));
    EXPECT_EQ(end.protocol->transport(), nullptr);
    EXPECT_TRUE(outcomeOf(reactor, end.port->stopListening()).ok());
    End again(reactor);
    EXPECT_NO_THROW(reactor.listenUdp(end.address().port, makeRef<Listener>(), kLoopback));
}

// U-1: a protocol that closes its port from a callback is not called back from inside of it.
TEST(Udp, stopProtocolIsNeverReentrant) {
    Reactor reactor;
    End end(reactor);
    bool inside = false;
    bool reentered = false;
    end.protocol->onStop = [&] { reentered = inside; };
    end.protocol->onData = [&](Listener& self, std::string_view, const Address& from) {
        inside = true;
        self.transport()->stopListening();
        self.transport()->write("too late", from);
        inside = false;
    };
    End client(reactor);
    client.udp().write("x", end.address());
    runUntil(reactor, [&] { return end.protocol->events.size() == 2; });
    EXPECT_FALSE(reentered);
    turns(reactor);
    EXPECT_TRUE(client.protocol->received.empty());
}

// C-1: what cannot be bound throws at once and says where.
TEST(Udp, portInUseThrows) {
    Reactor reactor;
    End end(reactor);
    try {
        reactor.listenUdp(end.address().port, makeRef<Listener>(), kLoopback);
        FAIL() << "bound twice";
    } catch (const CannotListenError& error) {
        EXPECT_EQ(error.code().value(), EADDRINUSE);
        EXPECT_THAT(error.what(), HasSubstr(end.address().toString()));
    }
    EXPECT_THROW(reactor.listenUdp(0, makeRef<Listener>(), {.interface = "localhost"}),
                 CannotListenError);
    EXPECT_THROW(reactor.listenUdp(0, makeRef<Listener>(), {.maxPacketSize = 0}),
                 std::invalid_argument);
    EXPECT_THROW(reactor.listenUdp(0, makeRef<Listener>(), {.maxPacketSize = 65536}),
                 std::invalid_argument);
}

// What startProtocol throws comes out of listenUdp, and the port is free again.
TEST(Udp, startProtocolMayRefuse) {
    Reactor reactor;
    auto protocol = makeRef<Listener>();
    std::uint16_t port = 0;
    protocol->onStart = [&](Listener& self) {
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
    End end(reactor);
    EXPECT_THROW(reactor.listenUdp(0, end.protocol, kLoopback), std::logic_error);
    EXPECT_NE(end.protocol->transport(), nullptr);
}

// U-2: only numeric addresses of the port's family are written or connected to.
TEST(Udp, namesAndTheOtherFamilyAreRefused) {
    Reactor reactor;
    End end(reactor);
    for (const Address& bad :
         {ipv4(53, "localhost"), ipv4(53, ""), ipv4(0), Address{Address::Kind::Ipv6, 53, "::1"},
          Address{Address::Kind::Unix, 53, "127.0.0.1"}, Address{}}) {
        EXPECT_THROW(end.udp().write("x", bad), InvalidAddressError) << bad.toString();
        EXPECT_THROW(end.udp().connect(bad), InvalidAddressError) << bad.toString();
    }
    End six(reactor, {.interface = "::1"});
    EXPECT_THROW(six.udp().write("x", ipv4(53)), InvalidAddressError);
}

// U-2: broadcast must be allowed first, and has a name.
TEST(Udp, broadcastMustBeAllowed) {
    test::CatchLog log;  // the system may have no way to 255.255.255.255
    Reactor reactor;
    End end(reactor);
    EXPECT_FALSE(end.udp().getBroadcastAllowed());
    EXPECT_THROW(end.udp().write("x", ipv4(9, "<broadcast>")), InvalidAddressError);
    end.udp().setBroadcastAllowed(true);
    EXPECT_TRUE(end.udp().getBroadcastAllowed());
    // 127.255.255.255 is loopback's own broadcast address.
    End all(reactor, {});
    end.udp().write("to all", ipv4(all.address().port, "127.255.255.255"));
    runUntil(reactor, [&] { return !all.protocol->received.empty(); });
    EXPECT_EQ(all.protocol->sender, end.address());
    EXPECT_NO_THROW(end.udp().write("x", ipv4(9, "<broadcast>")));
    end.udp().setBroadcastAllowed(false);
    EXPECT_THROW(end.udp().write("x", ipv4(9, "<broadcast>")), InvalidAddressError);
}

// What the kernel refuses to send is told to the protocol and logged once, and the rest is sent.
TEST(Udp, aFailedDatagramIsReported) {
    test::CatchLog log;
    Reactor reactor;
    End end(reactor);
    End other(reactor);
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
    End server(reactor);
    End client(reactor);
    server.protocol->onData = [](Listener&, std::string_view data, const Address&) {
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
    End gone(reactor);
    outcomeOf(reactor, gone.port->stopListening());
    return gone.address();
}

// U-4: a connected port hears that nobody is there, and stays open.
TEST(Udp, connectedPortHearsRefusal) {
    Reactor reactor;
    const Address to = nobody(reactor);
    End end(reactor);
    end.udp().connect(to);
    end.udp().write("anybody?");
    runUntil(reactor, [&] { return end.protocol->events.size() == 2; });
    EXPECT_THAT(end.protocol->events, ElementsAre("start", "refused"));
    auto late = makeRef<Listener>();
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
    End end(reactor);
    end.udp().write("anybody?", to);
    turns(reactor);
    EXPECT_THAT(end.protocol->events, ElementsAre("start"));
    EXPECT_TRUE(log.take().empty());
}

// A refusal of one datagram that is met while others are sent costs none of these.
TEST(Udp, aRefusalWhileSendingLosesNothing) {
    Reactor reactor;
    const Address to = nobody(reactor);
    End end(reactor);
    end.udp().connect(to);
    end.udp().write("anybody?");
    reactor.iterate();  // sends it at the turn's end, so that the refusal waits
    auto late = makeRef<Listener>();
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
    End server(reactor);
    End stranger(reactor);
    End client(reactor);
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
    End end(reactor);
    EXPECT_THROW(end.udp().connect(ipv4(9, "127.255.255.255")), ConnectError);
    EXPECT_NO_THROW(end.udp().connect(ipv4(9)));
}

// U-5: a port closed from a callback delivers nothing more, though datagrams wait.
TEST(Udp, closingStopsDeliveryAtOnce) {
    Reactor reactor;
    End server(reactor);
    End client(reactor);
    server.protocol->onData = [](Listener& self, std::string_view, const Address&) {
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
    End server(reactor);
    // The kernel keeps about 200 KiB for a socket, so what is read is sent anew while it is read.
    const std::string large(8000, 'x');
    End client(reactor);
    server.protocol->onData = [&](Listener& self, std::string_view data, const Address&) {
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
    End server(reactor, {.interface = "127.0.0.1", .maxPacketSize = 65535});
    End client(reactor);
    try {
        client.udp().write(std::string(65508, 'x'), server.address());
        FAIL() << "took it";
    } catch (const MessageLengthError& error) {
        EXPECT_THAT(error.what(), HasSubstr("65507"));
    }
    End six(reactor, {.interface = "::1"});
    EXPECT_THROW(six.udp().write(std::string(65528, 'x'), six.address()), MessageLengthError);
    client.udp().write(std::string(65507, 'x'), server.address());
    runUntil(reactor, [&] { return !server.protocol->received.empty(); });
    EXPECT_EQ(server.protocol->received[0].size(), 65507U);
}

// A datagram longer than maxPacketSize is dropped whole; the first is logged with the knob.
TEST(Udp, datagramsAboveMaxPacketSizeAreDropped) {
    test::CatchLog log;
    Reactor reactor;
    End server(reactor, {.interface = "127.0.0.1", .maxPacketSize = 100});
    End client(reactor);
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
    End server(reactor);
    End client(reactor, {.interface = "127.0.0.1", .maxUnsent = 10});
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
    End client(reactor);
    End servers[] = {End(reactor), End(reactor)};
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
    End server(reactor);
    End client(reactor);
    client.udp().write("last words", server.address());
    EXPECT_TRUE(outcomeOf(reactor, client.port->stopListening()).ok());
    runUntil(reactor, [&] { return !server.protocol->received.empty(); });
    EXPECT_THAT(server.protocol->received, ElementsAre("last words"));
}

// C-4: when stopProtocol throws, the Deferred fails, and the port is free all the same.
TEST(Udp, stopProtocolMayThrow) {
    Reactor reactor;
    End end(reactor);
    end.protocol->onStop = [] { throw TimeoutError("cannot let go"); };
    const auto stopped = outcomeOf(reactor, end.port->stopListening());
    ASSERT_FALSE(stopped.ok());
    EXPECT_NE(stopped.failure().check<TimeoutError>(), nullptr);
    EXPECT_NO_THROW(reactor.listenUdp(end.address().port, makeRef<Listener>(), kLoopback));
}

// a port that is open when the reactor goes is told so; what stopProtocol throws is logged.
TEST(Udp, portsEndWithTheReactor) {
    test::CatchLog log;
    auto protocol = makeRef<Listener>();
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

// U-7: members of a group get what is sent to it, each once, until they leave.
TEST(Udp, groupsBringMulticasts) {
    Reactor reactor;
    End member(reactor, {});
    End sender(reactor);
    EXPECT_TRUE(outcomeOf(reactor, member.udp().joinGroup("225.0.0.250", "127.0.0.1")).ok());
    sender.udp().setOutgoingInterface("lo");
    const Address group = ipv4(member.address().port, "225.0.0.250");
    sender.udp().write("hello", group);
    runUntil(reactor, [&] { return !member.protocol->received.empty(); });
    EXPECT_TRUE(outcomeOf(reactor, member.udp().leaveGroup("225.0.0.250", "127.0.0.1")).ok());
    sender.udp().write("gone", group);
    turns(reactor);
    EXPECT_THAT(member.protocol->received, ElementsAre("hello"));
}

// With listenMultiple several members share a port, and each gets every multicast.
TEST(Udp, listenMultipleSharesAGroup) {
    Reactor reactor;
    End first(reactor, {.listenMultiple = true});
    auto second = makeRef<Listener>();
    reactor.listenUdp(first.address().port, second, {.listenMultiple = true});
    for (IUdpTransport* udp : {&first.udp(), second->transport()}) {
        EXPECT_TRUE(outcomeOf(reactor, udp->joinGroup("225.0.0.250", "lo")).ok());
    }
    End sender(reactor);
    sender.udp().setOutgoingInterface("127.0.0.1");
    sender.udp().write("all", ipv4(first.address().port, "225.0.0.250"));
    runUntil(reactor,
             [&] { return !first.protocol->received.empty() && !second->received.empty(); });
    EXPECT_THAT(second->received, ElementsAre("all"));
}

// A port that joined no group gets nothing that is sent to one, though another port of the host
// did.
TEST(Udp, groupsOfOthersAreNotHeard) {
    Reactor reactor;
    End member(reactor, {.listenMultiple = true});
    auto stranger = makeRef<Listener>();
    reactor.listenUdp(member.address().port, stranger, {.listenMultiple = true});
    EXPECT_TRUE(outcomeOf(reactor, member.udp().joinGroup("225.0.0.250", "lo")).ok());
    End sender(reactor);
    sender.udp().setOutgoingInterface("lo");
    sender.udp().write("members only", ipv4(member.address().port, "225.0.0.250"));
    runUntil(reactor, [&] { return !member.protocol->received.empty(); });
    turns(reactor);
    EXPECT_TRUE(stranger->received.empty());
}

// U-7: what is no group, or no interface, fails the Deferred and names it.
TEST(Udp, badGroupsFail) {
    Reactor reactor;
    End end(reactor);
    for (const char* group : {"127.0.0.1", "all-hosts", "ff02::1", ""}) {
        const auto joined = outcomeOf(reactor, end.udp().joinGroup(group));
        ASSERT_FALSE(joined.ok()) << group;
        EXPECT_NE(joined.failure().check<MulticastJoinError>(), nullptr);
        EXPECT_THAT(joined.failure().message(), HasSubstr(group));
    }
    const auto nowhere = outcomeOf(reactor, end.udp().joinGroup("225.0.0.250", "no-such-if"));
    ASSERT_NE(nowhere.failure().check<MulticastJoinError>(), nullptr);
    EXPECT_EQ(nowhere.failure().check<MulticastJoinError>()->code().value(), ENODEV);
    const auto left = outcomeOf(reactor, end.udp().leaveGroup("225.0.0.250", "lo"));
    EXPECT_NE(left.failure().check<MulticastJoinError>(), nullptr);
    EXPECT_THROW(end.udp().setOutgoingInterface("no-such-if"), InvalidAddressError);
}

// The options of multicasts read as they were set, in both families.
TEST(Udp, multicastOptionsAreKept) {
    Reactor reactor;
    for (const char* interface : {"127.0.0.1", "::1"}) {
        End end(reactor, {.interface = interface});
        EXPECT_EQ(end.udp().getTtl(), 1);
        end.udp().setTtl(7);
        EXPECT_EQ(end.udp().getTtl(), 7);
        EXPECT_THROW(end.udp().setTtl(256), std::system_error);
        EXPECT_TRUE(end.udp().getLoopbackMode());
        end.udp().setLoopbackMode(false);
        EXPECT_FALSE(end.udp().getLoopbackMode());
        EXPECT_NO_THROW(end.udp().setOutgoingInterface(interface));
    }
    End six(reactor, {.interface = "::"});
    EXPECT_TRUE(outcomeOf(reactor, six.udp().joinGroup("ff01::1234", "lo")).ok());
    EXPECT_TRUE(outcomeOf(reactor, six.udp().leaveGroup("ff01::1234", "lo")).ok());
}

}  // namespace
