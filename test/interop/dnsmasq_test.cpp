// AresResolver with Debian's dnsmasq at the other end.
#include <marline/reactor/ares_resolver.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>

#include <test/interop/peer_program.hpp>
#include <test/support/deferred_outcome.hpp>

namespace marline {
namespace {

using testing::Outcome;

// More than one message of UDP holds, which dnsmasq cuts at 1232 bytes or what was asked for.
constexpr int kManyTexts = 40;

class DnsmasqTest : public testing::InteropTest {
protected:
    void SetUp() override {
        const std::string program = find("dnsmasq");
        if (program.empty()) {
            GTEST_SKIP() << "Debian's dnsmasq-base is not installed";
        }
        const std::string port = std::to_string(freePort());
        std::vector<std::string> args = {"--no-daemon",
                                         "--conf-file=/dev/null",
                                         "--no-hosts",
                                         "--no-resolv",
                                         "--port=" + port,
                                         "--listen-address=127.0.0.1",
                                         "--bind-interfaces",
                                         "--local-ttl=77",
                                         "--local=/test/",
                                         "--host-record=a.test,192.0.2.1,2001:db8::1",
                                         "--host-record=four.test,192.0.2.4",
                                         "--cname=alias.test,a.test",
                                         "--mx-host=mail.test,mx2.test,20",
                                         "--mx-host=mail.test,mx1.test,10",
                                         "--txt-record=text.test,v=spf1 -all,second",
                                         "--srv-host=_sip._tcp.test,sip.test,5060,1,2",
                                         "--ptr-record=9.2.0.192.in-addr.arpa,nine.test"};
        for (int i = 0; i < kManyTexts; ++i) {
            args.push_back("--txt-record=many.test," + std::to_string(100 + i) +
                           std::string(200, 'x'));
        }
        server_ = start(program, args);
        runUntil(
            [&] { return server_->text.find("started") != std::string::npos || server_->ended; });
        ASSERT_FALSE(server_->ended) << server_->text;
        resolver_ = makeRef<AresResolver>(
            reactor(),
            AresResolverOptions{.servers = {"127.0.0.1:" + port}, .hostsFile = "/dev/null"});
    }
    void TearDown() override {
        resolver_.reset();
        InteropTest::TearDown();
    }
    template <class T>
    Outcome<T> wait(Deferred<T> asked) {
        Outcome<T> outcome(std::move(asked));
        runUntil([&] { return outcome.fired(); });
        return outcome;
    }

    Ref<AresResolver> resolver_;

private:
    Ref<testing::PeerOutput> server_;
};

// resolve() asks for both families, follows an alias, and fails for a name that is not there.
TEST_F(DnsmasqTest, resolvesNames) {
    for (const std::string name : {"a.test", "alias.test"}) {
        const auto found = wait(resolver_->resolve(name, 80));
        ASSERT_TRUE(found.ok()) << found.message();
        std::vector<std::string> all;
        for (const Address& address : found.value()) {
            all.push_back(address.toString());
        }
        std::sort(all.begin(), all.end());
        EXPECT_EQ(all, (std::vector<std::string>{"192.0.2.1:80", "[2001:db8::1]:80"}));
    }
    const auto four = wait(resolver_->resolve("four.test", 81));
    ASSERT_TRUE(four.ok()) << four.message();
    ASSERT_EQ(four.value().size(), 1U);
    EXPECT_EQ(four.value()[0].toString(), "192.0.2.4:81");
    const auto none = wait(resolver_->resolve("nobody.test", 80));
    EXPECT_NE(none.failed<DNSLookupError>(), nullptr) << none.message();
}

// Every kind of record comes with its fields and its time to live.
TEST_F(DnsmasqTest, looksUpRecords) {
    const auto a = wait(resolver_->lookupAddress("a.test"));
    ASSERT_TRUE(a.ok()) << a.message();
    ASSERT_EQ(a.value().size(), 1U);
    EXPECT_EQ(a.value()[0].address.host, "192.0.2.1");
    EXPECT_EQ(a.value()[0].ttl, std::chrono::seconds(77));
    const auto aaaa = wait(resolver_->lookupIpv6Address("a.test"));
    ASSERT_TRUE(aaaa.ok()) << aaaa.message();
    ASSERT_EQ(aaaa.value().size(), 1U);
    EXPECT_EQ(aaaa.value()[0].address.host, "2001:db8::1");
    auto mx = wait(resolver_->lookupMailExchange("mail.test"));
    ASSERT_TRUE(mx.ok()) << mx.message();
    ASSERT_EQ(mx.value().size(), 2U);
    std::ranges::sort(mx.value(), {}, &MailExchangeRecord::preference);
    EXPECT_EQ(mx.value()[0].exchange, "mx1.test");
    EXPECT_EQ(mx.value()[1].preference, 20);
    EXPECT_EQ(mx.value()[1].exchange, "mx2.test");
    const auto text = wait(resolver_->lookupText("text.test"));
    ASSERT_TRUE(text.ok()) << text.message();
    ASSERT_EQ(text.value().size(), 1U);
    EXPECT_EQ(text.value()[0].data, (std::vector<std::string>{"v=spf1 -all", "second"}));
    const auto service = wait(resolver_->lookupService("_sip._tcp.test"));
    ASSERT_TRUE(service.ok()) << service.message();
    ASSERT_EQ(service.value().size(), 1U);
    EXPECT_EQ(service.value()[0].target, "sip.test");
    EXPECT_EQ(service.value()[0].port, 5060);
    EXPECT_EQ(service.value()[0].priority, 1);
    EXPECT_EQ(service.value()[0].weight, 2);
    const auto alias = wait(resolver_->lookupCanonicalName("alias.test"));
    ASSERT_TRUE(alias.ok()) << alias.message();
    ASSERT_EQ(alias.value().size(), 1U);
    EXPECT_EQ(alias.value()[0].name, "a.test");
    for (const std::string address : {"192.0.2.9", "9.2.0.192.in-addr.arpa"}) {
        const auto pointer = wait(resolver_->lookupPointer(address));
        ASSERT_TRUE(pointer.ok()) << pointer.message();
        ASSERT_EQ(pointer.value().size(), 1U);
        EXPECT_EQ(pointer.value()[0].name, "nine.test");
    }
    // The reverse of a host record, of IPv6.
    const auto six = wait(resolver_->lookupPointer("2001:db8::1"));
    ASSERT_TRUE(six.ok()) << six.message();
    ASSERT_EQ(six.value().size(), 1U);
    EXPECT_EQ(six.value()[0].name, "a.test");
}

// A name without such a record has none; a name that is not there is another matter (NXDOMAIN).
TEST_F(DnsmasqTest, tellsNoRecordFromNoName) {
    const auto none = wait(resolver_->lookupMailExchange("a.test"));
    ASSERT_TRUE(none.ok()) << none.message();
    EXPECT_TRUE(none.value().empty());
    const auto nobody = wait(resolver_->lookupText("nobody.test"));
    EXPECT_NE(nobody.failed<DNSNameError>(), nullptr) << nobody.message();
    const auto nowhere = wait(resolver_->lookupAddress("nobody.test"));
    EXPECT_NE(nowhere.failed<DNSNameError>(), nullptr) << nowhere.message();
}

// An answer that is cut off over UDP comes whole over TCP.
TEST_F(DnsmasqTest, asksOverTcpWhenTheAnswerIsCut) {
    const auto many = wait(resolver_->lookupText("many.test"));
    ASSERT_TRUE(many.ok()) << many.message();
    std::vector<std::string> texts;
    for (const TextRecord& record : many.value()) {
        ASSERT_EQ(record.data.size(), 1U);
        texts.push_back(record.data[0].substr(0, 3));
    }
    std::sort(texts.begin(), texts.end());
    ASSERT_EQ(texts.size(), static_cast<std::size_t>(kManyTexts));
    EXPECT_EQ(texts.front(), "100");
    EXPECT_EQ(texts.back(), std::to_string(100 + kManyTexts - 1));
}

}  // namespace
}  // namespace marline
