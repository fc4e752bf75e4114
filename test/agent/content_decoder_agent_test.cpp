#include <marline/agent/content_decoder_agent.hpp>

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/agent/errors.hpp>
#include <marline/reactor/errors.hpp>

#include <test/support/compress.hpp>
#include <test/support/outcome.hpp>
#include <test/support/scripted_agent.hpp>

namespace {

using namespace marline;
using namespace marline::testing;
using ::testing::HasSubstr;

class ContentDecoderAgentTest : public ::testing::Test {
protected:
    ~ContentDecoderAgentTest() override { inner->closeAll(); }

    Outcome<Response> request(ContentDecoderAgentOptions options = {},
                              const http::Headers& headers = {}, const char* method = "GET") {
        const ContentDecoderAgent agent{ScriptedAgentHandle(inner), std::move(options)};
        return Outcome<Response>(agent.request(method, "http://h/x", headers));
    }
    Outcome<Response> answered(const std::string& codings, const std::string& body,
                               ContentDecoderAgentOptions options = {}) {
        inner->answer(reply("200 OK", "Content-Encoding: " + codings + "\r\n", body));
        return request(std::move(options));
    }
    static Ref<BodyRecorder> deliver(const Response& response) {
        auto body = makeRef<BodyRecorder>();
        response.deliverBody(body);
        return body;
    }

    NoUnhandled unhandled;
    Ref<ScriptedAgent> inner = makeRef<ScriptedAgent>();
};

// WX-13: one Accept-Encoding lists the codings in order, beside the caller's own.
TEST_F(ContentDecoderAgentTest, asksForItsCodings) {
    const http::Headers own{{"Accept-Encoding", "identity;q=0.5"}};
    request({}, own);
    EXPECT_EQ(inner->last().field("Accept-Encoding"), "identity;q=0.5 | gzip, deflate, br, zstd");
    request({.codings = {"br"}});
    EXPECT_EQ(inner->last().field("accept-encoding"), "br");
    EXPECT_EQ(own.size(), 1U) << "WA-3: the caller's fields are not changed";
}

// A range of coded bytes cannot be decoded, so none is asked for, and none is tried.
TEST_F(ContentDecoderAgentTest, leavesRangesAlone) {
    inner->answer(reply("206 Partial", "Content-Encoding: gzip\r\n", "cut"));
    auto response = request({}, http::Headers{{"Range", "bytes=3-5"}});
    EXPECT_EQ(inner->last().field("Accept-Encoding"), "");
    EXPECT_EQ(deliver(response.value())->text, "cut");
}

// WX-14: the coding is taken off, the field goes with it, and the length is not known.
TEST_F(ContentDecoderAgentTest, decodesTheBody) {
    auto response = answered("gzip", gzipped("hello"));
    EXPECT_FALSE(response.value().headers().hasHeader("Content-Encoding"));
    EXPECT_FALSE(response.value().headers().hasHeader("Content-Length"));
    EXPECT_FALSE(response.value().length().has_value());
    EXPECT_EQ(response.value().code(), 200);
    const auto body = deliver(response.value());
    EXPECT_EQ(body->text, "hello");
    EXPECT_EQ(body->connections, 1);
    EXPECT_TRUE(body->endedWith<ResponseDone>()) << body->end->message();
}

// WX-14: from the last one backwards, up to the first that is not known; that and those before it
// stay in the field.
TEST_F(ContentDecoderAgentTest, stopsAtTheFirstUnknown) {
    auto response = answered("gzip, sdch, identity,\tBR , x-gzip", gzipped(brotlied("hello")));
    EXPECT_EQ(response.value().headers().get("Content-Encoding"), "gzip, sdch");
    EXPECT_EQ(deliver(response.value())->text, "hello");
}

// A coding that was not asked for is not taken off.
TEST_F(ContentDecoderAgentTest, leavesWhatItDidNotAskFor) {
    const std::string data = brotlied("hello");
    auto response = answered("br", data, {.codings = {"gzip"}});
    EXPECT_EQ(response.value().headers().get("Content-Encoding"), "br");
    EXPECT_EQ(response.value().length(), data.size());
    EXPECT_EQ(deliver(response.value())->text, data);
}

// No more than five codings are taken off: each costs memory.
TEST_F(ContentDecoderAgentTest, takesOffFiveAtMost) {
    std::string data = "hello";
    for (int i = 0; i < 6; ++i) {
        data = gzipped(data);
    }
    auto response = answered("gzip, gzip, gzip, gzip, gzip, gzip", data);
    EXPECT_EQ(response.value().headers().get("Content-Encoding"), "gzip");
    EXPECT_EQ(deliver(response.value())->text, gzipped("hello"));
}

// A response without a body keeps its fields: they say what the body would be.
TEST_F(ContentDecoderAgentTest, leavesEmptyResponsesAlone) {
    inner->answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Encoding: gzip\r\n\r\n");
    auto response = request({}, {}, "HEAD");
    EXPECT_EQ(response.value().headers().get("Content-Encoding"), "gzip");
    EXPECT_TRUE(deliver(response.value())->endedWith<ResponseDone>());
}

// WX-15: broken data ends the body with ResponseFailed that holds the decoder's error, and closes.
TEST_F(ContentDecoderAgentTest, brokenDataFailsTheBody) {
    auto response = answered("gzip", "this is no gzip data");
    const auto body = deliver(response.value());
    ASSERT_TRUE(body->endedWith<ResponseFailed>());
    const Failure& why = body->end->check<ResponseFailed>()->reasons().at(0);
    EXPECT_NE(why.check<http::ContentCodingError>(), nullptr);
    EXPECT_EQ(body->end->message(),
              "the body from h cannot be decoded: bad gzip data: incorrect header check");
    EXPECT_TRUE(inner->last().connection->aborted());
}

// WX-15: data that ends early is found at the end, whichever way the body ends.
TEST_F(ContentDecoderAgentTest, cutDataFailsTheBody) {
    const std::string data = gzipped("hello").substr(0, 12);
    for (const std::string& text : {reply("200 OK", "Content-Encoding: gzip\r\n", data),
                                    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + data}) {
        inner->answer(text);
        auto response = request();
        const auto body = deliver(response.value());
        inner->last().connection->close();
        ASSERT_TRUE(body->endedWith<ResponseFailed>());
        EXPECT_THAT(body->end->message(), HasSubstr("the gzip data ends early"));
    }
}

// A body that only the close ends, and whose coding ends too, may still be cut for all HTTP knows.
TEST_F(ContentDecoderAgentTest, passesTheEndOn) {
    inner->answer("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzipped("hello"));
    auto response = request();
    const auto body = deliver(response.value());
    inner->last().connection->close();
    EXPECT_EQ(body->text, "hello");
    EXPECT_TRUE(body->endedWith<PotentialDataLoss>());
}

// A connection that breaks is told as it is.
TEST_F(ContentDecoderAgentTest, passesALossOn) {
    inner->answer("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99\r\n\r\n" +
                  gzipped("hello"));
    auto response = request();
    const auto body = deliver(response.value());
    inner->last().connection->lose();
    ASSERT_TRUE(body->endedWith<ResponseFailed>());
    EXPECT_THAT(body->end->message(), HasSubstr("ended inside its body"));
}

// The limits are those of the options, and stop a bomb in little memory.
TEST_F(ContentDecoderAgentTest, limitsWhatABodyDecodesTo) {
    auto response = answered("gzip", gzipped(std::string(8 << 20, 'x')));
    const auto body = deliver(response.value());
    EXPECT_THAT(body->end->message(), HasSubstr("maxDecodedRatio"));
    EXPECT_LE(body->text.size(), std::size_t{1} << 20);
    auto small = answered("gzip", gzipped("hello"), {.limits = {.maxDecodedBytes = 4}});
    EXPECT_THAT(deliver(small.value())->end->message(), HasSubstr("maxDecodedBytes"));
}

// A reader that pauses gets nothing of what is decoded or to be decoded, not even the end.
TEST_F(ContentDecoderAgentTest, pausesTheDecoder) {
    const std::string text(100'000, 'x');
    auto response = answered("gzip", gzipped(text));
    auto body = makeRef<BodyRecorder>();
    body->pauseAt = 1;
    response.value().deliverBody(body);
    const std::size_t first = body->text.size();
    EXPECT_LT(first, text.size());
    EXPECT_TRUE(!body->end.has_value());
    body->pauseAt = first + 1;
    body->transport().resumeProducing();
    EXPECT_LT(body->text.size(), text.size());
    body->transport().resumeProducing();
    EXPECT_TRUE(body->text == text);
    EXPECT_TRUE(body->endedWith<ResponseDone>());
}

// A pause reaches the connection, so that nothing piles up.
TEST_F(ContentDecoderAgentTest, pausesTheConnection) {
    const std::string data = gzipped("hello");
    inner->answer("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " +
                  std::to_string(data.size()) + "\r\n\r\n");
    auto response = request();
    const auto body = deliver(response.value());
    ScriptedConnection& peer = *inner->last().connection;
    EXPECT_FALSE(peer.paused());
    body->transport().pauseProducing();
    peer.send(data.substr(0, 5));
    peer.send(data.substr(5));
    EXPECT_TRUE(peer.paused());
    EXPECT_EQ(body->text, "");
    body->transport().resumeProducing();
    EXPECT_FALSE(peer.paused());
    peer.settle();
    EXPECT_EQ(body->text, "hello");
    EXPECT_TRUE(body->endedWith<ResponseDone>());
}

class AbortingReader final : public BodyRecorder {
public:
    void dataReceived(std::span<const std::byte> data) override {
        BodyRecorder::dataReceived(data);
        transport().loseConnection();
    }
};

// A reader that gives up hears of it once, gets no more, and the connection closes.
TEST_F(ContentDecoderAgentTest, abortTellsTheReader) {
    auto response = answered("gzip", gzipped(std::string(100'000, 'x')));
    auto body = makeRef<AbortingReader>();
    response.value().deliverBody(body);
    EXPECT_LT(body->text.size(), 100'000U);
    ASSERT_TRUE(body->endedWith<ResponseFailed>());
    EXPECT_NE(body->end->check<ResponseFailed>()->reasons().at(0).check<ConnectionAborted>(),
              nullptr);
}

// The same while it has paused, when the coded body is over already.
TEST_F(ContentDecoderAgentTest, abortWhilePausedTellsTheReader) {
    auto response = answered("gzip", gzipped(std::string(100'000, 'x')));
    auto body = makeRef<BodyRecorder>();
    body->pauseAt = 1;
    response.value().deliverBody(body);
    body->transport().abortConnection();
    EXPECT_TRUE(body->endedWith<ResponseFailed>());
}

class ThrowingReader final : public BodyRecorder {
public:
    void dataReceived(std::span<const std::byte>) override { throw std::runtime_error("full"); }
};

// A reader that throws gets its own error as the end, and the connection closes.
TEST_F(ContentDecoderAgentTest, readerThatThrowsFailsTheBody) {
    auto response = answered("gzip", gzipped("hello"));
    auto body = makeRef<ThrowingReader>();
    response.value().deliverBody(body);
    ASSERT_TRUE(body->endedWith<ResponseFailed>());
    EXPECT_THAT(body->end->message(), HasSubstr("full"));
    EXPECT_TRUE(inner->last().connection->aborted());
}

// WR-2: a second reader is refused; discardBody() and abort() reach the connection.
TEST_F(ContentDecoderAgentTest, isAResponseLikeOthers) {
    auto response = answered("gzip", gzipped("hello"));
    deliver(response.value());
    EXPECT_THROW(deliver(response.value()), std::logic_error);
    const std::string head =
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99\r\n\r\n";
    inner->answer(head);
    auto dropped = request();
    dropped.value().abort();
    EXPECT_TRUE(inner->last().connection->aborted());
    inner->answer(head);
    auto discarded = request();
    discarded.value().discardBody();
    EXPECT_FALSE(inner->last().connection->paused());
    EXPECT_THROW(deliver(discarded.value()), std::logic_error);
}

// The failure of the request itself passes through.
TEST_F(ContentDecoderAgentTest, passesFailuresOn) {
    inner->refuse(Failure(ConnectionRefusedError("refused by the test")));
    EXPECT_NE(request().failed<ConnectionRefusedError>(), nullptr);
}

// What cannot be decoded cannot be asked for: that is misuse.
TEST_F(ContentDecoderAgentTest, refusesUnknownCodings) {
    EXPECT_THROW(request({.codings = {"gzip", "compress"}}), std::invalid_argument);
    EXPECT_THROW(request({.codings = {}}), std::invalid_argument);
}

}  // namespace
