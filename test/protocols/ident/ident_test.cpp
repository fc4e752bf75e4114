// Ident: the client and the server, and what a test says to either.
#include <marline/protocols/ident/ident.hpp>

#include <optional>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <marline/deferred/coroutine.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/protocols/framing.hpp>
#include <test/protocols/leaving.hpp>
#include <test/protocols/lookup_fixture.hpp>

namespace marline {
namespace {

using testing::Outcome;

class IdentTest : public testing::LookupTest {
protected:
    Outcome<ident::IdentReply> identify(std::string_view answer) {
        auto reply = lookUp([this](IStreamClientEndpoint& endpoint) {
            return ident::lookup(clock_, endpoint, 6193, 23);
        });
        EXPECT_EQ(peer_->take(), "6193, 23\r\n");
        peer_->write(answer);
        pump_->flush();
        return reply;
    }
};

INSTANTIATE_TEST_SUITE_P(Chunks, IdentTest, ::testing::Values(1, 5, 4096));

// RFC 1413 §4: whose the connection is, or why that is not said; one answer after the other.
TEST_P(IdentTest, saysWhoseAConnectionIs) {
    const auto factory = ident::identFactory(clock_, [](const ident::IdentQuery& query) {
        switch (query.portOnServer) {
        case 1: throw ident::NoUser();
        case 2: return fail<ident::IdentReply>(ident::HiddenUser());
        case 3: throw std::runtime_error("a secret");
        default:
            return succeed(ident::IdentReply{
                "UNIX", "a\nb" + std::to_string(query.portOnClient) + query.client.host});
        }
    });
    EXPECT_EQ(ask(*factory, "6193, 23\r\n 7 ,65535 \r\n"),
              "6193, 23 : USERID : UNIX : a b23127.0.0.1\r\n"
              "7, 65535 : USERID : UNIX : a b65535127.0.0.1\r\n");
    EXPECT_EQ(ask(*factory, "1,9\r\n2,9\r\n3,9\r\n"),
              "1, 9 : ERROR : NO-USER\r\n2, 9 : ERROR : HIDDEN-USER\r\n"
              "3, 9 : ERROR : UNKNOWN-ERROR\r\n");
    EXPECT_EQ(flushLoggedErrors("a secret").size(), 1U);
    for (const std::string query : {"0,9", "9,65536", "9", "-1,9", "x,y", "1,2,3"}) {
        EXPECT_EQ(ask(*factory, query + "\r\n"), query + " : ERROR : INVALID-PORT\r\n");
    }
    EXPECT_EQ(ask(*factory, "9\r,8\r\n"), "9 ,8 : ERROR : INVALID-PORT\r\n") << "one line";
    EXPECT_EQ(ask(*factory, std::string(ident::kMaxIdentLine + 1, '1') + "\r\n"), "");
    EXPECT_TRUE(peer_->closed());
    EXPECT_EQ(ask(*factory, ""), "");
    clock_.advance(ident::kIdentTimeout);
    pump_->flush();
    EXPECT_TRUE(peer_->closed());
    EXPECT_THROW(ident::identFactory(clock_, {}), std::invalid_argument);
}

// A lookup that takes its time holds up the next query, and ends with the connection.
TEST_P(IdentTest, waitsForTheLookup) {
    std::optional<DeferredSource<ident::IdentReply>> later;
    const auto factory = ident::identFactory(clock_, [&](const ident::IdentQuery&) {
        later.emplace();
        return later->deferred();
    });
    EXPECT_EQ(ask(*factory, "1,2\r\n3,4\r\n"), "");
    clock_.advance(2 * ident::kIdentTimeout);
    later->callback(ident::IdentReply{"OTHER", std::string(600, 'x')});
    pump_->flush();
    EXPECT_EQ(peer_->take(),
              "1, 2 : USERID : OTHER : " + std::string(ident::kMaxUserId, 'x') + "\r\n");
    pump_->cut();
    EXPECT_FALSE(later->pending());
}

// kMaxIdentUnsent: whoever asks on without reading the answers is cut off.
TEST(Ident, limitsTheAnswersThatWait) {
    testing::Clock clock;
    const auto factory = ident::identFactory(
        clock, [](const ident::IdentQuery&) { return succeed(ident::IdentReply{"UNIX", "me"}); });
    const auto server = factory->buildProtocol({});
    testing::StringTransport transport;
    server->makeConnection(transport);
    transport.hold();
    const std::string answer = "1, 2 : USERID : UNIX : me\r\n";
    for (std::size_t i = 0; i < ident::kMaxIdentUnsent / answer.size(); ++i) {
        testing::feed(*server, "1,2\r\n");
    }
    EXPECT_FALSE(transport.disconnecting());
    testing::feed(*server, "1,2\r\n1,2\r\n1,2\r\n");
    EXPECT_TRUE(transport.aborted());
    EXPECT_LE(transport.bytesBuffered(), ident::kMaxIdentUnsent + answer.size());
    transport.disconnect();
    server->connectionLost(ConnectionDone());
}

// A lookup may be a coroutine: what it is asked lives as long as it does.
TEST_P(IdentTest, looksUpInCoroutines) {
    std::optional<DeferredSource<>> turn;
    const auto owners =
        ident::identFactory(clock_, [&](ident::IdentQuery query) -> Deferred<ident::IdentReply> {
            co_await turn->deferred();
            co_return ident::IdentReply{"UNIX", std::to_string(query.portOnServer)};
        });
    turn.emplace();
    EXPECT_EQ(ask(*owners, "6193, 23\r\n"), "");
    turn->callback();
    pump_->flush();
    EXPECT_EQ(peer_->take(), "6193, 23 : USERID : UNIX : 6193\r\n");
}

// A lookup that takes too long is cancelled, and the next query answered.
TEST_P(IdentTest, limitsTheLookup) {
    std::optional<DeferredSource<ident::IdentReply>> later;
    const auto factory = ident::identFactory(clock_, [&](const ident::IdentQuery& query) {
        if (query.portOnServer == 3) {
            throw ident::NoUser();
        }
        later.emplace();
        return later->deferred();
    });
    EXPECT_EQ(ask(*factory, "1,2\r\n3,4\r\n"), "");
    clock_.advance(ident::kIdentLookupTimeout);
    pump_->flush();
    EXPECT_EQ(peer_->take(), "1, 2 : ERROR : UNKNOWN-ERROR\r\n3, 4 : ERROR : NO-USER\r\n");
    EXPECT_FALSE(later->pending());
    EXPECT_EQ(flushLoggedErrors("180000 ms (identFactory(lookupTimeout))").size(), 1U);
}

// kMaxIdentPipelined: while a lookup is waited for no more is read.
TEST(Ident, limitsWhatIsReadAhead) {
    testing::Clock clock;
    std::optional<DeferredSource<ident::IdentReply>> later;
    const auto factory = ident::identFactory(clock, [&](const ident::IdentQuery&) {
        later.emplace();
        return later->deferred();
    });
    const auto server = factory->buildProtocol({});
    testing::StringTransport transport;
    server->makeConnection(transport);
    testing::feed(*server, "1,2\r\n" + std::string(ident::kMaxIdentPipelined, ' '));
    EXPECT_FALSE(transport.paused());
    testing::feed(*server, " ");
    EXPECT_TRUE(transport.paused());
    transport.disconnect();
    server->connectionLost(ConnectionDone());
    EXPECT_FALSE(later->pending());
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

class IdentLeavingTest : public testing::LeavingTest {};

// Over TCP the server notices that a client has left which waits for a lookup.
TEST_F(IdentLeavingTest, isNoticed) {
    std::optional<DeferredSource<ident::IdentReply>> later;
    leave(
        ident::identFactory(reactor(),
                            [&](const ident::IdentQuery&) {
                                later.emplace();
                                return later->deferred();
                            }),
        "1,2\r\n3,4\r\n", [&] { return later.has_value(); },
        [&] { return later.has_value() && !later->pending(); });
}

// Control characters of the server's do not get into the error's message.
TEST_P(IdentTest, showsTheServersWordsAsOneLine) {
    const auto word = identify("6193,23:ERROR:x\x1b[2J\ny\r\n");
    ASSERT_NE(word.failed<ident::IdentError>(), nullptr);
    EXPECT_EQ(word.message(), "x [2J y");
    const auto other = identify("what\x07\r\n");
    ASSERT_NE(other.failed<ident::IdentError>(), nullptr);
    EXPECT_EQ(other.message(), "ident: cannot read the answer 'what '");
}

// The client reads what RFC 1413 §6 shows, and fails with what the server refuses.
TEST_P(IdentTest, asksWhoseAConnectionIs) {
    const auto reply = identify("6193, 23 : USERID : UNIX, US-ASCII :st: johns \r\n");
    ASSERT_TRUE(reply.ok()) << reply.message();
    EXPECT_EQ(reply.value().system, "UNIX");
    EXPECT_EQ(reply.value().user, "st: johns ");
    EXPECT_TRUE(peer_->closed());
    EXPECT_NE(identify("6193,23:ERROR:NO-USER\r\n").failed<ident::NoUser>(), nullptr);
    EXPECT_NE(identify("6193,23:ERROR:HIDDEN-USER\r\n").failed<ident::HiddenUser>(), nullptr);
    EXPECT_NE(identify("6193,23:ERROR:INVALID-PORT\r\n").failed<ident::InvalidPort>(), nullptr);
    EXPECT_NE(identify("6193,23:ERROR:X\r\n").failed<ident::IdentError>(), nullptr);
    for (const std::string& said :
         {std::string("what"), std::string("1,23:ERROR:NO-USER"), std::string("6193,23:USERID:x"),
          std::string("6193,23:x:y:z"), std::string(ident::kMaxIdentLine + 1, 'x')}) {
        EXPECT_NE(identify(said + "\r\n").failed<ident::IdentError>(), nullptr) << said;
        EXPECT_TRUE(peer_->closed());
    }
    const auto late = identify("");
    clock_.advance(ident::kIdentTimeout);
    EXPECT_NE(late.failed<TimeoutError>(), nullptr) << late.message();
    const auto cut = identify("");
    pump_->cut();
    EXPECT_NE(cut.failed<ConnectionLost>(), nullptr) << cut.message();
    auto cancelled = identify("");
    cancelled.cancel();
    pump_->flush();
    EXPECT_TRUE(peer_->closed());
    EXPECT_EQ(clock_.pendingCalls(), 0U);
}

}  // namespace
}  // namespace marline
