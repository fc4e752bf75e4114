// Amp's StartTLS.
#include <marline/protocols/amp/amp.hpp>

#include <string>

#include <gtest/gtest.h>

#include <marline/reactor/tls.hpp>
#include <marline/reactor/tls_connection.hpp>

#include <test/protocols/amp/commands.hpp>
#include <test/reactor/tls/tls_bed.hpp>
#include <test/support/deferred_outcome.hpp>

namespace marline::amp::testing {
namespace {

using marline::testing::clientContext;
using marline::testing::kHost;
using marline::testing::MemoryPipe;
using marline::testing::NoUnhandled;
using marline::testing::Outcome;
using marline::testing::serverContext;

class AmpTlsTest : public ::testing::TestWithParam<std::size_t> {
protected:
    AmpTlsTest() {
        peers_.server->responder<Note>([this](const Note& note) { noted_ += note.text + ' '; });
    }
    bool secured(const Peer& peer) const {
        return peer.transport() != nullptr && peer.transport()->tls() != nullptr;
    }

    NoUnhandled noUnhandled_;
    marline::testing::Clock clock_;
    Peers peers_{GetParam()};
    std::string noted_;
};

INSTANTIATE_TEST_SUITE_P(Chunks, AmpTlsTest, ::testing::Values(1, 100, MemoryPipe::kWhole));

// What is asked after StartTLS is answered over TLS, also when it was asked before TLS had begun.
TEST_P(AmpTlsTest, asksOverTlsFromThenOn) {
    peers_.server->acceptStartTls(serverContext(), clock_);
    const Outcome<> plain(peers_.client->callRemote(Note{"plain"}));
    const Outcome<> begun(peers_.client->callStartTls(clientContext(), clock_, kHost));
    const Outcome<> early(peers_.client->callRemote(Note{"secret"}));
    peers_.pipe.run();
    ASSERT_TRUE(begun.ok()) << begun.message();
    EXPECT_TRUE(plain.ok() && early.ok());
    EXPECT_TRUE(secured(*peers_.client) && secured(*peers_.server));
    const Outcome<> late(peers_.client->callRemote(Note{"later"}));
    peers_.pipe.run();
    EXPECT_TRUE(late.ok());
    EXPECT_EQ(noted_, "plain secret later ");
    EXPECT_EQ(peers_.pipe.client.sent.find("secret"), std::string::npos);
    EXPECT_NE(peers_.pipe.client.sent.find("plain"), std::string::npos);
}

// Whoever asks, either side may be the TLS client: then its first bytes come right behind the
// answer, and are TLS's.
TEST_P(AmpTlsTest, beginsFromEitherSide) {
    peers_.server->acceptStartTls(clientContext(), clock_, kHost);
    const Outcome<> begun(peers_.client->callStartTls(serverContext(), clock_));
    const Outcome<> early(peers_.client->callRemote(Note{"secret"}));
    peers_.pipe.run();
    EXPECT_TRUE(begun.ok()) << begun.message();
    EXPECT_TRUE(early.ok()) << early.message();
    EXPECT_TRUE(secured(*peers_.client) && secured(*peers_.server));
    EXPECT_EQ(peers_.pipe.client.sent.find("secret"), std::string::npos);
}

// A peer that does not want TLS is not spoken to any more: nothing that waited is sent.
TEST_P(AmpTlsTest, abortsWhenThePeerRefuses) {
    const Outcome<> begun(peers_.client->callStartTls(clientContext(), clock_, kHost));
    const Outcome<> early(peers_.client->callRemote(Note{"secret"}));
    peers_.pipe.run();
    EXPECT_NE(begun.failed<UnhandledCommand>(), nullptr) << begun.message();
    EXPECT_NE(early.failed<ConnectionAborted>(), nullptr) << early.message();
    EXPECT_EQ(peers_.pipe.client.sent.find("secret"), std::string::npos);
    EXPECT_EQ(noted_, "");
}

// Nor is one whose certificate is for somebody else.
TEST_P(AmpTlsTest, abortsWhenTheCertificateIsWrong) {
    peers_.server->acceptStartTls(serverContext(), clock_);
    const Outcome<> begun(peers_.client->callStartTls(clientContext(), clock_, "other.test"));
    const Outcome<> early(peers_.client->callRemote(Note{"secret"}));
    peers_.pipe.run();
    EXPECT_NE(early.failed<TlsError>(), nullptr) << early.message();
    EXPECT_EQ(noted_, "");
}

// A name that nobody could have fails the call itself.
TEST_P(AmpTlsTest, failsWhenTlsCannotBegin) {
    peers_.server->acceptStartTls(serverContext(), clock_);
    const Outcome<> begun(peers_.client->callStartTls(clientContext(), clock_, ""));
    peers_.pipe.run();
    EXPECT_TRUE(begun.fired() && !begun.ok()) << begun.message();
    EXPECT_TRUE(peers_.client->lostWith<ConnectionAborted>());
}

// TLS begins once: a second StartTLS has no responder.
TEST_P(AmpTlsTest, beginsOnce) {
    peers_.server->acceptStartTls(serverContext(), clock_);
    const Outcome<> begun(peers_.client->callStartTls(clientContext(), clock_, kHost));
    peers_.pipe.run();
    ASSERT_TRUE(begun.ok()) << begun.message();
    const Outcome<> again(peers_.client->callStartTls(clientContext(), clock_, kHost));
    peers_.pipe.run();
    EXPECT_NE(again.failed<UnhandledCommand>(), nullptr) << again.message();
}

// Without a connection there is nothing to secure.
TEST_P(AmpTlsTest, failsWithoutAConnection) {
    const auto peer = makeRef<Peer>();
    const Outcome<> begun(peer->callStartTls(clientContext(), clock_, kHost));
    EXPECT_NE(begun.failed<ConnectionLost>(), nullptr) << begun.message();
}

}  // namespace
}  // namespace marline::amp::testing
