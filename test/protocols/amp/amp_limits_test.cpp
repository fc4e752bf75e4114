// What Amp refuses of a peer.
#include <marline/protocols/amp/amp.hpp>

#include <string>

#include <gtest/gtest.h>

#include <marline/reactor/testing/string_transport.hpp>

#include <test/protocols/amp/commands.hpp>
#include <test/support/deferred_outcome.hpp>

namespace marline::amp::testing {
namespace {

using marline::testing::MemoryPipe;
using marline::testing::NoUnhandled;
using marline::testing::Outcome;

class AmpLimitsTest : public ::testing::TestWithParam<std::size_t> {
protected:
    /// What the server says of `bytes`; empty when it goes on.
    static std::string refusal(Peers& peers, const std::string& bytes) {
        peers.pipe.client.write(asBytes(bytes));
        peers.pipe.run();
        if (!peers.server->lost) {
            return "";
        }
        EXPECT_TRUE(peers.server->lostWith<ProtocolError>());
        return peers.server->lost->message();
    }

    NoUnhandled noUnhandled_;
};

INSTANTIATE_TEST_SUITE_P(Chunks, AmpLimitsTest, ::testing::Values(1, 5, MemoryPipe::kWhole));

// A box of the limit is let in; a longer one closes the connection as soon as it has come so far.
TEST_P(AmpLimitsTest, refusesABoxBeyondTheLimit) {
    const std::string box = pair("_command", "Tick") + pair("count", "1") + kEnd;
    for (const std::size_t less : {std::size_t{0}, std::size_t{1}}) {
        Peers peers(GetParam());
        int ticks = 0;
        peers.server->responder<Tick>([&](const Tick&) { ++ticks; });
        peers.server->setMaxBoxBytes(box.size() - less);
        const std::string why = refusal(peers, box + box);
        EXPECT_EQ(ticks, less == 0 ? 2 : 0);
        EXPECT_EQ(why.empty(), less == 0) << why;
        EXPECT_EQ(why.find("setMaxBoxBytes") == std::string::npos, less == 0) << why;
    }
    EXPECT_EQ(makeRef<Peer>()->maxBoxBytes(), kMaxBoxBytes);
}

// A box without an end is refused, too.
TEST_P(AmpLimitsTest, refusesAnEndlessBox) {
    Peers peers(GetParam());
    peers.server->setMaxBoxBytes(100);
    std::string bytes;
    for (int i = 0; i < 11; ++i) {
        bytes += pair("key", "12345");
    }
    EXPECT_NE(refusal(peers, bytes).find("100 bytes"), std::string::npos);
}

// So is a box of too many keys.
TEST_P(AmpLimitsTest, refusesTooManyKeys) {
    Peers peers(GetParam());
    std::string bytes;
    for (std::size_t i = 0; i <= kMaxBoxKeys; ++i) {
        bytes += pair("k", "");
    }
    EXPECT_NE(refusal(peers, bytes + kEnd).find("kMaxBoxKeys"), std::string::npos);
}

// What is no box at all, or none of the three kinds, closes the connection.
TEST_P(AmpLimitsTest, refusesWhatMakesNoSense) {
    for (const std::string& bytes :
         {std::string("GET / HTTP/1.1\r\n\r\n"), kEnd, pair("key", "value") + kEnd}) {
        Peers peers(GetParam());
        EXPECT_NE(refusal(peers, bytes), "");
    }
}

// An answer to what was not asked closes the connection, whatever its tag.
TEST_P(AmpLimitsTest, refusesAnswersToWhatWasNotAsked) {
    for (const char* tag : {"0", "1", "", "x", "0x", "-1", "99999999999999999999999999"}) {
        for (const char* kind : {"_answer", "_error"}) {
            Peers peers(GetParam());
            EXPECT_NE(refusal(peers, pair(kind, tag) + kEnd).find("not asked"), std::string::npos)
                << kind << tag;
        }
    }
}

// An answer answers once.
TEST_P(AmpLimitsTest, refusesASecondAnswer) {
    Peers peers(GetParam());
    peers.client->responder<Note>([](const Note&) { return Deferred<>(); });
    const Outcome<> answer(peers.server->callRemote(Note{}));
    const std::string box = pair("_answer", "0") + kEnd;
    EXPECT_EQ(refusal(peers, box), "");
    EXPECT_TRUE(answer.ok());
    EXPECT_NE(refusal(peers, box), "");
}

// An error without code or description is an unknown one.
TEST_P(AmpLimitsTest, readsErrorsWithoutWords) {
    Peers peers(GetParam());
    peers.client->responder<Note>([](const Note&) { return Deferred<>(); });
    const Outcome<> answer(peers.server->callRemote(Note{}));
    EXPECT_EQ(refusal(peers, pair("_error", "0") + kEnd), "");
    EXPECT_NE(answer.failed<UnknownRemoteError>(), nullptr) << answer.message();
}

// A peer that asks and does not read the answers is cut off.
TEST(AmpLimits, refusesAPeerThatTakesNoAnswers) {
    marline::testing::StringTransport transport;
    const auto peer = makeRef<Peer>();
    peer->responder<Note>([](const Note&) {});
    peer->setMaxUnsentBytes(100);
    EXPECT_EQ(makeRef<Peer>()->maxUnsentBytes(), kMaxUnsentBytes);
    peer->makeConnection(transport);
    const std::string box = pair("_ask", "1") + pair("_command", "Note") + pair("text", "x") + kEnd;
    for (int i = 0; i < 100; ++i) {
        peer->dataReceived(asBytes(box));
    }
    transport.hold();
    EXPECT_THROW(
        {
            for (int i = 0; i < 100; ++i) {
                peer->dataReceived(asBytes(box));
            }
        },
        ProtocolError);
    EXPECT_LT(transport.bytesBuffered(), 150U);
    peer->connectionLost(ConnectionDone());
}

}  // namespace
}  // namespace marline::amp::testing
