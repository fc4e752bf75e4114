// Finger: the client and the server, and what a test says to either.
#include <marline/protocols/finger/finger.hpp>

#include <optional>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <marline/deferred/coroutine.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/accumulating_protocol.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/io_pump.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/protocols/framing.hpp>
#include <test/protocols/leaving.hpp>
#include <test/protocols/lookup_fixture.hpp>

namespace marline {
namespace {

using testing::AccumulatingProtocol;
using testing::Outcome;

class FingerTest : public testing::LookupTest {
protected:
    Outcome<std::string> finger(const finger::FingerQuery& query) {
        return lookUp([&](IStreamClientEndpoint& endpoint) {
            return finger::lookup(clock_, endpoint, query);
        });
    }
};

INSTANTIATE_TEST_SUITE_P(Chunks, FingerTest, ::testing::Values(1, 5, 4096));

// RFC 1288 §2.3: a user, everybody, and /W; one answer, then the connection closes.
TEST_P(FingerTest, answersOneQuery) {
    const auto factory = finger::fingerFactory(clock_, [](const finger::FingerQuery& query) {
        return succeed(query.user + (query.wide ? " wide\n" : "\a\x1b narrow\tx"));
    });
    EXPECT_EQ(ask(*factory, "moshez\r\nshawn\r\n"), "moshez narrow\tx\r\n");
    EXPECT_TRUE(peer_->closedWith<ConnectionDone>());
    EXPECT_EQ(ask(*factory, "\r\n"), " narrow\tx\r\n");
    EXPECT_EQ(ask(*factory, " /W moshez\r\n"), "moshez wide\r\n");
    EXPECT_EQ(ask(*factory, "/W\r\n"), " wide\r\n");
    EXPECT_EQ(ask(*factory, "a@b.test\r\n"), "Finger forwarding service denied\r\n");
    EXPECT_EQ(ask(*factory, std::string(finger::kMaxQuery + 1, 'x') + "\r\n"), "");
    EXPECT_TRUE(peer_->closed());
    EXPECT_EQ(clock_.pendingCalls(), 0U);
}

// A lookup that fails, takes its time, is no longer waited for, or never begins.
TEST_P(FingerTest, waitsForTheLookup) {
    std::optional<DeferredSource<std::string>> later;
    const auto factory = finger::fingerFactory(clock_, [&](const finger::FingerQuery& query) {
        if (query.user == "broken") {
            throw std::runtime_error("a secret");
        }
        later.emplace();
        return later->deferred();
    });
    EXPECT_EQ(ask(*factory, "broken\r\n"), "Internal error in server\r\n");
    EXPECT_EQ(flushLoggedErrors("a secret").size(), 1U);
    EXPECT_EQ(ask(*factory, "x\r\n"), "");
    clock_.advance(2 * finger::kFingerTimeout);
    later->callback("late");
    pump_->flush();
    EXPECT_EQ(peer_->take(), "late\r\n");
    EXPECT_EQ(ask(*factory, "x\r\n"), "");
    pump_->cut();
    EXPECT_FALSE(later->pending());
    EXPECT_EQ(ask(*factory, "x"), "");
    clock_.advance(finger::kFingerTimeout);
    pump_->flush();
    EXPECT_TRUE(peer_->closed());
    EXPECT_THROW(finger::fingerFactory(clock_, {}), std::invalid_argument);
}

// A lookup that takes too long is cancelled.
TEST_P(FingerTest, limitsTheLookup) {
    std::optional<DeferredSource<std::string>> later;
    const auto factory = finger::fingerFactory(clock_, [&](const finger::FingerQuery&) {
        later.emplace();
        return later->deferred();
    });
    EXPECT_EQ(ask(*factory, "x\r\n"), "");
    clock_.advance(finger::kFingerLookupTimeout);
    pump_->flush();
    EXPECT_EQ(peer_->take(), "Internal error in server\r\n");
    EXPECT_FALSE(later->pending());
    EXPECT_EQ(flushLoggedErrors("120000 ms (fingerFactory(lookupTimeout))").size(), 1U);
}

// Whoever does not take the answer is cut off.
TEST_P(FingerTest, limitsTheTimeForTheAnswer) {
    std::optional<DeferredSource<std::string>> later;
    const auto factory = finger::fingerFactory(clock_, [&](const finger::FingerQuery&) {
        later.emplace();
        return later->deferred();
    });
    ask(*factory, "x\r\n");
    peer_->transport()->pauseProducing();
    later->callback("an answer");
    pump_->flush();
    EXPECT_FALSE(pump_->server().ended());
    clock_.advance(finger::kFingerTimeout);
    pump_->flush();
    EXPECT_TRUE(pump_->server().ended());
    EXPECT_EQ(clock_.pendingCalls(), 0U);
}

// A client that sends and sends behind its query is not read any more.
TEST(Finger, limitsWhatIsReadAhead) {
    testing::Clock clock;
    std::optional<DeferredSource<std::string>> later;
    const auto server = finger::fingerFactory(clock, [&](const finger::FingerQuery&) {
                            later.emplace();
                            return later->deferred();
                        })->buildProtocol({});
    testing::StringTransport transport;
    server->makeConnection(transport);
    testing::feed(*server, "x\r\n" + std::string(finger::kMaxQuery, 'y'));
    EXPECT_FALSE(transport.paused());
    testing::feed(*server, "y");
    EXPECT_TRUE(transport.paused());
    later->callback("done");
    EXPECT_EQ(transport.value(), "done\r\n");
    EXPECT_TRUE(transport.closed());
    transport.disconnect();
    server->connectionLost(ConnectionDone());
}

class FingerLeavingTest : public testing::LeavingTest {};

// Over TCP the server notices that a client has left which waits for the lookup.
TEST_F(FingerLeavingTest, isNoticed) {
    std::optional<DeferredSource<std::string>> later;
    leave(
        finger::fingerFactory(reactor(),
                              [&](const finger::FingerQuery&) {
                                  later.emplace();
                                  return later->deferred();
                              }),
        "x\r\n", [&] { return later.has_value(); },
        [&] { return later.has_value() && !later->pending(); });
}

// The client takes all until the end, which must come in time and clean, and not too late.
TEST_P(FingerTest, asks) {
    const auto answer = finger({"moshez", true});
    EXPECT_EQ(peer_->take(), "/W moshez\r\n");
    peer_->write("Happy\r\nand well");
    peer_->transport()->loseConnection();
    pump_->flush();
    ASSERT_TRUE(answer.ok()) << answer.message();
    EXPECT_EQ(answer.value(), "Happy\r\nand well");
    const auto late = finger({});
    EXPECT_EQ(peer_->take(), "\r\n");
    clock_.advance(finger::kFingerTimeout);
    EXPECT_NE(late.failed<TimeoutError>(), nullptr) << late.message();
    const auto cut = finger({});
    pump_->cut();
    EXPECT_NE(cut.failed<ConnectionLost>(), nullptr) << cut.message();
    auto cancelled = finger({});
    cancelled.cancel();
    pump_->flush();
    EXPECT_TRUE(peer_->closed());
    EXPECT_THROW(finger({"a\r\nb"}), std::invalid_argument);
    EXPECT_THROW(finger({std::string(finger::kMaxQuery + 1, 'x')}), std::invalid_argument);
}

// kMaxAnswer.
TEST(Finger, limitsTheAnswer) {
    testing::Clock clock;
    for (const std::size_t more : {0U, 1U}) {
        const auto server = makeRef<AccumulatingProtocol>();
        class Endpoint final : public IStreamClientEndpoint {
        public:
            Deferred<Ref<IProtocol>> connect(Ref<IProtocolFactory> factory) override {
                client = factory->buildProtocol({});
                return succeed(client);
            }
            Ref<IProtocol> client;
        };
        const auto endpoint = makeRef<Endpoint>();
        const Outcome<std::string> answer(finger::lookup(clock, *endpoint, {}));
        testing::IoPump pump(endpoint->client, server);
        server->write(std::string(finger::kMaxAnswer + more, 'x'));
        server->transport()->loseConnection();
        pump.flush();
        EXPECT_EQ(answer.ok(), more == 0);
        EXPECT_EQ(answer.failed<finger::FingerError>() != nullptr, more == 1) << answer.message();
    }
}

// A lookup may be a coroutine: what it is asked lives as long as it does.
TEST_P(FingerTest, looksUpInCoroutines) {
    std::optional<DeferredSource<>> turn;
    const auto users =
        finger::fingerFactory(clock_, [&](finger::FingerQuery query) -> Deferred<std::string> {
            co_await turn->deferred();
            co_return query.user;
        });
    turn.emplace();
    EXPECT_EQ(ask(*users, "a.user.with.a.long.name\r\n"), "");
    turn->callback();
    pump_->flush();
    EXPECT_EQ(peer_->take(), "a.user.with.a.long.name\r\n");
}

}  // namespace
}  // namespace marline
