// Who is let in: verification of servers and of clients.
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/detail/tls_context_state.hpp>
#include <marline/reactor/log.hpp>

#include "tls_bed.hpp"

namespace {

using namespace marline;
using namespace marline::testing;
using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

TlsContext serverFor(const LeafOptions& leaf) {
    const PemPair pair = authority().issue(leaf);
    return TlsContext::server(pair.certificate, pair.key);
}

/// What a client says that asks for `host` and does not get through.
std::string refusalOf(const TlsContext& server, const std::string& host,
                      const TlsContext& client = clientContext()) {
    TlsBed bed(client, server, host);
    bed.servers = makeRef<RecordingFactory>([](RecordingProtocol& protocol) {
        protocol.onMade = [](RecordingProtocol& self) { self.transport->write("secret"); };
    });
    bed.run();
    EXPECT_EQ(bed.client().made, 0) << "the protocol heard of a peer that was refused";
    EXPECT_EQ(bed.client().received, "");
    return bed.refusal();
}

// S-21: a wrong name ends it before any data, and the reason names who it is for.
TEST(TlsPeer, refusesAWrongName) {
    const TlsContext server = serverFor({.names = {"a.test", "*.b.test", "127.0.0.1"}});
    EXPECT_THAT(refusalOf(server, "other.test"),
                AllOf(HasSubstr("certificate CN=a.test: hostname mismatch"),
                      HasSubstr("it is for a.test, *.b.test, 127.0.0.1, not for other.test")));
    EXPECT_THAT(refusalOf(server, "127.0.0.2"), HasSubstr("IP address mismatch"));
}

// S-20: names and addresses are each checked against their own kind; a final dot is no difference.
TEST(TlsPeer, acceptsItsNames) {
    const TlsContext server = serverFor({.names = {"a.test", "*.b.test", "127.0.0.1", "::1"}});
    for (const char* host : {"a.test", "A.TEST", "a.test.", "x.b.test", "127.0.0.1", "::1"}) {
        TlsBed bed(clientContext(), server, host);
        bed.run();
        EXPECT_TRUE(bed.stands()) << host << ": " << bed.refusal();
    }
}

// S-21: an unknown issuer is named, with what to do about it.
TEST(TlsPeer, refusesAnUnknownIssuer) {
    const CertificateAuthority other("somebody else's CA");
    const PemPair pair = other.issue({.names = {kHost}});
    EXPECT_THAT(refusalOf(TlsContext::server(pair.certificate, pair.key), kHost),
                AllOf(HasSubstr("CN=server.test"), HasSubstr("CN=somebody else's CA"),
                      HasSubstr("trustPem()")));
    EXPECT_THAT(
        refusalOf(TlsContext::server(pair.certificate + other.certificatePem(), pair.key), kHost),
        AllOf(HasSubstr("CN=somebody else's CA"), HasSubstr("self-signed")));
}

// S-20: the system's trust is what counts by default, and it has no business with test CAs.
TEST(TlsPeer, trustsTheSystemByDefault) {
    EXPECT_THAT(refusalOf(serverContext(), kHost, TlsContext::client()),
                HasSubstr("issuer certificate"));
    EXPECT_THAT(refusalOf(serverContext(), kHost, TlsContext::client().trustSystem()),
                HasSubstr("issuer certificate"));
    TlsBed both(clientContext().trustSystem());
    both.run();
    EXPECT_TRUE(both.stands()) << both.refusal();
}

// S-21: a certificate out of its time is refused, with the time.
TEST(TlsPeer, refusesACertificateOutOfItsTime) {
    EXPECT_THAT(refusalOf(serverFor({.names = {kHost}, .notBefore = -48h, .notAfter = -1h}), kHost),
                AllOf(HasSubstr("has expired on "), HasSubstr(" GMT")));
    EXPECT_THAT(refusalOf(serverFor({.names = {kHost}, .notBefore = 1h}), kHost),
                AllOf(HasSubstr("not yet valid before "), HasSubstr(" GMT")));
}

// An insecure client lets everybody in, and still knows what was shown.
TEST(TlsPeer, anInsecureClientSeesWhatWasShown) {
    TlsBed bed(TlsContext::client().insecure(), serverContext(), "other.test");
    bed.run();
    ASSERT_TRUE(bed.stands()) << bed.refusal();
    EXPECT_EQ(bed.clientTls().getPeerCertificate()->subject, "CN=server.test");
    EXPECT_FALSE(bed.serverTls().getPeerCertificate());
}

/// A server that wants certificates of its clients.
TlsContext strictServer() { return serverContext().trustPem(authority().certificatePem()); }
/// A client with a certificate by `signer`.
TlsContext clientWith(const CertificateAuthority& signer) {
    const PemPair pair = signer.issue({.names = {"client.test"}});
    return clientContext().certificatePem(pair.certificate, pair.key);
}

/// What the log of the process gets while it lives.
class CaughtLog {
public:
    CaughtLog() : before_(setLogObserver(&keep)) { lines().clear(); }
    CaughtLog(const CaughtLog&) = delete;
    CaughtLog& operator=(const CaughtLog&) = delete;
    ~CaughtLog() { setLogObserver(before_); }
    static std::string text() { return lines(); }

private:
    static std::string& lines() {
        static std::string all;
        return all;
    }
    static void keep(LogLevel, std::string_view line) noexcept { lines() += line; }

    LogObserver before_;
};

// S-25: trust makes a server want certificates; it knows those that it lets in.
TEST(TlsPeer, letsTrustedClientsIn) {
    TlsBed bed(clientWith(authority()), strictServer());
    bed.run();
    ASSERT_TRUE(bed.stands()) << bed.refusal();
    EXPECT_EQ(bed.serverTls().getPeerCertificate()->names, std::vector<std::string>{"client.test"});
}

// S-25: a client without a certificate is refused, and both sides say why.
TEST(TlsPeer, refusesClientsWithoutACertificate) {
    const CaughtLog log;
    TlsBed bed(clientContext(), strictServer());
    bed.run();
    EXPECT_EQ(bed.server().made, 0);
    EXPECT_THAT(log.text(), HasSubstr("peer did not return a certificate"));
    ASSERT_TRUE(bed.client().lost) << "TLS 1.3 tells the client after its handshake";
    EXPECT_THAT(bed.client().lost->message(), HasSubstr("certificate required"));
}

// S-25: so is one whose certificate somebody else has signed; the server's log names it.
TEST(TlsPeer, refusesClientsWithABadCertificate) {
    const CaughtLog log;
    TlsBed bed(clientWith(CertificateAuthority("somebody else's CA")), strictServer());
    bed.run();
    EXPECT_EQ(bed.server().made, 0);
    EXPECT_THAT(log.text(),
                AllOf(HasSubstr("certificate CN=client.test"), HasSubstr("CN=somebody else's CA")));
    EXPECT_TRUE(bed.client().lostWith<TlsError>());
}

// S-25: where certificates are optional, one may be missing, but not be bad.
TEST(TlsPeer, letsClientsInWithoutACertificateWhereItIsOptional) {
    const TlsContext server = strictServer().clientCertificates(ClientCertificates::Optional);
    TlsBed without(clientContext(), server);
    without.run();
    EXPECT_TRUE(without.stands());
    EXPECT_FALSE(without.serverTls().getPeerCertificate());
    TlsBed good(clientWith(authority()), server);
    good.run();
    EXPECT_TRUE(good.serverTls().getPeerCertificate());
    TlsBed bad(clientWith(CertificateAuthority("somebody else's CA")), server);
    bad.run();
    EXPECT_EQ(bad.server().made, 0);
}

// A server without trust asks no client for a certificate.
TEST(TlsPeer, asksForNoCertificateWithoutTrust) {
    TlsBed bed(clientWith(authority()), serverContext());
    bed.run();
    ASSERT_TRUE(bed.stands()) << bed.refusal();
    EXPECT_FALSE(bed.serverTls().getPeerCertificate());
}

// S-23: wanting certificates without knowing whom to trust is misuse, and so it is on a client.
TEST(TlsPeer, wantsToKnowWhomToTrust) {
    EXPECT_THROW(serverContext().clientCertificates(ClientCertificates::Required),
                 std::logic_error);
    EXPECT_THROW(clientContext().clientCertificates(ClientCertificates::Optional),
                 std::logic_error);
}

// A name may want certificates where others do not, and the other way round.
TEST(TlsPeer, aNameMayWantCertificates) {
    const PemPair pair = authority().issue({.names = {"strict.test"}});
    const TlsContext strict =
        TlsContext::server(pair.certificate, pair.key).trustPem(authority().certificatePem());
    const TlsContext server = serverContext().serverName("strict.test", strict);
    TlsBed open(clientContext(), server);
    open.run();
    EXPECT_TRUE(open.stands());
    TlsBed refused(clientContext(), server, "strict.test");
    refused.run();
    EXPECT_EQ(refused.server().made, 0);
    TlsBed known(clientWith(authority()), server, "strict.test");
    known.run();
    EXPECT_TRUE(known.stands());
    const TlsContext backwards =
        strictServer().serverName("open.test", serverFor({.names = {"open.test"}}));
    TlsBed let(clientContext(), backwards, "open.test");
    let.run();
    EXPECT_TRUE(let.stands()) << let.refusal();
}

// A session of an open name opens no strict one: the client must show its certificate there.
TEST(TlsPeer, anotherNamesSessionOpensNothing) {
    const PemPair pair = authority().issue({.names = {"strict.test"}});
    const TlsContext strict =
        TlsContext::server(pair.certificate, pair.key).trustPem(authority().certificatePem());
    const TlsContext server = serverContext().serverName("strict.test", strict);
    TlsContext client = clientContext().insecure();
    TlsBed open(client, server);
    open.run();
    ASSERT_TRUE(open.stands());
    // The client offers what it got from server.test to strict.test.
    SSL_SESSION* session = client.state().sessionFor(kHost);
    ASSERT_NE(session, nullptr);
    SSL_SESSION_up_ref(session);
    client.state().remember("strict.test", session);
    TlsBed smuggled(client, server, "strict.test");
    smuggled.run();
    EXPECT_EQ(smuggled.server().made, 0);
}

}  // namespace
