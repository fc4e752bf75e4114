#include <marline/agent/proxy_settings.hpp>

#include <cstdlib>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace marline;
using ::testing::HasSubstr;
using ::testing::Not;

Uri uri(const std::string& text) { return Uri::parse(text).value(); }
Proxy proxy(const std::string& text) { return Proxy::parse(text).value(); }
std::string refusal(const std::string& text) {
    const Result<Proxy> parsed = Proxy::parse(text);
    return parsed.ok() ? "accepted" : parsed.failure().message();
}

// Every kind of proxy is told by its scheme, and has its port unless one is given.
TEST(Proxy, isTakenApart) {
    EXPECT_EQ(proxy("http://p.test:3128").toString(), "http://p.test:3128");
    EXPECT_EQ(proxy("P.Test:3128").toString(), "http://p.test:3128");
    EXPECT_EQ(proxy("http://p.test/").toString(), "http://p.test:80");
    EXPECT_EQ(proxy("https://p.test").toString(), "https://p.test:443");
    EXPECT_EQ(proxy("https://p.test").uri().scheme(), "https");
    for (const char* scheme : {"socks5", "socks5h"}) {
        const Proxy socks = proxy(std::string(scheme) + "://[::1]");
        EXPECT_EQ(socks.kind(), Proxy::Kind::Socks5);
        EXPECT_EQ(socks.toString(), "socks5://[::1]:1080");
        EXPECT_EQ(socks.uri().toString(), "http://[::1]:1080");
    }
}

// User and password are decoded and kept out of everything that is shown.
TEST(Proxy, keepsCredentialsApart) {
    const Proxy http = proxy("http://m%40e:s%3Acret@p.test:1");
    EXPECT_EQ(http.authorization(), "Basic bUBlOnM6Y3JldA==");
    EXPECT_EQ(http.toString(), "http://p.test:1");
    EXPECT_EQ(http.uri().toString(), "http://p.test:1");
    const Proxy socks = proxy("socks5://m%40e:s%3Acret@p.test");
    EXPECT_EQ(socks.credentials()->user, "m@e");
    EXPECT_EQ(socks.credentials()->password, "s:cret");
    EXPECT_TRUE(socks.authorization().empty());
    EXPECT_THAT(socks.toString(), Not(HasSubstr("cret")));
}

// What tells proxies apart has to do with who asks, too.
TEST(Proxy, isComparedWithItsCredentials) {
    EXPECT_EQ(proxy("http://a:b@p.test"), proxy("http://a:b@P.TEST:80/"));
    EXPECT_FALSE(proxy("http://a:b@p.test") == proxy("http://a:c@p.test"));
    EXPECT_FALSE(proxy("socks5://a:b@p.test") == proxy("socks5://p.test"));
    EXPECT_FALSE(proxy("http://p.test:443") == proxy("https://p.test:443"));
}

// A text that is no proxy is refused with the reason, and without its password.
TEST(Proxy, refusesOthers) {
    EXPECT_THAT(refusal("ftp://p.test"), HasSubstr("http, https, socks5"));
    EXPECT_THAT(refusal("socks4://p.test"), HasSubstr("http, https, socks5"));
    EXPECT_THAT(refusal("http://p.test/path"), HasSubstr("no path"));
    EXPECT_THAT(refusal("http://p.test?q"), HasSubstr("no path"));
    EXPECT_THAT(refusal("http://p.test:99999"), HasSubstr("[scheme://]"));
    EXPECT_THAT(refusal(""), HasSubstr("[scheme://]"));
    EXPECT_THAT(refusal("socks5://me@p.test"), HasSubstr("1 to 255 bytes"));
    EXPECT_THAT(refusal("socks5://me:@p.test"), HasSubstr("1 to 255 bytes"));
    EXPECT_THAT(refusal("socks5://me:" + std::string(256, 'x') + "@p.test"),
                HasSubstr("1 to 255 bytes"));
    EXPECT_THAT(refusal("http://me:secret@p.test:x"), Not(HasSubstr("secret")));
    EXPECT_THAT(refusal("ftp://me:secret@p.test"), Not(HasSubstr("secret")));
    EXPECT_THAT(refusal("me:secret@p.test:99999"), HasSubstr("'***@p.test:99999'"));
    EXPECT_THAT(refusal("http://me:p#secret@p.test:3128"), HasSubstr("'http://***@p.test:3128'"));
    EXPECT_THAT(refusal("http://me:p/secret@p.test:3128"), Not(HasSubstr("secret")));
    EXPECT_THAT(refusal("me:secret//p@p.test:3128"), Not(HasSubstr("secret")));
}

// A name stands for itself and all below it, in any case and with a dot at either end.
TEST(NoProxy, matchesNames) {
    for (const char* list : {"example.org", ".example.org", "*.example.org", "a,EXAMPLE.org. b"}) {
        const NoProxy except(list);
        EXPECT_TRUE(except.matches("example.org", 80)) << list;
        EXPECT_TRUE(except.matches("WWW.Example.Org", 80)) << list;
        EXPECT_TRUE(except.matches("www.example.org.", 80)) << list;
        EXPECT_FALSE(except.matches("badexample.org", 80)) << list;
        EXPECT_FALSE(except.matches("org", 80)) << list;
        EXPECT_FALSE(except.matches("example.org.evil.test", 80)) << list;
    }
    EXPECT_TRUE(NoProxy("*").matches("anything", 1));
    EXPECT_TRUE(NoProxy("*").matches("::1", 1));
    EXPECT_FALSE(NoProxy("").matches("anything", 1));
    EXPECT_FALSE(NoProxy().matches("anything", 1));
}

// With a port a rule is for that port alone.
TEST(NoProxy, matchesPorts) {
    const NoProxy except("a.test:8080 [::1]:81,127.0.0.1:82");
    EXPECT_TRUE(except.matches("a.test", 8080));
    EXPECT_TRUE(except.matches("b.a.test", 8080));
    EXPECT_FALSE(except.matches("a.test", 80));
    EXPECT_TRUE(except.matches("::1", 81));
    EXPECT_FALSE(except.matches("::1", 80));
    EXPECT_TRUE(except.matches("127.0.0.1", 82));
    EXPECT_FALSE(except.matches("127.0.0.1", 80));
    EXPECT_TRUE(NoProxy("*:443").matches("any.test", 443));
    EXPECT_FALSE(NoProxy("*:443").matches("any.test", 80));
}

// Addresses are compared as numbers: however they are written, with a zone, or mapped.
TEST(NoProxy, matchesAddresses) {
    const NoProxy except("192.0.2.1, 2001:db8::1, [fe80::1]");
    EXPECT_TRUE(except.matches("192.0.2.1", 80));
    EXPECT_TRUE(except.matches("::ffff:192.0.2.1", 80));
    EXPECT_TRUE(except.matches("2001:DB8:0:0::1", 80));
    EXPECT_TRUE(except.matches("fe80::1%eth0", 80));
    EXPECT_FALSE(except.matches("192.0.2.10", 80));
    EXPECT_FALSE(except.matches("1.192.0.2.1", 80));
    EXPECT_FALSE(except.matches("2001:db8::2", 80));
}

// Networks: at byte borders and within bytes, whole families, and no names.
TEST(NoProxy, matchesNetworks) {
    const NoProxy except("10.0.0.0/8,172.16.0.0/12,fd00::/8,2001:db8::/33");
    EXPECT_TRUE(except.matches("10.255.0.1", 80));
    EXPECT_FALSE(except.matches("11.0.0.1", 80));
    EXPECT_TRUE(except.matches("172.31.255.255", 80));
    EXPECT_FALSE(except.matches("172.32.0.0", 80));
    EXPECT_TRUE(except.matches("::ffff:10.1.2.3", 80));
    EXPECT_TRUE(except.matches("fdff::1", 80));
    EXPECT_FALSE(except.matches("fe00::1", 80));
    EXPECT_TRUE(except.matches("2001:db8:7fff::1", 80));
    EXPECT_FALSE(except.matches("2001:db8:8000::1", 80));
    EXPECT_FALSE(except.matches("ten.test", 80));
    EXPECT_TRUE(NoProxy("0.0.0.0/0").matches("8.8.8.8", 80));
    EXPECT_FALSE(NoProxy("0.0.0.0/0").matches("2001:db8::1", 80));
    EXPECT_TRUE(NoProxy("::/0").matches("2001:db8::1", 80));
    EXPECT_TRUE(NoProxy("10.0.0.1/32").matches("10.0.0.1", 80));
}

// What is no rule matches nothing, and does not disturb the others.
TEST(NoProxy, ignoresNonsense) {
    const NoProxy except("10.0.0.0/33 fd00::/129 x/8 10.0.0.0/ /8 a.test:0 b.test:x . , ok.test");
    for (const char* host : {"10.0.0.1", "fd00::1", "x", "a.test", "b.test", ""}) {
        EXPECT_FALSE(except.matches(host, 80)) << host;
    }
    EXPECT_TRUE(except.matches("ok.test", 80));
}

class ProxySettingsTest : public ::testing::Test {
protected:
    /// The proxy for `target` in `environment`; "" when there is none.
    static std::string chosen(const Environment& environment, const std::string& target) {
        const auto settings = ProxySettings::fromEnvironment(environment);
        if (!settings.ok()) {
            return settings.failure().message();
        }
        const Proxy* const found = settings.value().proxyFor(uri(target));
        return found != nullptr ? found->toString() : "";
    }
};

// Each scheme has its variable, and all_proxy is for those that have none.
TEST_F(ProxySettingsTest, readTheEnvironment) {
    const Environment both{{"http_proxy", "h:1"}, {"HTTPS_PROXY", "s:2"}, {"all_proxy", "a:3"}};
    EXPECT_EQ(chosen(both, "http://x/"), "http://h:1");
    EXPECT_EQ(chosen(both, "https://x/"), "http://s:2");
    EXPECT_EQ(chosen({{"ALL_PROXY", "socks5h://a:3"}}, "https://x/"), "socks5://a:3");
    EXPECT_EQ(chosen({{"http_proxy", "h:1"}}, "https://x/"), "");
    EXPECT_EQ(chosen({}, "http://x/"), "");
}

// Lower case wins; an empty variable switches the proxy off, whatever all_proxy says.
TEST_F(ProxySettingsTest, lowerCaseWins) {
    EXPECT_EQ(chosen({{"https_proxy", "low:1"}, {"HTTPS_PROXY", "up:2"}}, "https://x/"),
              "http://low:1");
    EXPECT_EQ(
        chosen({{"https_proxy", ""}, {"HTTPS_PROXY", "up:2"}, {"all_proxy", "a:3"}}, "https://x/"),
        "");
    EXPECT_EQ(chosen({{"all_proxy", "a:3"}, {"no_proxy", ""}, {"NO_PROXY", "*"}}, "http://x/"),
              "http://a:3");
}

// httpoxy: what a CGI program's client can set does not count; the lower case it cannot set.
TEST_F(ProxySettingsTest, cgiClientsCannotSetTheProxy) {
    EXPECT_EQ(chosen({{"HTTP_PROXY", "evil:1"}}, "http://x/"), "http://evil:1");
    EXPECT_EQ(chosen({{"HTTP_PROXY", "evil:1"}, {"REQUEST_METHOD", "GET"}}, "http://x/"), "");
    EXPECT_EQ(chosen({{"http_proxy", "own:1"}, {"REQUEST_METHOD", "GET"}}, "http://x/"),
              "http://own:1");
    EXPECT_EQ(chosen({{"HTTPS_PROXY", "own:1"}, {"REQUEST_METHOD", "GET"}}, "https://x/"),
              "http://own:1");
}

// no_proxy is asked with the URI's host and port.
TEST_F(ProxySettingsTest, exceptions) {
    const Environment some{{"all_proxy", "p:1"}, {"NO_PROXY", "in.test,[::1]:8443,10.0.0.0/8"}};
    EXPECT_EQ(chosen(some, "http://www.in.test/"), "");
    EXPECT_EQ(chosen(some, "https://[::1]:8443/"), "");
    EXPECT_EQ(chosen(some, "https://[::1]/"), "http://p:1");
    EXPECT_EQ(chosen(some, "https://10.1.2.3/"), "");
    EXPECT_EQ(chosen(some, "https://out.test/"), "http://p:1");
}

// A variable that is no proxy is an error that names it, and not its password.
TEST_F(ProxySettingsTest, namesTheBadVariable) {
    const std::string message = chosen({{"https_proxy", "ftp://me:secret@p"}}, "http://x/");
    EXPECT_THAT(message, HasSubstr("https_proxy: bad proxy"));
    EXPECT_THAT(message, Not(HasSubstr("secret")));
    EXPECT_THAT(chosen({{"all_proxy", "p:0"}}, "http://x/"), HasSubstr("all_proxy"));
}

// Without an argument it is this process's environment.
TEST_F(ProxySettingsTest, readThisProcess) {
    ::setenv("https_proxy", "http://this.test:9", 1);
    const auto settings = ProxySettings::fromEnvironment();
    ::unsetenv("https_proxy");
    ASSERT_TRUE(settings.ok());
    EXPECT_EQ(settings.value().https->toString(), "http://this.test:9");
}

// One proxy for everything.
TEST_F(ProxySettingsTest, oneForAll) {
    const auto settings = ProxySettings::all(proxy("p.test:1"));
    EXPECT_EQ(settings.proxyFor(uri("http://a/"))->toString(), "http://p.test:1");
    EXPECT_EQ(settings.proxyFor(uri("https://a/"))->toString(), "http://p.test:1");
}

}  // namespace
