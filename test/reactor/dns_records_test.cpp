// Lookups of records: what servers say, well and badly.
#include <marline/reactor/dns_records.hpp>

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/ares_resolver.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/dns_server.hpp>

#include "test/support/running.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;
using marline::testing::DnsBehaviour;
using marline::testing::DnsServer;
using test::outcomeOf;
using test::runUntil;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint16_t kTypeMx = 15;
constexpr std::uint16_t kTypeTxt = 16;
constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kTypeSrv = 33;

class Records : public ::testing::Test {
protected:
    template <class Record>
    std::vector<Record> found(const Deferred<std::vector<Record>>& lookup) {
        auto outcome = outcomeOf(reactor, lookup);
        EXPECT_TRUE(outcome.ok()) << outcome.failure().brief();
        return outcome.ok() ? std::move(outcome).value() : std::vector<Record>();
    }
    /// True when looking up the MX records of `name` fails with an E, and not only its base.
    template <class E>
    bool failsWith(const std::string& name) {
        const auto outcome = outcomeOf(reactor, resolver->lookupMailExchange(name));
        if (outcome.ok()) {
            return false;
        }
        EXPECT_THAT(outcome.failure().message(), HasSubstr("MX record of " + name));
        EXPECT_THAT(outcome.failure().message(), HasSubstr(dns.server()));
        EXPECT_NE(outcome.failure().check<DNSLookupError>(), nullptr);
        return outcome.failure().check<E>() != nullptr;
    }

    Reactor reactor;
    DnsServer dns{reactor};
    Ref<AresResolver> resolver = makeRef<AresResolver>(
        reactor, AresResolverOptions{.servers = {dns.server()}, .timeout = 50ms, .tries = 2});
};

// A and AAAA records, each asked for alone, with their TTL.
TEST_F(Records, addresses) {
    dns.add("site.test", "192.0.2.1", 30);
    dns.add("site.test", "192.0.2.2", 40);
    dns.add("site.test", "2001:db8::1", 50);
    const auto four = found(resolver->lookupAddress("site.test"));
    ASSERT_THAT(four, SizeIs(2));
    EXPECT_EQ(four[1].address, (Address{Address::Kind::Ipv4, 0, "192.0.2.2"}));
    EXPECT_EQ(four[1].ttl, 40s);
    const auto six = found(resolver->lookupIpv6Address("site.test"));
    ASSERT_THAT(six, SizeIs(1));
    EXPECT_EQ(six[0].address, (Address{Address::Kind::Ipv6, 0, "2001:db8::1"}));
    EXPECT_EQ(six[0].ttl, 50s);
    EXPECT_THAT(dns.queries(), ElementsAre("site.test A", "site.test AAAA"));
}

// SRV records say where a service is.
TEST_F(Records, services) {
    dns.addService("_imap._tcp.site.test", {10, 60, 143, "mail.site.test", 99s});
    dns.addService("_imap._tcp.site.test", {20, 0, 144, "", 99s});
    const auto records = found(resolver->lookupService("_imap._tcp.site.test"));
    ASSERT_THAT(records, SizeIs(2));
    EXPECT_EQ(records[0].priority, 10);
    EXPECT_EQ(records[0].weight, 60);
    EXPECT_EQ(records[0].port, 143);
    EXPECT_EQ(records[0].target, "mail.site.test");
    EXPECT_EQ(records[0].ttl, 99s);
    EXPECT_EQ(records[1].target, "");
}

// MX records say who takes the mail.
TEST_F(Records, mailExchanges) {
    dns.addMailExchange("site.test", {5, "mx.site.test", 7s});
    const auto records = found(resolver->lookupMailExchange("site.test"));
    ASSERT_THAT(records, SizeIs(1));
    EXPECT_EQ(records[0].preference, 5);
    EXPECT_EQ(records[0].exchange, "mx.site.test");
    EXPECT_EQ(records[0].ttl, 7s);
}

// TXT records have several strings, with any bytes.
TEST_F(Records, texts) {
    const std::string bytes("\0\xff:", 3);
    dns.addText("site.test", {{"v=spf1 -all", "", bytes}, 1s});
    const auto records = found(resolver->lookupText("site.test"));
    ASSERT_THAT(records, SizeIs(1));
    EXPECT_THAT(records[0].data, ElementsAre("v=spf1 -all", "", bytes));
}

// PTR records give the name at an address, which may be given as such.
TEST_F(Records, pointers) {
    dns.addPointer("7.2.0.192.in-addr.arpa", {"host.test", 1s});
    dns.addPointer("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
                   {"six.test", 1s});
    for (const std::string name : {"192.0.2.7", "7.2.0.192.in-addr.arpa"}) {
        const auto records = found(resolver->lookupPointer(name));
        ASSERT_THAT(records, SizeIs(1));
        EXPECT_EQ(records[0].name, "host.test");
    }
    const auto six = found(resolver->lookupPointer("2001:db8::1"));
    ASSERT_THAT(six, SizeIs(1));
    EXPECT_EQ(six[0].name, "six.test");
}

// NS and CNAME records; other questions follow the canonical name.
TEST_F(Records, nameserversAndCanonicalNames) {
    dns.addNameserver("site.test", {"ns.site.test", 1s});
    dns.addCanonicalName("www.site.test", {"real.site.test", 2s});
    dns.add("real.site.test", "192.0.2.1");
    const auto servers = found(resolver->lookupNameservers("site.test"));
    ASSERT_THAT(servers, SizeIs(1));
    EXPECT_EQ(servers[0].name, "ns.site.test");
    const auto canonical = found(resolver->lookupCanonicalName("www.site.test"));
    ASSERT_THAT(canonical, SizeIs(1));
    EXPECT_EQ(canonical[0].name, "real.site.test");
    EXPECT_EQ(canonical[0].ttl, 2s);
    const auto addresses = found(resolver->lookupAddress("www.site.test"));
    ASSERT_THAT(addresses, SizeIs(1)) << "the CNAME on the way is no address";
    EXPECT_EQ(addresses[0].address.host, "192.0.2.1");
}

// A name without such a record has none; one that does not exist is an error.
TEST_F(Records, noneIsNotTheSameAsNoName) {
    dns.add("site.test", "192.0.2.1");
    EXPECT_THAT(found(resolver->lookupMailExchange("site.test")), IsEmpty());
    EXPECT_TRUE(failsWith<DNSNameError>("nowhere.test"));
}

// Each way to fail has its type, under DNSLookupError, and names what was asked and whom.
TEST_F(Records, errorsSayWhy) {
    dns.set("broken.test", DnsBehaviour::ServFail);
    dns.set("refused.test", DnsBehaviour::Refused);
    dns.set("simple.test", DnsBehaviour::NotImplemented);
    dns.set("format.test", DnsBehaviour::FormatError);
    dns.set("silent.test", DnsBehaviour::Silence);
    EXPECT_TRUE(failsWith<DNSServerError>("broken.test"));
    EXPECT_TRUE(failsWith<DNSQueryRefusedError>("refused.test"));
    EXPECT_TRUE(failsWith<DNSNotImplementedError>("simple.test"));
    EXPECT_TRUE(failsWith<DNSFormatError>("format.test"));
    EXPECT_TRUE(failsWith<DNSQueryTimeoutError>("silent.test"));
}

// With several servers the next one is asked when one cannot answer.
TEST_F(Records, theNextServerIsAskedWhenOneFails) {
    DnsServer second(reactor);
    dns.set("site.test", DnsBehaviour::ServFail);
    dns.set("broken.test", DnsBehaviour::Refused);
    second.addMailExchange("site.test", {5, "mx.site.test", 7s});
    second.set("broken.test", DnsBehaviour::ServFail);
    resolver = makeRef<AresResolver>(
        reactor, AresResolverOptions{
                     .servers = {dns.server(), second.server()}, .timeout = 50ms, .tries = 2});
    EXPECT_THAT(found(resolver->lookupMailExchange("site.test")), SizeIs(1));
    EXPECT_TRUE(failsWith<DNSServerError>("broken.test"));
}

// Servers that cannot be understood are an error of every question.
TEST_F(Records, badServersFailEveryQuestion) {
    resolver = makeRef<AresResolver>(reactor, AresResolverOptions{.servers = {"no address"}});
    const auto record = outcomeOf(reactor, resolver->lookupText("site.test"));
    ASSERT_FALSE(record.ok());
    EXPECT_NE(record.failure().check<DNSLookupError>(), nullptr);
    const auto address = outcomeOf(reactor, resolver->resolve("site.test", 80));
    ASSERT_FALSE(address.ok());
    EXPECT_THAT(address.failure().message(), HasSubstr("site.test"));
}

// A name that cannot be one fails like others: at the answer, not at the call.
TEST_F(Records, impossibleNamesFail) {
    EXPECT_TRUE(failsWith<DNSLookupError>("two..dots.test"));
    EXPECT_TRUE(failsWith<DNSLookupError>(std::string(64, 'x') + ".test"));
    EXPECT_THAT(dns.queries(), IsEmpty());
}

// Records that are cut short, too long, or lead out of the message are errors, not garbage.
TEST_F(Records, malformedRecordsFail) {
    dns.addRecord("short.test", kTypeMx, std::string("\x00", 1));
    dns.addRecord("long.test", kTypeMx, std::string("\x00\x05\x01x\x00trailing", 13));
    dns.addRecord("outside.test", kTypeMx, std::string("\x00\x05\xff\xff", 4));
    dns.addRecord("loop.test", kTypeMx, std::string("\x00\x05\xc0\x29", 4));
    dns.addRecord("empty.test", kTypeMx, "");
    for (const std::string name :
         {"short.test", "long.test", "outside.test", "loop.test", "empty.test"}) {
        EXPECT_TRUE(failsWith<DNSFormatError>(name)) << name;
    }
    dns.addRecord("text.test", kTypeTxt, "\x05oops");
    dns.addRecord("address.test", kTypeA, "123");
    dns.addRecord("service.test", kTypeSrv, "12345");
    EXPECT_FALSE(outcomeOf(reactor, resolver->lookupText("text.test")).ok());
    EXPECT_FALSE(outcomeOf(reactor, resolver->lookupAddress("address.test")).ok());
    EXPECT_FALSE(outcomeOf(reactor, resolver->lookupService("service.test")).ok());
}

// A TTL with its highest bit set counts as zero (RFC 2181 §8).
TEST_F(Records, absurdTtlsAreZero) {
    dns.addRecord("site.test", kTypeMx, std::string("\x00\x05\x01x\x00", 5), 0x80000001U);
    EXPECT_EQ(found(resolver->lookupMailExchange("site.test")).at(0).ttl, 0s);
}

// A lookup can be cancelled, alone; the others get their answer.
TEST_F(Records, lookupsCanBeCancelled) {
    dns.addMailExchange("site.test", {5, "mx.site.test", 7s});
    auto first = resolver->lookupMailExchange("site.test");
    const auto second = resolver->lookupMailExchange("site.test");
    first.cancel();
    EXPECT_NE(outcomeOf(reactor, first).failure().check<CancelledError>(), nullptr);
    EXPECT_THAT(found(second), SizeIs(1));
}

// The resolver may go while it asks, and inside of an answer.
TEST_F(Records, theResolverMayGoAnyTime) {
    dns.addMailExchange("site.test", {5, "mx.site.test", 7s});
    const auto lost = resolver->lookupText("silent.test");
    bool answered = false;
    resolver->lookupMailExchange("site.test").addBoth([&](const auto&) {
        resolver.reset();
        answered = true;
    });
    runUntil(reactor, [&] { return answered; });
    EXPECT_FALSE(outcomeOf(reactor, lost).ok());
}

}  // namespace
