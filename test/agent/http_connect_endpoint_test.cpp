#include <marline/agent/http_connect_endpoint.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/protocols/protocol.hpp>
#include <marline/reactor/testing/clock.hpp>

#include <test/support/outcome.hpp>
#include <test/support/recording_protocol.hpp>
#include <test/support/scripted_endpoint.hpp>

namespace {

using namespace marline;
using namespace marline::testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr std::uint16_t kPort = 443;

class HttpConnectEndpointTest : public ::testing::Test {
protected:
    ~HttpConnectEndpointTest() override { peer->closeAll(); }

    Outcome<Ref<IProtocol>> connect(const std::string& host = "origin.test",
                                    const HttpConnectOptions& options = {}) {
        auto proxy = peer->endpointForUri(Uri::parse("http://proxy.test").value());
        auto endpoint = makeRef<HttpConnectEndpoint>(clock, proxy, host, kPort, options);
        return Outcome<Ref<IProtocol>>(endpoint->connect(factory));
    }
    ScriptedConnection& wire() { return (*peer)[0]; }
    RecordingProtocol& user() { return *factory->built.at(0); }

    NoUnhandled unhandled;
    Clock clock;
    Ref<ScriptedPeer> peer = makeRef<ScriptedPeer>();
    Ref<RecordingFactory> factory = makeRef<RecordingFactory>();
};

// The proxy is asked in authority form, and after a 2xx the connection is the user's.
TEST_F(HttpConnectEndpointTest, opensATunnel) {
    auto made = connect();
    EXPECT_EQ(wire().take(), "CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\n\r\n");
    EXPECT_FALSE(made.fired());
    wire().send("HTTP/1.1 200 Connection established\r\n\r\n");
    ASSERT_TRUE(made.ok()) << made.message();
    EXPECT_EQ(made.value().get(), &user());
    user().transport->write("to the origin");
    wire().send("from the origin");
    EXPECT_EQ(wire().take(), "to the origin");
    EXPECT_EQ(user().received, "from the origin");
    wire().close();
    EXPECT_TRUE(user().lostWith<ConnectionDone>());
}

// IPv6 stands in brackets, and credentials are sent.
TEST_F(HttpConnectEndpointTest, namesAddressAndCredentials) {
    auto made = connect("::1", {.authorization = "Basic eDp5"});
    EXPECT_EQ(wire().take(),
              "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n"
              "Proxy-Authorization: Basic eDp5\r\n\r\n");
    EXPECT_FALSE(made.fired());
    made.cancel();
}

// The answer in pieces, a 1xx before it, framing fields that mean nothing in a 2xx (RFC 9110
// §9.3.6), and what the origin said behind it.
TEST_F(HttpConnectEndpointTest, readsAnyAnswer) {
    auto made = connect();
    wire().send("HTTP/1.1 102 Wait\r\n\r\nHTTP/1.0 201 Yes\r\nContent-Length: 5\r\n\r\nSSH-2", 7);
    ASSERT_TRUE(made.ok()) << made.message();
    EXPECT_EQ(user().received, "SSH-2");
    auto second = connect();
    (*peer)[1].send("HTTP/1.1 200 OK\r\n\r\nall at once");
    EXPECT_EQ(factory->built.at(1)->received, "all at once");
}

// Every other answer fails with its status, closes the connection, and shows no body.
TEST_F(HttpConnectEndpointTest, refusalsHaveTheirStatus) {
    for (const int status : {302, 403, 407, 502}) {
        auto made = connect();
        ScriptedConnection& last = (*peer)[peer->connections() - 1];
        last.send("HTTP/1.1 " + std::to_string(status) +
                  " No way\r\nContent-Length: 4\r\n\r\nBODY");
        const auto* error = made.failed<ProxyConnectError>();
        ASSERT_NE(error, nullptr) << made.message();
        EXPECT_EQ(error->status(), status);
        EXPECT_THAT(made.message(), HasSubstr("does not connect to origin.test:443: it answered " +
                                              std::to_string(status) + " No way"));
        EXPECT_EQ(made.message().find("BODY"), std::string::npos);
        EXPECT_EQ(made.message().find("user:password@") != std::string::npos, status == 407);
        EXPECT_TRUE(last.aborted());
    }
    EXPECT_TRUE(factory->built.empty());
}

// Something that does not speak HTTP, and a head beyond the limits, are told; status 0.
TEST_F(HttpConnectEndpointTest, refusesWhatIsNoAnswer) {
    auto made = connect();
    wire().send("SSH-2.0-x\r\n");
    ASSERT_NE(made.failed<ProxyConnectError>(), nullptr) << made.message();
    EXPECT_EQ(made.failed<ProxyConnectError>()->status(), 0);
    EXPECT_TRUE(wire().aborted());
    http::WireLimits small;
    small.headerBlock = 64;
    auto long_ = connect("origin.test", {.wire = small});
    (*peer)[1].send("HTTP/1.1 200 OK\r\nX: " + std::string(64, 'x') + "\r\n\r\n");
    ASSERT_NE(long_.failed<ProxyConnectError>(), nullptr) << long_.message();
    EXPECT_THAT(long_.message(), HasSubstr("headerBlock"));
}

// A proxy that hangs up fails the connection, before and inside its answer.
TEST_F(HttpConnectEndpointTest, proxyHangsUp) {
    auto made = connect();
    wire().send("HTTP/1.1 200");
    wire().close();
    ASSERT_NE(made.failed<ProxyConnectError>(), nullptr) << made.message();
    EXPECT_THAT(made.message(), HasSubstr("closed the connection"));
}

// A silent proxy is waited for as long as the option says; a tunnel that stands has no time-out.
TEST_F(HttpConnectEndpointTest, hasATimeOut) {
    auto made = connect("origin.test", {.timeout = 5s});
    clock.advance(4999ms);
    EXPECT_FALSE(made.fired());
    clock.advance(1ms);
    ASSERT_NE(made.failed<ConnectTimeoutError>(), nullptr) << made.message();
    EXPECT_THAT(made.message(), HasSubstr("HttpConnectOptions::timeout"));
    EXPECT_TRUE(wire().aborted());
    auto stands = connect("origin.test", {.timeout = 5s});
    (*peer)[1].send("HTTP/1.1 200 OK\r\n\r\n");
    clock.advance(1h);
    EXPECT_TRUE((*peer)[1].open());
    EXPECT_TRUE(stands.ok());
}

// Cancelling stops connecting to the proxy, and waiting for its answer.
TEST_F(HttpConnectEndpointTest, canBeCancelled) {
    auto made = connect();
    made.cancel();
    EXPECT_NE(made.failed<CancelledError>(), nullptr);
    EXPECT_TRUE(wire().aborted());
    wire().settle();
    peer->hold();
    auto early = connect();
    early.cancel();
    EXPECT_TRUE(peer->attempt(1).cancelled);
    EXPECT_NE(early.failed<CancelledError>(), nullptr);
}

// A factory without a protocol, a proxy that cannot be reached, and a host that is none.
TEST_F(HttpConnectEndpointTest, otherFailures) {
    factory->refuse = true;
    auto none = connect();
    wire().send("HTTP/1.1 200 OK\r\n\r\n");
    EXPECT_NE(none.failed<NoProtocol>(), nullptr) << none.message();
    EXPECT_TRUE(wire().aborted());
    auto thrower = factoryOf(
        [](const Address&) -> Ref<IProtocol> { throw std::runtime_error("no protocol today"); });
    auto endpoint = makeRef<HttpConnectEndpoint>(
        clock, peer->endpointForUri(Uri::parse("http://proxy.test").value()), "origin.test", kPort);
    Outcome<Ref<IProtocol>> threw(endpoint->connect(std::move(thrower)));
    (*peer)[1].send("HTTP/1.1 200 OK\r\n\r\n");
    EXPECT_NE(threw.failed<std::runtime_error>(), nullptr) << threw.message();
    EXPECT_TRUE((*peer)[1].aborted());
    peer->refuseAll();
    EXPECT_NE(connect().failed<ConnectionRefusedError>(), nullptr);
    EXPECT_THROW(connect("a b"), std::invalid_argument);
}

}  // namespace
