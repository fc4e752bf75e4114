// What both ends agree on: versions, ciphers, application protocols, names, sessions.
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <marline/reactor/detail/tls_context_state.hpp>

#include "tls_bed.hpp"
#include "tls_files.hpp"

namespace {

using namespace marline;
using namespace marline::testing;
using ::testing::HasSubstr;

/// The version that two contexts agree on, or why there is none.
std::string versionOf(const TlsContext& client, const TlsContext& server) {
    TlsBed bed(client, server);
    bed.run();
    return bed.stands() ? std::string(bed.clientTls().version()) : bed.refusal();
}

/// The application protocol that two contexts agree on, or why there is none.
std::string protocolOf(const TlsContext& client, const TlsContext& server) {
    TlsBed bed(client, server);
    bed.run();
    EXPECT_TRUE(!bed.stands() ||
                bed.clientTls().negotiatedProtocol() == bed.serverTls().negotiatedProtocol());
    return bed.stands() ? std::string(bed.clientTls().negotiatedProtocol()) : bed.refusal();
}

/// Whether a second connection by the same contexts resumes the first.
bool resumes(const TlsContext& client, const TlsContext& server, const TlsContext& next) {
    TlsBed first(client, server);
    first.run();
    EXPECT_TRUE(first.stands()) << first.refusal();
    EXPECT_FALSE(first.clientTls().resumed());
    TlsBed second(client, next);
    second.run();
    EXPECT_TRUE(second.stands()) << second.refusal();
    EXPECT_EQ(second.clientTls().resumed(), second.serverTls().resumed());
    return second.clientTls().resumed();
}
bool resumes(const TlsContext& client, const TlsContext& server) {
    return resumes(client, server, server);
}

// S-22: TLS 1.3 is spoken, and nothing below TLS 1.2 unless asked for.
TEST(TlsNegotiation, speaksTls12AndNewer) {
    EXPECT_EQ(versionOf(clientContext(), serverContext()), "TLSv1.3");
    const TlsContext old = clientContext().lowerMaximumSecurityTo(TlsVersion::Tls12);
    EXPECT_EQ(versionOf(old, serverContext()), "TLSv1.2");
    const TlsContext older = clientContext()
                                 .insecurelyLowerMinimumTo(TlsVersion::Tls10)
                                 .lowerMaximumSecurityTo(TlsVersion::Tls11);
    EXPECT_THAT(versionOf(older, serverContext()), HasSubstr("protocol version"));
    EXPECT_EQ(versionOf(older, serverContext().insecurelyLowerMinimumTo(TlsVersion::Tls10)),
              "TLSv1.1");
}

// S-22: a raised minimum holds, and raising never lowers it.
TEST(TlsNegotiation, raisesItsMinimum) {
    const TlsContext old = clientContext().lowerMaximumSecurityTo(TlsVersion::Tls12);
    TlsContext server = serverContext().raiseMinimumTo(TlsVersion::Tls13);
    EXPECT_THAT(versionOf(old, server), HasSubstr("protocol version"));
    server.raiseMinimumTo(TlsVersion::Tls11);
    EXPECT_THAT(versionOf(old, server), HasSubstr("protocol version"));
    EXPECT_EQ(versionOf(clientContext(), server), "TLSv1.3");
}

// S-22: lowering the maximum never raises it, lowering the minimum neither.
TEST(TlsNegotiation, lowersItsMaximum) {
    TlsContext client = clientContext().lowerMaximumSecurityTo(TlsVersion::Tls12);
    client.lowerMaximumSecurityTo(TlsVersion::Tls13);
    client.insecurelyLowerMinimumTo(TlsVersion::Tls13);
    EXPECT_EQ(versionOf(client, serverContext()), "TLSv1.2");
}

// S-22: a window without a version in it is refused at once, and nothing has changed.
TEST(TlsNegotiation, refusesAnEmptyWindowOfVersions) {
    TlsContext high = clientContext().raiseMinimumTo(TlsVersion::Tls13);
    EXPECT_THROW(high.lowerMaximumSecurityTo(TlsVersion::Tls12), std::invalid_argument);
    TlsContext low = clientContext().lowerMaximumSecurityTo(TlsVersion::Tls12);
    EXPECT_THROW(low.raiseMinimumTo(TlsVersion::Tls13), std::invalid_argument);
    EXPECT_EQ(versionOf(high, serverContext()), "TLSv1.3");
    EXPECT_EQ(versionOf(low, serverContext()), "TLSv1.2");
}

// S-24: compression and the server's cache of sessions are off, the server's order counts.
TEST(TlsNegotiation, isSetUpSafely) {
    const TlsContext server = serverContext();
    const std::uint64_t options = SSL_CTX_get_options(server.native());
    EXPECT_NE(options & SSL_OP_NO_COMPRESSION, 0U);
    EXPECT_NE(options & SSL_OP_NO_RENEGOTIATION, 0U);
    EXPECT_NE(options & SSL_OP_CIPHER_SERVER_PREFERENCE, 0U);
    EXPECT_EQ(SSL_CTX_get_session_cache_mode(server.native()), SSL_SESS_CACHE_OFF);
    EXPECT_NE(SSL_CTX_get_mode(server.native()) & SSL_MODE_RELEASE_BUFFERS, 0);
}

// S-24: the server's order of ciphers is the one that counts.
TEST(TlsNegotiation, theServersOrderOfCiphersCounts) {
    TlsBed bed(clientContext().ciphers("TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"),
               serverContext().ciphers("TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"));
    bed.run();
    ASSERT_TRUE(bed.stands()) << bed.refusal();
    EXPECT_EQ(bed.clientTls().cipher(), "TLS_AES_256_GCM_SHA384");
}

// The list for TLS 1.2 counts there.
TEST(TlsNegotiation, takesItsCiphers) {
    TlsBed bed(clientContext().lowerMaximumSecurityTo(TlsVersion::Tls12),
               serverContext().ciphers("ECDHE-ECDSA-CHACHA20-POLY1305"));
    bed.run();
    ASSERT_TRUE(bed.stands()) << bed.refusal();
    EXPECT_EQ(bed.clientTls().cipher(), "ECDHE-ECDSA-CHACHA20-POLY1305");
}

// S-23: a choice of ciphers that chooses none is refused, with its words.
TEST(TlsNegotiation, refusesAnEmptyChoiceOfCiphers) {
    for (const char* none : {"", "NO-SUCH-CIPHER", "TLS_NO_SUCH_CIPHER"}) {
        EXPECT_THAT(thrownBy<TlsError>([&] { serverContext().ciphers(none); }),
                    HasSubstr("no cipher matches '" + std::string(none) + "'"));
    }
    TlsContext client = clientContext().lowerMaximumSecurityTo(TlsVersion::Tls12);
    EXPECT_THROW(client.ciphers("NO-SUCH-CIPHER"), TlsError);
    EXPECT_EQ(versionOf(client, serverContext()), "TLSv1.2") << "the former choice was lost";
}

// S-26: the first of the server's list that the client offers is taken.
TEST(TlsNegotiation, takesTheServersFirstProtocol) {
    EXPECT_EQ(protocolOf(clientContext().alpn({"http/1.1", "h2"}),
                         serverContext().alpn({"spdy", "h2", "http/1.1"})),
              "h2");
}

// S-26: without an offer, or without a list, there is no protocol and no error.
TEST(TlsNegotiation, needsNoProtocol) {
    EXPECT_EQ(protocolOf(clientContext(), serverContext().alpn({"h2"})), "");
    EXPECT_EQ(protocolOf(clientContext().alpn({"h2"}), serverContext()), "");
    EXPECT_EQ(protocolOf(clientContext().alpn({"h2"}), serverContext().alpn({"x"}).alpn({})), "");
}

// S-26: two lists that have nothing in common fail the handshake.
TEST(TlsNegotiation, refusesProtocolsThatDoNotOverlap) {
    EXPECT_THAT(protocolOf(clientContext().alpn({"h2"}), serverContext().alpn({"http/1.1"})),
                HasSubstr("no application protocol"));
}

// A protocol's name has 1 to 255 bytes.
TEST(TlsNegotiation, refusesProtocolNamesOfTheWrongLength) {
    EXPECT_THROW(clientContext().alpn({""}), std::invalid_argument);
    EXPECT_THROW(clientContext().alpn({std::string(256, 'x')}), std::invalid_argument);
    EXPECT_NO_THROW(clientContext().alpn({std::string(255, 'x')}));
}

/// A server for three names: `server.test`, `b.test` and `*.w.test`.
TlsContext manyNames() {
    const auto context = [](const std::string& name) {
        const PemPair pair = authority().issue({.names = {name}});
        return TlsContext::server(pair.certificate, pair.key).alpn({name});
    };
    return serverContext()
        .serverName("B.test", context("b.test"))
        .serverName("*.w.test", context("*.w.test"));
}
/// The first name of the certificate that `server` shows to who asks for `host`.
std::string shownTo(const std::string& host, const TlsContext& server) {
    TlsBed bed(clientContext().insecure(), server, host);
    bed.run();
    EXPECT_TRUE(!bed.stands() || bed.serverTls().serverName() == host);
    return bed.stands() ? bed.clientTls().getPeerCertificate()->names.at(0) : bed.refusal();
}

// The name that a client asks for chooses the certificate; the first context is for the others.
TEST(TlsNegotiation, servesManyNames) {
    const TlsContext server = manyNames();
    EXPECT_EQ(shownTo("server.test", server), "server.test");
    EXPECT_EQ(shownTo("b.test", server), "b.test");
    EXPECT_EQ(shownTo("x.w.test", server), "*.w.test");
    EXPECT_EQ(shownTo("y.x.w.test", server), "server.test");
    EXPECT_EQ(shownTo("other.test", server), "server.test");
    EXPECT_EQ(shownTo("localhost", server), "server.test");
}

// A name's context brings its protocols, versions and ciphers along, not only its certificate.
TEST(TlsNegotiation, aNameHasItsOwnSettings) {
    const PemPair pair = authority().issue({.names = {"b.test"}});
    TlsContext named = TlsContext::server(pair.certificate, pair.key);
    named.alpn({"b"})
        .lowerMaximumSecurityTo(TlsVersion::Tls12)
        .ciphers("ECDHE-ECDSA-AES256-SHA384");
    TlsBed bed(clientContext().alpn({"a", "b"}),
               serverContext().alpn({"a"}).serverName("b.test", named), "b.test");
    bed.run();
    ASSERT_TRUE(bed.stands()) << bed.refusal();
    EXPECT_EQ(bed.clientTls().negotiatedProtocol(), "b");
    EXPECT_EQ(bed.clientTls().version(), "TLSv1.2");
    EXPECT_EQ(bed.clientTls().cipher(), "ECDHE-ECDSA-AES256-SHA384");
}

// S-20: only names are sent, not addresses.
TEST(TlsNegotiation, asksForNamesOnly) {
    TlsBed bed(clientContext().insecure(), serverContext(), "127.0.0.1");
    bed.run();
    ASSERT_TRUE(bed.stands()) << bed.refusal();
    EXPECT_EQ(bed.serverTls().serverName(), "");
}

// Misuse of serverName() is told at the call.
TEST(TlsNegotiation, refusesNamesThatCannotBeServed) {
    TlsContext server = serverContext();
    server.serverName("a.test", serverContext());
    EXPECT_THROW(server.serverName("A.test", serverContext()), std::invalid_argument);
    EXPECT_THROW(server.serverName("", serverContext()), std::invalid_argument);
    EXPECT_THROW(server.serverName("b.test", server), std::invalid_argument);
    EXPECT_THROW(server.serverName("b.test", clientContext()), std::logic_error);
    EXPECT_THROW(clientContext().serverName("b.test", serverContext()), std::logic_error);
}

// A client resumes its session, by TLS 1.3 and by TLS 1.2.
TEST(TlsNegotiation, resumesSessions) {
    EXPECT_TRUE(resumes(clientContext(), serverContext()));
    EXPECT_TRUE(
        resumes(clientContext().lowerMaximumSecurityTo(TlsVersion::Tls12), serverContext()));
}

// A connection that was cut leaves a session that can be resumed.
TEST(TlsNegotiation, resumesTheSessionOfACutConnection) {
    const TlsContext client = clientContext();
    const TlsContext server = serverContext();
    TlsBed cut(client, server);
    cut.run();
    cut.pipe.cut();
    TlsBed next(client, server);
    next.run();
    EXPECT_TRUE(next.clientTls().resumed());
}

// A client remembers the sessions of kMaxSessions hosts, and forgets the oldest first.
TEST(TlsNegotiation, remembersSoManyHosts) {
    const TlsContext client = TlsContext::client();
    TlsContext::State& state = client.state();
    for (std::size_t i = 0; i <= TlsContext::State::kMaxSessions; ++i) {
        state.remember("host" + std::to_string(i), SSL_SESSION_new());
    }
    EXPECT_EQ(state.sessionFor("host0"), nullptr);
    EXPECT_NE(state.sessionFor("host1"), nullptr);
    EXPECT_NE(state.sessionFor("host256"), nullptr);
}

// S-24: without tickets, on either side, nothing is resumed: a server keeps no sessions.
TEST(TlsNegotiation, resumesNothingWithoutTickets) {
    EXPECT_FALSE(resumes(clientContext(), serverContext().sessionTickets(false)));
    EXPECT_FALSE(resumes(clientContext().sessionTickets(false), serverContext()));
    EXPECT_TRUE(
        resumes(clientContext(), serverContext().sessionTickets(false).sessionTickets(true)));
    EXPECT_FALSE(resumes(clientContext().lowerMaximumSecurityTo(TlsVersion::Tls12),
                         serverContext().sessionTickets(false)));
}

// Servers that share their ticket keys resume each other's sessions; others do not.
TEST(TlsNegotiation, sharesTicketKeys) {
    const TlsTicketKey key = TlsTicketKey::random();
    EXPECT_TRUE(resumes(clientContext(), serverContext().ticketKeys({key}),
                        serverContext().ticketKeys({key})));
    EXPECT_FALSE(resumes(clientContext(), serverContext().ticketKeys({key}),
                         serverContext().ticketKeys({TlsTicketKey::random()})));
    EXPECT_FALSE(resumes(clientContext(), serverContext(), serverContext()));
}

// Rotated keys: tickets of the former key are taken as long as it is among them.
TEST(TlsNegotiation, rotatesTicketKeys) {
    const TlsTicketKey old = TlsTicketKey::random();
    const TlsTicketKey fresh = TlsTicketKey::random();
    TlsContext client = clientContext();
    TlsContext server = serverContext().ticketKeys({old});
    TlsBed(client, server).run();
    server.ticketKeys({fresh, old});
    TlsBed renewed(client, server);
    renewed.run();
    EXPECT_TRUE(renewed.clientTls().resumed());
    server.ticketKeys({fresh});
    TlsBed last(client, server);
    last.run();
    EXPECT_TRUE(last.clientTls().resumed()) << "the ticket was not renewed with the first key";
}

// reload() keeps the keys, so that sessions outlive it.
TEST(TlsNegotiation, sessionsOutliveAReload) {
    TlsContext client = clientContext();
    TlsContext server = serverContext();
    TlsBed(client, server).run();
    server.reload();
    TlsBed next(client, server);
    next.run();
    EXPECT_TRUE(next.clientTls().resumed());
}

// Ticket keys are a server's, and at least one.
TEST(TlsNegotiation, refusesTicketKeysThatMakeNoSense) {
    EXPECT_THROW(serverContext().ticketKeys({}), std::invalid_argument);
    EXPECT_THROW(clientContext().ticketKeys({TlsTicketKey::random()}), std::logic_error);
}

}  // namespace
