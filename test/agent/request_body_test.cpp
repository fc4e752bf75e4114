#include <test/agent/http_connection_fixture.hpp>

namespace {

using namespace marline::testing;
using namespace marline;
using ::testing::HasSubstr;

class RequestBodyTest : public HttpConnectionTest {};

INSTANTIATE_TEST_SUITE_P(chunks, RequestBodyTest,
                         ::testing::Values(std::size_t{1}, std::string::npos));

constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

// A body in memory leaves with the head.
TEST_P(RequestBodyTest, knownLengthIsSentAsItIs) {
    auto response = request("POST", makeRef<StringBody>("abc"));
    EXPECT_EQ(peer.take(), "HEAD-OF-REQUEST\r\n\r\nabc");
    answer(kOk);
    const auto body = deliver(response.value());
    peer.settle();
    EXPECT_EQ(body->text, "hi");
    EXPECT_EQ(owner.idle, 1);
}

// An unknown length is sent in chunks, and an empty write is none (WA-9).
TEST_P(RequestBodyTest, unknownLengthIsChunked) {
    auto upload = makeRef<ManualBody>(std::nullopt);
    auto response = request("POST", upload);
    peer.take();
    upload->write("abc");
    upload->write("");
    EXPECT_EQ(peer.take(), "3\r\nabc\r\n");
    upload->done.callback();
    EXPECT_EQ(peer.take(), "0\r\n\r\n");
    answer(kOk);
    EXPECT_TRUE(response.ok());
}

// More bytes than announced fail the request, and stop a producer that goes on (WA-13).
TEST_P(RequestBodyTest, tooLongABodyFails) {
    auto upload = makeRef<ManualBody>(4);
    auto response = request("POST", upload);
    upload->write("abc");
    upload->write("de");
    ASSERT_NE(response.failed<RequestGenerationFailed>(), nullptr);
    EXPECT_NE(response.failed<ResponseFailed>()->reasons().at(0).check<WrongBodyLength>(), nullptr);
    EXPECT_THAT(response.message(), HasSubstr("longer than its length() of 4"));
    EXPECT_EQ(upload->cancelled, 1);
    EXPECT_TRUE(peer.aborted());
    upload->write("late");  // does nothing
}

// The same when startProducing() itself writes too much: what it still does is cancelled.
TEST_P(RequestBodyTest, tooLongABodyAtOnceIsCancelled) {
    auto upload = makeRef<ManualBody>(2);
    upload->first = "abc";
    auto response = request("POST", upload);
    ASSERT_NE(response.failed<ResponseFailed>(), nullptr);
    EXPECT_EQ(upload->cancelled, 1);
    EXPECT_EQ(peer.take(), "HEAD-OF-REQUEST\r\n\r\n");
}

// Fewer bytes than announced fail the request (WA-13).
TEST_P(RequestBodyTest, tooShortABodyFails) {
    auto upload = makeRef<ManualBody>(4);
    auto response = request("POST", upload);
    upload->write("abc");
    upload->done.callback();
    ASSERT_NE(response.failed<ResponseFailed>(), nullptr);
    EXPECT_THAT(response.message(), HasSubstr("shorter than its length() by 1"));
    EXPECT_TRUE(peer.aborted());
}

// A producer's failure fails the request with it (WA-14).
TEST_P(RequestBodyTest, failureOfTheProducerFailsTheRequest) {
    auto upload = makeRef<ManualBody>(std::nullopt);
    auto response = request("POST", upload);
    upload->done.errback(TimeoutError("disk"));
    ASSERT_NE(response.failed<ResponseFailed>(), nullptr);
    EXPECT_NE(response.failed<ResponseFailed>()->reasons().at(0).check<TimeoutError>(), nullptr);
    EXPECT_TRUE(peer.aborted());
}

class ThrowingBody final : public IBodyProducer {
public:
    std::optional<std::uint64_t> length() const override { return std::nullopt; }
    Deferred<> startProducing(IBodyConsumer&) override { throw std::runtime_error("no file"); }
};

// A producer that throws at the start is the same (WA-14).
TEST_P(RequestBodyTest, producerThatThrowsFailsTheRequest) {
    auto response = request("POST", makeRef<ThrowingBody>());
    ASSERT_NE(response.failed<ResponseFailed>(), nullptr);
    EXPECT_THAT(response.message(), HasSubstr("no file"));
    EXPECT_TRUE(peer.aborted());
}

// The connection's end while the body is sent stops the producer (WA-15).
TEST_P(RequestBodyTest, lossWhileSendingCancelsTheProducer) {
    auto upload = makeRef<ManualBody>(std::nullopt);
    auto response = request("POST", upload);
    peer.lose();
    EXPECT_NE(response.failed<RequestTransmissionFailed>(), nullptr);
    EXPECT_EQ(upload->cancelled, 1);
    upload->write("late");
}

// The same when the response has come, and waits for its reader, who gets it all the same (WA-15).
TEST_P(RequestBodyTest, lossBehindAnEarlyResponseCancelsTheProducer) {
    auto upload = makeRef<ManualBody>(std::nullopt);
    auto response = request("POST", upload);
    peer.send("HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno");
    ASSERT_TRUE(response.ok());
    peer.lose();
    EXPECT_EQ(upload->cancelled, 1);
    upload->write("late");  // does nothing
    const auto body = deliver(response.value());
    EXPECT_EQ(body->text, "no");
    EXPECT_TRUE(body->endedWith<ResponseDone>());
}

// A whole response before the request is out is delivered, the rest of the upload is cancelled and
// the connection is not used again (WA-16).
TEST_P(RequestBodyTest, earlyResponseIsDeliveredAndTheConnectionClosed) {
    auto upload = makeRef<ManualBody>(std::nullopt);
    auto response = request("POST", upload);
    upload->write("abc");
    answer("HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno");
    ASSERT_TRUE(response.ok());
    const auto body = deliver(response.value());
    peer.settle();
    EXPECT_EQ(body->text, "no");
    EXPECT_TRUE(body->endedWith<ResponseDone>());
    EXPECT_EQ(upload->cancelled, 1);
    EXPECT_EQ(owner.idle, 0);
    EXPECT_FALSE(peer.open());
    upload->write("late");  // does nothing
    EXPECT_EQ(owner.closed, 1);
}

// The same for a response without a body.
TEST_P(RequestBodyTest, earlyBodilessResponseIsDelivered) {
    auto upload = makeRef<ManualBody>(8);
    auto response = request("POST", upload);
    answer("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(response.ok());
    EXPECT_EQ(response.value().code(), 401);
    EXPECT_EQ(upload->cancelled, 1);
    EXPECT_FALSE(peer.open());
    upload->write("late");  // does nothing
}

// A response whose head comes early and whose end comes late leaves the connection usable.
TEST_P(RequestBodyTest, responseThatEndsAfterTheRequestKeepsTheConnection) {
    auto upload = makeRef<ManualBody>(3);
    auto response = request("POST", upload);
    answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    const auto body = deliver(response.value());
    upload->write("abc");
    upload->done.callback();
    answer("hi");
    EXPECT_TRUE(body->endedWith<ResponseDone>());
    EXPECT_EQ(owner.idle, 1);
}

// Cancelling while the body is sent stops the producer and closes (WR-21).
TEST_P(RequestBodyTest, cancelWhileSending) {
    auto upload = makeRef<ManualBody>(std::nullopt);
    auto response = request("POST", upload);
    response.cancel();
    EXPECT_NE(response.failed<CancelledError>(), nullptr);
    EXPECT_EQ(upload->cancelled, 1);
    EXPECT_TRUE(peer.aborted());
}

// headersTimeout begins when the request is out, not before.
TEST_P(RequestBodyTest, headersTimeoutWaitsForTheUpload) {
    auto upload = makeRef<ManualBody>(3);
    auto response = request("POST", upload);
    clock.advance(1h);
    EXPECT_FALSE(response.fired());
    upload->write("abc");
    upload->done.callback();
    clock.advance(59s);
    EXPECT_FALSE(response.fired());
    clock.advance(1s);
    EXPECT_NE(response.failed<ResponseNeverReceived>(), nullptr);
}

class Silent final : public IProducer {
public:
    void resumeProducing() override {}
    void pauseProducing() override {}
    void stopProducing() override { ++stopped; }
    int stopped = 0;
};

// A producer reaches the transport, and is told to stop when there is none (WA-12).
TEST_P(RequestBodyTest, producersAreRegisteredWithTheTransport) {
    auto upload = makeRef<ManualBody>(std::nullopt);
    auto response = request("POST", upload);
    Silent producer;
    upload->to->registerProducer(producer, Producing::Push);
    EXPECT_EQ(peer.producer(), &producer);
    upload->to->unregisterProducer();
    EXPECT_EQ(peer.producer(), nullptr);
    peer.lose();
    upload->to->registerProducer(producer, Producing::Push);
    EXPECT_EQ(producer.stopped, 1);
    upload->to->unregisterProducer();
}

// A body that waits for 100 Continue is sent when it comes, and other 1xx answers say nothing
// (WR-13).
TEST_P(RequestBodyTest, bodyWaitsForContinue) {
    auto response = request("POST", makeRef<StringBody>("abc"), true);
    EXPECT_EQ(peer.take(), "HEAD-OF-REQUEST\r\n\r\n");
    answer("HTTP/1.1 103 Early\r\nLink: </x>\r\n\r\n");
    EXPECT_EQ(peer.take(), "");
    answer("HTTP/1.1 100 Go\r\n\r\n");
    EXPECT_EQ(peer.take(), "abc");
    answer("HTTP/1.1 100 Again\r\n\r\n");
    EXPECT_EQ(peer.take(), "");
    answer(kOk);
    EXPECT_TRUE(response.ok());
    deliver(response.value());
    peer.settle();
    EXPECT_EQ(owner.idle, 1);
}

// A server that says nothing gets the body all the same, and then has its whole time.
TEST_P(RequestBodyTest, bodyDoesNotWaitForEver) {
    auto response = request("POST", makeRef<StringBody>("abc"), true);
    peer.take();
    clock.advance(1s);
    EXPECT_EQ(peer.take(), "abc");
    clock.advance(59s);
    EXPECT_FALSE(response.fired());
    clock.advance(1s);
    EXPECT_NE(response.failed<ResponseNeverReceived>(), nullptr);
}

// A final answer instead of 100 Continue: the body is never sent, and the connection, which was
// promised one, is not used again.
TEST_P(RequestBodyTest, refusedExpectationSendsNoBody) {
    auto response = request("POST", makeRef<StringBody>("abc"), true);
    peer.take();
    answer("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(response.ok());
    EXPECT_EQ(response.value().code(), 417);
    EXPECT_EQ(peer.take(), "");
    EXPECT_EQ(owner.idle, 0);
    EXPECT_FALSE(peer.open());
}

// Cancelling while it waits closes, and leaves no timer.
TEST_P(RequestBodyTest, cancelWhileWaitingForContinue) {
    auto response = request("POST", makeRef<StringBody>("abc"), true);
    response.cancel();
    EXPECT_NE(response.failed<CancelledError>(), nullptr);
    EXPECT_TRUE(peer.aborted());
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// A server that takes nothing of a body fails the request; one that takes something does not.
TEST_P(RequestBodyTest, sendTimeoutFailsAnUploadThatStops) {
    auto response = request("POST", makeRef<ManualBody>(std::nullopt));
    peer.buffered = 100;
    clock.advance(60s);
    peer.buffered = 99;
    clock.advance(60s);
    EXPECT_FALSE(response.fired());
    clock.advance(60s);
    ASSERT_NE(response.failed<RequestTransmissionFailed>(), nullptr) << response.message();
    const auto* late =
        response.failed<ResponseFailed>()->reasons().at(0).check<RequestTimeoutError>();
    ASSERT_NE(late, nullptr);
    EXPECT_EQ(phaseName(late->phase()), "send");
    EXPECT_EQ(late->passed(), 60s);
    EXPECT_THAT(response.message(), HasSubstr("to h stopped: the server took nothing for 60.0 s"));
    EXPECT_TRUE(peer.aborted());
    peer.buffered = 0;
}

// The same behind the response's head, when its reader takes its time: it may wait for the end of
// the request, which then never comes. An upload whose producer is slow goes on.
TEST_P(RequestBodyTest, sendTimeoutHoldsBehindTheHead) {
    auto upload = makeRef<ManualBody>(std::nullopt);
    auto response = request("POST", upload);
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
    ASSERT_TRUE(response.ok());
    clock.advance(1h);
    EXPECT_TRUE(peer.open()) << "the reader and the producer are slow, nobody else";
    peer.buffered = 100;
    for (int i = 0; i < 3; ++i) {
        clock.advance(60s);
    }
    EXPECT_TRUE(peer.aborted());
    EXPECT_EQ(upload->cancelled, 1);
    const auto body = deliver(response.value());
    ASSERT_TRUE(body->endedWith<RequestTransmissionFailed>());
    EXPECT_THAT(body->end->message(), HasSubstr("sendTimeout"));
    peer.buffered = 0;
}

// Once the request is out the reader may take the time it likes.
TEST_P(RequestBodyTest, slowReadersHaveTime) {
    auto upload = makeRef<ManualBody>(3);
    auto response = request("POST", upload);
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
    upload->write("abc");
    upload->done.callback();
    peer.buffered = 100;
    clock.advance(1h);
    EXPECT_EQ(deliver(response.value())->text, "ab");
    peer.buffered = 0;
}

}  // namespace
