// What a server's connection does as time passes: every time-out of SiteOptions, at and before.
#include <marline/protocols/http/site.hpp>

#include <marline/deferred/deferred.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/string_transport.hpp>
#include <marline/reactor/time.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "server_wire.hpp"

namespace marline::http {
namespace {

using namespace std::chrono_literals;
using test::ServerWire;

class HttpChannelTimeTest : public test::ServerTest {
protected:
    /// Times that differ from each other and from the defaults.
    static SiteOptions times() {
        SiteOptions options;
        options.headerTimeout = 10s;
        options.bodyTimeout = 7s;
        options.keepAliveTimeout = 40s;
        options.sendTimeout = 20s;
        options.closeTimeout = 2s;
        return options;
    }
    static Rendered ok(Request&) { return "ok"; }
};

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: t\r\n\r\n";

// The defaults are those that the design promises.
TEST_F(HttpChannelTimeTest, hasTheDefaultsOfTheDesign) {
    const SiteOptions options;
    EXPECT_EQ(options.headerTimeout, 10s);
    EXPECT_EQ(options.keepAliveTimeout, 60s);
    EXPECT_EQ(options.maxBody, 8U << 20);
    EXPECT_EQ(options.wire.requestLine, 8U << 10);
    EXPECT_EQ(options.wire.headerBlock, 64U << 10);
    EXPECT_EQ(options.wire.headerFields, 100U);
}

// A connection on which nothing comes is closed without an answer.
TEST_F(HttpChannelTimeTest, closesAConnectionThatNeverAsks) {
    ServerWire wire(ok, times());
    wire.clock().advance(10s - 1ns);
    EXPECT_FALSE(wire.transport().writeEnded());
    wire.clock().advance(1ns);
    EXPECT_TRUE(wire.transport().writeEnded());
    EXPECT_EQ(wire.take(), "");
}

/// Clients of one site that never end their heads.
class SlowClients {
public:
    SlowClients(Site& site, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            Client& client = clients_.emplace_back();
            client.protocol = site.buildProtocol(client.transport.getPeer());
            client.protocol->makeConnection(client.transport);
            client.protocol->dataReceived(asBytes("GET / HTTP/1.1\r\nHost: t\r\nX-"));
        }
    }
    /// Each sends a byte, unless the server has closed on it.
    void drip() {
        for (Client& client : clients_) {
            if (!client.transport.disconnecting()) {
                client.protocol->dataReceived(asBytes("x"));
            }
        }
    }
    /// How many of them the server has told off, and how many it has dropped.
    std::pair<std::size_t, std::size_t> ended() const {
        std::pair<std::size_t, std::size_t> count;
        for (const Client& client : clients_) {
            count.first += client.transport.value().starts_with("HTTP/1.1 408 ") ? 1U : 0U;
            count.second += client.transport.aborted() ? 1U : 0U;
        }
        return count;
    }
    void disconnect() {
        for (Client& client : clients_) {
            client.transport.disconnect();
            client.protocol->connectionLost(ConnectionDone());
        }
    }

private:
    struct Client {
        testing::StringTransport transport;
        Ref<IProtocol> protocol;
    };
    std::deque<Client> clients_;
};

// Slowloris: whoever sends a byte a second is gone at the deadline of a head, all at once, and
// whoever asks beside them is answered as ever.
TEST_F(HttpChannelTimeTest, outlivesSlowClients) {
    constexpr std::size_t kSlow = 50;
    ServerWire honest(ok, times());
    SlowClients slow(honest.site(), kSlow);
    for (int second = 1; second < 10; ++second) {
        honest.clock().advance(1s);
        slow.drip();
        EXPECT_TRUE(honest.exchange(kGet).ends_with("ok"));
        EXPECT_EQ(slow.ended(), std::pair(std::size_t{0}, std::size_t{0}));
    }
    honest.clock().advance(1s);
    EXPECT_EQ(slow.ended(), std::pair(kSlow, std::size_t{0}));
    slow.drip();
    honest.clock().advance(2s);
    EXPECT_EQ(slow.ended(), std::pair(kSlow, kSlow)) << "whether they close or not";
    slow.disconnect();
    EXPECT_EQ(honest.site().connections(), 1U);
    EXPECT_TRUE(honest.exchange(kGet).ends_with("ok"));
}

// A head that drips is given its time from its first byte, however often a byte comes.
TEST_F(HttpChannelTimeTest, refusesASlowHead) {
    ServerWire wire(ok, times());
    wire.clock().advance(5s);
    wire.send("G");
    for (int i = 0; i < 9; ++i) {
        wire.clock().advance(1s);
        wire.send("E");
    }
    wire.clock().advance(1s - 1ns);
    EXPECT_EQ(wire.take(), "");
    wire.clock().advance(1ns);
    EXPECT_EQ(wire.take(),
              "HTTP/1.1 408 Request Timeout\r\nContent-Length: 74\r\nDate: D\r\n"
              "Content-Type: text/plain\r\nConnection: close\r\n\r\n"
              "408 Request Timeout: the head took longer than SiteOptions::headerTimeout\n");
    EXPECT_TRUE(wire.transport().writeEnded());
}

// The same for the head of a later request, whose time does not begin with the connection.
TEST_F(HttpChannelTimeTest, givesEachHeadItsOwnTime) {
    ServerWire wire(ok, times());
    wire.exchange(kGet);
    wire.clock().advance(39s);
    wire.send("GET ");
    wire.clock().advance(10s - 1ns);
    EXPECT_EQ(wire.take(), "");
    wire.clock().advance(1ns);
    EXPECT_TRUE(wire.take().starts_with("HTTP/1.1 408 "));
}

// A head whose beginning comes behind a whole request is timed too.
TEST_F(HttpChannelTimeTest, timesAHeadThatBeginsBehindARequest) {
    ServerWire wire(ok, times());
    wire.exchange(std::string(kGet) + "GET ");
    wire.clock().advance(10s);
    EXPECT_TRUE(wire.take().starts_with("HTTP/1.1 408 "));
}

// A body may take long, as long as something of it comes.
TEST_F(HttpChannelTimeTest, refusesABodyThatPauses) {
    ServerWire wire(ok, times());
    wire.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\n");
    for (int i = 0; i < 5; ++i) {
        wire.clock().advance(7s - 1ns);
        wire.send("x");
    }
    EXPECT_EQ(wire.take(), "");
    wire.clock().advance(7s - 1ns);
    EXPECT_EQ(wire.take(), "");
    wire.clock().advance(1ns);
    const std::string answer = wire.take();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    EXPECT_NE(answer.find("SiteOptions::bodyTimeout"), std::string::npos);
}

// Chunk framing without a byte of body does not keep a body alive.
TEST_F(HttpChannelTimeTest, wantsBodyNotFraming) {
    ServerWire wire(ok, times());
    wire.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
    wire.clock().advance(6s);
    wire.send("5;x");
    wire.clock().advance(1s);
    EXPECT_TRUE(wire.take().starts_with("HTTP/1.1 408 "));
}

// H-18: an idle connection is kept for its time from the last request on, then closed silently.
TEST_F(HttpChannelTimeTest, closesAnIdleConnection) {
    ServerWire wire(ok, times());
    for (int i = 0; i < 3; ++i) {
        wire.clock().advance(i == 0 ? 9s : 39s);
        EXPECT_FALSE(wire.exchange(kGet).empty());
    }
    wire.clock().advance(40s - 1ns);
    EXPECT_FALSE(wire.transport().writeEnded());
    wire.clock().advance(1ns);
    EXPECT_TRUE(wire.transport().writeEnded());
    EXPECT_EQ(wire.take(), "");
}

// H-18: a handler may take as long as it likes.
TEST_F(HttpChannelTimeTest, waitsForTheHandler) {
    Deferred<std::string> page;
    ServerWire wire([&](Request&) -> Rendered { return page; }, times());
    wire.send(kGet);
    wire.clock().advance(24h);
    EXPECT_FALSE(wire.transport().writeEnded());
    page.callback("late");
    EXPECT_TRUE(wire.take().ends_with("late"));
    wire.clock().advance(40s - 1ns);
    EXPECT_FALSE(wire.transport().writeEnded());
    wire.clock().advance(1ns);
    EXPECT_TRUE(wire.transport().writeEnded());
}

// H-19: a client that does not close in its turn is dropped.
TEST_F(HttpChannelTimeTest, abortsAfterTheCloseTimeout) {
    ServerWire wire(ok, times());
    wire.send("nonsense\r\n\r\n");
    EXPECT_TRUE(wire.transport().writeEnded());
    wire.send("more nonsense");
    wire.clock().advance(2s - 1ns);
    EXPECT_FALSE(wire.transport().aborted());
    wire.clock().advance(1ns);
    EXPECT_TRUE(wire.transport().aborted());
}

// A client that never takes its responses is given up, not kept for ever.
TEST_F(HttpChannelTimeTest, givesUpOnAClientThatTakesNothing) {
    ServerWire wire(ok, times());
    wire.transport().hold();
    wire.exchange(kGet);
    wire.clock().advance(40s);  // the idle time ends, but there is something to take
    EXPECT_FALSE(wire.transport().aborted());
    wire.clock().advance(20s - 1ns);
    EXPECT_FALSE(wire.transport().aborted());
    wire.clock().advance(1ns);
    EXPECT_TRUE(wire.transport().aborted());
    EXPECT_NE(notes().find("SiteOptions::sendTimeout"), std::string::npos);
}

// One that takes a little now and then is served on.
TEST_F(HttpChannelTimeTest, isPatientWithAClientThatTakesSlowly) {
    ServerWire wire([](Request&) -> Rendered { return std::string(1000, 'x'); }, times());
    wire.transport().hold();
    wire.exchange(kGet);
    wire.clock().advance(40s);
    for (int i = 0; i < 50; ++i) {
        wire.transport().drain(10);
        wire.clock().advance(20s);
        ASSERT_FALSE(wire.transport().aborted()) << i;
    }
}

// The same while a handler streams: what it writes does not count, what is taken does.
TEST_F(HttpChannelTimeTest, givesUpWhileAHandlerStreams) {
    Ref<Request> request;
    ServerWire wire(
        [&](Request& asked) -> Rendered {
            request = Ref<Request>(&asked);
            return NotDoneYet{};
        },
        times());
    wire.transport().hold();
    wire.send(kGet);
    request->write("first");
    for (int i = 0; i < 20 && !wire.transport().aborted(); ++i) {
        wire.clock().advance(5s);
        request->write("more");
    }
    EXPECT_TRUE(wire.transport().aborted());
}

// A response written just before the sender's time is looked at is not held against the client.
TEST_F(HttpChannelTimeTest, looksTwiceBeforeItGivesUp) {
    Deferred<std::string> page;
    ServerWire wire([&](Request&) -> Rendered { return page; }, times());
    wire.transport().hold();
    wire.send(kGet);
    wire.clock().advance(20s - 1ms);
    page.callback("just now");
    wire.clock().advance(1s);
    EXPECT_FALSE(wire.transport().aborted());
    wire.transport().drain();
}

// A thousand requests in a row make one timer, not a thousand.
TEST_F(HttpChannelTimeTest, makesNoTimerPerRequest) {
    ServerWire wire(ok, times());
    wire.exchange(kGet);
    const std::vector<DelayedCall> before = wire.clock().getDelayedCalls();
    for (int i = 0; i < 1000; ++i) {
        wire.exchange(kGet);
    }
    ASSERT_FALSE(before.empty());
    EXPECT_EQ(wire.clock().pendingCalls(), before.size());
    EXPECT_TRUE(std::ranges::all_of(before, &DelayedCall::active));
}

}  // namespace
}  // namespace marline::http
