#include <marline/agent/agent.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/agent/body.hpp>
#include <marline/agent/errors.hpp>
#include <marline/agent/request_bodies.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/clock.hpp>

#include <test/support/outcome.hpp>
#include <test/support/scripted_agent.hpp>
#include <test/support/scripted_endpoint.hpp>

namespace {

using namespace marline;
using namespace marline::testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class AgentTest : public ::testing::Test {
protected:
    ~AgentTest() override { peer->closeAll(); }

    void use(AgentOptions options) {
        agent = Agent::usingEndpointFactory(clock, Ref<IAgentEndpointFactory>(peer.get()),
                                            std::move(options));
    }
    Outcome<Response> request(const char* method = "GET", const std::string& uri = "http://h/x",
                              const http::Headers& headers = {}, Ref<IBodyProducer> body = {}) {
        return Outcome<Response>(agent.request(method, uri, headers, std::move(body)));
    }
    /// What a request puts on the wire, and an answer to it.
    std::string wire(const char* method, const std::string& uri, const http::Headers& headers = {},
                     Ref<IBodyProducer> body = {}) {
        auto response = request(method, uri, headers, std::move(body));
        ScriptedConnection& last = (*peer)[peer->connections() - 1];
        std::string text = last.take();
        last.send(reply("200 OK"));
        EXPECT_TRUE(response.ok()) << response.message();
        return text;
    }
    void answerOn(std::size_t i, const std::string& text = reply("200 OK")) {
        (*peer)[i].take();
        (*peer)[i].send(text);
        peer->settle();
    }

    NoUnhandled unhandled;
    Clock clock;
    Ref<ScriptedPeer> peer = makeRef<ScriptedPeer>();
    Agent agent = Agent::usingEndpointFactory(clock, Ref<IAgentEndpointFactory>(peer.get()));
};

// WA-1, WA-2: a bad method, a bad URI and another scheme fail the Deferred; nothing is connected.
TEST_F(AgentTest, refusesWhatCannotBeRequested) {
    EXPECT_NE(request("GET", "ftp://h/").failed<SchemeNotSupported>(), nullptr);
    EXPECT_NE(request("GET", "http://h/a b").failed<UriError>(), nullptr);
    EXPECT_NE(request("GET", "http://h/a\r\nX: y").failed<UriError>(), nullptr);
    for (const char* method : {"", "G T", "GET\r\nX:", "CONNECT"}) {
        EXPECT_NE(request(method).failed<BadRequest>(), nullptr) << method;
    }
    EXPECT_EQ(peer->attempts(), 0U);
}

// WA-3, WA-4, WA-7, WA-10: Host comes first, nothing else is added, and the target has no fragment.
TEST_F(AgentTest, writesARequest) {
    EXPECT_EQ(wire("GET", "http://h"), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    const http::Headers own{{"x-b", "1"}, {"X-A", "2"}};
    EXPECT_EQ(wire("GET", "http://h:81/a;p?q#f", own),
              "GET /a;p?q HTTP/1.1\r\nHost: h:81\r\nx-b: 1\r\nX-A: 2\r\n\r\n");
    EXPECT_EQ(own.size(), 2U);
    EXPECT_EQ(wire("GET", "http://[::1]:80/"), "GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n");
}

// WA-5: a Host of the caller's is the one that is sent; two are refused.
TEST_F(AgentTest, sendsOneHost) {
    EXPECT_EQ(wire("GET", "http://h/", http::Headers{{"Host", "own"}}),
              "GET / HTTP/1.1\r\nHost: own\r\n\r\n");
    EXPECT_NE(request("GET", "http://h/", http::Headers{{"Host", "a"}, {"Host", "b"}})
                  .failed<BadRequest>(),
              nullptr);
}

// WA-6: `Connection: close` is sent when connections are not kept, and they are not.
TEST_F(AgentTest, closesWhenNotPersistent) {
    use({.persistent = false});
    EXPECT_THAT(wire("GET", "http://h/"), HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_FALSE((*peer)[0].open());
}

// WA-8, WA-9: methods that usually have a body say that there is none; a body says how long it is,
// or comes in chunks, and what it is unless the caller did.
TEST_F(AgentTest, framesBodies) {
    for (const char* method : {"POST", "PUT", "PATCH"}) {
        EXPECT_THAT(wire(method, "http://h/"), HasSubstr("Content-Length: 0\r\n"));
    }
    EXPECT_EQ(wire("DELETE", "http://h/"), "DELETE / HTTP/1.1\r\nHost: h\r\n\r\n");
    const FormFields form{{"a", "b"}};
    EXPECT_EQ(wire("POST", "http://h/", {}, formBody(form)),
              "POST / HTTP/1.1\r\nContent-Length: 3\r\nHost: h\r\n"
              "Content-Type: application/x-www-form-urlencoded\r\n\r\na=b");
    const std::string own =
        wire("POST", "http://h/", http::Headers{{"content-type", "x/y"}}, formBody(form));
    EXPECT_THAT(own, HasSubstr("content-type: x/y\r\n\r\n"));
    EXPECT_THAT(own, ::testing::Not(HasSubstr("urlencoded")));
}

// WA-11 (differs): a value with a line end is refused where it is given.
TEST_F(AgentTest, headersCannotBeInjected) {
    EXPECT_THROW(http::Headers({{"A", "b\r\nC: d"}}), std::invalid_argument);
}

// WA-18: the response knows what was asked for.
TEST_F(AgentTest, responseKnowsItsRequest) {
    auto response = request("DELETE", "http://me:secret@h/x");
    EXPECT_THAT((*peer)[0].take(), HasSubstr("Authorization: Basic bWU6c2VjcmV0\r\n"));
    answerOn(0);
    EXPECT_EQ(response.value().uri().toString(), "http://h/x");
    EXPECT_EQ(response.value().method(), "DELETE");
}

// WA-19, WA-20: a factory of endpoints decides alone where each connection goes, by scheme, host
// and port, and with it whom TLS trusts; a failed one is told. What is trusted without one, see
// proxy_agent_test.cpp.
TEST_F(AgentTest, connectsWhereTheFactorySays) {
    peer->refuseAll();
    EXPECT_NE(request("GET", "https://h/").failed<ConnectionRefusedError>(), nullptr);
    EXPECT_EQ(peer->attempt(0).uri, "https://h/");
    EXPECT_EQ(agent.metrics().failed, 1U);
}

// `Expect: 100-continue` makes the body wait.
TEST_F(AgentTest, expectIsObeyed) {
    auto response = request("POST", "http://h/", http::Headers{{"Expect", "100-Continue"}},
                            makeRef<StringBody>("abc"));
    EXPECT_THAT((*peer)[0].take(), ::testing::EndsWith("\r\n\r\n"));
    (*peer)[0].send("HTTP/1.1 100 Go\r\n\r\n");
    EXPECT_EQ((*peer)[0].take(), "abc");
    answerOn(0);
    EXPECT_TRUE(response.ok());
}

// WP-1 (differs: kept unless told otherwise), WP-2: connections are kept by scheme, host and port.
TEST_F(AgentTest, keepsConnectionsByOrigin) {
    std::size_t connections = 0;
    for (const char* uri : {"http://h/", "http://h:81/", "https://h/", "https://h:80/"}) {
        wire("GET", uri);
        EXPECT_EQ(peer->connections(), ++connections) << uri;
    }
    auto again = request("GET", "http://H:80/b");
    EXPECT_EQ(peer->connections(), connections);
    EXPECT_THAT((*peer)[0].take(), StartsWith("GET /b"));
}

// WP-3 (differs: the one used last first, so that those not needed grow old).
TEST_F(AgentTest, takesTheOneUsedLast) {
    auto first = request();
    auto second = request();
    answerOn(1);
    answerOn(0);
    auto third = request();
    EXPECT_THAT((*peer)[0].take(), StartsWith("GET"));
    answerOn(0);
    EXPECT_EQ(agent.metrics().reused, 1U);
}

// WP-4: a kept connection that nothing uses is closed in time, and no timer stays behind.
TEST_F(AgentTest, idleConnectionsClose) {
    wire("GET", "http://h/");
    clock.advance(49s);
    EXPECT_TRUE((*peer)[0].open());
    wire("GET", "http://h/");
    clock.advance(49s);
    EXPECT_TRUE((*peer)[0].open()) << "used since";
    clock.advance(1s);
    EXPECT_FALSE((*peer)[0].open());
    EXPECT_FALSE((*peer)[0].aborted());
    peer->settle();
    EXPECT_EQ(agent.metrics().expired, 1U);
    EXPECT_EQ(agent.metrics().open, 0U);
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// A server that says how long it keeps a connection is believed, when that is less.
TEST_F(AgentTest, keepAliveTimeoutIsHonoured) {
    auto response = request();
    answerOn(0, reply("200 OK", "Keep-Alive: max=100, timeout=5\r\n"));
    clock.advance(3s);
    EXPECT_TRUE((*peer)[0].open());
    clock.advance(1s);
    EXPECT_FALSE((*peer)[0].open());
    auto at_once = request();
    answerOn(1, reply("200 OK", "Keep-Alive: timeout=1\r\n"));
    EXPECT_FALSE((*peer)[1].open());
    auto longer = request();
    answerOn(2, reply("200 OK", "Keep-Alive: timeout=500\r\n"));
    clock.advance(50s);
    EXPECT_FALSE((*peer)[2].open());
    auto nonsense = request();
    answerOn(3, reply("200 OK", "Keep-Alive: timeout=x\r\n"));
    EXPECT_TRUE((*peer)[3].open());
}

// WP-5 (differs: requests beyond the limit wait, first come, first served).
TEST_F(AgentTest, requestsBeyondTheLimitWait) {
    use({.maxPerHost = 2});
    auto a = request();
    auto b = request();
    auto c = request("GET", "http://h/c");
    auto d = request("GET", "http://h/d");
    auto other = request("GET", "http://other/");
    EXPECT_EQ(peer->connections(), 3U) << "another host need not wait";
    EXPECT_EQ(agent.metrics().waiting, 2U);
    answerOn(1);
    EXPECT_THAT((*peer)[1].take(), StartsWith("GET /c"));
    answerOn(0, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(peer->connections(), 4U) << "the place of one that closed is free";
    EXPECT_THAT((*peer)[3].take(), StartsWith("GET /d"));
    EXPECT_EQ(agent.metrics().waiting, 0U);
}

// The limit in all: an idle connection to another host makes room; without one, requests wait.
TEST_F(AgentTest, limitInAllMakesRoom) {
    use({.maxTotal = 2});
    wire("GET", "http://a/");
    clock.advance(1s);
    wire("GET", "http://b/");
    auto c = request("GET", "http://c/");
    EXPECT_EQ(agent.metrics().evicted, 1U);
    EXPECT_FALSE((*peer)[0].open()) << "the oldest goes";
    auto b = request("GET", "http://b/");
    auto d = request("GET", "http://d/");
    EXPECT_EQ(agent.metrics().waiting, 1U);
    peer->settle();
    answerOn(2);
    EXPECT_EQ(agent.metrics().waiting, 0U);
    EXPECT_THAT((*peer)[3].take(), StartsWith("GET / HTTP/1.1\r\nHost: d"));
}

// An origin may come back while its connection that made room is still going.
TEST_F(AgentTest, originOutlivesWhatMadeRoom) {
    use({.maxTotal = 1});
    wire("GET", "http://a/");
    wire("GET", "http://b/");
    wire("GET", "http://a/");
    EXPECT_EQ(agent.metrics().evicted, 2U);
    EXPECT_EQ(agent.metrics().open, 3U);
    peer->settle();
    EXPECT_EQ(agent.metrics().open, 1U);
    wire("GET", "http://a/");
    EXPECT_EQ(agent.metrics().reused, 1U);
    EXPECT_EQ(peer->connections(), 3U);
}

// Requests that are answered in time share a timer, which is set anew only when it runs; each has
// its own time all the same.
TEST_F(AgentTest, requestsShareATimer) {
    use({.headersTimeout = 10s, .idleTimeout = 10s, .cachedConnectionTimeout = 20s});
    auto first = request();
    const auto due = clock.nextCall();
    EXPECT_EQ(due, 10s);
    clock.advance(4s);
    answerOn(0);
    auto second = request();
    EXPECT_EQ(clock.nextCall(), due);
    EXPECT_EQ(clock.pendingCalls(), 1U);
    clock.advance(9s);
    EXPECT_FALSE(second.fired());
    EXPECT_EQ(clock.nextCall(), 14s);
    clock.advance(1s);
    EXPECT_THAT(second.message(), HasSubstr("headersTimeout"));
}

/// A body that has gone when it is to be sent.
class VanishingBody final : public IBodyProducer {
public:
    std::optional<std::uint64_t> length() const override {
        if (std::exchange(asked_, true)) {
            throw std::runtime_error("no file");
        }
        return 3;
    }
    Deferred<> startProducing(IBodyConsumer&) override { return succeed(); }

private:
    mutable bool asked_ = false;
};

// What a body throws when it is to be sent fails the request and closes the connection, be it a
// new one or one that was kept.
TEST_F(AgentTest, bodyThatThrowsFailsTheRequest) {
    for (const unsigned kept : {0U, 1U}) {
        use({});
        if (kept != 0) {
            wire("GET", "http://h/");
        }
        auto response = request("POST", "http://h/", {}, makeRef<VanishingBody>());
        EXPECT_NE(response.failed<RequestGenerationFailed>(), nullptr);
        EXPECT_THAT(response.message(), HasSubstr("no file"));
        EXPECT_EQ(agent.metrics().reused, kept);
        peer->settle();
        EXPECT_EQ(agent.metrics().open, 0U);
    }
}

// A failed attempt gives its place to the next.
TEST_F(AgentTest, failedAttemptServesTheNext) {
    use({.maxPerHost = 1});
    peer->hold();
    auto a = request();
    auto b = request();
    peer->refuse(0);
    EXPECT_NE(a.failed<ConnectionRefusedError>(), nullptr);
    ASSERT_EQ(peer->attempts(), 2U);
    peer->accept(1);
    answerOn(0);
    EXPECT_TRUE(b.ok());
}

// WP-10: cancelling while waiting for a connection stops connecting, or leaves the queue.
TEST_F(AgentTest, cancelWhileConnectingAndWaiting) {
    use({.maxPerHost = 1});
    peer->hold();
    auto a = request();
    auto b = request();
    b.cancel();
    EXPECT_NE(b.failed<CancelledError>(), nullptr);
    EXPECT_EQ(agent.metrics().waiting, 0U);
    a.cancel();
    EXPECT_NE(a.failed<CancelledError>(), nullptr);
    EXPECT_TRUE(peer->attempt(0).cancelled);
    EXPECT_EQ(agent.metrics().connecting, 0U);
}

// WP-8: a request on a kept connection that turns out dead is sent again, once, on a new one.
TEST_F(AgentTest, retriesOnADeadConnection) {
    for (const char* method : {"GET", "HEAD", "OPTIONS", "TRACE", "DELETE", "PUT"}) {
        wire("GET", "http://h/");
        const std::size_t kept = peer->connections() - 1;
        auto response = request(method);
        (*peer)[kept].lose();
        ASSERT_EQ(peer->connections(), kept + 2) << method;
        EXPECT_THAT((*peer)[kept + 1].take(), StartsWith(method));
        (*peer)[kept + 1].lose();
        EXPECT_NE(response.failed<ResponseNeverReceived>(), nullptr) << "once";
    }
    EXPECT_EQ(agent.metrics().retries, 6U);
}

// WP-8: a body that can be sent again is, for methods that may; RFC 9110 §9.2.2 counts PUT in.
TEST_F(AgentTest, retriesARepeatableBody) {
    wire("GET", "http://h/");
    auto response = request("PUT", "http://h/", {}, makeRef<StringBody>("abc"));
    (*peer)[0].lose();
    EXPECT_THAT((*peer)[1].take(), ::testing::EndsWith("\r\n\r\nabc"));
    answerOn(1);
    EXPECT_TRUE(response.ok());
}

// WP-8, WP-9: what may have been acted upon is not sent again; nor is it when the connection was
// new, a byte had come, time was up, or retrying is off.
TEST_F(AgentTest, doesNotRetryOtherwise) {
    wire("GET", "http://h/");
    auto post = request("POST");
    (*peer)[0].lose();
    EXPECT_NE(post.failed<ResponseNeverReceived>(), nullptr);
    auto fresh = request();
    (*peer)[1].lose();
    EXPECT_NE(fresh.failed<ResponseNeverReceived>(), nullptr);
    wire("GET", "http://h/");
    auto begun = request();
    (*peer)[2].send("HTTP");
    (*peer)[2].lose();
    EXPECT_NE(begun.failed<ResponseFailed>(), nullptr);
    wire("GET", "http://h/");
    auto slow = request();
    clock.advance(60s);
    EXPECT_NE(slow.failed<ResponseNeverReceived>(), nullptr);
    peer->settle();
    use({.retryAutomatically = false});
    wire("GET", "http://h/");
    auto off = request();
    (*peer)[4].lose();
    EXPECT_NE(off.failed<ResponseNeverReceived>(), nullptr);
    EXPECT_EQ(peer->connections(), 5U);
}

// WP-6: closing what is cached fires when it is closed, and leaves the rest alone.
TEST_F(AgentTest, closesCachedConnections) {
    EXPECT_TRUE(Outcome<>(agent.closeCachedConnections()).ok()) << "nothing to close";
    auto busy = request("GET", "http://busy/");
    wire("GET", "http://a/");
    wire("GET", "http://b/");
    Outcome<> closed(agent.closeCachedConnections());
    EXPECT_FALSE(closed.fired());
    (*peer)[1].settle();
    EXPECT_FALSE(closed.fired());
    (*peer)[2].settle();
    EXPECT_TRUE(closed.ok());
    EXPECT_EQ(agent.metrics().open, 1U);
    EXPECT_TRUE((*peer)[0].open());
    wire("GET", "http://a/");
    EXPECT_EQ(peer->connections(), 4U);
}

// close() lets requests under way end, refuses others, and fires when the last connection is gone.
TEST_F(AgentTest, closeWaitsForTheLast) {
    use({.maxPerHost = 1});
    wire("GET", "http://idle/");
    auto busy = request();
    auto waits = request();
    Outcome<> closed(agent.close());
    Outcome<> again(agent.close());
    EXPECT_NE(waits.failed<RequestNotSent>(), nullptr);
    EXPECT_NE(request().failed<RequestNotSent>(), nullptr);
    peer->settle();
    EXPECT_FALSE(closed.fired());
    (*peer)[1].send(reply("200 OK"));
    EXPECT_TRUE(busy.ok());
    EXPECT_TRUE(closed.ok());
    EXPECT_TRUE(again.ok());
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// close() waits for attempts to connect, and for a connection that was closed to make room.
TEST_F(AgentTest, closeWaitsForAttemptsToo) {
    use({.maxTotal = 1});
    wire("GET", "http://a/");
    peer->hold();
    auto b = request("GET", "http://b/");
    Outcome<> closed(agent.close());
    b.cancel();
    EXPECT_FALSE(closed.fired()) << "the one that made room is on its way out";
    peer->settle();
    EXPECT_TRUE(closed.ok());
}

// The time for the whole counts from the request, in every phase, and says so.
TEST_F(AgentTest, totalTimeout) {
    use({.totalTimeout = 10s, .maxPerHost = 1});
    auto headers = request();
    auto waiting = request();
    clock.advance(10s);
    for (auto* late : {&headers, &waiting}) {
        ASSERT_NE(late->failed<ResponseFailed>(), nullptr) << late->message();
        const auto* why =
            late->failed<ResponseFailed>()->reasons().at(0).check<RequestTimeoutError>();
        ASSERT_NE(why, nullptr);
        EXPECT_EQ(phaseName(why->phase()), "total");
        EXPECT_THAT(late->message(), HasSubstr("not done within 10.0 s (totalTimeout)"));
    }
    peer->settle();
    auto response = request();
    (*peer)[1].send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    Outcome<std::string> body(readBody(response.value()));
    for (int i = 0; i < 9; ++i) {
        clock.advance(1s);
        (*peer)[1].send("x");
        if (i == 7) {
            clock.advance(2s);
            break;
        }
    }
    EXPECT_THAT(body.message(), HasSubstr("totalTimeout"));
    peer->settle();
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// The last handle may go while a request is under way; kept connections close with it.
TEST_F(AgentTest, handlesMayGo) {
    auto response = request();
    use({});
    answerOn(0);
    EXPECT_TRUE(response.ok());
    response.drop();
    peer->settle();
    EXPECT_FALSE((*peer)[0].open());
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

}  // namespace
