// ReverseProxyResource, between a client and a server that the test plays.
#include <marline/agent/reverse_proxy_resource.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/agent/agent.hpp>
#include <marline/agent/errors.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/protocols/http/body_sink.hpp>
#include <marline/reactor/errors.hpp>

#include <test/protocols/http/server_wire.hpp>
#include <test/support/scripted_agent.hpp>
#include <test/support/scripted_endpoint.hpp>

namespace marline {
namespace {

using namespace std::chrono_literals;
using http::test::ServerWire;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::reply;
using ::testing::StartsWith;

class ReverseProxyTest : public http::test::ServerTest {
protected:
    void TearDown() override {
        inner->closeAll();
        ServerTest::TearDown();
    }
    Ref<http::Resource> proxy(ReverseProxyOptions options = {},
                              const std::string& to = "http://up:8080/base/") const {
        return makeRef<ReverseProxyResource>(testing::ScriptedAgentHandle(inner), to,
                                             std::move(options));
    }
    /// A site that has the proxy at /p.
    Ref<http::Resource> site(ReverseProxyOptions options = {}) const {
        auto root = makeRef<http::Data>("", "");
        root->putChild("p", proxy(std::move(options)));
        return root;
    }
    static std::string get(ServerWire& wire, const std::string& path,
                           const std::string& fields = "") {
        return wire.exchange("GET " + path + " HTTP/1.1\r\nHost: Here:81\r\n" + fields + "\r\n");
    }
    std::string sent(const std::string& name) const { return inner->last().field(name); }
    testing::ScriptedConnection& upstream() const { return *inner->last().connection; }

    Ref<testing::ScriptedAgent> inner = makeRef<testing::ScriptedAgent>();
};

// Twisted's ReverseProxyResource: what stands below it, and the query, is asked for as it was sent.
TEST_F(ReverseProxyTest, passesPathsOn) {
    const auto target = [this](const std::string& path) {
        ServerWire wire(site());
        inner->answer(reply("200 OK"));
        get(wire, path);
        return inner->last().uri;
    };
    EXPECT_EQ(target("/p"), "http://up:8080/base");
    EXPECT_EQ(target("/p/"), "http://up:8080/base/");
    EXPECT_EQ(target("/p/a%20b/c//d?e=f?g%2F"), "http://up:8080/base/a%20b/c//d?e=f?g%2F");
    EXPECT_EQ(target("/p?x"), "http://up:8080/base?x");
}

// A path that leads out of what is passed on, however it is written, is refused.
TEST_F(ReverseProxyTest, refusesDotSegments) {
    for (const char* path : {"/p/../admin", "/p/%2e%2E/admin", "/p/a/..", "/p/x%2f..%2f../admin",
                             "/p/..%5cadmin", "/p/./a", "/p/..;/admin", "/p/..;x=y/admin",
                             "/p/..%3b/admin", "/p/.;a/b", "/p/..%00/admin", "/p/a%2f..;b"}) {
        ServerWire wire(site());
        EXPECT_THAT(get(wire, path), StartsWith("HTTP/1.1 400 ")) << path;
    }
    EXPECT_EQ(inner->requests(), 0U);
    ServerWire wire(site());
    inner->answer(reply("200 OK"));
    EXPECT_THAT(get(wire, "/p/..a/b..c/..."), StartsWith("HTTP/1.1 200 "));
}

// Characters that browsers send and no URI has are passed on percent-encoded.
TEST_F(ReverseProxyTest, encodesWhatNoUriHas) {
    const auto target = [this](const std::string& path) {
        ServerWire wire(site());
        inner->answer(reply("200 OK"));
        EXPECT_THAT(get(wire, path), StartsWith("HTTP/1.1 200 ")) << path;
        return inner->last().uri;
    };
    for (const char* c : {"[", "]", "{", "}", "|", "^", "`"}) {
        std::array<char, 4> code{};
        std::snprintf(code.data(), code.size(), "%%%02X", static_cast<unsigned>(c[0]));
        const std::string encoded = code.data();
        EXPECT_EQ(target("/p/x" + std::string(c) + "?y" + c),
                  "http://up:8080/base/x" + encoded + "?y" + encoded);
    }
    EXPECT_EQ(target("/p/100%?a[]=1&q={x:%2210%"),
              "http://up:8080/base/100%25?a%5B%5D=1&q=%7Bx:%2210%25");
}

// RFC 9110 §7.6.1: what is of the client's connection, also by its own word, is not passed on.
TEST_F(ReverseProxyTest, keepsTheConnectionsFields) {
    ServerWire wire(proxy());
    inner->answer(reply("200 OK"));
    get(wire, "/",
        "Connection: keep-alive, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
        "Upgrade: h2c\r\nProxy-Authorization: x\r\nProxy-Connection: close\r\nTrailer: a\r\n"
        "Expect: 100-continue\r\nAccept: b\r\nCookie: c\r\naccept: d\r\n");
    for (const char* name : {"Connection", "X-Mine", "Keep-Alive", "TE", "Upgrade", "Trailer",
                             "Proxy-Authorization", "Proxy-Connection", "Expect", "Host"}) {
        EXPECT_EQ(sent(name), "") << name;
    }
    EXPECT_EQ(sent("Accept"), "b | d");
    EXPECT_EQ(sent("Cookie"), "c");
}

// RFC 7239, RFC 9110 §7.6.3: where it comes from is said, and what a client says of that is not
// believed.
TEST_F(ReverseProxyTest, saysWhereItComesFrom) {
    ServerWire wire(proxy());
    inner->answer(reply("200 OK"));
    get(wire, "/",
        "Forwarded: for=evil\r\nX-Forwarded-For: evil\r\nX-Forwarded-Proto: https\r\n"
        "X-Forwarded-Host: evil\r\nVia: 1.0 other\r\nConnection: Via\r\n"
        "x-forwarded-port: 1\r\nX-Real-IP: evil\r\nProxy: http://evil\r\n");
    EXPECT_EQ(sent("X-Forwarded-Port") + sent("X-Real-IP") + sent("Proxy"), "");
    const std::string peer = wire.transport().getPeer().host;
    EXPECT_EQ(sent("Forwarded"), "for=" + peer + ";host=\"Here:81\";proto=http");
    EXPECT_EQ(sent("X-Forwarded-For"), peer);
    EXPECT_EQ(sent("X-Forwarded-Host"), "Here:81");
    EXPECT_EQ(sent("X-Forwarded-Proto"), "http");
    EXPECT_EQ(sent("Via"), "1.1 marline");
}

// RFC 9112 §3.2.2: the authority of an absolute target is the host, whatever Host says.
TEST_F(ReverseProxyTest, believesTheTarget) {
    const std::string request = "GET http://a.test/x HTTP/1.1\r\nHost: b.test\r\n\r\n";
    for (const bool preserve : {false, true}) {
        ServerWire wire(proxy({.preserveHost = preserve}));
        inner->answer(reply("200 OK"));
        wire.exchange(request);
        EXPECT_EQ(sent("Host"), preserve ? "a.test" : "");
        EXPECT_EQ(sent("X-Forwarded-Host"), "a.test");
        EXPECT_THAT(sent("Forwarded"), HasSubstr(";host=\"a.test\";"));
    }
}

/// Yields another resource later, behind the body, which it may take its own way.
class Yielding final : public http::Resource {
public:
    Yielding(Ref<http::Resource> other, bool takes) : other_(std::move(other)), takes_(takes) {}

    Ref<http::BodySink> bodySink(http::Request&) override {
        return takes_ ? makeRef<Taking>() : Ref<http::BodySink>();
    }
    http::Rendered render(http::Request&) override { return succeed(other_); }

private:
    class Taking final : public http::BodySink {
    public:
        std::uint64_t maxBody() const noexcept override { return 100; }
        void write(std::string_view) override {}
        void finish() override {}
    };

    Ref<http::Resource> other_;
    bool takes_;
};

// Behind a resource that yields it by a Deferred it passes the body on that the request has.
TEST_F(ReverseProxyTest, passesOnWhatWasRead) {
    const std::string post = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc";
    ServerWire wire(makeRef<Yielding>(proxy(), false));
    inner->answer(reply("200 OK"));
    EXPECT_THAT(wire.exchange(post), StartsWith("HTTP/1.1 200 "));
    EXPECT_EQ(upstream().take(), "Rabc");

    ServerWire other(makeRef<Yielding>(proxy(), true));
    EXPECT_THAT(other.exchange(post), StartsWith("HTTP/1.1 500 "));
    EXPECT_EQ(inner->requests(), 1U);
}

// RFC 9110 §7.6.2: a TRACE or OPTIONS that may go no further is answered here, else it may go one
// step less far; for other methods the field says nothing.
TEST_F(ReverseProxyTest, countsForwards) {
    const auto ask = [this](const std::string& method, const std::string& forwards) {
        ServerWire wire(proxy());
        return wire.exchange(method + " / HTTP/1.1\r\nHost: t\r\nMax-Forwards: " + forwards +
                             "\r\n\r\n");
    };
    EXPECT_THAT(ask("OPTIONS", "0"),
                AllOf(StartsWith("HTTP/1.1 204 "), HasSubstr("\r\nAllow: GET, HEAD, POST, ")));
    EXPECT_THAT(ask("TRACE", "0"), StartsWith("HTTP/1.1 405 "));
    EXPECT_THAT(ask("OPTIONS", "x"), StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(ask("OPTIONS", "-1"), StartsWith("HTTP/1.1 400 "));
    EXPECT_EQ(inner->requests(), 0U);
    ServerWire wire(proxy());
    EXPECT_THAT(wire.exchange("OPTIONS / HTTP/1.1\r\nHost: t\r\nMax-Forwards: 0\r\n"
                              "Content-Length: 2\r\n\r\nab"),
                StartsWith("HTTP/1.1 204 "));
    EXPECT_EQ(inner->requests(), 0U);
    for (const auto& [method, sentOn, expected] :
         std::vector<std::tuple<std::string, std::string, std::string>>{
             {"OPTIONS", "1", "0"},
             {"TRACE", "10", "9"},
             {"OPTIONS", "99999999999999999999", "4294967294"},
             {"GET", "0", "0"}}) {
        inner->answer(reply("200 OK"));
        EXPECT_THAT(ask(method, sentOn), StartsWith("HTTP/1.1 200 ")) << method;
        EXPECT_EQ(sent("Max-Forwards"), expected) << method;
    }
}

// ReverseProxyOptions::maxPasses: what has come round too often is answered with 508.
TEST_F(ReverseProxyTest, endsLoops) {
    const std::string own = "Via: 1.1 other, 1.0 Edge (a comment)\r\nVia: HTTP/1.1 edge\r\n";
    ServerWire wire(proxy({.via = "edge", .maxPasses = 3}));
    inner->answer(reply("200 OK"));
    EXPECT_THAT(get(wire, "/", own), StartsWith("HTTP/1.1 200 "));
    const std::string answer = get(wire, "/", own + "Via: 1.1 edge\r\n");
    EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 508 "), HasSubstr("maxPasses")));
    EXPECT_EQ(inner->requests(), 1U);

    // A proxy that leads to itself.
    ServerWire round(proxy({}));
    std::string via;
    int passes = 0;
    for (std::string last; !last.starts_with("HTTP/1.1 508 "); ++passes) {
        ASSERT_LT(passes, 10);
        inner->answer(reply("200 OK"));
        last = get(round, "/", via.empty() ? "" : "Via: " + via + "\r\n");
        via = sent("Via");
    }
    EXPECT_EQ(passes, 6) << "five and the one that is refused";
    inner->dropAnswers();
}

// ReverseProxyOptions::trustForwarded, preserveHost and via.
TEST_F(ReverseProxyTest, addsToWhatItTrusts) {
    ServerWire wire(proxy({.preserveHost = true, .trustForwarded = true, .via = "edge"}));
    inner->answer(reply("200 OK"));
    get(wire, "/",
        "Forwarded: for=a\r\nX-Forwarded-For: a\r\nX-Forwarded-For: b\r\n"
        "X-Forwarded-Proto: https\r\nX-Forwarded-Host: first\r\nVia: 1.0 other\r\n");
    const std::string peer = wire.transport().getPeer().host;
    EXPECT_EQ(sent("Forwarded"), "for=a, for=" + peer + ";host=\"Here:81\";proto=http");
    EXPECT_EQ(sent("X-Forwarded-For"), "a, b, " + peer);
    EXPECT_EQ(sent("X-Forwarded-Host"), "first");
    EXPECT_EQ(sent("X-Forwarded-Proto"), "https");
    EXPECT_EQ(sent("Via"), "1.0 other, 1.1 edge");
    EXPECT_EQ(sent("Host"), "Here:81");
}

// The response comes back with its code, phrase, fields and body, without those of its connection.
TEST_F(ReverseProxyTest, passesTheResponseBack) {
    ServerWire wire(proxy());
    inner->answer(
        "HTTP/1.1 299 Odd\r\nContent-Length: 4\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\n"
        "Keep-Alive: timeout=5\r\nContent-Type: x/y\r\nVia: 1.0 other\r\n"
        "Proxy-Authentication-Info: x\r\nTrailer: x\r\nUpgrade: x\r\n\r\nbody");
    EXPECT_EQ(get(wire, "/"),
              "HTTP/1.1 299 Odd\r\nContent-Length: 4\r\nDate: D\r\nSet-Cookie: a=1\r\n"
              "Set-Cookie: b=2\r\nContent-Type: x/y\r\nVia: 1.0 other, 1.1 marline\r\n\r\nbody");
    inner->answer(reply("404 Not Found"));
    EXPECT_THAT(get(wire, "/"), StartsWith("HTTP/1.1 404 Not Found\r\n")) << "kept alive";
}

// RFC 9110 §8.3: a body without a type is not given the site's, which is HTML.
TEST_F(ReverseProxyTest, guessesNoType) {
    ServerWire wire(proxy());
    inner->answer(reply("200 OK", "", "<script>"));
    EXPECT_THAT(get(wire, "/"), HasSubstr("\r\nContent-Type: application/octet-stream\r\n"));
}

// Chunks come apart and are made anew; an end by the close is an end for the client as well.
TEST_F(ReverseProxyTest, framesAnew) {
    ServerWire wire(proxy());
    inner->answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    EXPECT_THAT(get(wire, "/"), EndsWith("\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
    inner->answer("HTTP/1.0 200 OK\r\n\r\nabc");
    std::string answer = get(wire, "/");
    EXPECT_THAT(answer, HasSubstr("\r\nVia: 1.0 marline\r\n"));
    upstream().close();
    answer += wire.take();
    EXPECT_THAT(answer, EndsWith("\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
}

// HEAD, 204 and 304 have no body, and HEAD its announced length.
TEST_F(ReverseProxyTest, passesBodilessResponses) {
    ServerWire wire(proxy());
    inner->answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: x/y\r\n\r\n");
    EXPECT_THAT(wire.exchange("HEAD / HTTP/1.1\r\nHost: t\r\n\r\n"),
                HasSubstr("\r\nContent-Length: 5\r\n"));
    EXPECT_EQ(inner->last().method, "HEAD");
    inner->answer("HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_THAT(get(wire, "/"), AllOf(StartsWith("HTTP/1.1 204 "), EndsWith("\r\n\r\n")));
    inner->answer("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n");
    EXPECT_THAT(get(wire, "/"), AllOf(StartsWith("HTTP/1.1 304 "), HasSubstr("ETag: \"x\"\r\n")));
}

// A request's body is passed on while it comes, by its length or in chunks.
TEST_F(ReverseProxyTest, passesBodiesOn) {
    ServerWire wire(proxy());
    wire.send("POST /f HTTP/1.1\r\nHost: t\r\nContent-Length: 6\r\nContent-Type: a/b\r\n\r\nabc");
    EXPECT_EQ(inner->last().method, "POST");
    EXPECT_EQ(sent("Content-Type"), "a/b");
    EXPECT_EQ(inner->last().body->length(), 6U);
    EXPECT_EQ(upstream().take(), "Rabc");
    upstream().send(reply("200 OK", "", "early"));
    EXPECT_EQ(wire.take(), "") << "the request is not whole";
    EXPECT_THAT(wire.exchange("def"), EndsWith("\r\n\r\nearly"));
    EXPECT_EQ(upstream().take(), "def");

    wire.send("PUT /f HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    EXPECT_EQ(inner->last().body->length(), std::nullopt);
    EXPECT_EQ(upstream().take(), "R3\r\nabc\r\n");
    wire.send("0\r\n\r\n");
    EXPECT_EQ(upstream().take(), "0\r\n\r\n");
    upstream().send(reply("201 Created"));
    EXPECT_THAT(wire.take(), StartsWith("HTTP/1.1 201 "));

    inner->answer(reply("200 OK"));
    EXPECT_THAT(wire.exchange("POST /f HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n"),
                StartsWith("HTTP/1.1 200 "));
    EXPECT_FALSE(inner->last().body) << "the agent says by itself that there is none";
}

// A server that takes no more makes the client wait, and is not the client's fault.
TEST_F(ReverseProxyTest, pacesTheClient) {
    http::SiteOptions options;
    options.bodyTimeout = 5s;
    ServerWire wire(proxy(), options);
    const std::string piece(20'000, 'x');
    wire.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 40001\r\n\r\n");
    ASSERT_NE(upstream().producer(), nullptr);
    upstream().producer()->pauseProducing();
    wire.send(piece);
    EXPECT_EQ(upstream().take(), "R");
    EXPECT_TRUE(wire.transport().paused());
    wire.clock().advance(60s);
    upstream().producer()->resumeProducing();
    EXPECT_EQ(upstream().take(), piece);
    EXPECT_FALSE(wire.transport().paused());
    wire.send(piece);
    EXPECT_EQ(upstream().take(), piece);
    wire.clock().advance(5s);
    EXPECT_THAT(wire.take(), StartsWith("HTTP/1.1 408 ")) << "now it is";
    upstream().settle();
    EXPECT_FALSE(upstream().open()) << "and the server behind hears no more of it";
}

// A client that takes no more makes the server wait.
TEST_F(ReverseProxyTest, pacesTheServer) {
    ServerWire wire(proxy());
    const std::string piece(2 * testing::StringTransport::kHighWater, 'x');
    get(wire, "/");
    wire.transport().hold();
    upstream().send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(2 * piece.size()) +
                    "\r\n\r\n" + piece);
    EXPECT_TRUE(upstream().paused());
    upstream().send(piece);
    EXPECT_LT(wire.transport().value().size(), 2 * piece.size());
    wire.transport().drain();
    upstream().settle();
    EXPECT_THAT(wire.take(), EndsWith("\r\n\r\n" + piece + piece));
    wire.transport().drain();
    EXPECT_FALSE(upstream().paused());
}

// The client's going cancels the request, before the response and in its middle.
TEST_F(ReverseProxyTest, cancelsWhenTheClientGoes) {
    for (const char* came : {"", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab"}) {
        ServerWire wire(proxy());
        get(wire, "/");
        upstream().send(came);
        EXPECT_TRUE(upstream().open());
        wire.disconnect();
        upstream().settle();
        EXPECT_FALSE(upstream().open()) << came;
    }
    ServerWire wire(proxy());
    wire.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nab");
    wire.disconnect();
    upstream().settle();
    EXPECT_FALSE(upstream().open()) << "in the middle of its own body";
}

// A body that is refused, as its framing breaks, ends the request to the server behind as well.
TEST_F(ReverseProxyTest, cancelsWhatCannotBeRead) {
    ServerWire wire(proxy());
    EXPECT_THAT(wire.exchange("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "3\r\nabcXX"),
                StartsWith("HTTP/1.1 400 "));
    upstream().settle();
    EXPECT_FALSE(upstream().open());
    EXPECT_EQ(upstream().take().find("0\r\n\r\n"), std::string::npos) << "no end is made up";
}

// ReverseProxyOptions::maxBody: what is announced too long is not even begun, the rest is cut.
TEST_F(ReverseProxyTest, boundsBodies) {
    const auto post = [this](const std::string& rest) {
        ServerWire wire(proxy({.maxBody = 4}));
        return wire.exchange("POST / HTTP/1.1\r\nHost: t\r\n" + rest).substr(9, 3);
    };
    EXPECT_EQ(post("Content-Length: 5\r\n\r\n"), "413");
    EXPECT_EQ(inner->requests(), 0U);
    EXPECT_EQ(post("Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"), "413");
    upstream().settle();
    EXPECT_FALSE(upstream().open());
    inner->answer(reply("200 OK"));
    EXPECT_EQ(post("Content-Length: 4\r\n\r\nabcd"), "200");
}

// Who does not answer is a bad gateway; who takes too long, at whatever stage, a timed-out one.
TEST_F(ReverseProxyTest, tellsWhatWentWrong) {
    const auto codeOf = [this](const Failure& why) {
        ServerWire wire(proxy());
        inner->refuse(why);
        const std::string answer = get(wire, "/");
        EXPECT_EQ(answer.find("secret"), std::string::npos) << "the log has it";
        EXPECT_THAT(errors(), HasSubstr("proxy: GET /"));
        return answer.substr(9, 3);
    };
    EXPECT_EQ(codeOf(ConnectionRefusedError("secret")), "502");
    EXPECT_EQ(codeOf(DNSLookupError("secret")), "502");
    EXPECT_EQ(codeOf(ConnectTimeoutError("secret")), "504");
    EXPECT_EQ(codeOf(TimeoutError("secret")), "504");
    EXPECT_EQ(codeOf(ResponseNeverReceived("secret", {Failure(TimeoutError("x"))})), "504");
    EXPECT_EQ(codeOf(ResponseNeverReceived("secret", {Failure(ConnectionLost("x"))})), "502");
    EXPECT_EQ(codeOf(BadRequest("secret")), "400");
}

// What a real Agent fails with: a server that connects and is silent, that stops inside its head,
// or takes too long in all, is late; one that hangs up, or speaks no HTTP, is bad.
TEST_F(ReverseProxyTest, tellsLateServersFromBadOnes) {
    const struct {
        const char* what;
        const char* sent;
        bool closes;
        Duration passes;
        const char* code;
    } cases[] = {
        {"silent", "", false, 60s, "504"},
        {"slow in its head", "HTTP/1.1 200 OK\r\nX:", false, 60s, "504"},
        {"hangs up", "", true, 0s, "502"},
        {"hangs up in its head", "HTTP/1.1 200", true, 0s, "502"},
        {"no HTTP", "220 smtp.test\r\n\r\n", false, 0s, "502"},
        {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", false,
         0s, "502"},
    };
    for (const auto& [what, text, closes, passes, code] : cases) {
        ServerWire wire(proxy());
        EXPECT_EQ(get(wire, "/"), "") << what;
        upstream().send(text);
        if (closes) {
            upstream().close();
        }
        inner->clock.advance(passes);
        EXPECT_EQ(wire.take().substr(9, 3), code) << what;
        EXPECT_FALSE(upstream().open()) << what;
        EXPECT_THAT(errors(), HasSubstr("proxy: GET /")) << what;
    }
}

// The same over the endpoints of an Agent: who cannot be reached, and who does not answer there.
TEST_F(ReverseProxyTest, tellsWhoCannotBeReached) {
    const auto peer = makeRef<testing::ScriptedPeer>();
    peer->hold();
    testing::Clock clock;
    const AgentHandle agent = Agent::usingEndpointFactory(
        clock, Ref<IAgentEndpointFactory>(peer.get()), {.totalTimeout = 10s});
    const auto root = makeRef<ReverseProxyResource>(agent, "http://up/");
    const auto codeOf = [&](auto happens) {
        ServerWire wire(root);
        EXPECT_EQ(get(wire, "/"), "");
        happens(peer->attempt(peer->attempts() - 1));
        return wire.take().substr(9, 3);
    };
    using Attempt = testing::ScriptedPeer::Attempt;
    EXPECT_EQ(codeOf([](Attempt& to) { to.source.errback(ConnectionRefusedError("no")); }), "502");
    EXPECT_EQ(codeOf([](Attempt& to) { to.source.errback(DNSNameError("no")); }), "502");
    EXPECT_EQ(codeOf([](Attempt& to) { to.source.errback(DNSQueryTimeoutError("late")); }), "504");
    EXPECT_EQ(codeOf([](Attempt& to) { to.source.errback(ConnectTimeoutError("late")); }), "504");
    EXPECT_EQ(codeOf([&](Attempt&) { clock.advance(10s); }), "504") << "totalTimeout";
    EXPECT_TRUE(peer->attempt(4).cancelled);
    peer->closeAll();
}

// A client that gives its upload up ends the request to the server, which is not at fault: no error
// is logged, and its connection is not used for another.
TEST_F(ReverseProxyTest, blamesNoServerForTheClient) {
    for (const char* framing :
         {"Content-Length: 9\r\n\r\nab", "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"}) {
        for (const bool answered : {false, true}) {
            ServerWire wire(proxy());
            wire.send(std::string("POST / HTTP/1.1\r\nHost: t\r\n") + framing);
            if (answered) {
                upstream().send(reply("200 OK", "", "early"));
            }
            wire.disconnect();
            upstream().settle();
            EXPECT_FALSE(upstream().open()) << framing << answered;
            EXPECT_EQ(upstream().take().find("0\r\n\r\n"), std::string::npos)
                << "no end is made up";
            EXPECT_EQ(inner->clock.pendingCalls(), 0U) << framing << answered;
        }
    }
    EXPECT_EQ(errors(), "");
}

// A failure while the body still comes waits for its end, and the connection lives on.
TEST_F(ReverseProxyTest, failsBehindTheBody) {
    ServerWire wire(proxy());
    inner->refuse(ConnectionRefusedError("no"));
    EXPECT_EQ(wire.exchange("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nab"), "");
    EXPECT_THAT(wire.exchange("cd"), StartsWith("HTTP/1.1 502 "));
    inner->answer(reply("200 OK"));
    EXPECT_THAT(get(wire, "/"), StartsWith("HTTP/1.1 200 "));
}

// A server that goes while the body is sent to it is a bad gateway, too.
TEST_F(ReverseProxyTest, losesTheServerInTheBody) {
    ServerWire wire(proxy());
    wire.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nab");
    upstream().lose();
    EXPECT_THAT(wire.exchange("cd"), StartsWith("HTTP/1.1 502 "));
}

// A server that answers early and goes: the client gets that answer behind its own body.
TEST_F(ReverseProxyTest, passesTheAnswerOfAServerThatHasGone) {
    for (const auto& [framing, rest] : std::vector<std::pair<std::string, std::string>>{
             {"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", "0\r\n\r\n"},
             {"Content-Length: 4\r\n\r\nab", "cd"}}) {
        ServerWire wire(proxy());
        wire.send("POST / HTTP/1.1\r\nHost: t\r\n" + framing);
        upstream().send(reply("413 Too Much", "", "no"));
        upstream().lose();
        EXPECT_THAT(wire.exchange(rest), AllOf(StartsWith("HTTP/1.1 413 "), EndsWith("\r\n\r\nno")))
            << framing;
    }
}

// A server that answers while it reads, and reads on only when somebody takes its answer, which
// waits for the request's end, is given up: it does not hold the client's connection for ever.
TEST_F(ReverseProxyTest, endsWhatWaitsForItself) {
    ServerWire wire(proxy());
    wire.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
    ASSERT_NE(upstream().producer(), nullptr);
    upstream().producer()->pauseProducing();  // its socket is full
    wire.send("4E20\r\n" + std::string(20'000, 'x') + "\r\n");
    upstream().buffered = 100;
    upstream().send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nAB\r\n");
    EXPECT_TRUE(upstream().paused());
    EXPECT_TRUE(wire.transport().paused());
    inner->clock.advance(60s);
    inner->clock.advance(60s);
    EXPECT_TRUE(upstream().aborted());
    EXPECT_FALSE(wire.transport().paused()) << "the rest is read and dropped";
    wire.send("0\r\n\r\n");
    EXPECT_TRUE(wire.transport().aborted());
    EXPECT_THAT(errors(), HasSubstr("sendTimeout"));
}

/// Paces the response itself, and has another resource make it all the same.
class Interfering final : public http::Resource {
public:
    explicit Interfering(Ref<http::Resource> other) : other_(std::move(other)) {}

    bool isLeaf() const noexcept override { return true; }
    http::Rendered render(http::Request& request) override {
        request.registerProducer(pace_, Producing::Push);
        return other_->render(request);
    }

private:
    class Pace final : public IProducer {
        void resumeProducing() override {}
        void pauseProducing() override {}
        void stopProducing() override {}
    };

    Ref<http::Resource> other_;
    Pace pace_;
};

// What goes wrong behind the head cuts the connection: an error page would be part of the body.
TEST_F(ReverseProxyTest, appendsNoErrorPage) {
    ServerWire wire(makeRef<Interfering>(proxy()));
    inner->answer(reply("200 OK", "", "body"));
    EXPECT_THAT(get(wire, "/"), Not(HasSubstr("502")));
    EXPECT_TRUE(wire.transport().aborted());
    EXPECT_THAT(errors(), HasSubstr("proxy: GET /"));
    upstream().settle();
    EXPECT_FALSE(upstream().open());
}

// A response that ends early cannot be finished: the client's connection is cut.
TEST_F(ReverseProxyTest, cutsWhatWasCut) {
    ServerWire wire(proxy());
    get(wire, "/");
    upstream().send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    EXPECT_FALSE(wire.transport().aborted());
    upstream().lose();
    EXPECT_TRUE(wire.transport().aborted());
    EXPECT_THAT(wire.take(), Not(EndsWith("0\r\n\r\n")));
}

// What is no place to pass requests on to is misuse.
TEST_F(ReverseProxyTest, refusesMisuse) {
    EXPECT_THROW(proxy({}, "no uri"), UriError);
    EXPECT_THROW(proxy({}, "ftp://h/"), UriError);
    EXPECT_THROW(proxy({}, "http://h/?q"), UriError);
    EXPECT_THROW(proxy({.via = "a b"}), std::invalid_argument);
    EXPECT_NO_THROW(proxy({}, "https://h"));
}

}  // namespace
}  // namespace marline
