#include <marline/agent/retry_agent.hpp>

#include <chrono>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/agent/errors.hpp>
#include <marline/agent/redirect_agent.hpp>
#include <marline/agent/request_bodies.hpp>
#include <marline/protocols/http/http_date.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/clock.hpp>

#include <test/support/outcome.hpp>
#include <test/support/scripted_agent.hpp>

namespace {

using namespace marline;
using namespace marline::testing;
using namespace std::chrono_literals;

class RetryAgentTest : public ::testing::Test {
protected:
    ~RetryAgentTest() override {
        inner->closeAll();
        EXPECT_EQ(clock.pendingCalls(), 0U);
    }

    void use(RetryAgentOptions options) {
        agent = RetryAgent(ScriptedAgentHandle(inner), clock, std::move(options));
    }
    Outcome<Response> request(const char* method = "GET", Ref<IBodyProducer> body = {}) {
        return Outcome<Response>(agent.request(method, "http://h/", {}, std::move(body)));
    }
    void refuse(int times) {
        for (int i = 0; i < times; ++i) {
            inner->refuse(Failure(ConnectionRefusedError("refused by the test")));
        }
    }

    NoUnhandled unhandled;
    Clock clock;
    Ref<ScriptedAgent> inner = makeRef<ScriptedAgent>();
    RetryAgent agent{ScriptedAgentHandle(inner), clock};
};

// Failures and the answers of a server in trouble are tried again after a wait, and no sooner.
TEST_F(RetryAgentTest, triesAgain) {
    refuse(1);
    inner->answer(reply("503 No")).answer(reply("200 OK"));
    auto response = request();
    EXPECT_EQ(inner->requests(), 1U);
    clock.advance(200ms);
    EXPECT_EQ(inner->requests(), 2U);
    clock.advance(400ms);
    EXPECT_EQ(inner->requests(), 3U);
    EXPECT_EQ(response.value().code(), 200);
}

// The last outcome is the caller's, whether a failure or a response.
TEST_F(RetryAgentTest, givesUp) {
    refuse(3);
    auto failed = request();
    clock.advance(200ms);
    clock.advance(400ms);
    EXPECT_NE(failed.failed<ConnectionRefusedError>(), nullptr);
    for (int i = 0; i < 3; ++i) {
        inner->answer(reply("502 No"));
    }
    auto answered = request();
    clock.advance(200ms);
    clock.advance(400ms);
    EXPECT_EQ(answered.value().code(), 502);
    EXPECT_EQ(inner->requests(), 6U);
}

// What may have had its effect is sent once, and so is a body that is gone.
TEST_F(RetryAgentTest, onlyWhatMayBeSentTwice) {
    refuse(1);
    EXPECT_NE(request("POST").failed<ConnectionRefusedError>(), nullptr);
    refuse(1);
    auto gone = request(
        "PUT", makeRef<GeneratorBody>([] { return succeed(std::optional<std::string>()); }));
    EXPECT_NE(gone.failed<ConnectionRefusedError>(), nullptr);
    refuse(1);
    inner->answer(reply("200 OK"));
    auto put = request("PUT", makeRef<StringBody>("x"));
    clock.advance(200ms);
    EXPECT_TRUE(put.ok());
}

// What no second attempt can mend fails at once; other codes are answers.
TEST_F(RetryAgentTest, onlyWhatMayHelp) {
    for (const Failure& why : {Failure(BadRequest("x")), Failure(SchemeNotSupported("x")),
                               Failure(UriError("x")), Failure(CancelledError()),
                               Failure::make<ResponseFailed>(
                                   "x", std::vector<Failure>{Failure(WrongBodyLength("short"))})}) {
        inner->refuse(why);
        EXPECT_FALSE(request().ok());
    }
    inner->answer(reply("302 Go"));
    use({});
    const RetryAgent around(RedirectAgent(ScriptedAgentHandle(inner)), clock);
    EXPECT_FALSE(Outcome<Response>(around.request("GET", "http://h/")).ok());
    inner->answer(reply("500 No"));
    EXPECT_EQ(request().value().code(), 500);
    EXPECT_EQ(inner->requests(), 7U);
}

// Retry-After is waited for, in seconds and as a date; too long a wait is the caller's business.
TEST_F(RetryAgentTest, retryAfterIsHonoured) {
    inner->answer(reply("503 No", "Retry-After: 30\r\n")).answer(reply("200 OK"));
    auto seconds = request();
    clock.advance(29s);
    EXPECT_FALSE(seconds.fired());
    clock.advance(1s);
    EXPECT_EQ(seconds.value().code(), 200);
    inner->answer(reply("429 No", "Retry-After: 61\r\n"));
    EXPECT_EQ(request().value().code(), 429);
    const auto soon =
        std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) + 20s;
    inner->answer(reply("503 No", "Retry-After: " + http::formatHttpDate(soon) + "\r\n"));
    inner->answer(reply("200 OK"));
    auto date = request();
    clock.advance(10s);
    EXPECT_FALSE(date.fired());
    clock.advance(10s);
    EXPECT_EQ(date.value().code(), 200);
    for (const char* never :
         {"Fri, 31 Dec 9999 23:59:59 GMT", "4294967296", "99999999999999999999999999999999"}) {
        inner->answer(reply("503 No", std::string("Retry-After: ") + never + "\r\n"));
        EXPECT_EQ(request().value().code(), 503) << never;
    }
    inner->answer(reply("503 No", "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT\r\n"));
    inner->answer(reply("200 OK"));
    auto past = request();
    clock.advance(0s);
    EXPECT_EQ(past.value().code(), 200);
    inner->answer(reply("503 No", "Retry-After: whenever\r\n")).answer(reply("200 OK"));
    auto nonsense = request();
    clock.advance(200ms);
    EXPECT_EQ(nonsense.value().code(), 200);
}

// With every server down, retries stop when their budget is spent, and come back as requests pay.
TEST_F(RetryAgentTest, budgetIsKept) {
    use({.attempts = 2, .budgetRatio = 0.5, .budgetReserve = 2});
    refuse(100);
    for (int i = 0; i < 4; ++i) {
        auto failed = request();
        clock.advance(200ms);
        EXPECT_TRUE(failed.fired());
    }
    EXPECT_EQ(inner->requests(), 7U);
}

// The wait doubles up to its limit.
TEST_F(RetryAgentTest, waitIsBounded) {
    use({.attempts = 6, .firstDelay = 1s, .maxDelay = 3s});
    refuse(6);
    auto failed = request();
    for (const auto most : {1s, 2s, 3s, 3s, 3s}) {
        EXPECT_FALSE(failed.fired());
        clock.advance(most);
    }
    EXPECT_NE(failed.failed<ConnectionRefusedError>(), nullptr);
}

// Cancelling ends the wait, and the attempt under way.
TEST_F(RetryAgentTest, cancelEndsTheWait) {
    refuse(1);
    auto waiting = request();
    waiting.cancel();
    EXPECT_NE(waiting.failed<CancelledError>(), nullptr);
    auto sent = request();
    sent.cancel();
    EXPECT_NE(sent.failed<CancelledError>(), nullptr);
    EXPECT_EQ(inner->requests(), 2U);
}

}  // namespace
