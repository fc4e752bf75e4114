#include <marline/agent/cache_agent.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/agent/cookie_agent.hpp>
#include <marline/agent/detail/cache_rules.hpp>
#include <marline/agent/detail/stored_response.hpp>
#include <marline/agent/errors.hpp>
#include <marline/agent/progress_agent.hpp>
#include <marline/agent/redirect_agent.hpp>
#include <marline/protocols/http/http_date.hpp>
#include <marline/reactor/errors.hpp>

#include <test/support/outcome.hpp>
#include <test/support/scripted_agent.hpp>

namespace {

using namespace marline;
using namespace marline::testing;
using namespace std::chrono_literals;

class CacheAgentTest : public ::testing::Test {
protected:
    CacheAgentTest() { use({}); }
    ~CacheAgentTest() override { inner->closeAll(); }

    void use(ResponseCacheOptions options) {
        options.clock = [this] { return now; };
        cache = makeRef<ResponseCache>(std::move(options));
        agent = CacheAgent(ScriptedAgentHandle(inner), cache);
    }
    Response request(const http::Headers& headers = {}, const char* method = "GET",
                     const std::string& uri = "http://h/", Ref<IBodyProducer> body = {}) {
        return Outcome<Response>(agent.request(method, uri, headers, std::move(body))).value();
    }
    /// The body of a GET.
    std::string get(const http::Headers& headers = {}, const std::string& uri = "http://h/") {
        return Outcome<std::string>(readBody(request(headers, "GET", uri))).value();
    }
    /// An answer with the date of now.
    std::string dated(const std::string& status, const std::string& fields,
                      const std::string& body = "") const {
        return reply(status, "Date: " + date() + "\r\n" + fields, body);
    }
    std::string date(std::chrono::seconds ahead = 0s) const {
        return http::formatHttpDate(now + ahead);
    }
    std::size_t asked() const { return inner->requests(); }

    NoUnhandled unhandled;
    http::HttpTime now{std::chrono::sys_days{2026y / 1 / 1}};
    Ref<ScriptedAgent> inner = makeRef<ScriptedAgent>();
    Ref<ResponseCache> cache;
    CacheAgent agent{ScriptedAgentHandle(inner), makeRef<ResponseCache>()};
};

// RFC 9111 §4, §4.2: a fresh response is served without asking, with its Age (§5.1), until it is
// stale.
TEST_F(CacheAgentTest, servesWhatIsFresh) {
    inner->answer(dated("200 OK", "Cache-Control: max-age=10\r\nX: y\r\n", "one"))
        .answer(dated("200 OK", "Cache-Control: max-age=10\r\n", "two"))
        .answer(reply("200 OK"));
    EXPECT_EQ(get(), "one");
    now += 9s;
    const Response second = request();
    EXPECT_EQ(asked(), 1U);
    EXPECT_EQ(second.headers().get("Age"), "9");
    EXPECT_EQ(second.headers().get("X"), "y");
    EXPECT_EQ(second.length(), 3U);
    EXPECT_EQ(Outcome<std::string>(readBody(second)).value(), "one");
    EXPECT_EQ(get({}, "http://h/#fragment"), "one");
    now += 1s;
    EXPECT_EQ(get(), "two");
    EXPECT_EQ(get({}, "http://h/?other"), "");
    EXPECT_EQ(cache->metrics().hits, 2U);
    EXPECT_EQ(cache->metrics().misses, 3U);
}

// RFC 9111 §4.2.1: max-age before Expires, Expires by the server's Date, bad ones are stale.
TEST_F(CacheAgentTest, freshnessLifetimes) {
    for (const auto& [fields, fresh] : std::vector<std::pair<std::string, bool>>{
             {"Cache-Control: max-age=60\r\nExpires: 0\r\n", true},
             {"Cache-Control: max-age=\"60\"\r\n", true},
             {"Cache-Control: max-age=0\r\nExpires: " + date(60s) + "\r\n", false},
             {"Expires: " + date(60s) + "\r\n", true},
             {"Expires: " + date() + "\r\n", false},
             {"Expires: 0\r\nETag: \"a\"\r\n", false},
             {"Cache-Control: max-age=60, max-age=0\r\n", false},
             {"Cache-Control: max-age=x\r\nETag: \"a\"\r\n", false},
             {"Cache-Control: x=\"y, no-store\", max-age=60\r\n", true},
             {"Cache-Control: s-maxage=60\r\n", false},
             {"Cache-Control: private, max-age=60\r\n", true},
             {"Cache-Control: max-age=60\r\nAge: 60\r\n", false},
             {"Cache-Control: max-age=99999999999999999999\r\n", true},
             {"Cache-Control: max-age=60, x=\"\r\n", false},
             {"", false}}) {
        cache->clear();
        inner->answer(dated("200 OK", fields, "x")).answer(dated("200 OK", "", "x"));
        const std::size_t before = asked();
        get();
        get();
        EXPECT_EQ(asked() - before, fresh ? 1U : 2U) << fields;
        inner->dropAnswers();
    }
}

// RFC 9111 §4.2.2: a tenth of the age when it came, at most maxHeuristic, for codes that allow it.
TEST_F(CacheAgentTest, guessesFreshness) {
    const std::string modified = "Last-Modified: " + date(-1000s) + "\r\n";
    inner->answer(dated("200 OK", modified, "one"))
        .answer(dated("200 OK", "Last-Modified: " + date(-24h * 365) + "\r\n", "two"))
        .answer("HTTP/1.1 304 N\r\n\r\n")
        .answer(dated("403 No", modified, "three"))
        .answer(dated("403 No", modified, "four"));
    get();
    now += 99s;
    EXPECT_EQ(get(), "one");
    now += 1s;
    EXPECT_EQ(get(), "two");
    now += 24h - 1s;
    EXPECT_EQ(get(), "two");
    now += 1s;
    EXPECT_EQ(get(), "two") << "by a 304";
    EXPECT_EQ(asked(), 3U);
    EXPECT_EQ(get({}, "http://h/no"), "three");
    EXPECT_EQ(get({}, "http://h/no"), "four");
}

// RFC 9111 §4.2.3: the age counts the way and other caches: Age, Date, and the time it took.
TEST_F(CacheAgentTest, countsAge) {
    inner->answer(reply("200 OK", "Cache-Control: max-age=100\r\nDate: " + date(-30s) + "\r\n"))
        .answer(reply("200 OK", "Cache-Control: max-age=100\r\nAge: 50\r\n"));
    request();
    now += 5s;
    EXPECT_EQ(request().headers().get("Age"), "35");
    request({}, "GET", "http://h/b");
    EXPECT_EQ(request({}, "GET", "http://h/b").headers().get("Age"), "50");
    // RFC 9111 §5.1: of a list the first one counts.
    inner->answer(reply("200 OK", "Cache-Control: max-age=100\r\nAge: 10, 20\r\n"));
    request({}, "GET", "http://h/c");
    EXPECT_EQ(request({}, "GET", "http://h/c").headers().get("Age"), "10");
}

// RFC 9111 §3: what is not stored.
TEST_F(CacheAgentTest, storesNoMoreThanAllowed) {
    for (const std::string& answer :
         {dated("200 OK", "Cache-Control: no-store, max-age=60\r\n", "x"),
          dated("206 Part", "Cache-Control: max-age=60\r\nContent-Range: bytes 0-0/9\r\n", "x"),
          dated("200 OK", "Vary: *\r\nCache-Control: max-age=60\r\n", "x"),
          dated("200 OK", "Vary: a, *\r\nCache-Control: max-age=60\r\n", "x"),
          dated("200 OK", "Cache-Control: private; no-store\r\nETag: \"x\"\r\n", "x"),
          dated("500 No", "ETag: \"x\"\r\n", "x"), dated("200 OK", "", "x"),
          // Neither served nor asked about, ever.
          dated("200 OK", "Expires: 0\r\n", "x"), dated("200 OK", "Expires: -1\r\n", "x"),
          dated("200 OK", "Expires: " + date() + "\r\n", "x"),
          dated("200 OK", "Cache-Control: max-age=0\r\nExpires: " + date(60s) + "\r\n", "x"),
          dated("200 OK", "Cache-Control: no-cache, max-age=60\r\n", "x")}) {
        inner->answer(answer);
        get();
        EXPECT_EQ(cache->metrics().entries, 0U) << answer;
    }
    inner->answer(dated("200 OK", "Cache-Control: max-age=60\r\n", "x"));
    get({{"Cache-Control", "no-store"}});
    inner->answer(dated("200 OK", "Cache-Control: max-age=60\r\n", "x"));
    request({}, "POST");
    EXPECT_EQ(cache->metrics().entries, 0U);
    inner->answer(dated("500 No", "Cache-Control: max-age=60\r\n", "x"));
    get();
    EXPECT_EQ(cache->metrics().entries, 1U) << "the server said how long";
}

// RFC 9111 §3.1: fields of the connection are not stored.
TEST_F(CacheAgentTest, storesNoFieldsOfTheConnection) {
    inner->answer(dated("200 OK",
                        "Cache-Control: max-age=60\r\nConnection: X-Hop\r\n"
                        "X-Hop: 1\r\nKeep-Alive: timeout=1\r\nX-End: 2\r\nTrailer: X\r\n"
                        "Proxy-Authentication-Info: x\r\n"));
    EXPECT_TRUE(request().headers().hasHeader("X-Hop"));
    const Response stored = request();
    EXPECT_FALSE(stored.headers().hasHeader("X-Hop"));
    EXPECT_FALSE(stored.headers().hasHeader("Keep-Alive"));
    EXPECT_FALSE(stored.headers().hasHeader("Trailer"));
    EXPECT_FALSE(stored.headers().hasHeader("Proxy-Authentication-Info"));
    EXPECT_EQ(stored.headers().get("X-End"), "2");
}

// RFC 9112 §3.2: what another Host gave is another page, and is made invalid by itself.
TEST_F(CacheAgentTest, keepsHostsApart) {
    const std::string fields = "Cache-Control: max-age=60\r\n";
    inner->answer(dated("200 OK", fields, "a")).answer(dated("200 OK", fields, "b"));
    EXPECT_EQ(get({{"Host", "a.test"}}), "a");
    EXPECT_EQ(get({{"Host", "b.test"}}), "b");
    EXPECT_EQ(get({{"host", "a.test"}}), "a");
    EXPECT_EQ(asked(), 2U);
    inner->answer(reply("200 OK"));
    request({{"Host", "b.test"}}, "PUT");
    EXPECT_EQ(cache->metrics().entries, 1U);
    EXPECT_EQ(get({{"Host", "a.test"}}), "a");
    inner->answer(dated("200 OK", fields, "own"));
    EXPECT_EQ(get(), "own");
    EXPECT_EQ(get({{"Host", "h"}}), "own") << "the same as none";
}

// What changes what the client keeps comes with the answer that says it, and never again.
TEST_F(CacheAgentTest, setsNoCookieTwice) {
    const std::string once = "Set-Cookie: a=1\r\nStrict-Transport-Security: max-age=9\r\n";
    inner->answer(dated("200 OK", once + "ETag: \"x\"\r\nCache-Control: max-age=10\r\n", "one"));
    const Response first = request();
    EXPECT_EQ(first.headers().get("Set-Cookie"), "a=1");
    EXPECT_EQ(Outcome<std::string>(readBody(first)).value(), "one");
    EXPECT_FALSE(request().headers().hasHeader("Set-Cookie"));
    EXPECT_FALSE(request().headers().hasHeader("Strict-Transport-Security"));
    now += 10s;
    inner->answer("HTTP/1.1 304 N\r\nDate: " + date() +
                  "\r\nSet-Cookie: b=2\r\nSet-Cookie: c=3\r\n\r\n");
    EXPECT_EQ(request().headers().getRawHeaders("Set-Cookie"),
              (std::vector<std::string_view>{"b=2", "c=3"}));
    EXPECT_FALSE(request().headers().hasHeader("Set-Cookie"));
    EXPECT_EQ(asked(), 2U);
}

// RFC 9111 §3: an upgrade is asked of the server, and a 101 is no final response.
TEST_F(CacheAgentTest, keepsNoUpgrade) {
    inner->answer(dated("200 OK", "Cache-Control: max-age=60\r\n", "page"));
    get();
    inner->answer(dated("200 OK", "Cache-Control: max-age=60\r\n", "fresh"));
    EXPECT_EQ(get({{"Upgrade", "x"}}), "fresh");
    EXPECT_EQ(asked(), 2U);
    EXPECT_EQ(get(), "page");
    const Response switched(makeRef<marline::detail::StoredResponse>(
        marline::detail::ResponseInfo{101,
                                      "Now",
                                      http::Version::Http11,
                                      {{"Cache-Control", "max-age=60"}},
                                      0,
                                      Uri::parse("http://h/").value(),
                                      "GET"},
        Ref<marline::detail::CacheEntry>()));
    EXPECT_FALSE(marline::detail::mayStore({}, switched, {now, now}));
}

// A reader that throws ends its own body, as it does on a connection.
TEST_F(CacheAgentTest, readersThatThrowAreEnded) {
    inner->answer(dated("200 OK", "Cache-Control: max-age=60\r\n", "one"));
    get();
    const ProgressAgent counted(
        agent, [](const Uri&, const Progress&) { throw std::runtime_error("enough"); });
    Outcome<Response> response(counted.request("GET", "http://h/"));
    Outcome<std::string> body(readBody(response.value()));
    EXPECT_NE(body.failed<ResponseFailed>(), nullptr) << body.message();
    EXPECT_EQ(asked(), 1U);
    EXPECT_EQ(get(), "one");
}

// RFC 9111 §3.3: what did not come whole is not kept: cut, or ended by the connection alone.
TEST_F(CacheAgentTest, keepsOnlyWholeBodies) {
    inner->answer("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 9\r\n\r\nhalf");
    Outcome<std::string> cut(readBody(request()));
    inner->last().connection->lose();
    EXPECT_NE(cut.failed<ResponseFailed>(), nullptr);
    inner->answer("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\nall?");
    Outcome<std::string> open(readBody(request()));
    inner->last().connection->lose(Failure(ConnectionDone()));
    EXPECT_NE(open.failed<PartialDownloadError>(), nullptr);
    EXPECT_EQ(cache->metrics().entries, 0U);
    inner->answer(
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n"
        "\r\n3\r\nall\r\n0\r\n\r\n");
    EXPECT_EQ(get(), "all");
    EXPECT_EQ(request().length(), 3U);
    EXPECT_FALSE(request().headers().hasHeader("Transfer-Encoding"));
}

// RFC 9111 §4.1: the fields that Vary names choose; white space and lines do not matter.
TEST_F(CacheAgentTest, variesByFields) {
    const std::string fields = "Vary: Accept-Language, X\r\nCache-Control: max-age=60\r\n";
    inner->answer(dated("200 OK", fields, "de")).answer(dated("200 OK", fields, "en"));
    EXPECT_EQ(get({{"Accept-Language", "de,en"}}), "de");
    EXPECT_EQ(get({{"Accept-Language", "en"}}), "en");
    EXPECT_EQ(get({{"accept-language", "de,en"}}), "de");
    EXPECT_EQ(get({{"Accept-Language", "en"}}), "en");
    EXPECT_EQ(asked(), 2U);
    EXPECT_EQ(cache->metrics().entries, 2U);
}

// RFC 9111 §4.1: a field that is absent is not the same as an empty one.
TEST_F(CacheAgentTest, absentIsNotEmpty) {
    const std::string fields = "Vary: X\r\nCache-Control: max-age=60\r\n";
    inner->answer(dated("200 OK", fields, "absent")).answer(dated("200 OK", fields, "empty"));
    EXPECT_EQ(get(), "absent");
    EXPECT_EQ(get({{"X", ""}}), "empty");
    EXPECT_EQ(get(), "absent");
    EXPECT_EQ(get({{"X", ""}}), "empty");
    EXPECT_EQ(asked(), 2U);
}

// RFC 9111 §4: of several that fit the one that the server made last is used, also when Vary comes
// later, and in whichever case it is written.
TEST_F(CacheAgentTest, usesTheLastOneMade) {
    const http::Headers german{{"Accept-Language", "de"}};
    const http::Headers reload{{"Accept-Language", "de"}, {"Cache-Control", "no-cache"}};
    inner->answer(dated("200 OK", "Cache-Control: max-age=3600\r\n", "old"));
    EXPECT_EQ(get(german), "old");
    now += 1s;
    const std::string fields = "Cache-Control: max-age=3600\r\nVary: ";
    inner->answer(dated("200 OK", fields + "Accept-Language\r\n", "new"));
    EXPECT_EQ(get(reload), "new");
    EXPECT_EQ(get(german), "new");
    EXPECT_EQ(cache->metrics().entries, 1U) << "the old one would never be used again";
    inner->answer(dated("200 OK", fields + "accept-language\r\n", "newer"));
    EXPECT_EQ(get(reload), "newer");
    EXPECT_EQ(get(german), "newer");
    EXPECT_EQ(cache->metrics().entries, 1U);

    // One that is for every language, beside those that another one has chosen.
    inner->answer(dated("200 OK", fields + "Accept-Language\r\n", "en"));
    EXPECT_EQ(get({{"Accept-Language", "en"}}), "en");
    now += 1s;
    inner->answer(dated("200 OK", "Cache-Control: max-age=3600\r\n", "for all"));
    EXPECT_EQ(get(reload), "for all");
    EXPECT_EQ(get({{"Accept-Language", "en"}}), "for all") << "it is the newer one";
    EXPECT_EQ(cache->metrics().entries, 2U);
}

// ResponseCacheOptions::maxVariants: one more for the same URI drops the one that came first.
TEST_F(CacheAgentTest, boundsVariants) {
    use({.maxVariants = 2});
    const auto of = [](const char* who) { return http::Headers{{"Authorization", who}}; };
    for (const char* who : {"a", "b", "c"}) {
        inner->answer(dated("200 OK", "Cache-Control: max-age=60\r\n", who));
        EXPECT_EQ(get(of(who)), who);
    }
    EXPECT_EQ(cache->metrics().entries, 2U);
    EXPECT_EQ(cache->metrics().evicted, 1U);
    EXPECT_EQ(get(of("b")) + get(of("c")), "bc");
    EXPECT_EQ(asked(), 3U);
    inner->answer(dated("200 OK", "Cache-Control: max-age=60\r\n", "other"));
    get({}, "http://h/other");
    EXPECT_EQ(cache->metrics().entries, 3U) << "another URI has its own";
    use({.maxVariants = 0});
    inner->answer(dated("200 OK", "Cache-Control: max-age=60\r\n", "x"));
    get();
    EXPECT_EQ(cache->metrics().entries, 0U);
}

// RFC 9111 §3.5: a private cache keeps what Authorization gave, for the same field only.
TEST_F(CacheAgentTest, keepsCredentialsApart) {
    inner->answer(dated("200 OK", "Cache-Control: max-age=60\r\n", "me"))
        .answer(dated("200 OK", "Cache-Control: max-age=60\r\n", "you"));
    EXPECT_EQ(get({{"Authorization", "me"}}), "me");
    EXPECT_EQ(get({{"Authorization", "you"}}), "you");
    EXPECT_EQ(get({{"Authorization", "me"}}), "me");
    EXPECT_EQ(asked(), 2U);
}

// RFC 9111 §4.3.1, §4.3.4: a stale response is asked about; 304 makes it fresh, and its fields
// replace the stored ones, except those of the body (§3.2).
TEST_F(CacheAgentTest, revalidates) {
    const std::string modified = date(-1000s);
    inner->answer(dated("200 OK",
                        "Cache-Control: max-age=10\r\nETag: \"a\"\r\nLast-Modified: " + modified +
                            "\r\nX: old\r\nX: older\r\nY: kept\r\n",
                        "one"));
    get();
    now += 20s;
    inner->answer("HTTP/1.1 304 Not Modified\r\nDate: " + date() +
                  "\r\nETag: \"a\"\r\nX: new\r\nCache-Control: max-age=30\r\n"
                  "Content-Encoding: nonsense\r\n\r\n");
    const Response again = request();
    EXPECT_EQ(inner->last().field("If-None-Match"), "\"a\"");
    EXPECT_EQ(inner->last().field("If-Modified-Since"), modified);
    EXPECT_EQ(again.code(), 200);
    EXPECT_EQ(again.headers().getRawHeaders("X"), std::vector<std::string_view>{"new"});
    EXPECT_EQ(again.headers().get("Y"), "kept");
    EXPECT_FALSE(again.headers().hasHeader("Content-Encoding"));
    EXPECT_EQ(again.headers().get("Age"), "0");
    EXPECT_EQ(Outcome<std::string>(readBody(again)).value(), "one");
    now += 29s;
    EXPECT_EQ(get(), "one");
    EXPECT_EQ(asked(), 2U);
    EXPECT_EQ(cache->metrics().revalidated, 1U);
}

// RFC 9111 §3.2, §5.2.2.5: a 304 that says no-store, or a Vary of `*`, ends what is stored.
TEST_F(CacheAgentTest, a304MayEndIt) {
    for (const char* last : {"Cache-Control: no-store\r\n", "Vary: *\r\n"}) {
        inner->answer(dated("200 OK", "Cache-Control: max-age=10\r\nETag: \"a\"\r\n", "one"));
        get();
        now += 10s;
        inner->answer("HTTP/1.1 304 N\r\nDate: " + date() + "\r\n" + last + "\r\n");
        EXPECT_EQ(get(), "one") << "this time it is good";
        EXPECT_EQ(cache->metrics().entries, 0U) << last;
    }
    // The same for HEAD (§4.3.5).
    inner->answer(dated("200 OK", "Cache-Control: max-age=10\r\nETag: \"a\"\r\n", "one"));
    get();
    now += 10s;
    inner->answer("HTTP/1.1 200 OK\r\nETag: \"a\"\r\nCache-Control: no-store\r\n\r\n");
    request({}, "HEAD");
    EXPECT_EQ(cache->metrics().entries, 0U);
}

// RFC 9111 §4.1: what a 304 names in Vary chooses from then on.
TEST_F(CacheAgentTest, a304MayNameWhatChooses) {
    const http::Headers mine{{"Cookie", "mine"}};
    inner->answer(dated("200 OK", "Cache-Control: max-age=10\r\nETag: \"a\"\r\n", "mine"));
    get(mine);
    now += 10s;
    inner->answer("HTTP/1.1 304 N\r\nDate: " + date() +
                  "\r\nVary: Cookie\r\nCache-Control: max-age=60\r\n\r\n");
    EXPECT_EQ(get(mine), "mine");
    inner->answer(dated("200 OK", "", "yours"));
    EXPECT_EQ(get({{"Cookie", "yours"}}), "yours");
    EXPECT_EQ(get(mine), "mine");
    EXPECT_EQ(asked(), 3U);
}

// RFC 9111 §4.4: what was asked for before a PUT is older than that, however late it comes: it is
// read, and not kept.
TEST_F(CacheAgentTest, whatWasAskedForBeforeIsNotKept) {
    const std::string fields = "Cache-Control: max-age=60\r\nETag: \"a\"\r\n";
    const auto put = [this](const char* uri) {
        inner->answer(reply("200 OK"));
        request({}, "PUT", uri);
    };
    // Its head comes late, its body does, or a 304 about it.
    for (const std::size_t early : {std::size_t{0}, std::size_t{20}, std::string::npos}) {
        const std::string answer = dated("200 OK", fields, "old");
        Outcome<Response> response(agent.request("GET", "http://h/"));
        ScriptedConnection& peer = *inner->last().connection;
        const std::size_t head = early == std::string::npos ? answer.size() - 3 : early;
        peer.send(answer.substr(0, head));
        put("http://h/");
        peer.send(answer.substr(head));
        Outcome<std::string> body(readBody(response.value()));
        peer.settle();
        EXPECT_EQ(body.value(), "old");
        EXPECT_EQ(cache->metrics().entries, 0U) << early;
    }
    inner->answer(dated("200 OK", fields, "old"));
    get();
    now += 60s;
    Outcome<Response> asking(agent.request("GET", "http://h/"));
    ScriptedConnection& peer = *inner->last().connection;
    put("http://h/");
    peer.send("HTTP/1.1 304 N\r\nDate: " + date() + "\r\n\r\n");
    EXPECT_EQ(asking.value().code(), 200);
    EXPECT_EQ(cache->metrics().entries, 0U);

    // Another URI's PUT says nothing, and clear() does.
    for (const bool clears : {false, true}) {
        Outcome<Response> response(agent.request("GET", "http://h/"));
        ScriptedConnection& other = *inner->last().connection;
        clears ? cache->clear() : put("http://h/other");
        other.send(dated("200 OK", fields, "kept"));
        EXPECT_EQ(Outcome<std::string>(readBody(response.value())).value(), "kept");
        EXPECT_EQ(cache->metrics().entries, clears ? 0U : 1U);
        cache->clear();
    }
}

// What a server answers to one user, or for now, leaves what it gave to others alone.
TEST_F(CacheAgentTest, refusalsAreOfOneUser) {
    const auto of = [](const char* who, const char* control = "max-age=100") {
        return http::Headers{{"Authorization", who}, {"Cache-Control", control}};
    };
    for (const char* who : {"a", "b"}) {
        inner->answer(dated("200 OK", "Cache-Control: max-age=60\r\n", who));
        get(of(who));
    }
    inner->answer(dated("429 Slowly", "", "wait"));
    EXPECT_EQ(get(of("a", "no-cache")), "wait");
    EXPECT_EQ(cache->metrics().entries, 2U);
    inner->answer(dated("401 No", "", "who?"));
    EXPECT_EQ(get(of("a", "no-cache")), "who?");
    EXPECT_EQ(cache->metrics().entries, 1U);
    EXPECT_EQ(get(of("b")), "b");
    EXPECT_EQ(asked(), 4U);
}

// RFC 9111 §4.3.3: a full answer to the question replaces what is stored; an error passes.
TEST_F(CacheAgentTest, replacesWhatIsNoLongerGood) {
    const std::string fields = "Cache-Control: no-cache\r\nETag: \"";
    inner->answer(dated("200 OK", fields + "a\"\r\n", "one"))
        .answer(dated("200 OK", fields + "b\"\r\n", "two"))
        .answer(dated("503 No", "", "down"))
        .answer("HTTP/1.1 304 N\r\nETag: \"b\"\r\n\r\n");
    get();
    EXPECT_EQ(get(), "two");
    EXPECT_EQ(get(), "down");
    EXPECT_EQ(get(), "two");
    EXPECT_EQ(inner->last().field("If-None-Match"), "\"b\"");
    inner->refuse(Failure(Error("refused by the test")));
    EXPECT_NE(Outcome<Response>(agent.request("GET", "http://h/")).failed<Error>(), nullptr);
}

// RFC 9111 §4.3.4: a 304 about another response is of no use; all of it is asked for.
TEST_F(CacheAgentTest, distrustsTheWrong304) {
    inner->answer(dated("200 OK", "Cache-Control: no-cache\r\nETag: \"a\"\r\n", "one"))
        .answer("HTTP/1.1 304 N\r\nETag: \"other\"\r\n\r\n")
        .answer(dated("200 OK", "", "whole"));
    get();
    EXPECT_EQ(get(), "whole");
    EXPECT_EQ(inner->last().field("If-None-Match"), "");
    inner->answer("HTTP/1.1 304 N\r\n\r\n");
    EXPECT_EQ(request({}, "GET", "http://h/never").code(), 304) << "nobody asked";
}

// RFC 9111 §4.4: unsafe methods make it invalid, with what Location and Content-Location name on
// the same origin; an error changes nothing.
TEST_F(CacheAgentTest, unsafeMethodsInvalidate) {
    const auto fill = [this] {
        cache->clear();
        for (const char* uri : {"http://h/", "http://h/l", "http://h/c", "http://other/l"}) {
            inner->answer(dated("200 OK", "Cache-Control: max-age=60\r\n", "x"));
            get({}, uri);
        }
    };
    fill();
    inner->answer(reply("500 No"));
    request({}, "POST");
    inner->answer(reply("200 OK"));
    request({}, "OPTIONS");
    EXPECT_EQ(cache->metrics().entries, 4U);
    inner->answer(reply("201 Made", "Location: /l\r\nContent-Location: http://h/c\r\n"));
    request({}, "PUT", "http://h/", makeRef<StringBody>("x"));
    EXPECT_EQ(cache->metrics().entries, 1U);
    fill();
    inner->answer(reply("200 OK", "Location: http://other/l\r\n"));
    request({}, "DELETE");
    EXPECT_EQ(cache->metrics().entries, 3U);
}

// RFC 9111 §5.2.1: the directives of a request.
TEST_F(CacheAgentTest, requestDirectives) {
    for (const auto& [directive, served] :
         std::vector<std::pair<std::string, bool>>{{"max-age=50", true},
                                                   {"max-age=49", false},
                                                   {"min-fresh=50", true},
                                                   {"min-fresh=51", false},
                                                   {"no-cache", false},
                                                   {"no-store", false},
                                                   {"only-if-cached", true},
                                                   {"max-stale", true}}) {
        cache->clear();
        inner->answer(dated("200 OK", "Cache-Control: max-age=100\r\n", "one"));
        get();
        now += 50s;
        const std::size_t before = asked();
        inner->answer(reply("200 OK"));
        get({{"Cache-Control", directive}});
        EXPECT_EQ(asked() == before, served) << directive;
        inner->dropAnswers();
    }
    cache->clear();
    inner->answer(dated("200 OK", "Cache-Control: max-age=100\r\n", "one"))
        .answer(dated("200 OK", "", "two"));
    get();
    EXPECT_EQ(get({{"Pragma", "no-cache"}}), "two") << "§5.4";
}

// RFC 9111 §4.2.4, §5.2.1.2: a stale one is served when the request allows it and the response
// does not forbid it.
TEST_F(CacheAgentTest, servesStaleWhenAllowed) {
    inner->answer(dated("200 OK", "Cache-Control: max-age=10\r\n", "one"));
    get();
    now += 15s;
    EXPECT_EQ(get({{"Cache-Control", "max-stale"}}), "one");
    EXPECT_EQ(get({{"Cache-Control", "max-stale=5"}}), "one");
    EXPECT_EQ(asked(), 1U);
    inner->answer(dated("200 OK", "Cache-Control: max-age=10, must-revalidate\r\n", "two"));
    EXPECT_EQ(get({{"Cache-Control", "max-stale=4"}}), "two");
    now += 15s;
    inner->answer(dated("200 OK", "", "three"));
    EXPECT_EQ(get({{"Cache-Control", "max-stale"}}), "three");
}

// RFC 9111 §5.2.1.7: only-if-cached never asks: 504.
TEST_F(CacheAgentTest, onlyIfCached) {
    const http::Headers only{{"Cache-Control", "only-if-cached"}};
    EXPECT_EQ(request(only).code(), 504);
    EXPECT_EQ(get(only), "");
    http::Headers ranged = only;
    ranged.addRawHeader("Range", "bytes=0-1");
    EXPECT_EQ(request(ranged).code(), 504);
    inner->answer(dated("200 OK", "Cache-Control: no-cache\r\nETag: \"a\"\r\n", "x"));
    get();
    EXPECT_EQ(request(only).code(), 504) << "it may not be served unasked";
    EXPECT_EQ(asked(), 1U);
}

// RFC 9111 §4.3.5: HEAD is served from a stored GET; asked, it makes that invalid or fresh.
TEST_F(CacheAgentTest, head) {
    const std::string fields = "Cache-Control: max-age=10\r\nETag: \"a\"\r\n";
    inner->answer(dated("200 OK", fields, "one"));
    get();
    const Response stored = request({}, "HEAD");
    EXPECT_EQ(asked(), 1U);
    EXPECT_EQ(stored.headers().get("Content-Length"), "3");
    EXPECT_EQ(stored.length(), 0U);
    EXPECT_EQ(stored.method(), "HEAD");
    now += 10s;
    inner->answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n" + fields + "\r\n");
    request({}, "HEAD");
    EXPECT_EQ(asked(), 2U);
    EXPECT_EQ(get(), "one") << "the same length and tag: it is fresh again";
    EXPECT_EQ(asked(), 2U);
    now += 10s;
    inner->answer("HTTP/1.1 200 OK\r\nETag: \"b\"\r\n\r\n");
    request({}, "HEAD");
    EXPECT_EQ(cache->metrics().entries, 0U);
}

// Requests with Range, conditions of their own, or a body pass and are not kept.
TEST_F(CacheAgentTest, passesWhatItDoesNotKnow) {
    const std::string answer = dated("200 OK", "Cache-Control: max-age=60\r\n", "x");
    for (const char* name : {"Range", "If-None-Match", "If-Modified-Since", "If-Match",
                             "If-Unmodified-Since", "If-Range"}) {
        inner->answer(answer);
        get({{name, "x"}});
    }
    inner->answer(answer);
    request({}, "GET", "http://h/", makeRef<StringBody>("query"));
    EXPECT_EQ(asked(), 7U);
    EXPECT_EQ(cache->metrics().entries, 0U);
}

// maxEntries and maxBytes: what was used least recently goes.
TEST_F(CacheAgentTest, dropsTheLeastRecentlyUsed) {
    use({.maxEntries = 2});
    const std::string answer = dated("200 OK", "Cache-Control: max-age=60\r\n", "x");
    inner->answer(answer).answer(answer).answer(answer);
    get({}, "http://h/a");
    get({}, "http://h/b");
    get({}, "http://h/a");
    get({}, "http://h/c");
    EXPECT_EQ(cache->metrics().evicted, 1U);
    EXPECT_EQ(get({}, "http://h/a") + get({}, "http://h/c"), "xx");
    EXPECT_EQ(asked(), 3U);

    use({.maxBytes = 5000});
    for (const char* uri : {"http://h/a", "http://h/b"}) {
        inner->answer(dated("200 OK", "Cache-Control: max-age=60\r\n", std::string(3000, 'x')));
        get({}, uri);
        EXPECT_LE(cache->metrics().bytes, 5000U);
    }
    EXPECT_EQ(cache->metrics().entries, 1U);
    inner->answer(dated("200 OK", "Cache-Control: max-age=60\r\n", std::string(6000, 'x')));
    get({}, "http://h/c");
    EXPECT_EQ(cache->metrics().entries, 1U) << "one that can never fit drives nothing out";
    cache->clear();
    EXPECT_EQ(cache->metrics().bytes, 0U);
}

// maxBodyBytes: a longer body streams through and is not kept, whether its length is known or not.
TEST_F(CacheAgentTest, keepsNoLongBody) {
    use({.maxBodyBytes = 4});
    inner->answer(dated("200 OK", "Cache-Control: max-age=60\r\n", "12345"))
        .answer(
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n"
            "3\r\n123\r\n2\r\n45\r\n0\r\n\r\n")
        .answer(dated("200 OK", "Cache-Control: max-age=60\r\n", "1234"));
    EXPECT_EQ(get() + get(), "1234512345");
    EXPECT_EQ(cache->metrics().entries, 0U);
    get();
    EXPECT_EQ(cache->metrics().entries, 1U);
}

// maxBytes: bodies on their way have as many bytes besides; one beyond them passes unkept.
TEST_F(CacheAgentTest, boundsBodiesOnTheirWay) {
    use({.maxBytes = 5000});
    const std::string body(3000, 'x');
    const std::string answer = dated("200 OK", "Cache-Control: max-age=60\r\n", body);
    inner->answer(answer.substr(0, answer.size() - 1)).answer(answer);
    const Response first = request({}, "GET", "http://h/a");
    Outcome<std::string> reading(readBody(first));
    ScriptedConnection& peer = *inner->last().connection;
    EXPECT_EQ(get({}, "http://h/b"), body);
    EXPECT_EQ(cache->metrics().entries, 0U) << "there are 2999 bytes on their way";
    peer.send("x");
    EXPECT_EQ(reading.value(), body);
    EXPECT_EQ(cache->metrics().entries, 1U);
    cache->clear();
    // One that is cut gives its bytes back.
    inner->answer(answer.substr(0, answer.size() - 1)).answer(answer);
    Outcome<std::string> cut(readBody(request({}, "GET", "http://h/c")));
    inner->last().connection->lose();
    EXPECT_EQ(get({}, "http://h/b"), body);
    EXPECT_EQ(cache->metrics().entries, 1U);
}

// RedirectAgent around it: the redirect and what it leads to are both kept.
TEST_F(CacheAgentTest, keepsRedirects) {
    inner->answer(dated("301 M", "Location: /b\r\nCache-Control: max-age=60\r\n", "moved"))
        .answer(dated("200 OK", "Cache-Control: max-age=60\r\n", "there"));
    const RedirectAgent around(agent);
    for (int i = 0; i < 2; ++i) {
        Outcome<Response> response(around.request("GET", "http://h/a"));
        EXPECT_EQ(Outcome<std::string>(readBody(response.value())).value(), "there");
    }
    EXPECT_EQ(asked(), 2U);
}

// RedirectAgent inside it: an answer from elsewhere is not kept under this name.
TEST_F(CacheAgentTest, keepsNothingUnderAnotherName) {
    agent = CacheAgent(RedirectAgent(ScriptedAgentHandle(inner)), cache);
    inner->answer(reply("302 M", "Location: /b\r\n"))
        .answer(dated("200 OK", "Cache-Control: max-age=60\r\n", "there"));
    get();
    EXPECT_EQ(cache->metrics().entries, 0U);
}

// The reader of a stored body pauses, resumes and gives up as with any other.
TEST_F(CacheAgentTest, storedBodiesHaveBackPressure) {
    const std::string body(200'000, 'x');
    inner->answer(dated("200 OK", "Cache-Control: max-age=60\r\n", body));
    get();
    const Response response = request();
    auto reader = makeRef<BodyRecorder>();
    reader->pauseAt = 1;
    response.deliverBody(reader);
    EXPECT_LT(reader->text.size(), body.size());
    EXPECT_FALSE(reader->end.has_value());
    cache->clear();
    reader->transport().resumeProducing();
    EXPECT_EQ(reader->text, body) << "it outlives the cache's entry";
    EXPECT_TRUE(reader->endedWith<ResponseDone>());
    EXPECT_THROW(response.deliverBody(reader), std::logic_error);

    inner->answer(dated("200 OK", "Cache-Control: max-age=60\r\n", body));
    get();
    auto quitter = makeRef<BodyRecorder>();
    quitter->pauseAt = 1;
    const Response second = request();
    second.deliverBody(quitter);
    quitter->transport().abortConnection();
    EXPECT_TRUE(quitter->endedWith<ResponseFailed>());
    request().discardBody();
}

// One that was given up before anybody reads it tells its reader so, as one of a connection does.
TEST_F(CacheAgentTest, storedBodiesCanBeGivenUp) {
    inner->answer(dated("200 OK", "Cache-Control: max-age=60\r\n", "one"));
    get();
    const Response response = request();
    response.abort();
    auto reader = makeRef<BodyRecorder>();
    response.deliverBody(reader);
    EXPECT_EQ(reader->connections, 1);
    EXPECT_EQ(reader->text, "");
    EXPECT_TRUE(reader->endedWith<ResponseFailed>());
    EXPECT_THROW(response.deliverBody(reader), std::logic_error);
    EXPECT_EQ(asked(), 1U);
}

// CookieAgent around it: Vary sees the cookies that it adds.
TEST_F(CacheAgentTest, cookiesGoAround) {
    auto jar = makeRef<CookieJar>();
    const CookieAgent around(agent, jar);
    const auto page = [&around] {
        Outcome<Response> response(around.request("GET", "http://h/"));
        return Outcome<std::string>(readBody(response.value())).value();
    };
    const std::string fields = "Cache-Control: max-age=60\r\nVary: Cookie\r\n";
    inner->answer(dated("200 OK", fields + "Set-Cookie: sid=1\r\n", "nobody's"))
        .answer(dated("200 OK", fields, "mine"));
    EXPECT_EQ(page(), "nobody's");
    EXPECT_EQ(page(), "mine");
    EXPECT_EQ(page(), "mine");
    EXPECT_EQ(asked(), 2U);
}

// What is kept has no connection to hand over, and what is not a 101 does not give its own away.
TEST_F(CacheAgentTest, handsNoConnectionOver) {
    inner->answer(dated("200 OK", "Cache-Control: max-age=10\r\n", "one"));
    const Response recorded = request();
    EXPECT_THROW(recorded.switchProtocol({}), std::logic_error);
    EXPECT_EQ(Outcome<std::string>(readBody(recorded)).value(), "one");
    const Response stored = request();
    EXPECT_EQ(asked(), 1U);
    EXPECT_THROW(stored.switchProtocol({}), std::logic_error);
}

}  // namespace
