#include <test/agent/http_connection_fixture.hpp>

namespace {

using namespace marline::testing;
using namespace marline;
using ::testing::HasSubstr;

class BodyFlowTest : public HttpConnectionTest {
protected:
    /// A request whose answer's head has come.
    Outcome<Response> answered(const std::string& length) {
        auto response = request();
        answer("HTTP/1.1 200 OK\r\nContent-Length: " + length + "\r\n\r\n");
        return response;
    }
};

INSTANTIATE_TEST_SUITE_P(chunks, BodyFlowTest,
                         ::testing::Values(std::size_t{1}, std::string::npos));

// A reader that pauses gets nothing until it resumes, and the transport waits meanwhile.
TEST_P(BodyFlowTest, pausedReaderGetsNothing) {
    auto response = answered("6");
    auto body = makeRef<BodyRecorder>();
    body->pauseAt = 2;
    response.value().deliverBody(body);
    peer.send("ab", GetParam());
    peer.send("cdef", GetParam());
    EXPECT_EQ(body->text, "ab");
    EXPECT_TRUE(peer.paused());
    body->transport().resumeProducing();
    peer.settle();
    EXPECT_EQ(body->text, "abcdef");
    EXPECT_TRUE(body->endedWith<ResponseDone>());
    EXPECT_EQ(owner.idle, 1);
    EXPECT_FALSE(peer.paused()) << "the next response must be read";
}

// What came before a reset is delivered, late, and then the end.
TEST_P(BodyFlowTest, heldBytesOutliveTheConnection) {
    auto response = request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
    peer.lose();
    EXPECT_EQ(clock.pendingCalls(), 0U) << "nothing can time out any more";
    const auto body = deliver(response.value());
    EXPECT_EQ(body->text, "ab");
    EXPECT_TRUE(body->endedWith<ResponseFailed>());
}

// A body that was whole before the reset is whole.
TEST_P(BodyFlowTest, wholeHeldBodyIsDone) {
    auto response = request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
    peer.lose();
    const auto body = deliver(response.value());
    EXPECT_EQ(body->text, "ab");
    EXPECT_TRUE(body->endedWith<ResponseDone>());
    EXPECT_EQ(owner.idle, 0);
}

// The same when the reader has paused at the very last byte.
TEST_P(BodyFlowTest, lossAfterTheLastByteIsDone) {
    auto response = answered("2");
    auto body = makeRef<BodyRecorder>();
    body->pauseAt = 2;
    response.value().deliverBody(body);
    peer.send("ab", GetParam());
    peer.lose();
    EXPECT_TRUE(body->endedWith<ResponseDone>()) << body->end->message();
}

// An end that came before the reader is told to the reader.
TEST_P(BodyFlowTest, endBeforeTheReaderIsRemembered) {
    auto response = answered("4");
    peer.lose();
    const auto body = deliver(response.value());
    EXPECT_EQ(body->connections, 1);
    EXPECT_TRUE(body->endedWith<ResponseFailed>());
}

// A short body that nobody wants is read and dropped, and the connection used again.
TEST_P(BodyFlowTest, droppedResponseFreesTheConnection) {
    auto response = answered("4");
    response.drop();
    peer.settle();
    peer.send("abcd", GetParam());
    EXPECT_EQ(owner.idle, 1);
    auto second = request();
    answer("HTTP/1.1 204 No\r\n\r\n");
    EXPECT_TRUE(second.ok());
}

// The same, asked for.
TEST_P(BodyFlowTest, discardBodyFreesTheConnection) {
    auto response = answered("4");
    response.value().discardBody();
    peer.settle();
    peer.send("abcd", GetParam());
    EXPECT_EQ(owner.idle, 1);
    response.value().discardBody();
    EXPECT_THROW(deliver(response.value()), std::logic_error);
}

// discardBody() leaves a reader alone.
TEST_P(BodyFlowTest, discardBodyDoesNothingToAReader) {
    auto response = answered("4");
    const auto body = deliver(response.value());
    response.value().discardBody();
    peer.send("abcd", GetParam());
    EXPECT_EQ(body->text, "abcd");
}

// A long body that nobody wants closes the connection behind 64 KiB.
TEST_P(BodyFlowTest, longDroppedBodyCloses) {
    auto response = answered("100000");
    response.drop();
    peer.settle();
    peer.send(std::string(64 * 1024, 'x'));
    EXPECT_TRUE(peer.open());
    peer.send("x");
    EXPECT_TRUE(peer.aborted());
    EXPECT_EQ(owner.idle, 0);
}

// abort() closes, the reader hears of it once, and a second one does nothing (WR-23).
TEST_P(BodyFlowTest, abortTellsTheReader) {
    auto response = answered("4");
    const auto body = deliver(response.value());
    response.value().abort();
    EXPECT_TRUE(peer.aborted());
    ASSERT_TRUE(body->endedWith<ResponseFailed>()) << body->end->message();
    EXPECT_NE(body->end->check<ResponseFailed>()->reasons().at(0).check<ConnectionAborted>(),
              nullptr);
    response.value().abort();
    EXPECT_TRUE(response.value().uri().toString() == "http://h/x");
}

// abort() of a whole body does nothing to the connection, which is another's by now.
TEST_P(BodyFlowTest, abortAfterTheEndDoesNothing) {
    auto response = answered("2");
    const auto body = deliver(response.value());
    peer.send("hi", GetParam());
    response.value().abort();
    EXPECT_TRUE(peer.open());
}

// The reader's transport cannot be written to, and passes addresses on.
TEST_P(BodyFlowTest, readersTransportOnlyReads) {
    auto response = answered("2");
    peer.take();
    const auto body = deliver(response.value());
    body->transport().write("x");
    body->transport().loseWriteConnection();
    EXPECT_EQ(body->transport().getPeer().host, "192.0.2.1");
    EXPECT_FALSE(body->transport().disconnecting());
    EXPECT_EQ(peer.written(), "");
    peer.send("hi", GetParam());
    EXPECT_TRUE(body->transport().disconnecting());
    EXPECT_EQ(body->transport().getPeer().host, "");
}

class ThrowingReader final : public BodyRecorder {
public:
    void dataReceived(std::span<const std::byte>) override { throw std::runtime_error("full"); }
};

// A reader that throws gets its own error as the end, and the connection closes.
TEST_P(BodyFlowTest, readerThatThrowsClosesTheConnection) {
    auto response = answered("4");
    auto body = makeRef<ThrowingReader>();
    response.value().deliverBody(body);
    peer.send("abcd", GetParam());
    EXPECT_TRUE(peer.aborted());
    ASSERT_TRUE(body->endedWith<ResponseFailed>());
    EXPECT_THAT(body->end->message(), HasSubstr("full"));
}

// Cancelling before the head closes the connection and fails with CancelledError (WR-21).
TEST_P(BodyFlowTest, cancelBeforeAndInsideTheHead) {
    auto response = request();
    answer("HTTP/1.1 20");
    response.cancel();
    EXPECT_NE(response.failed<CancelledError>(), nullptr);
    EXPECT_TRUE(peer.aborted());
    peer.settle();
    EXPECT_EQ(owner.closed, 1);
}

// Bytes on an idle connection close it: it is not to be trusted.
TEST_P(BodyFlowTest, bytesOnAnIdleConnectionCloseIt) {
    answer("HTTP/1.1 408 Timeout\r\n\r\n");
    EXPECT_TRUE(peer.aborted());
    EXPECT_FALSE(connection->idle());
    EXPECT_EQ(owner.closed, 1);
}

// Bytes behind a response close the connection, and the response stands.
TEST_P(BodyFlowTest, bytesBehindAResponseCloseTheConnection) {
    auto response = request();
    peer.send("HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 Smuggled\r\n\r\n");
    ASSERT_TRUE(response.ok());
    EXPECT_EQ(response.value().code(), 204);
    EXPECT_EQ(owner.idle, 0);
    EXPECT_FALSE(peer.open());
}

// `Connection: close` in any case, and HTTP/1.0, are obeyed (WR-18; against WR-19).
TEST_P(BodyFlowTest, responseThatClosesIsNotKept) {
    for (const char* text : {"HTTP/1.1 204 No\r\nConnection: x, Close\r\n\r\n",
                             "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"}) {
        ScriptedConnection own;
        auto client = makeRef<HttpConnection>(clock, shared({60s, 30s, {}}));
        own.connect(client);
        Outcome<Response> response(client->request(
            makeRef<Exchange>("GET", Uri::parse("http://h/x").value(), "R", Ref<IBodyProducer>{})));
        own.send(text, GetParam());
        EXPECT_TRUE(response.ok());
        EXPECT_FALSE(own.open());
        EXPECT_FALSE(own.aborted());
        own.settle();
    }
}

// A request on a connection that has gone fails, and does not crash (WR-22).
TEST_P(BodyFlowTest, requestOnADeadConnectionFails) {
    peer.lose();
    auto response = request();
    EXPECT_NE(response.failed<ResponseNeverReceived>(), nullptr);
}

// WR-22: so does one on a connection that is busy, and the request under way goes on.
TEST_P(BodyFlowTest, requestOnABusyConnectionFails) {
    auto first = request();
    auto second = request();
    EXPECT_NE(second.failed<RequestNotSent>(), nullptr) << second.message();
    answer("HTTP/1.1 204 No\r\n\r\n");
    EXPECT_TRUE(first.ok());
}

// No head in time: ResponseNeverReceived that holds a TimeoutError and names the knob.
TEST_P(BodyFlowTest, headersTimeoutFailsTheRequest) {
    auto response = request();
    clock.advance(60s);
    ASSERT_NE(response.failed<ResponseNeverReceived>(), nullptr) << response.message();
    EXPECT_NE(response.failed<ResponseFailed>()->reasons().at(0).check<TimeoutError>(), nullptr);
    EXPECT_THAT(response.message(), HasSubstr("60.0 s (headersTimeout)"));
    EXPECT_TRUE(peer.aborted());
}

// A head that drips is not let live longer, and something of it was received.
TEST_P(BodyFlowTest, headersTimeoutEndsADrippingHead) {
    auto response = request();
    clock.advance(59s);
    answer("HTTP/1.1 200 OK\r\nX: 1");
    clock.advance(1s);
    ASSERT_NE(response.failed<ResponseFailed>(), nullptr);
    EXPECT_EQ(response.failed<ResponseNeverReceived>(), nullptr);
    EXPECT_NE(response.failed<ResponseFailed>()->reasons().at(0).check<TimeoutError>(), nullptr);
}

// A body that stops fails behind idleTimeout; each byte begins it anew.
TEST_P(BodyFlowTest, idleTimeoutFailsABodyThatStops) {
    auto response = answered("10");
    const auto body = deliver(response.value());
    clock.advance(29s);
    peer.send("ab", GetParam());
    clock.advance(29s);
    EXPECT_FALSE(body->end.has_value());
    clock.advance(1s);
    ASSERT_TRUE(body->endedWith<ResponseFailed>());
    EXPECT_THAT(body->end->message(), HasSubstr("30.0 s (idleTimeout)"));
    EXPECT_TRUE(peer.aborted());
}

// A reader may be slow: the time counts from when it reads again.
TEST_P(BodyFlowTest, idleTimeoutDoesNotCountTheReadersTime) {
    auto response = answered("10");
    clock.advance(100s);
    auto body = makeRef<BodyRecorder>();
    body->pauseAt = 2;
    response.value().deliverBody(body);
    clock.advance(29s);
    EXPECT_FALSE(body->end.has_value());
    peer.send("ab", GetParam());
    clock.advance(100s);
    body->transport().resumeProducing();
    clock.advance(29s);
    EXPECT_FALSE(body->end.has_value());
    clock.advance(1s);
    EXPECT_TRUE(body->endedWith<ResponseFailed>());
}

// A body that nobody wants does not keep the connection for ever.
TEST_P(BodyFlowTest, idleTimeoutEndsADroppedBody) {
    auto response = answered("10");
    response.drop();
    clock.advance(30s);
    EXPECT_TRUE(peer.aborted());
}

// close() of an idle connection is a goodbye, not a reset.
TEST_P(BodyFlowTest, closeIsClean) {
    connection->close();
    EXPECT_FALSE(peer.open());
    EXPECT_FALSE(peer.aborted());
    peer.settle();
    EXPECT_EQ(owner.closed, 1);
}

}  // namespace
