// Upgrades: 101 Switching Protocols hands the connection over.
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/agent/agent.hpp>
#include <marline/agent/body.hpp>
#include <marline/agent/errors.hpp>
#include <marline/agent/redirect_agent.hpp>
#include <marline/agent/request_bodies.hpp>
#include <marline/reactor/testing/clock.hpp>

#include <test/support/outcome.hpp>
#include <test/support/recording_protocol.hpp>
#include <test/support/scripted_agent.hpp>
#include <test/support/scripted_endpoint.hpp>

namespace {

using namespace marline;
using namespace marline::testing;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

class UpgradeTest : public ::testing::Test {
protected:
    ~UpgradeTest() override { peer->closeAll(); }

    Outcome<Response> ask(const http::Headers& headers = {{"Upgrade", "echo"}},
                          const char* method = "GET", Ref<IBodyProducer> body = {}) {
        return Outcome<Response>(agent.request(method, "http://h/", headers, std::move(body)));
    }
    ScriptedConnection& wire() { return (*peer)[0]; }
    static Ref<RecordingProtocol> switched(const Response& response) {
        auto protocol = makeRef<RecordingProtocol>();
        response.switchProtocol(protocol);
        return protocol;
    }

    NoUnhandled unhandled;
    Clock clock;
    Ref<ScriptedPeer> peer = makeRef<ScriptedPeer>();
    Agent agent = Agent::usingEndpointFactory(clock, Ref<IAgentEndpointFactory>(peer.get()));
};

// RFC 9110 §7.8: Upgrade comes with the Connection option, unless the caller wrote that field.
TEST_F(UpgradeTest, offersTheUpgrade) {
    auto response = ask();
    EXPECT_EQ(wire().take(),
              "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    response.cancel();
    auto own = ask({{"Connection", "upgrade, x"}, {"Upgrade", "echo"}, {"X", "1"}});
    EXPECT_THAT((*peer)[1].take(), Not(HasSubstr("Connection: Upgrade")));
    own.cancel();
}

// The protocol gets the connection, what came behind the 101, and all that comes then; the pool
// has forgotten it.
TEST_F(UpgradeTest, handsTheConnectionOver) {
    auto response = ask();
    wire().take();
    wire().send(std::string(kSwitching) + "first ", 5);
    ASSERT_TRUE(response.ok()) << response.message();
    EXPECT_EQ(response.value().code(), 101);
    EXPECT_EQ(response.value().length(), 0U);
    EXPECT_TRUE(wire().paused());
    const auto protocol = switched(response.value());
    EXPECT_FALSE(wire().paused());
    wire().send("second");
    EXPECT_EQ(protocol->received, "first second");
    protocol->transport->write("answer");
    EXPECT_EQ(wire().take(), "answer");
    EXPECT_EQ(agent.metrics().open, 0U);
    response.drop();
    EXPECT_TRUE(wire().open()) << "the response went, the connection is the protocol's";
    EXPECT_EQ(clock.pendingCalls(), 0U);
    wire().close();
    EXPECT_TRUE(protocol->lostWith<ConnectionDone>());
}

// A server that does not upgrade answers as ever, and its connection is kept.
TEST_F(UpgradeTest, serverMayDecline) {
    auto response = ask();
    wire().send(reply("200 OK"));
    ASSERT_TRUE(response.ok());
    EXPECT_THROW(response.value().switchProtocol(makeRef<RecordingProtocol>()), std::logic_error);
    EXPECT_EQ(agent.metrics().idle, 1U);
}

// WR-13 (differs): a 101 that nobody asked for is an error (RFC 9110 §15.2.2), and so is one before
// the request is sent whole.
TEST_F(UpgradeTest, refusesUnaskedUpgrades) {
    auto unasked = ask({});
    wire().send(kSwitching);
    EXPECT_NE(unasked.failed<ResponseFailed>(), nullptr) << unasked.message();
    EXPECT_TRUE(wire().aborted());
    auto nothing = ask({{"Upgrade", " ,"}});
    (*peer)[1].send(kSwitching);
    EXPECT_NE(nothing.failed<ResponseFailed>(), nullptr) << nothing.message();
    auto early =
        ask({{"Upgrade", "echo"}, {"Expect", "100-continue"}}, "POST", makeRef<StringBody>("body"));
    (*peer)[2].send(kSwitching);
    EXPECT_NE(early.failed<ResponseFailed>(), nullptr) << early.message();
    EXPECT_THAT(early.message(), HasSubstr("before the request was sent"));
}

// RFC 9110 §7.8: a server chooses among what was offered: names in either case, and the version
// that the offer named, if it named one; several when one stands upon the other.
TEST_F(UpgradeTest, takesWhatWasOffered) {
    const struct {
        http::Headers offer;
        const char* answer;
    } cases[] = {
        {{{"Upgrade", "echo"}}, "Upgrade: ECHO"},
        {{{"Upgrade", "Echo"}}, "upgrade: echo/2"},
        {{{"Upgrade", "echo/1, echo/2"}}, "Upgrade: Echo/2"},
        {{{"Upgrade", " other ,, echo"}}, "Upgrade:echo,"},
        {{{"Upgrade", "other"}, {"Upgrade", "echo"}}, "Upgrade: echo"},
        {{{"Upgrade", "tls/1.3, echo"}}, "Upgrade: TLS/1.3, echo"},
        {{{"Upgrade", "tls/1.3, echo"}}, "Upgrade: TLS/1.3\r\nUpgrade: echo"},
    };
    for (const auto& [offer, answer] : cases) {
        peer->settle();
        auto response = ask(offer);
        (*peer)[peer->connections() - 1].send("HTTP/1.1 101 S\r\nConnection: upgrade\r\n" +
                                              std::string(answer) + "\r\n\r\n");
        EXPECT_TRUE(response.ok()) << answer << ": " << response.message();
    }
}

// RFC 9110 §7.8: a server must not switch to what was not offered; the error names both.
TEST_F(UpgradeTest, refusesWhatWasNotOffered) {
    const struct {
        const char* offer;
        const char* answer;
        const char* error;
    } cases[] = {
        {"echo", "Connection: Upgrade\r\nUpgrade: h2c", "to 'h2c', and the request offered 'echo'"},
        {"echo/1", "Connection: Upgrade\r\nUpgrade: echo/2", "to 'echo/2'"},
        {"echo/1", "Connection: Upgrade\r\nUpgrade: echo", "to 'echo'"},
        {"a/X", "Connection: Upgrade\r\nUpgrade: A/x", "to 'A/x'"},
        {"echo", "Connection: Upgrade\r\nUpgrade: ech", "to 'ech'"},
        {"echo", "Connection: Upgrade\r\nUpgrade: echoes", "to 'echoes'"},
        {"a, b", "Connection: Upgrade\r\nUpgrade: a, c",
         "to 'a, c', and the request offered 'a, b'"},
        {"echo", "Connection: Upgrade\r\nUpgrade: echo\r\nUpgrade: \xff", "to 'echo,  '"},
        {"echo", "Connection: Upgrade\r\nUpgrade: ,", "says not to which"},
        {"echo", "Connection: Upgrade", "says not to which"},
        {"echo", "Upgrade: echo", "says not to which"},
    };
    for (const auto& [offer, answer, error] : cases) {
        auto response = ask({{"Upgrade", offer}});
        ScriptedConnection& connection = (*peer)[peer->connections() - 1];
        connection.send("HTTP/1.1 101 S\r\n" + std::string(answer) + "\r\n\r\n");
        EXPECT_NE(response.failed<ResponseFailed>(), nullptr) << answer;
        EXPECT_THAT(response.message(), HasSubstr(error));
        EXPECT_TRUE(connection.aborted()) << answer;
    }
}

// Nobody takes the connection: it closes with the last handle; the body is empty.
TEST_F(UpgradeTest, closesWhenNobodyTakesIt) {
    auto response = ask();
    wire().send(kSwitching);
    Outcome<std::string> body(readBody(response.value()));
    EXPECT_EQ(body.value(), "");
    EXPECT_TRUE(wire().open());
    response.drop();
    EXPECT_TRUE(wire().aborted());
    wire().settle();
    EXPECT_EQ(agent.metrics().open, 0U);
}

// The connection is lost, or given up, before somebody takes it: the protocol hears what there was.
TEST_F(UpgradeTest, mayBeLostBefore) {
    auto response = ask();
    wire().send(std::string(kSwitching) + "rest");
    wire().lose();
    const auto protocol = switched(response.value());
    EXPECT_EQ(protocol->made, 1);
    EXPECT_EQ(protocol->received, "rest");
    EXPECT_TRUE(protocol->lostWith<ConnectionLost>());
    EXPECT_THROW(response.value().switchProtocol(protocol), std::logic_error);
    auto given = ask();
    (*peer)[1].send(kSwitching);
    given.value().abort();
    EXPECT_TRUE((*peer)[1].aborted());
    EXPECT_EQ(switched(given.value())->losses, 1);
}

// Through agents that wrap others it is the same response.
TEST_F(UpgradeTest, throughOtherAgents) {
    Outcome<Response> response(
        RedirectAgent(agent).request("GET", "http://h/", http::Headers{{"Upgrade", "echo"}}));
    wire().send(kSwitching);
    const auto protocol = switched(response.value());
    wire().send("x");
    EXPECT_EQ(protocol->received, "x");
}

}  // namespace
