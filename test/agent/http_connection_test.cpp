#include <marline/agent/detail/http_connection.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/agent/body.hpp>
#include <marline/agent/errors.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/protocols/http/parse_error.hpp>
#include <marline/reactor/errors.hpp>

#include <test/support/manual_clock.hpp>
#include <test/support/outcome.hpp>
#include <test/support/scripted_endpoint.hpp>

namespace {

using namespace std::chrono_literals;
using marline::BadRequest;
using marline::CancelledError;
using marline::ConnectionAborted;
using marline::ConnectionDone;
using marline::ConnectionLost;
using marline::Deferred;
using marline::DeferredSource;
using marline::Failure;
using marline::IBodyConsumer;
using marline::IBodyProducer;
using marline::makeRef;
using marline::PotentialDataLoss;
using marline::Ref;
using marline::Response;
using marline::ResponseDone;
using marline::ResponseFailed;
using marline::ResponseNeverReceived;
using marline::StringBody;
using marline::TimeoutError;
using marline::Uri;
using marline::detail::Exchange;
using marline::detail::ExchangeLimits;
using marline::detail::HttpConnection;
using marline::http::ParseError;
using marline::testing::BodyRecorder;
using marline::testing::ManualClock;
using marline::testing::NoUnhandled;
using marline::testing::Outcome;
using marline::testing::ScriptedConnection;
using testing::ElementsAre;
using testing::HasSubstr;

/// Counts what the pool would be told.
class CountingOwner final : public marline::detail::IConnectionOwner {
public:
    void connectionIdle(HttpConnection&) override { ++idle; }
    void connectionClosed(HttpConnection&) override { ++closed; }
    int idle = 0;
    int closed = 0;
};

/// A body that the test writes.
class ManualBody final : public IBodyProducer {
public:
    explicit ManualBody(std::optional<std::uint64_t> length) : length_(length) {}

    std::optional<std::uint64_t> length() const override { return length_; }
    Deferred<> startProducing(IBodyConsumer& consumer) override {
        to = &consumer;
        consumer.write(marline::asBytes(first));
        return done.deferred();
    }
    void write(std::string_view text) { to->write(marline::asBytes(text)); }

    std::string first;  // written at once
    IBodyConsumer* to = nullptr;
    int cancelled = 0;
    DeferredSource<> done{[this](Deferred<>) { ++cancelled; }};

private:
    std::optional<std::uint64_t> length_;
};

/// One connection, fed in pieces of the parameter's size.
class HttpConnectionTest : public testing::TestWithParam<std::size_t> {
protected:
    HttpConnectionTest() {
        connection->setOwner(&owner);
        peer.connect(connection);
    }
    ~HttpConnectionTest() override {
        peer.lose();
        connection.reset();
        EXPECT_EQ(clock.pending(), 0U) << "a timer is left";
    }

    Outcome<Response> request(const char* method = "GET", Ref<IBodyProducer> body = {}) {
        return Outcome<Response>(connection->request(
            makeRef<Exchange>(method, Uri::parse("http://h/x").value(), "HEAD-OF-REQUEST\r\n\r\n",
                              std::move(body))));
    }
    void answer(std::string_view text) { peer.send(text, GetParam()); }

    NoUnhandled unhandled;
    ManualClock clock;
    CountingOwner owner;
    ScriptedConnection peer;
    Ref<HttpConnection> connection =
        makeRef<HttpConnection>(clock, ExchangeLimits{60s, 30s, {}});
};

INSTANTIATE_TEST_SUITE_P(chunks, HttpConnectionTest,
                         testing::Values(std::size_t{1}, std::size_t{7}, std::string::npos));

Ref<BodyRecorder> deliver(const Response& response) {
    auto body = makeRef<BodyRecorder>();
    response.deliverBody(body);
    return body;
}

// A body of known length is delivered whole and the connection is free again (WR-4, WR-10).
TEST_P(HttpConnectionTest, contentLengthDelimitsTheBody) {
    auto response = request();
    EXPECT_EQ(peer.take(), "HEAD-OF-REQUEST\r\n\r\n");
    answer("HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nX-A: 1\r\n\r\nhi");
    ASSERT_TRUE(response.ok());
    EXPECT_EQ(response.value().code(), 200);
    EXPECT_EQ(response.value().phrase(), "Fine");
    EXPECT_EQ(response.value().length(), 2U);
    EXPECT_EQ(response.value().headers().get("x-a"), "1");
    EXPECT_EQ(response.value().uri().toString(), "http://h/x");
    EXPECT_EQ(response.value().method(), "GET");
    EXPECT_EQ(response.value().previousResponse(), nullptr);
    EXPECT_EQ(owner.idle, 0) << "the body is not read yet";
    const auto body = deliver(response.value());
    peer.settle();
    EXPECT_EQ(body->text, "hi");
    EXPECT_TRUE(body->endedWith<ResponseDone>());
    EXPECT_EQ(body->connections, 1);
    EXPECT_EQ(owner.idle, 1);
    EXPECT_TRUE(connection->idle());
}

// Chunks are taken off, trailers skipped, and the length is unknown (WR-10, WR-11).
TEST_P(HttpConnectionTest, chunkedBodyIsDecoded) {
    auto response = request();
    answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
           "1\r\nh\r\n4;x=y\r\ni th\r\n0\r\nT: 1\r\n\r\n");
    ASSERT_TRUE(response.ok());
    EXPECT_EQ(response.value().length(), std::nullopt);
    const auto body = deliver(response.value());
    peer.settle();
    EXPECT_EQ(body->text, "hi th");
    EXPECT_TRUE(body->endedWith<ResponseDone>());
    EXPECT_EQ(owner.idle, 1);
}

// A body that only the close ends is potential data loss (WR-5).
TEST_P(HttpConnectionTest, closeDelimitedBodyEndsWithPotentialDataLoss) {
    auto response = request();
    answer("HTTP/1.1 200 OK\r\n\r\nhi");
    ASSERT_TRUE(response.ok());
    EXPECT_EQ(response.value().length(), std::nullopt);
    const auto body = deliver(response.value());
    peer.settle();
    EXPECT_EQ(body->text, "hi");
    EXPECT_FALSE(body->end.has_value());
    peer.close();
    EXPECT_TRUE(body->endedWith<PotentialDataLoss>());
    EXPECT_EQ(owner.idle, 0);
    EXPECT_EQ(owner.closed, 1);
}

// A close-delimited body that a reset ends was cut, not perhaps complete.
TEST_P(HttpConnectionTest, closeDelimitedBodyThatIsResetFails) {
    auto response = request();
    answer("HTTP/1.1 200 OK\r\n\r\nhi");
    const auto body = deliver(response.value());
    peer.settle();
    peer.lose();
    ASSERT_TRUE(body->endedWith<ResponseFailed>());
    EXPECT_NE(body->end->check<ResponseFailed>()->reasons().at(0).check<ConnectionLost>(),
              nullptr);
}

// HEAD, 204 and 304 have no body, whatever their fields say (WR-8).
TEST_P(HttpConnectionTest, bodilessResponsesEndWithTheirHead) {
    const std::pair<const char*, const char*> cases[] = {
        {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
        {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {"GET", "HTTP/1.1 204 No Content\r\n\r\n"},
        {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"},
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}};
    int idle = 0;
    for (const auto& [method, text] : cases) {
        SCOPED_TRACE(text);
        auto response = request(method);
        answer(text);
        ASSERT_TRUE(response.ok()) << response.message();
        EXPECT_EQ(response.value().length(), 0U);
        EXPECT_EQ(owner.idle, ++idle) << "free before anybody reads";
        const auto body = deliver(response.value());
        EXPECT_EQ(body->text, "");
        EXPECT_TRUE(body->endedWith<ResponseDone>());
    }
}

// The connection is free when a bodiless response is handed out, so its callback can use it
// (WR-18).
TEST_P(HttpConnectionTest, callbackOfABodilessResponseCanSendTheNextRequest) {
    std::optional<Outcome<Response>> second;
    connection
        ->request(makeRef<Exchange>("GET", Uri::parse("http://h/").value(), "ONE",
                                    Ref<IBodyProducer>{}))
        .addCallback([&](const Response&) { second.emplace(request()); });
    answer("HTTP/1.1 204 No\r\n\r\n");
    ASSERT_TRUE(second.has_value());
    answer("HTTP/1.1 201 Yes\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(second->ok());
    EXPECT_EQ(second->value().code(), 201);
    EXPECT_EQ(connection->requests(), 2U);
}

// Informational answers are skipped, with their fields (WR-13).
TEST_P(HttpConnectionTest, informationalAnswersAreSkipped) {
    auto response = request();
    answer("HTTP/1.1 100 Continue\r\nX-No: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"
           "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(response.ok());
    EXPECT_EQ(response.value().code(), 200);
    EXPECT_FALSE(response.value().headers().get("x-no").has_value());
}

// A close inside a body of known length or chunks fails it with the close as reason (WR-6).
TEST_P(HttpConnectionTest, truncatedBodyFails) {
    for (const char* text :
         {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"}) {
        SCOPED_TRACE(text);
        ScriptedConnection own;
        auto client = makeRef<HttpConnection>(clock, ExchangeLimits{60s, 30s, {}});
        own.connect(client);
        Outcome<Response> response(client->request(makeRef<Exchange>(
            "GET", Uri::parse("http://h/x").value(), "R", Ref<IBodyProducer>{})));
        own.send(text, GetParam());
        ASSERT_TRUE(response.ok());
        const auto body = deliver(response.value());
        own.settle();
        own.close();
        EXPECT_EQ(body->text, "hi");
        ASSERT_TRUE(body->endedWith<ResponseFailed>());
        EXPECT_NE(body->end->check<ResponseFailed>()->reasons().at(0).check<ConnectionDone>(),
                  nullptr);
        EXPECT_EQ(body->end->check<ResponseNeverReceived>(), nullptr);
    }
}

// Nothing at all is ResponseNeverReceived, a part of a head ResponseFailed (WR-7).
TEST_P(HttpConnectionTest, closeBeforeAndInsideTheHead) {
    auto nothing = request();
    peer.close();
    ASSERT_NE(nothing.failed<ResponseNeverReceived>(), nullptr);
    EXPECT_THAT(nothing.message(), HasSubstr("no response from h"));
    EXPECT_EQ(owner.closed, 1);

    for (const char* text : {"HTTP/1.1 200 O", "HTTP/1.1 100 Continue\r\n\r\n"}) {
        ScriptedConnection own;
        auto client = makeRef<HttpConnection>(clock, ExchangeLimits{60s, 30s, {}});
        own.connect(client);
        Outcome<Response> part(client->request(makeRef<Exchange>(
            "GET", Uri::parse("http://h/x").value(), "R", Ref<IBodyProducer>{})));
        own.send(text, GetParam());
        own.close();
        ASSERT_NE(part.failed<ResponseFailed>(), nullptr);
        EXPECT_EQ(part.failed<ResponseNeverReceived>(), nullptr);
        EXPECT_THAT(part.message(), HasSubstr("inside its head"));
    }
}

// What cannot be parsed fails the request and closes the connection (WR-12, WR-14, WR-17).
TEST_P(HttpConnectionTest, badResponsesFailAndClose) {
    for (const char* text :
         {"220 smtp.example ESMTP\r\n\r\n", "HTTP/1.1 xx OK\r\n\r\n",
          "HTTP/1.1 200 OK\r\ngarbage line\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 4\r\n\r\nhihi",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, nonsense\r\nContent-Length: 1\r\n\r\nx"}) {
        SCOPED_TRACE(text);
        ScriptedConnection own;
        auto client = makeRef<HttpConnection>(clock, ExchangeLimits{60s, 30s, {}});
        own.connect(client);
        Outcome<Response> response(client->request(makeRef<Exchange>(
            "GET", Uri::parse("http://h/x").value(), "R", Ref<IBodyProducer>{})));
        own.send(text, GetParam());
        ASSERT_NE(response.failed<ResponseFailed>(), nullptr) << response.message();
        EXPECT_NE(response.failed<ResponseFailed>()->reasons().at(0).check<ParseError>(), nullptr);
        EXPECT_TRUE(own.aborted());
        own.settle();
    }
}

// A bad chunk fails the body, and not the request, which was answered.
TEST_P(HttpConnectionTest, badChunkFailsTheBody) {
    auto response = request();
    answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nzz\r\n");
    ASSERT_TRUE(response.ok());
    const auto body = deliver(response.value());
    peer.settle();
    EXPECT_EQ(body->text, "hi");
    ASSERT_TRUE(body->endedWith<ResponseFailed>());
    EXPECT_NE(body->end->check<ResponseFailed>()->reasons().at(0).check<ParseError>(), nullptr);
    EXPECT_TRUE(peer.aborted());
}

// Nobody reads: the transport is paused and nothing is lost until somebody does (WR-1, WR-27).
TEST_P(HttpConnectionTest, unreadBodyPausesTheTransport) {
    auto response = request();
    answer("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab");
    ASSERT_TRUE(response.ok());
    EXPECT_TRUE(peer.paused());
    peer.send("cdef", GetParam());
    const auto body = deliver(response.value());
    EXPECT_FALSE(peer.paused());
    peer.settle();
    EXPECT_EQ(body->text, "abcdef");
    EXPECT_TRUE(body->endedWith<ResponseDone>());
}

// The reader goes on with its body when the callback dropped the Response itself (WR-2).
TEST_P(HttpConnectionTest, readerKeepsTheResponseAlive) {
    auto body = makeRef<BodyRecorder>();
    {
        auto response = request();
        answer("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab");
        response.value().deliverBody(body);
        response.drop();
    }
    peer.settle();
    peer.send("cdef", GetParam());
    EXPECT_EQ(body->text, "abcdef");
    EXPECT_TRUE(body->endedWith<ResponseDone>());
}

// A body has one reader (WR-2).
TEST_P(HttpConnectionTest, secondReaderIsRefused) {
    auto response = request();
    answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    deliver(response.value());
    peer.settle();
    EXPECT_THROW(response.value().deliverBody(makeRef<BodyRecorder>()), std::logic_error);
}

/// Aborts at the first bytes, and looks at itself afterwards.
class AbortingReader final : public BodyRecorder {
public:
    void dataReceived(std::span<const std::byte> data) override {
        transport().abortConnection();
        EXPECT_TRUE(end.has_value());
        text += marline::asText(data);
    }
};

// A reader that nobody else holds may abort from inside dataReceived().
TEST_P(HttpConnectionTest, readerMayAbortFromItsData) {
    auto response = request();
    answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    response.value().deliverBody(makeRef<AbortingReader>());
    response.drop();
    peer.send("abc", GetParam());
    EXPECT_TRUE(peer.aborted());
}

}  // namespace
