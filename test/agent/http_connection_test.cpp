#include <test/agent/http_connection_fixture.hpp>

#include <algorithm>

namespace {

using namespace marline::testing;
using namespace marline;
using ::testing::HasSubstr;

class ResponseTest : public HttpConnectionTest {};

INSTANTIATE_TEST_SUITE_P(chunks, ResponseTest,
                         ::testing::Values(std::size_t{1}, std::string::npos));

// WR-1: the response is there when its head is; the connection is paused, and what came is kept.
TEST_P(ResponseTest, firesAtTheHead) {
    auto response = request();
    answer("HTTP/1.1 200 Fine\r\nX-A: 1\r\nContent-Length: 4\r\n\r");
    EXPECT_FALSE(response.fired());
    peer.send("\nab");
    ASSERT_TRUE(response.ok());
    EXPECT_EQ(response.value().code(), 200);
    EXPECT_EQ(response.value().phrase(), "Fine");
    EXPECT_EQ(response.value().headers().get("x-a"), "1");
    EXPECT_TRUE(peer.paused());
    EXPECT_EQ(deliver(response.value())->text, "ab");
    EXPECT_FALSE(peer.paused());
}

// WR-2, WR-3: a body that is whole already is given at once, with its end; a second reader is
// refused.
TEST_P(ResponseTest, wholeBodyIsGivenAtOnce) {
    auto response = request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    const auto body = deliver(response.value());
    EXPECT_EQ(body->connections, 1);
    EXPECT_EQ(body->text, "hi");
    EXPECT_TRUE(body->endedWith<ResponseDone>());
    EXPECT_THROW(deliver(response.value()), std::logic_error);
}

// WR-4, WR-10: a body with a length, or in chunks, ends with ResponseDone, and length() says what
// is known of it.
TEST_P(ResponseTest, framedBodiesAreDone) {
    auto sized = request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    EXPECT_EQ(sized.value().length(), 2U);
    const auto first = deliver(sized.value());
    answer("hi");
    EXPECT_TRUE(first->endedWith<ResponseDone>());
    auto chunked = request();
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    EXPECT_FALSE(chunked.value().length().has_value());
    const auto second = deliver(chunked.value());
    answer("1\r\nh\r\n1;x=y\r\ni\r\n0\r\n\r\n");
    EXPECT_EQ(second->text, "hi");
    EXPECT_TRUE(second->endedWith<ResponseDone>());
    EXPECT_EQ(owner.idle, 2);
}

// WR-5: a body that only the close ends may be whole or cut; a reset has cut it.
TEST_P(ResponseTest, closeDelimitedBodiesAreUncertain) {
    auto response = request();
    answer("HTTP/1.1 200 OK\r\n\r\n");
    const auto body = deliver(response.value());
    answer("hi");
    peer.close();
    EXPECT_EQ(body->text, "hi");
    EXPECT_TRUE(body->endedWith<PotentialDataLoss>());
    EXPECT_EQ(owner.idle, 0);
}

// WR-5: the same, ended by a reset.
TEST_P(ResponseTest, resetCutsACloseDelimitedBody) {
    auto response = request();
    answer("HTTP/1.0 200 OK\r\n\r\n");
    const auto body = deliver(response.value());
    peer.lose();
    EXPECT_TRUE(body->endedWith<ResponseFailed>());
}

// WR-6: an end inside a body with a length, or in chunks, is a failure that holds the reason.
TEST_P(ResponseTest, cutBodiesFail) {
    auto response = request();
    answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const auto body = deliver(response.value());
    answer("2\r\nhi\r\n");
    peer.close();
    ASSERT_TRUE(body->endedWith<ResponseFailed>());
    EXPECT_NE(body->end->check<ResponseFailed>()->reasons().at(0).check<ConnectionDone>(), nullptr);
    EXPECT_THAT(body->end->message(), HasSubstr("from h ended inside its body"));
}

// WR-7: an end before any byte is ResponseNeverReceived, one inside the head ResponseFailed.
TEST_P(ResponseTest, cutHeadsFail) {
    auto nothing = request();
    peer.close();
    EXPECT_NE(nothing.failed<ResponseNeverReceived>(), nullptr);
}

// WR-7: some of the head is not none of it.
TEST_P(ResponseTest, endInsideTheHeadFails) {
    auto some = request();
    answer("HTTP/1.1 200 OK\r\nX:");
    peer.close();
    ASSERT_NE(some.failed<ResponseFailed>(), nullptr);
    EXPECT_EQ(some.failed<ResponseNeverReceived>(), nullptr);
    EXPECT_THAT(some.message(), HasSubstr("ended inside its head"));
}

// WR-8, WR-9: HEAD, 204 and 304 have no body, whatever their fields say; the fields stay visible.
TEST_P(ResponseTest, bodilessResponsesAreDone) {
    struct Case {
        const char* method;
        const char* status;
    };
    for (const Case& c : {Case{"HEAD", "200 OK"}, Case{"GET", "304 Same"}}) {
        auto response = request(c.method);
        answer(std::string("HTTP/1.1 ") + c.status + "\r\nContent-Length: 9\r\n\r\n");
        ASSERT_TRUE(response.ok()) << response.message();
        EXPECT_EQ(response.value().length(), 0U);
        EXPECT_EQ(response.value().headers().get("content-length"), "9");
        EXPECT_TRUE(deliver(response.value())->endedWith<ResponseDone>());
    }
    EXPECT_EQ(owner.idle, 2);
}

// WR-11, WR-12 (differ): what two parsers could read differently fails the response and closes.
TEST_P(ResponseTest, ambiguousFramingFails) {
    for (const char* fields : {"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
                               "Content-Length: 2\r\nContent-Length: 2\r\n",
                               "Content-Length: 2x\r\n", "Transfer-Encoding: gzip\r\n"}) {
        ScriptedConnection own;
        auto client = makeRef<HttpConnection>(clock, shared({}));
        own.connect(client);
        Outcome<Response> response(client->request(
            makeRef<Exchange>("GET", Uri::parse("http://h/x").value(), "R", Ref<IBodyProducer>{})));
        own.send("HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\nhi", GetParam());
        ASSERT_NE(response.failed<ResponseFailed>(), nullptr) << fields;
        EXPECT_NE(response.failed<ResponseFailed>()->reasons().at(0).check<http::ParseError>(),
                  nullptr);
        EXPECT_TRUE(own.aborted());
        own.settle();
    }
}

// WR-13, WR-14: informational answers are passed over; a bad status line fails.
TEST_P(ResponseTest, informationalAnswersArePassedOver) {
    auto response = request();
    answer("HTTP/1.1 102 Wait\r\nX: 1\r\n\r\nHTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 204 No\r\n\r\n");
    ASSERT_TRUE(response.ok());
    EXPECT_EQ(response.value().code(), 204);
    EXPECT_FALSE(response.value().headers().hasHeader("X"));
    auto bad = request();
    answer("ICY 200 OK\r\n\r\n");
    EXPECT_NE(bad.failed<ResponseFailed>(), nullptr);
}

// WR-15 (differs), WR-16, WR-17: folded lines, bare line feeds and a head that is too large fail
// the response, close the connection, and say why.
TEST_P(ResponseTest, badHeadsFailAndClose) {
    for (const auto& [head, why] : std::vector<std::pair<std::string, std::string>>{
             {"A: b\r\n c\r\n\r\n", "bad response from h"},
             {"A: b\n\r\n", "bad response from h"},
             {"A: " + std::string(70'000, 'x') + "\r\n\r\n", "headerBlock"}}) {
        ScriptedConnection own;
        auto client = makeRef<HttpConnection>(clock, shared({}));
        own.connect(client);
        Outcome<Response> response(client->request(
            makeRef<Exchange>("GET", Uri::parse("http://h/x").value(), "R", Ref<IBodyProducer>{})));
        // The large one in few reads: the script is slow with many.
        own.send("HTTP/1.1 200 OK\r\n" + head, std::max<std::size_t>(GetParam(), head.size() / 9));
        EXPECT_THAT(response.message(), HasSubstr(why));
        EXPECT_TRUE(own.aborted());
        own.settle();
    }
}

// WR-27: a response that nobody reads keeps its connection, paused, with no more than one read in
// memory, and no time runs out for it.
TEST_P(ResponseTest, unreadResponseWaits) {
    auto response = request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + std::string(1000, 'x'));
    peer.send(std::string(50'000, 'x'));
    EXPECT_TRUE(peer.paused());
    clock.advance(1h);
    EXPECT_TRUE(peer.open());
    const auto body = deliver(response.value());
    EXPECT_EQ(body->text.size(), 1000U);
    peer.settle();
    EXPECT_EQ(body->text.size(), 51'000U);
}

}  // namespace
