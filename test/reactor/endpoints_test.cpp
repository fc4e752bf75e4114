// Endpoints as objects: area E.
#include <marline/reactor/endpoints.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <marline/reactor/adopted_endpoint.hpp>
#include <marline/reactor/endpoint_wrappers.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/hostname_endpoint.hpp>
#include <marline/reactor/resolver.hpp>

#include "test/support/recording_protocol.hpp"
#include "test/support/running.hpp"
#include "test/support/stuck_port.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;
using marline::testing::RecordingFactory;
using marline::testing::RecordingProtocol;
using marline::testing::StuckPort;
using test::outcomeOf;
using test::runUntil;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class Endpoints : public ::testing::Test {
protected:
    Ref<IListeningPort> listen() {
        return reactor.listenTcp(0, server, {.interface = "127.0.0.1"});
    }
    Result<Ref<IProtocol>> connect(const Address& to, Ref<IProtocolFactory> factory) {
        TcpClientEndpoint endpoint(reactor, to);
        return outcomeOf(reactor, endpoint.connect(std::move(factory)));
    }
    /// A port where nobody listens.
    Address nobody() {
        const auto port = listen();
        const Address address = port->getHost();
        EXPECT_TRUE(outcomeOf(reactor, port->stopListening()).ok());
        return address;
    }
    void name(const std::string& host, const std::vector<Address>& addresses) {
        const auto known = makeRef<StaticResolver>();
        for (const Address& address : addresses) {
            known->add(host, 80, address);
        }
        reactor.installNameResolver(known);
    }

    Reactor reactor;
    Ref<RecordingFactory> server = makeRef<RecordingFactory>();
    Ref<RecordingFactory> client = makeRef<RecordingFactory>();
};

// E-1: it fires with the protocol that the factory built, when its connection is made.
TEST_F(Endpoints, firesWithTheProtocolThatWasBuilt) {
    const auto port = listen();
    const auto made = connect(port->getHost(), client);
    ASSERT_TRUE(made.ok());
    EXPECT_EQ(made.value().get(), client->built.at(0).get());
    EXPECT_EQ(client->built[0]->made, 1);
}

// E-2: nothing is thrown, and nothing fails before connect() has returned.
TEST_F(Endpoints, failuresComeThroughTheDeferred) {
    const Address address = nobody();
    TcpClientEndpoint endpoint(reactor, address);
    Deferred<Ref<IProtocol>> attempt = endpoint.connect(client);
    EXPECT_FALSE(attempt.called());
    const auto made = outcomeOf(reactor, attempt);
    ASSERT_FALSE(made.ok());
    EXPECT_NE(made.failure().check<ConnectionRefusedError>(), nullptr);
    EXPECT_THAT(made.failure().message(), HasSubstr(address.toString()));
    TcpClientEndpoint nowhere(reactor, Address{Address::Kind::Ipv4, 80, "no.number"});
    EXPECT_FALSE(outcomeOf(reactor, nowhere.connect(client)).ok());
    EXPECT_EQ(client->starts, client->stops);
}

/// Throws instead of building.
class ThrowingFactory final : public IProtocolFactory {
public:
    Ref<IProtocol> buildProtocol(const Address&) override {
        throw std::runtime_error("no protocol today");
    }
};

// E-3: a factory that throws, or gives none, fails the Deferred, and the connection is dropped.
TEST_F(Endpoints, factoriesMayFail) {
    const auto port = listen();
    const auto thrown = connect(port->getHost(), makeRef<ThrowingFactory>());
    ASSERT_FALSE(thrown.ok());
    EXPECT_NE(thrown.failure().check<std::runtime_error>(), nullptr);
    client->refuse = true;
    const auto refused = connect(port->getHost(), client);
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.failure().check<NoProtocol>(), nullptr);
    runUntil(reactor, [&] {
        return server->built.size() == 2 &&
               server->built[0]->losses + server->built[1]->losses == 2;
    });
}

// E-4: cancelling stops the attempt; the error names the address.
TEST_F(Endpoints, cancellingStopsTheAttempt) {
    StuckPort stuck;
    TcpClientEndpoint endpoint(reactor, stuck.address());
    Deferred<Ref<IProtocol>> attempt = endpoint.connect(client);
    reactor.iterate();
    attempt.cancel();
    const auto made = outcomeOf(reactor, attempt);
    ASSERT_FALSE(made.ok());
    EXPECT_NE(made.failure().check<CancelledError>(), nullptr);
    EXPECT_THAT(made.failure().message(), HasSubstr(stuck.address().toString()));
    EXPECT_EQ(reactor.pendingCalls(), 0U);
    EXPECT_EQ(client->starts, client->stops);
}

// E-6: what happens to the connection later does not touch the Deferred.
TEST_F(Endpoints, aLossIsNoneOfTheDeferreds) {
    const auto port = listen();
    TcpClientEndpoint endpoint(reactor, port->getHost());
    int fired = 0;
    endpoint.connect(client).addBoth([&](const Result<Ref<IProtocol>>& outcome) {
        ++fired;
        EXPECT_TRUE(outcome.ok());
    });
    runUntil(reactor, [&] { return fired == 1; });
    client->built[0]->transport->abortConnection();
    runUntil(reactor, [&] { return client->built[0]->losses == 1; });
    EXPECT_EQ(fired, 1);
}

// E-8: the next attempt begins beside the first after attemptDelay, in the resolver's order; E-10:
// the first connection ends the others, and nothing is left of them.
TEST_F(Endpoints, attemptsOverlapAndTheFirstOneWins) {
    StuckPort stuck;
    const auto port = listen();
    name("site.test", {stuck.address(), port->getHost()});
    HostnameEndpoint endpoint(reactor, "site.test", 80, {.attemptDelay = 20ms});
    const Duration start = reactor.seconds();
    const auto made = outcomeOf(reactor, endpoint.connect(client));
    ASSERT_TRUE(made.ok());
    EXPECT_GE(reactor.seconds() - start, 20ms);
    EXPECT_EQ(client->built.at(0)->transport->getPeer(), port->getHost());
    EXPECT_THAT(client->built, SizeIs(1));
    EXPECT_EQ(reactor.pendingCalls(), 0U) << "the other attempt and its time-out are over";
    EXPECT_EQ(client->starts, client->stops + 1) << "only the connection still uses the factory";
}

// E-14 (HostnameEndpointOptions::timeout): one time for everything together, unlike Twisted's for
// each attempt; the error tells of each.
TEST_F(Endpoints, theTimeoutCoversAllAttempts) {
    StuckPort stuck;
    StuckPort other;
    name("site.test", {stuck.address(), other.address()});
    HostnameEndpoint endpoint(reactor, "site.test", 80, {.timeout = 30ms, .attemptDelay = 1ms});
    const auto made = outcomeOf(reactor, endpoint.connect(client));
    ASSERT_FALSE(made.ok());
    EXPECT_NE(made.failure().check<ConnectTimeoutError>(), nullptr) << made.failure().brief();
    EXPECT_THAT(made.failure().message(), HasSubstr(stuck.address().toString()));
    EXPECT_THAT(made.failure().message(), HasSubstr(other.address().toString()));
}

// E-13: cancelling in the midst of attempts stops them all; the error names the host.
TEST_F(Endpoints, cancellingAHostnameStopsAllAttempts) {
    StuckPort stuck;
    StuckPort other;
    name("site.test", {stuck.address(), other.address()});
    HostnameEndpoint endpoint(reactor, "site.test", 80, {.attemptDelay = 1ms});
    Deferred<Ref<IProtocol>> attempt = endpoint.connect(client);
    runUntil(reactor, [&] { return client->starts == 2; });
    attempt.cancel();
    const auto made = outcomeOf(reactor, attempt);
    EXPECT_NE(made.failure().check<CancelledError>(), nullptr);
    EXPECT_THAT(made.failure().message(), HasSubstr("site.test:80"));
    EXPECT_EQ(reactor.pendingCalls(), 0U);
    EXPECT_EQ(client->stops, 2);
}

// E-15: a name that cannot be one fails when it is connected to, not when it is given.
TEST_F(Endpoints, impossibleNamesFailAtConnect) {
    for (const std::string& host : {std::string("two..dots"), std::string(300, 'x'),
                                    std::string("b\xc3\xbc"
                                                "cher.test")}) {
        HostnameEndpoint endpoint(reactor, host, 80);
        const auto made = outcomeOf(reactor, endpoint.connect(client));
        ASSERT_FALSE(made.ok()) << host;
        EXPECT_NE(made.failure().check<DNSLookupError>(), nullptr) << made.failure().brief();
    }
}

// E-16: the local end may be a host, with a port or without.
TEST_F(Endpoints, bindAddressIsTheLocalEnd) {
    const auto port = listen();
    name("site.test", {port->getHost()});
    HostnameEndpoint fromHost(reactor, "site.test", 80,
                              {.bindAddress = {Address::Kind::Ipv4, 0, "127.0.0.5"}});
    const auto made = outcomeOf(reactor, fromHost.connect(client));
    ASSERT_TRUE(made.ok()) << made.failure().brief();
    EXPECT_EQ(client->built[0]->transport->getHost().host, "127.0.0.5");
    const Address free = nobody();
    HostnameEndpoint fromPort(reactor, "site.test", 80, {.bindAddress = free});
    const auto bound = outcomeOf(reactor, fromPort.connect(client));
    ASSERT_TRUE(bound.ok()) << bound.failure().brief();
    EXPECT_EQ(client->built[1]->transport->getHost(), free);
}

// E-17: a literal, IPv6 too, is not looked up; TcpClientEndpoint takes nothing else.
TEST_F(Endpoints, literalsAreNotLookedUp) {
    const auto port = reactor.listenTcp(0, server, {.interface = "::1"});
    reactor.installNameResolver(makeRef<StaticResolver>());
    HostnameEndpoint endpoint(reactor, "::1", port->getHost().port);
    EXPECT_TRUE(outcomeOf(reactor, endpoint.connect(client)).ok());
    EXPECT_TRUE(connect(port->getHost(), client).ok());
}

// E-19: connectProtocol() connects the one protocol, and gives it with its own type.
TEST_F(Endpoints, connectProtocolConnectsTheOne) {
    const auto port = listen();
    TcpClientEndpoint endpoint(reactor, port->getHost());
    const auto protocol = makeRef<RecordingProtocol>();
    Result<Ref<RecordingProtocol>> made = outcomeOf(reactor, connectProtocol(endpoint, protocol));
    ASSERT_TRUE(made.ok());
    EXPECT_EQ(made.value().get(), protocol.get());
    EXPECT_EQ(protocol->made, 1);
    TcpClientEndpoint refused(reactor, nobody());
    EXPECT_FALSE(outcomeOf(reactor, connectProtocol(refused, makeRef<RecordingProtocol>())).ok());
}

/// A socket that listens on loopback, opened by somebody else.
int listeningSocket() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
    EXPECT_EQ(::listen(fd, 16), 0);
    return fd;
}

bool isOpen(int fd) { return fcntl(fd, F_GETFD) != -1; }

// E-20: the descriptor is made non-blocking, copied, closed, and good for one time.
TEST_F(Endpoints, adoptsADescriptorOnce) {
    const int fd = listeningSocket();
    const int other = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    AdoptedStreamServerEndpoint endpoint(reactor, fd);
    const auto port = outcomeOf(reactor, endpoint.listen(server));
    ASSERT_TRUE(port.ok()) << port.failure().brief();
    EXPECT_FALSE(isOpen(fd));
    EXPECT_NE(fcntl(other, F_GETFL) & O_NONBLOCK, 0) << "the two share their flags";
    EXPECT_TRUE(connect(port.value()->getHost(), client).ok());
    const auto again = outcomeOf(reactor, endpoint.listen(server));
    ASSERT_FALSE(again.ok());
    EXPECT_NE(again.failure().check<AlreadyListened>(), nullptr);
    EXPECT_TRUE(outcomeOf(reactor, port.value()->stopListening()).ok());
    ::close(other);
}

// E-20: one that is no socket, or does not listen, is refused by number and reason, and stays open.
TEST_F(Endpoints, adoptsOnlyListeningSockets) {
    const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int idle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int datagrams = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (const int fd : {file, idle, datagrams}) {
        AdoptedStreamServerEndpoint endpoint(reactor, fd);
        const auto port = outcomeOf(reactor, endpoint.listen(server));
        ASSERT_FALSE(port.ok());
        EXPECT_NE(port.failure().check<CannotListenError>(), nullptr);
        EXPECT_THAT(port.failure().message(), HasSubstr("descriptor " + std::to_string(fd)));
        EXPECT_TRUE(isOpen(fd));
        ::close(fd);
    }
    EXPECT_THROW(reactor.adoptStreamPort(-1, server), std::system_error);
    EXPECT_EQ(server->starts, 0);
}

// adoptStreamPort() leaves the caller its own descriptor.
TEST_F(Endpoints, adoptStreamPortTakesACopy) {
    const int fd = listeningSocket();
    const auto port = reactor.adoptStreamPort(fd, server);
    EXPECT_TRUE(isOpen(fd));
    EXPECT_TRUE(outcomeOf(reactor, port->stopListening()).ok());
    EXPECT_TRUE(isOpen(fd));
    ::close(fd);
}

// A factory whose doStart() refuses fails listen() as it fails connect().
TEST_F(Endpoints, aFactoryMayRefuseToStart) {
    struct Refusing final : IProtocolFactory {
        Ref<IProtocol> buildProtocol(const Address&) override { return {}; }
        void doStart() override { throw std::runtime_error("not today"); }
    };
    TcpServerEndpoint endpoint(reactor, 0, {.interface = "127.0.0.1"});
    const auto port = outcomeOf(reactor, endpoint.listen(makeRef<Refusing>()));
    ASSERT_FALSE(port.ok());
    EXPECT_NE(port.failure().check<std::runtime_error>(), nullptr);
}

}  // namespace
