#include <marline/agent/hsts_agent.hpp>

#include <chrono>
#include <string>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/agent/cookie_agent.hpp>
#include <marline/agent/detail/whole_file.hpp>
#include <marline/agent/redirect_agent.hpp>

#include <test/support/outcome.hpp>
#include <test/support/scripted_agent.hpp>
#include <test/support/temp_folder.hpp>

namespace {

using namespace marline;
using namespace marline::testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

class HstsStoreTest : public ::testing::Test {
protected:
    bool note(std::string_view field, std::string_view host = "example.org") {
        return store->note(host, field, now);
    }
    bool knows(std::string_view host = "example.org") const { return store->knows(host, now); }
    std::string upgraded(const std::string& uri) const {
        return store->upgraded(Uri::parse(uri).value(), now).toString();
    }

    http::HttpTime now{std::chrono::sys_days{2026y / 1 / 1}};
    Ref<HstsStore> store = makeRef<HstsStore>();
};

// RFC 6797 §6.1, 6.2: directives in any order and case, values quoted or not, unknown ones skipped.
TEST_F(HstsStoreTest, readsTheField) {
    for (const char* field :
         {"max-age=31536000", "max-age=\"31536000\"", "MAX-AGE = 5 ; IncludeSubDomains",
          "includeSubDomains;max-age=5;", ";;max-age=5", "preload; x=\"a;b\\\"c\"; max-age=5",
          "max-age=99999999999999999999999"}) {
        store->clear();
        EXPECT_TRUE(note(field)) << field;
        EXPECT_TRUE(knows()) << field;
    }
}

// RFC 6797 §6.1: a field without max-age, with a directive twice, or malformed is ignored whole.
TEST_F(HstsStoreTest, ignoresMalformedFields) {
    for (const char* field :
         {"", "includeSubDomains", "max-age", "max-age=", "max-age=-1", "max-age=1.5", "max-age=x",
          "max-age=1; max-age=2", "max-age=1; includeSubDomains; includeSubDomains",
          "max-age=1; includeSubDomains=yes", "max-age=\"1", "max-age=1 2", "=1; max-age=1",
          "max-age=1, x"}) {
        EXPECT_FALSE(note(field)) << field;
        EXPECT_EQ(store->size(), 0U) << field;
    }
}

// RFC 6797 §8.2: the host itself and, with includeSubDomains, what is below it; nothing else.
TEST_F(HstsStoreTest, matchesHosts) {
    note("max-age=5");
    EXPECT_TRUE(knows("example.org"));
    EXPECT_TRUE(knows("example.org."));
    EXPECT_FALSE(knows("www.example.org"));
    EXPECT_FALSE(knows("org"));
    note("max-age=5; includeSubDomains");
    EXPECT_TRUE(knows("a.b.example.org"));
    EXPECT_FALSE(knows("notexample.org"));
    note("max-age=5; includeSubDomains", "Upper.Example.NET.");
    EXPECT_TRUE(knows("upper.example.net"));
    note("max-age=5", "sub.example.org");
    EXPECT_TRUE(knows("x.sub.example.org")) << "the domain above still counts";
}

// RFC 6797 §8.1: a later field replaces the former; max-age=0 forgets the host; time passes.
TEST_F(HstsStoreTest, forgets) {
    note("max-age=100; includeSubDomains");
    note("max-age=10");
    EXPECT_FALSE(knows("www.example.org"));
    now += 10s;
    EXPECT_FALSE(knows());
    note("max-age=10");
    EXPECT_TRUE(knows());
    EXPECT_TRUE(note("max-age=0"));
    EXPECT_FALSE(knows());
    EXPECT_EQ(store->size(), 0U);
}

// RFC 6797 §8.1.1: an IP address is no HSTS host, neither noted nor upgraded.
TEST_F(HstsStoreTest, refusesAddresses) {
    for (const char* host : {"127.0.0.1", "::1", "fe80::1%eth0", ""}) {
        EXPECT_FALSE(note("max-age=5", host)) << host;
    }
    note("max-age=5; includeSubDomains", "0.1");
    EXPECT_FALSE(knows("::1"));
    EXPECT_EQ(upgraded("http://[::1]/"), "http://[::1]/");
    // What stands behind a dot of an address, or of a zone, is no domain above it.
    note("max-age=5; includeSubDomains");
    EXPECT_FALSE(knows("127.0.0.1"));
    EXPECT_FALSE(knows("127.0.0.1."));
    EXPECT_EQ(upgraded("http://127.0.0.1/"), "http://127.0.0.1/");
    EXPECT_EQ(upgraded("http://[fe80::1%25eth0.example.org]/"),
              "http://[fe80::1%25eth0.example.org]/");
}

// RFC 6797 §8.3: http becomes https, 80 becomes 443, other ports, path, query and user stay.
TEST_F(HstsStoreTest, upgrades) {
    note("max-age=5");
    EXPECT_EQ(upgraded("http://example.org/a?b#c"), "https://example.org/a?b#c");
    EXPECT_EQ(upgraded("http://example.org:80"), "https://example.org");
    EXPECT_EQ(upgraded("http://example.org:8080/"), "https://example.org:8080/");
    EXPECT_EQ(upgraded("http://other.org/"), "http://other.org/");
    EXPECT_EQ(upgraded("https://example.org/"), "https://example.org/");
    EXPECT_EQ(store->upgraded(Uri::parse("http://me:x@example.org/").value(), now).userInfo(),
              "me:x");
}

// maxHosts: one more drops those whose time has passed, else the first one that was noted.
TEST_F(HstsStoreTest, holdsALimitedNumber) {
    store = makeRef<HstsStore>(HstsOptions{.maxHosts = 2});
    note("max-age=5", "a");
    note("max-age=50", "b");
    note("max-age=50", "c");
    EXPECT_FALSE(knows("a"));
    EXPECT_TRUE(knows("b") && knows("c"));
    note("max-age=5", "c");
    now += 5s;
    note("max-age=50", "d");
    EXPECT_TRUE(knows("b") && knows("d"));
    store = makeRef<HstsStore>(HstsOptions{.maxHosts = 0});
    EXPECT_TRUE(note("max-age=5"));
    EXPECT_FALSE(knows());
}

// RFC 6797 §8.2: hosts are compared in either case, with or without a dot at the end.
TEST_F(HstsStoreTest, caseMakesNoDifference) {
    note("max-age=5; includeSubDomains", "Example.ORG");
    for (const char* host : {"EXAMPLE.org", "example.ORG.", "www.Example.Org"}) {
        EXPECT_TRUE(store->knows(host, now)) << host;
    }
}

// maxPerDomain: the owner of one domain, which libpsl knows, drops its own hosts, nobody else's.
TEST_F(HstsStoreTest, holdsALimitedNumberOfADomain) {
    store = makeRef<HstsStore>(HstsOptions{.maxPerDomain = 2});
    note("max-age=50", "first.test");
    note("max-age=5", "a.evil.co.uk");
    note("max-age=50", "b.evil.co.uk");
    note("max-age=50", "c.good.co.uk");
    note("max-age=50", "evil.co.uk");
    EXPECT_FALSE(knows("a.evil.co.uk"));
    EXPECT_TRUE(knows("first.test") && knows("b.evil.co.uk") && knows("evil.co.uk"));
    EXPECT_TRUE(knows("c.good.co.uk")) << "co.uk is nobody's";
    note("max-age=5", "b.evil.co.uk");
    now += 5s;
    note("max-age=50", "d.evil.co.uk");
    EXPECT_TRUE(knows("evil.co.uk") && knows("d.evil.co.uk")) << "what is over goes first";
    store = makeRef<HstsStore>(HstsOptions{.maxPerDomain = 0});
    EXPECT_TRUE(note("max-age=5"));
    EXPECT_FALSE(knows());
}

// What is saved is there again, in the form that curl reads; what is over is left out.
TEST_F(HstsStoreTest, isSavedAndLoaded) {
    const test::TempFolder folder;
    now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    note("max-age=100000; includeSubDomains");
    note("max-age=100000", "plain.test");
    note("max-age=999999999999", "long.test");
    store->note("over.test", "max-age=1", now - 10s);
    store->save(folder / "hsts");
    struct stat found{};
    ASSERT_EQ(::stat((folder / "hsts").c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, 0600U);
    const std::string text = store->toText();
    EXPECT_THAT(text, HasSubstr("\n.example.org \"20"));
    store->clear();
    EXPECT_EQ(store->load(folder / "hsts").value(), 3U);
    EXPECT_TRUE(knows("www.example.org") && knows("plain.test") && knows("long.test"));
    EXPECT_FALSE(knows("www.plain.test"));
    EXPECT_EQ(store->addText("# curl\r\n\nEXAMPLE.net \"unlimited\"\r\n").value(), 1U);
    EXPECT_TRUE(knows("example.net"));
    EXPECT_THROW(store->save("/no/such/folder/hsts"), std::system_error);
    EXPECT_NE(store->load("/no/such/file").failure().check<std::system_error>(), nullptr);
}

// What lies beside it, a link or what others may read, gets nothing and is left as it is; a save
// that fails leaves nothing behind.
TEST_F(HstsStoreTest, isSavedForItsOwnerOnly) {
    const test::TempFolder folder;
    const std::string other = folder.write("other", "theirs");
    ASSERT_EQ(::symlink(other.c_str(), (folder / "hsts.new").c_str()), 0);
    note("max-age=100000");
    store->save(folder / "hsts");
    struct stat found{};
    ASSERT_EQ(::lstat((folder / "hsts").c_str(), &found), 0);
    EXPECT_TRUE(S_ISREG(found.st_mode));
    EXPECT_EQ(found.st_mode & 0777U, 0600U);
    EXPECT_EQ(folder.read("other"), "theirs");
    EXPECT_EQ(folder.names().size(), 3U);
    ASSERT_EQ(::mkdir((folder / "taken").c_str(), 0700), 0);
    EXPECT_THROW(store->save(folder / "taken"), std::system_error);
    EXPECT_EQ(folder.names().size(), 4U);
}

// A host that no line of the file can hold is not noted: the file could not be loaded again.
TEST_F(HstsStoreTest, refusesHostsThatAreNoNames) {
    for (const char* host : {".", "..", ".example.org", "a..", "#example.org", "a b", "a\nb"}) {
        EXPECT_FALSE(note("max-age=5", host)) << host;
    }
    EXPECT_EQ(store->size(), 0U);
}

// A file with a line that is none is refused, which names the line, and nothing is added.
TEST_F(HstsStoreTest, refusesBadLines) {
    for (const char* line :
         {"x", "x \"20270101\"", "x \"20271301 00:00:00\"", "x \"20270101 24:00:00\"",
          "x \"20270101 00:61:00\"", "x 20270101 00:00:00", ". \"unlimited\"", ".. \"unlimited\"",
          "127.0.0.1 \"unlimited\"", "x \"2027010a 00:00:00\"", "x \"20270101-00:00:00\"",
          "x \""}) {
        const auto outcome =
            store->addText("a.test \"unlimited\"\n" + std::string(line) + "\nb.test x\n");
        ASSERT_FALSE(outcome.ok()) << line;
        EXPECT_THAT(outcome.failure().message(), HasSubstr("line 2 of the HSTS hosts")) << line;
        EXPECT_EQ(store->size(), 0U) << line;
    }
}

// The file of a store is read to its limit and no further: the error names both.
TEST_F(HstsStoreTest, refusesAGiantFile) {
    const test::TempFolder folder;
    folder.write("giant", "");
    ASSERT_EQ(::truncate((folder / "giant").c_str(), detail::kMaxStoreFileBytes + 1), 0);
    EXPECT_THAT(store->load(folder / "giant").failure().message(),
                HasSubstr("67108864 bytes that HSTS hosts may have"));
    EXPECT_NE(store->load(folder.path()).failure().check<std::system_error>(), nullptr);
}

class HstsAgentTest : public ::testing::Test {
protected:
    ~HstsAgentTest() override { inner->closeAll(); }

    Outcome<Response> request(const std::string& uri) {
        return Outcome<Response>(agent.request("GET", uri));
    }

    NoUnhandled unhandled;
    Ref<ScriptedAgent> inner = makeRef<ScriptedAgent>();
    Ref<HstsStore> store = makeRef<HstsStore>();
    HstsAgent agent{ScriptedAgentHandle(inner), store};
};

constexpr const char* kField = "Strict-Transport-Security: max-age=100\r\n";

// After an answer by https, http requests to that host go out as https; the response says so.
TEST_F(HstsAgentTest, upgradesWhatItKnows) {
    inner->answer(reply("200 OK", kField)).answer(reply("200 OK"));
    request("https://example.org/");
    auto second = request("http://example.org/page");
    EXPECT_EQ(inner->last().uri, "https://example.org/page");
    EXPECT_EQ(second.value().uri().scheme(), "https");
}

// RFC 6797 §8.1: http answers say nothing; of several fields the first counts.
TEST_F(HstsAgentTest, believesOnlyHttps) {
    inner->answer(reply("200 OK", kField));
    request("http://example.org/");
    EXPECT_EQ(store->size(), 0U);
    inner->answer(reply("200 OK", "Strict-Transport-Security: x\r\n" + std::string(kField)));
    request("https://example.org/");
    EXPECT_EQ(store->size(), 0U);
    inner->answer(
        reply("404 No", kField + std::string("Strict-Transport-Security: max-age=0\r\n")));
    request("https://example.org/");
    EXPECT_EQ(store->size(), 1U);
}

// RFC 6797 §8.1: what an unverified server says is not remembered, what is known still counts.
TEST_F(HstsAgentTest, believesOnlyVerifiedServers) {
    store->note("known.test", "max-age=100");
    agent = HstsAgent(ScriptedAgentHandle(inner), store, {.verified = false});
    inner->answer(reply("200 OK", kField)).answer(reply("200 OK"));
    request("https://example.org/");
    EXPECT_EQ(store->size(), 1U);
    request("http://known.test/");
    EXPECT_EQ(inner->last().uri, "https://known.test/");
}

// Redirects around it are upgraded; redirects inside it are noted too.
TEST_F(HstsAgentTest, stacksWithRedirects) {
    store->note("b.test", "max-age=100");
    inner->answer(reply("302 F", "Location: http://b.test/\r\n")).answer(reply("200 OK"));
    Outcome<Response> outer(RedirectAgent(agent).request("GET", "http://a.test/"));
    EXPECT_EQ(inner->last().uri, "https://b.test/");

    inner->answer(reply("302 F", kField + std::string("Location: https://d.test/\r\n")))
        .answer(reply("200 OK"));
    const HstsAgent around(RedirectAgent(ScriptedAgentHandle(inner)), store);
    Outcome<Response> whole(around.request("GET", "https://c.test/"));
    EXPECT_TRUE(store->knows("c.test"));
}

// A CookieAgent inside sends Secure cookies with what was upgraded.
TEST_F(HstsAgentTest, stacksWithCookies) {
    auto jar = makeRef<CookieJar>();
    jar->setCookie(Uri::parse("https://a.test/").value(), "k=v; Secure");
    store->note("a.test", "max-age=100");
    inner->answer(reply("200 OK"));
    const HstsAgent around(CookieAgent(ScriptedAgentHandle(inner), jar), store);
    Outcome<Response> response(around.request("GET", "http://a.test/"));
    EXPECT_EQ(inner->last().field("Cookie"), "k=v");
}

// A request that fails fails as before.
TEST_F(HstsAgentTest, passesFailuresOn) {
    inner->refuse(Failure(Error("refused by the test")));
    EXPECT_NE(request("https://example.org/").failed<Error>(), nullptr);
}

}  // namespace
