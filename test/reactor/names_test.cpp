// Names and the attempts to connect to them: area E.
#include <marline/reactor/hostname_endpoint.hpp>

#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/ares_resolver.hpp>
#include <marline/reactor/caching_resolver.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/dns_server.hpp>

#include "test/support/running.hpp"
#include "test/support/temp_folder.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;
using marline::testing::DnsBehaviour;
using marline::testing::DnsServer;
using test::outcomeOf;
using test::Record;
using test::recorderFactory;
using test::runUntil;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class Names : public ::testing::Test {
protected:
    Result<std::vector<Address>> resolve(const std::string& name) {
        return outcomeOf(reactor, resolver->resolve(name, 80));
    }

    Reactor reactor;
    DnsServer dns{reactor};
    Ref<IResolver> resolver = makeRef<CachingResolver>(
        reactor,
        makeRef<AresResolver>(
            reactor, AresResolverOptions{.servers = {dns.server()}, .timeout = 50ms, .tries = 2}));
};

// IPv4 and IPv6 addresses come together, with the port.
TEST_F(Names, findsAddressesOfBothKinds) {
    dns.add("site.test", "192.0.2.1");
    dns.add("site.test", "2001:db8::1");
    const auto found = resolve("site.test");
    ASSERT_TRUE(found.ok());
    EXPECT_THAT(found.value(),
                UnorderedElementsAre(Address{Address::Kind::Ipv4, 80, "192.0.2.1"},
                                     Address{Address::Kind::Ipv6, 80, "2001:db8::1"}));
}

// Answers, and that there is none, are kept; the second question costs nothing.
TEST_F(Names, keepsAnswers) {
    dns.add("site.test", "192.0.2.1");
    EXPECT_TRUE(resolve("site.test").ok());
    EXPECT_FALSE(resolve("nowhere.test").ok());
    const auto asked = dns.queries().size();
    EXPECT_TRUE(resolve("site.test").ok());
    EXPECT_FALSE(resolve("nowhere.test").ok());
    EXPECT_THAT(dns.queries(), SizeIs(asked));
}

// The same question asked many times at once is one question.
TEST_F(Names, asksOnceForManyWaiters) {
    dns.add("site.test", "192.0.2.1");
    int found = 0;
    for (int i = 0; i < 100; ++i) {
        resolver->resolve("site.test", 80).addCallback([&](const std::vector<Address>&) {
            ++found;
        });
    }
    runUntil(reactor, [&] { return found == 100; });
    EXPECT_THAT(dns.queries(), SizeIs(2));  // A and AAAA
}

// What goes wrong says which name, which server and why.
TEST_F(Names, errorsNameTheServerAndTheReason) {
    dns.set("broken.test", DnsBehaviour::ServFail);
    dns.set("silent.test", DnsBehaviour::Silence);
    dns.set("garbage.test", DnsBehaviour::Garbage);
    for (const std::string name : {"nowhere.test", "broken.test", "silent.test", "garbage.test"}) {
        const auto found = resolve(name);
        ASSERT_FALSE(found.ok()) << name;
        EXPECT_NE(found.failure().check<DNSLookupError>(), nullptr);
        EXPECT_THAT(found.failure().message(), HasSubstr(name));
        EXPECT_THAT(found.failure().message(), HasSubstr(dns.server()));
    }
}

// Cancelling one waiter leaves the others and the answer alone.
TEST_F(Names, cancellingLeavesTheOthersAlone) {
    dns.add("site.test", "192.0.2.1");
    auto first = resolver->resolve("site.test", 80);
    auto second = resolver->resolve("site.test", 80);
    first.cancel();
    EXPECT_NE(outcomeOf(reactor, first).failure().check<CancelledError>(), nullptr);
    EXPECT_TRUE(outcomeOf(reactor, second).ok());
}

// The resolver may go while it asks, and from inside its own answer.
TEST_F(Names, resolverMayGoAnyTime) {
    dns.add("site.test", "192.0.2.1");
    auto lost = resolver->resolve("silent.test", 80);
    bool answered = false;
    resolver->resolve("site.test", 80).addCallback([&](const std::vector<Address>&) {
        resolver.reset();
        answered = true;
    });
    runUntil(reactor, [&] { return answered; });
    EXPECT_FALSE(outcomeOf(reactor, lost).ok());
}

// A thousand names at once: none is lost for want of room, which would take a second here.
TEST_F(Names, manyNamesAtOnce) {
    auto patient = makeRef<AresResolver>(
        reactor, AresResolverOptions{.servers = {dns.server()}, .timeout = 1s, .tries = 1});
    int found = 0;
    for (int i = 0; i < 1000; ++i) {
        const std::string name = "host" + std::to_string(i) + ".test";
        dns.add(name, "192.0.2." + std::to_string(i % 250 + 1));
        patient->resolve(name, 80).addBoth(
            [&](const Result<std::vector<Address>>& outcome) { found += outcome.ok() ? 1 : 0; });
    }
    runUntil(reactor, [&] { return found == 1000; });
    EXPECT_THAT(dns.queries(), SizeIs(2000));  // A and AAAA, none of them twice
}

// So many questions are asked at a time, and the others when those are answered.
TEST_F(Names, asksOnlySoManyAtATime) {
    auto shy = makeRef<AresResolver>(
        reactor, AresResolverOptions{
                     .servers = {dns.server()}, .timeout = 50ms, .tries = 1, .maxQuestions = 2});
    dns.set("silent1.test", DnsBehaviour::Silence);
    dns.set("silent2.test", DnsBehaviour::Silence);
    dns.add("site.test", "192.0.2.1");
    std::vector<std::string> ended;
    for (const std::string name : {"silent1.test", "silent2.test", "site.test"}) {
        shy->resolve(name, 80).addBoth(
            [&, name](const Result<std::vector<Address>>&) { ended.push_back(name); });
    }
    runUntil(reactor, [&] { return ended.size() == 3; });
    EXPECT_NE(ended.front(), "site.test");
    EXPECT_THROW(
        makeRef<AresResolver>(reactor, AresResolverOptions{.servers = {}, .maxQuestions = 0}),
        std::invalid_argument);
}

// Whoever cancels while the question waits for its turn spares it.
TEST_F(Names, whatIsCancelledWhileItWaitsIsNotAsked) {
    auto shy = makeRef<AresResolver>(
        reactor, AresResolverOptions{.servers = {dns.server()}, .maxQuestions = 1});
    dns.add("first.test", "192.0.2.1");
    dns.add("last.test", "192.0.2.2");
    auto first = shy->lookupAddress("first.test");
    auto unwanted = shy->lookupAddress("unwanted.test");
    auto last = shy->lookupAddress("last.test");
    unwanted.cancel();
    EXPECT_NE(outcomeOf(reactor, unwanted).failure().check<CancelledError>(), nullptr);
    EXPECT_TRUE(outcomeOf(reactor, first).ok());
    EXPECT_TRUE(outcomeOf(reactor, last).ok());
    EXPECT_THAT(dns.queries(), ElementsAre("first.test A", "last.test A"));
}

// A hosts file comes before the servers, and is read again when it has changed.
TEST_F(Names, hostsFileComesFirst) {
    const test::TempFolder folder;
    auto local = makeRef<AresResolver>(
        reactor,
        AresResolverOptions{.servers = {dns.server()},
                            .hostsFile = folder.write("hosts", "192.0.2.1 Site.test www.test\n")});
    dns.add("other.test", "192.0.2.9");
    const Address one{Address::Kind::Ipv4, 80, "192.0.2.1"};
    EXPECT_THAT(outcomeOf(reactor, local->resolve("site.TEST", 80)).value(), ElementsAre(one));
    EXPECT_THAT(outcomeOf(reactor, local->resolve("www.test", 80)).value(), ElementsAre(one));
    EXPECT_THAT(dns.queries(), SizeIs(0));
    EXPECT_EQ(outcomeOf(reactor, local->resolve("other.test", 80)).value()[0].host, "192.0.2.9");
    folder.write("hosts", "192.0.2.10 other.test # no longer asked for\n");
    EXPECT_EQ(outcomeOf(reactor, local->resolve("other.test", 80)).value()[0].host, "192.0.2.10");
    EXPECT_FALSE(outcomeOf(reactor, local->resolve("site.test", 80)).ok());
}

// The local host needs no file and no server (RFC 6761).
TEST_F(Names, localhostIsKnownWithoutAFile) {
    auto local = makeRef<AresResolver>(
        reactor, AresResolverOptions{.servers = {dns.server()}, .hostsFile = "/nonexistent/hosts"});
    for (const std::string name : {"localhost", "LocalHost", "my.localhost"}) {
        EXPECT_THAT(outcomeOf(reactor, local->resolve(name, 80)).value(),
                    UnorderedElementsAre(Address{Address::Kind::Ipv4, 80, "127.0.0.1"},
                                         Address{Address::Kind::Ipv6, 80, "::1"}));
    }
    EXPECT_THAT(dns.queries(), SizeIs(0));
}

// Numbers are no names: nobody is asked.
TEST_F(Names, numbersAreNotAskedFor) {
    EXPECT_THAT(resolve("192.0.2.7").value(),
                ElementsAre(Address{Address::Kind::Ipv4, 80, "192.0.2.7"}));
    EXPECT_THAT(dns.queries(), SizeIs(0));
}

// A StaticResolver knows its own names, by port or for every port, and passes others on.
TEST_F(Names, staticResolverPassesOthersOn) {
    dns.add("site.test", "192.0.2.1");
    auto fixed = makeRef<StaticResolver>(resolver);
    fixed->add("Fixed.test", 80, {Address::Kind::Ipv4, 8080, "127.0.0.1"});
    fixed->add("any.test", 0, {Address::Kind::Ipv4, 0, "127.0.0.2"});
    EXPECT_EQ(outcomeOf(reactor, fixed->resolve("fixed.test", 80)).value()[0].port, 8080);
    EXPECT_EQ(outcomeOf(reactor, fixed->resolve("any.test", 99)).value()[0].port, 99);
    EXPECT_EQ(outcomeOf(reactor, fixed->resolve("site.test", 80)).value()[0].host, "192.0.2.1");
    EXPECT_FALSE(outcomeOf(reactor, makeRef<StaticResolver>()->resolve("x.test", 1)).ok());
}

/// Attempts to connect to what a StaticResolver says.
class Attempts : public ::testing::Test {
protected:
    Attempts() {
        port = reactor.listenTcp(0, recorderFactory(std::make_shared<Record>()),
                                 {.interface = "127.0.0.1"});
        reactor.installNameResolver(resolver);
    }
    Result<Ref<IProtocol>> connect(const HostnameEndpointOptions& options = {}) {
        HostnameEndpoint endpoint(reactor, "site.test", 80, options);
        return outcomeOf(reactor, endpoint.connect(recorderFactory(client)));
    }

    Reactor reactor;
    Ref<StaticResolver> resolver = makeRef<StaticResolver>();
    std::shared_ptr<Record> client = std::make_shared<Record>();
    Ref<IListeningPort> port;
};

// E-1: it fires with the protocol, after its connectionMade.
TEST_F(Attempts, firesAfterConnectionMade) {
    resolver->add("site.test", 80, port->getHost());
    EXPECT_TRUE(connect().ok());
    EXPECT_THAT(client->events, ElementsAre("made"));
}

// A refused attempt begins the next one at once, not at the next tick (the quirk E-9 put right).
TEST_F(Attempts, refusalBeginsTheNextAtOnce) {
    resolver->add("site.test", 80, {Address::Kind::Ipv4, 1, "127.0.0.1"});
    resolver->add("site.test", 80, port->getHost());
    const Duration start = reactor.seconds();
    EXPECT_TRUE(connect({.attemptDelay = 5s}).ok());
    EXPECT_LT(reactor.seconds() - start, 2s);
}

// E-11: when all fail, the error names every attempt.
TEST_F(Attempts, errorNamesEveryAttempt) {
    resolver->add("site.test", 80, {Address::Kind::Ipv4, 1, "127.0.0.1"});
    resolver->add("site.test", 80, {Address::Kind::Ipv6, 1, "::1"});
    const auto made = connect();
    EXPECT_NE(made.failure().check<ConnectionRefusedError>(), nullptr) << made.failure().brief();
    EXPECT_THAT(made.failure().message(),
                HasSubstr("connect to site.test:80 failed: 127.0.0.1:1 "));
    EXPECT_THAT(made.failure().message(), HasSubstr("; [::1]:1 "));
}

// C-22, E-12, E-28: a name without an address is a DNSLookupError; so is what goes wrong on the way
// to one, in the one Deferred that a resolver has.
TEST_F(Attempts, unknownNameFails) {
    EXPECT_NE(connect().failure().check<DNSLookupError>(), nullptr);
}

/// Never answers.
class SilentResolver final : public IResolver {
    Deferred<std::vector<Address>> resolve(const std::string&, std::uint16_t) override {
        return pending;
    }

public:
    Deferred<std::vector<Address>> pending;
};

// The time-out covers finding the address too, and E-13: cancelling stops that.
TEST_F(Attempts, timeoutAndCancelCoverTheName) {
    auto silent = makeRef<SilentResolver>();
    reactor.installNameResolver(silent);
    const auto made = connect({.timeout = 10ms});
    EXPECT_NE(made.failure().check<ConnectTimeoutError>(), nullptr) << made.failure().brief();
    EXPECT_TRUE(silent->pending.called());
    auto again = makeRef<SilentResolver>();
    reactor.installNameResolver(again);
    HostnameEndpoint endpoint(reactor, "site.test", 80);
    auto attempt = endpoint.connect(recorderFactory(client));
    attempt.cancel();
    EXPECT_NE(outcomeOf(reactor, attempt).failure().check<CancelledError>(), nullptr);
    EXPECT_TRUE(again->pending.called());
}

}  // namespace
