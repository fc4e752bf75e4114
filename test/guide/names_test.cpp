// The snippets of docs/howto/names.md, and what the page says of them.
#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/reactor/ares_resolver.hpp>
#include <marline/reactor/caching_resolver.hpp>

#include <marline/reactor/testing/dns_server.hpp>

#include "test/guide/printed.hpp"
#include "test/support/running.hpp"

using namespace marline;
using namespace std::chrono_literals;

namespace {

using test::outcomeOf;
using test::runUntil;

// A static name, a cache and a DNS server, one around the other.
TEST(GuideNames, resolvers) {
    Reactor reactor;
    marline::testing::DnsServer world(reactor);
    world.add("example.org", "192.0.2.1");
    const std::string server = world.server();
    auto dns = makeRef<AresResolver>(
        reactor, AresResolverOptions{.servers = {server}, .timeout = 1s});  // "192.0.2.53"
    auto cache = makeRef<CachingResolver>(reactor, dns, CachingResolverOptions{.maxNames = 1000});
    auto names = makeRef<StaticResolver>(cache);
    names->add("api.test", 443, {Address::Kind::Ipv4, 8443, "127.0.0.1"});  // nobody is asked
    reactor.installNameResolver(names);

    const test::Printed printed;
    reactor.nameResolver()
        ->resolve("example.org", 80)
        .addCallback([](const std::vector<Address>& found) {
            std::cout << found.at(0).toString() << '\n';  // 192.0.2.1:80
        });
    runUntil(reactor, [&] { return !printed.text().empty(); });
    EXPECT_EQ(printed.text(), "192.0.2.1:80\n");
    EXPECT_EQ(cache->size(), 1U);
    const auto asked = world.queries().size();
    const auto api = outcomeOf(reactor, reactor.nameResolver()->resolve("api.test", 443));
    EXPECT_EQ(api.value().at(0).toString(), "127.0.0.1:8443");
    EXPECT_TRUE(outcomeOf(reactor, reactor.nameResolver()->resolve("example.org", 443)).ok());
    EXPECT_EQ(world.queries().size(), asked);
}

// The records of mail, printed.
TEST(GuideNames, records) {
    Reactor reactor;
    marline::testing::DnsServer world(reactor);
    world.addMailExchange("example.org", {.preference = 10, .exchange = "mx.example.org"});
    auto dns = makeRef<AresResolver>(reactor, AresResolverOptions{.servers = {world.server()}});
    const test::Printed printed;
    dns->lookupMailExchange("example.org")
        .addCallback([](const std::vector<MailExchangeRecord>& found) {
            for (const MailExchangeRecord& mx : found) {
                std::cout << mx.preference << ' ' << mx.exchange << '\n';
            }
        });
    runUntil(reactor, [&] { return !printed.text().empty(); });
    EXPECT_EQ(printed.text(), "10 mx.example.org\n");
}

// The server for tests gives what it was told, and fails as it was told.
TEST(GuideNames, inTests) {
    Reactor reactor;
    marline::testing::DnsServer dns(reactor);
    dns.add("site.test", "127.0.0.1");
    dns.addMailExchange("site.test", {.preference = 10, .exchange = "mx.site.test"});
    dns.set("broken.test", marline::testing::DnsBehaviour::ServFail);
    auto resolver = makeRef<AresResolver>(reactor, AresResolverOptions{.servers = {dns.server()}});
    EXPECT_EQ(outcomeOf(reactor, resolver->resolve("site.test", 80)).value().at(0).toString(),
              "127.0.0.1:80");
    EXPECT_EQ(outcomeOf(reactor, resolver->lookupMailExchange("site.test")).value().at(0).exchange,
              "mx.site.test");
    // A name that exists without such a record gives none.
    EXPECT_TRUE(outcomeOf(reactor, resolver->lookupText("site.test")).value().empty());
    const auto broken = outcomeOf(reactor, resolver->resolve("broken.test", 80));
    EXPECT_NE(broken.failure().check<DNSServerError>(), nullptr);
    const auto nobody = outcomeOf(reactor, resolver->resolve("nobody.test", 80));
    EXPECT_NE(nobody.failure().check<DNSNameError>(), nullptr);
}

}  // namespace
