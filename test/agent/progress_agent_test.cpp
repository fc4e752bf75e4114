#include <marline/agent/progress_agent.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/agent/agent.hpp>
#include <marline/agent/client.hpp>
#include <marline/agent/errors.hpp>
#include <marline/agent/request_bodies.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/testing/clock.hpp>

#include <test/support/outcome.hpp>
#include <test/support/scripted_agent.hpp>
#include <test/support/scripted_endpoint.hpp>

namespace {

using namespace marline;
using namespace marline::testing;
using ::testing::ElementsAre;

std::string shown(const std::optional<std::uint64_t>& total) {
    return total ? std::to_string(*total) : "?";
}

class ProgressAgentTest : public ::testing::Test {
protected:
    ~ProgressAgentTest() override { peer->closeAll(); }

    OnProgress noting() {
        return [this](const Uri& uri, const Progress& progress) {
            told.push_back(uri.path() + " " + std::to_string(progress.uploaded) + "/" +
                           shown(progress.uploadTotal) + " " + std::to_string(progress.downloaded) +
                           "/" + shown(progress.downloadTotal));
        };
    }
    Agent agent() {
        return Agent::usingEndpointFactory(clock, Ref<IAgentEndpointFactory>(peer.get()));
    }

    NoUnhandled unhandled;
    Clock clock;
    Ref<ScriptedPeer> peer = makeRef<ScriptedPeer>();
    std::vector<std::string> told;
};

// Each piece is told, both ways, with the totals that are known.
TEST_F(ProgressAgentTest, tellsEachPiece) {
    const ProgressAgent counted(agent(), noting());
    Outcome<Response> response(
        counted.request("POST", "http://h/x", {}, makeRef<StringBody>("12345")));
    EXPECT_THAT(told, ElementsAre("/x 5/5 0/?"));
    (*peer)[0].send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
    Outcome<std::string> body(readBody(response.value()));
    (*peer)[0].settle();
    (*peer)[0].send("def");
    EXPECT_EQ(body.value(), "abcdef");
    EXPECT_THAT(told, ElementsAre("/x 5/5 0/?", "/x 5/5 3/6", "/x 5/5 6/6"));
}

// A total that nobody knows is none.
TEST_F(ProgressAgentTest, unknownTotals) {
    const ProgressAgent counted(agent(), noting());
    Outcome<Response> response(counted.request("GET", "http://h/x"));
    (*peer)[0].send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n");
    Outcome<std::string> body(readBody(response.value()));
    EXPECT_EQ(body.value(), "ab");
    EXPECT_THAT(told, ElementsAre("/x 0/? 2/?"));
}

// What the function throws ends the body that it was told of.
TEST_F(ProgressAgentTest, throwingEndsTheBody) {
    const ProgressAgent counted(
        agent(), [](const Uri&, const Progress&) { throw std::runtime_error("enough"); });
    Outcome<Response> response(counted.request("GET", "http://h/x"));
    (*peer)[0].send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
    Outcome<std::string> body(readBody(response.value()));
    EXPECT_NE(body.failed<ResponseFailed>(), nullptr) << body.message();
    Outcome<Response> sent(counted.request("POST", "http://h/x", {}, makeRef<StringBody>("1")));
    EXPECT_NE(sent.failed<RequestGenerationFailed>(), nullptr) << sent.message();
}

// The same in a later piece, which the connection asks for.
TEST_F(ProgressAgentTest, throwingLaterEndsTheUpload) {
    const ProgressAgent counted(agent(), [](const Uri&, const Progress& progress) {
        if (progress.uploaded > 3) {
            throw std::runtime_error("enough");
        }
    });
    Outcome<Response> response(counted.request(
        "POST", "http://h/x", {},
        makeRef<GeneratorBody>([] { return succeed(std::optional<std::string>("abc")); })));
    ASSERT_NE((*peer)[0].producer(), nullptr);
    (*peer)[0].producer()->resumeProducing();
    EXPECT_FALSE(response.fired());
    (*peer)[0].producer()->resumeProducing();
    ASSERT_NE(response.failed<RequestGenerationFailed>(), nullptr) << response.message();
    EXPECT_THAT(response.message(), ::testing::HasSubstr("enough"));
    EXPECT_EQ((*peer)[0].producer(), nullptr);
    EXPECT_TRUE((*peer)[0].aborted());
}

// A response before the body is through ends the upload, which nobody else holds any more.
TEST_F(ProgressAgentTest, earlyResponseEndsTheUpload) {
    const ProgressAgent counted(agent(), noting());
    Outcome<Response> response(counted.request(
        "POST", "http://h/x", {},
        makeRef<GeneratorBody>([] { return succeed(std::optional<std::string>("abc")); })));
    ASSERT_NE((*peer)[0].producer(), nullptr);
    (*peer)[0].producer()->resumeProducing();
    (*peer)[0].send(reply("413 Too Much"));
    ASSERT_TRUE(response.ok()) << response.message();
    EXPECT_EQ(response.value().code(), 413);
    EXPECT_EQ((*peer)[0].producer(), nullptr);
    peer->settle();
    EXPECT_FALSE((*peer)[0].open());
    EXPECT_THAT(told, ElementsAre("/x 3/? 0/?"));
}

// A Client's hook sees what goes over the wire, of each request of a redirect.
TEST_F(ProgressAgentTest, ofAClient) {
    const Client client(agent(), clock, {.onProgress = noting()});
    RequestOptions options;
    options.body = makeRef<StringBody>("12");
    Outcome<ClientResponse> response(client.post("http://h/a", options));
    (*peer)[0].send(reply("307 Go", "Location: /b\r\n"));
    peer->settle();
    (*peer)[0].send(reply("200 OK"));
    ASSERT_TRUE(response.ok()) << response.message();
    EXPECT_THAT(told, ElementsAre("/a 2/2 0/?", "/b 2/2 0/?"));
}

}  // namespace
