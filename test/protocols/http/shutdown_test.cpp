// Site::shutdown(): what becomes of each connection.
#include <marline/protocols/http/site.hpp>

#include <marline/reactor/errors.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "server_wire.hpp"

namespace marline::http {
namespace {

using namespace std::chrono_literals;

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: t\r\n\r\n";

/// A site with any number of connections in memory, whose requests wait for answer().
class ShutdownTest : public test::ServerTest {
protected:
    struct Connection {
        testing::StringTransport transport;
        Ref<IProtocol> protocol;

        void send(std::string_view bytes) const { protocol->dataReceived(asBytes(bytes)); }
        void disconnect() {
            transport.disconnect();
            protocol->connectionLost(ConnectionDone());
            protocol.reset();
        }
    };

    void connect(Connection& connection) {
        connection.protocol = site->buildProtocol(connection.transport.getPeer());
        connection.protocol->makeConnection(connection.transport);
    }
    void shutdown(Duration grace) {
        site->shutdown(grace).addCallback([this](const ShutdownReport& done) { report = done; });
    }
    void answer() {
        waiting->finish("late");
        waiting.reset();
    }

    testing::Clock clock;
    Ref<Request> waiting;
    Ref<Site> site =
        makeRef<Site>(clock, makeRef<FunctionResource>([this](Request& request) -> Rendered {
                          waiting = Ref<Request>(&request);
                          return NotDoneYet{};
                      }));
    std::optional<ShutdownReport> report;
};

// Without a connection it is over at once.
TEST_F(ShutdownTest, isOverWhenThereIsNobody) {
    shutdown(10s);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->idle + report->finished + report->forced, 0U);
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// A connection without a request is closed at once, also one that is new.
TEST_F(ShutdownTest, closesIdleConnections) {
    Connection fresh;
    Connection kept;
    connect(fresh);
    connect(kept);
    kept.send(kGet);
    answer();
    EXPECT_EQ(site->connections(), 2U);
    shutdown(10s);
    EXPECT_TRUE(fresh.transport.closed());
    EXPECT_TRUE(kept.transport.closed());
    EXPECT_FALSE(report);
    fresh.disconnect();
    kept.disconnect();
    ASSERT_TRUE(report);
    EXPECT_EQ(report->idle, 2U);
    EXPECT_EQ(report->finished, 0U);
    EXPECT_EQ(report->forced, 0U);
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// What runs is finished, says that it is the last, and then the connection closes.
TEST_F(ShutdownTest, finishesWhatRuns) {
    Connection busy;
    connect(busy);
    busy.send(kGet);
    shutdown(10s);
    EXPECT_FALSE(busy.transport.closed());
    clock.advance(9s);
    answer();
    EXPECT_NE(busy.transport.value().find("\r\nConnection: close\r\n"), std::string::npos);
    EXPECT_TRUE(busy.transport.writeEnded());
    busy.disconnect();
    ASSERT_TRUE(report);
    EXPECT_EQ(report->finished, 1U);
    EXPECT_EQ(report->idle + report->forced, 0U);
}

// A request that has begun to come is still taken.
TEST_F(ShutdownTest, finishesWhatHasBegunToCome) {
    Connection half;
    connect(half);
    half.send("POST / HTTP/1.1\r\nHost: t\r\n");
    shutdown(10s);
    half.send("Content-Length: 2\r\n\r\n");
    half.send("ab");
    ASSERT_TRUE(waiting);
    EXPECT_EQ(waiting->content(), "ab");
    answer();
    EXPECT_TRUE(half.transport.writeEnded());
    half.disconnect();
    EXPECT_EQ(report->finished, 1U);
}

// When the grace is over the rest is cut, and its handlers hear that the client has gone.
TEST_F(ShutdownTest, cutsTheRestAtItsEnd) {
    Connection busy;
    connect(busy);
    busy.send(kGet);
    bool gone = false;
    waiting->notifyFinish().addErrback([&gone](const Failure&) { gone = true; });
    shutdown(10s);
    clock.advance(10s);
    EXPECT_TRUE(busy.transport.aborted());
    busy.disconnect();
    EXPECT_TRUE(gone);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->forced, 1U);
    EXPECT_EQ(report->finished, 0U);
    waiting.reset();
}

// Who hangs on to a connection that is closing counts as finished, and is cut all the same.
TEST_F(ShutdownTest, cutsWhoDoesNotClose) {
    Connection slow;
    connect(slow);
    slow.send(kGet);
    shutdown(1s);
    answer();
    clock.advance(1s);
    EXPECT_TRUE(slow.transport.aborted());
    slow.disconnect();
    EXPECT_EQ(report->finished, 1U);
    EXPECT_EQ(report->forced, 0U);
}

// Connections that come later are closed at once.
TEST_F(ShutdownTest, takesNobodyIn) {
    shutdown(10s);
    EXPECT_FALSE(site->buildProtocol(Address()));
    EXPECT_TRUE(site->closing());
}

// A second call may shorten the grace, not lengthen it, and hears the same.
TEST_F(ShutdownTest, mayBeHurried) {
    Connection busy;
    connect(busy);
    busy.send(kGet);
    shutdown(10s);
    shutdown(60s);
    std::optional<ShutdownReport> second;
    site->shutdown(1s).addCallback([&](const ShutdownReport& done) { second = done; });
    clock.advance(1s);
    EXPECT_TRUE(busy.transport.aborted());
    busy.disconnect();
    ASSERT_TRUE(report && second);
    EXPECT_EQ(second->forced, 1U);
    waiting.reset();
}

/// A port that notes that it was stopped.
class Port final : public IListeningPort {
public:
    const Address& getHost() const noexcept override { return host_; }
    std::size_t connections() const noexcept override { return 0; }
    Deferred<> stopListening() override {
        stopped = true;
        Deferred<> done;
        done.errback(std::runtime_error("the port sticks"));
        return done;
    }

    bool stopped = false;

private:
    Address host_;
};

// The ports stop first; one that cannot is logged and holds nothing up.
TEST_F(ShutdownTest, stopsThePorts) {
    auto port = makeRef<Port>();
    site->shutdown(1s, {port}).addCallback([this](const ShutdownReport& done) { report = done; });
    EXPECT_TRUE(port->stopped);
    EXPECT_TRUE(report);
    EXPECT_NE(errors().find("the port sticks"), std::string::npos);
}

}  // namespace
}  // namespace marline::http
