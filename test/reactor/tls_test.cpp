// TLS over loopback TCP: area S, and what must not be trusted.
#include <marline/reactor/tls.hpp>

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/testing/certificates.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include "test/support/running.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;
using marline::testing::CertificateAuthority;
using marline::testing::LeafOptions;
using test::outcomeOf;
using test::Record;
using test::recorderFactory;
using test::runUntil;
using ::testing::HasSubstr;

/// A TLS server, and connections to it.
class Tls : public ::testing::Test {
protected:
    void serve(const LeafOptions& leaf) {
        const auto pair = authority.issue(leaf);
        port = reactor.listenTcp(0,
                                 tlsServerFactory(TlsContext::server(pair.certificate, pair.key),
                                                  reactor, recorderFactory(server)),
                                 {.interface = "127.0.0.1"});
    }
    Result<Ref<IProtocol>> connect(const std::string& host, const TlsContext& context) {
        auto tcp = makeRef<TcpClientEndpoint>(reactor, port->getHost());
        auto tls = wrapClientTls(reactor, context, host, tcp, 2s);
        return outcomeOf(reactor, tls->connect(recorderFactory(client)));
    }
    TlsContext trusting() { return TlsContext::client().trustPem(authority.certificatePem()); }
    std::string refusal(const std::string& host, const TlsContext& context) {
        const auto made = connect(host, context);
        EXPECT_FALSE(made.ok());
        EXPECT_TRUE(client->events.empty()) << "the protocol heard of a peer that was refused";
        return made.ok() ? "accepted" : made.failure().message();
    }

    CertificateAuthority authority;
    std::shared_ptr<Record> server = std::make_shared<Record>();
    std::shared_ptr<Record> client = std::make_shared<Record>();
    Reactor reactor;
    Ref<IListeningPort> port;
};

// Bytes go both ways, also many, and a clean close is one on both ends.
TEST_F(Tls, carriesBytesAndClosesCleanly) {
    serve({.names = {"site.test"}});
    server->onData = [](ITransport& t, std::string_view data) { t.write(data); };
    ASSERT_TRUE(connect("site.test", trusting()).ok());
    const std::string large(2'000'000, 'x');
    client->transport->write(large);
    runUntil(reactor, [&] { return client->received.size() == large.size(); });
    client->transport->loseConnection();
    runUntil(reactor, [&] { return server->lost && client->lost; });
    EXPECT_NE(server->lost->check<ConnectionDone>(), nullptr);
    EXPECT_NE(client->lost->check<ConnectionDone>(), nullptr);
}

// S-20, S-21: A server is known by its name or its address.
TEST_F(Tls, verifiesNamesAndAddresses) {
    serve({.names = {"site.test", "*.wild.test", "127.0.0.1"}});
    EXPECT_TRUE(connect("SITE.test", trusting()).ok());
    EXPECT_TRUE(connect("a.wild.test", trusting()).ok());
    EXPECT_TRUE(connect("127.0.0.1", trusting()).ok());
    client->events.clear();
    EXPECT_THAT(refusal("other.test", trusting()), HasSubstr("hostname mismatch"));
    EXPECT_THAT(refusal("a.b.wild.test", trusting()), HasSubstr("hostname mismatch"));
    EXPECT_THAT(refusal("127.0.0.2", trusting()), HasSubstr("IP address mismatch"));
}

// S-20, S-21: Who signed it, and when it is valid, matter; the error names the certificate.
TEST_F(Tls, verifiesIssuerAndDates) {
    serve({.names = {"site.test"}});
    EXPECT_THAT(refusal("site.test", TlsContext::client()), HasSubstr("CN=site.test"));
    EXPECT_THAT(refusal("site.test",
                        TlsContext::client().trustPem(CertificateAuthority().certificatePem())),
                HasSubstr("certificate"));
    serve({.names = {"site.test"}, .notBefore = -48h, .notAfter = -1h});
    EXPECT_THAT(refusal("site.test", trusting()), HasSubstr("expired"));
    serve({.names = {"site.test"}, .notBefore = 1h});
    EXPECT_THAT(refusal("site.test", trusting()), HasSubstr("not yet valid"));
}

// Without verification anybody is believed, but only when asked for.
TEST_F(Tls, insecureTrustsEverybody) {
    serve({.names = {"site.test"}});
    EXPECT_TRUE(connect("other.test", TlsContext::client().insecure()).ok());
}

// A server that speaks something else, or nothing, is given up.
TEST_F(Tls, otherProtocolsAreRefused) {
    server->onMade = [](ITransport& t) { t.write("220 this is no TLS\r\n"); };
    port = reactor.listenTcp(0, recorderFactory(server), {.interface = "127.0.0.1"});
    EXPECT_THAT(refusal("site.test", trusting()), HasSubstr("TLS handshake with site.test"));
    server->onMade = [](ITransport& t) { t.loseConnection(); };
    EXPECT_THAT(refusal("site.test", trusting()), HasSubstr("TLS handshake"));
    server->onMade = {};
    EXPECT_THAT(refusal("site.test", trusting()), HasSubstr("handshakeTimeout"));
}

// A stream that ends without a goodbye is told from a clean close.
TEST_F(Tls, truncationIsNoCleanClose) {
    const auto pair = authority.issue({.names = {"site.test"}});
    /// Passes everything on.
    struct Cutter final : Protocol {
        Cutter(Reactor& r, Address to) : reactor(r), target(std::move(to)) {}
        void connectionMade() override {
            onward->onMade = [this](ITransport& t) { t.write(early); };
            onward->onData = [this](ITransport&, std::string_view data) {
                if (transport() != nullptr) {
                    transport()->write(data);
                }
            };
            reactor.connectTcp(target, recorderFactory(onward));
        }
        void dataReceived(std::span<const std::byte> data) override {
            if (onward->transport != nullptr) {
                onward->transport->write(data);
            } else {
                early += asText(data);
            }
        }
        Reactor& reactor;
        Address target;
        std::string early;
        std::shared_ptr<Record> onward = std::make_shared<Record>();
    };
    Ref<Cutter> cutter;
    server->onData = [](ITransport& t, std::string_view data) { t.write(data); };
    auto inner = reactor.listenTcp(0,
                                   tlsServerFactory(TlsContext::server(pair.certificate, pair.key),
                                                    reactor, recorderFactory(server)),
                                   {.interface = "127.0.0.1"});
    port = reactor.listenTcp(0, factoryOf([&](const Address&) -> Ref<IProtocol> {
                                 cutter = makeRef<Cutter>(reactor, inner->getHost());
                                 return cutter;
                             }),
                             {.interface = "127.0.0.1"});
    ASSERT_TRUE(connect("site.test", trusting()).ok());
    client->transport->write("ping");
    runUntil(reactor, [&] { return client->received == "ping"; });
    cutter->transport()->loseConnection();
    runUntil(reactor, [&] { return client->lost.has_value(); });
    EXPECT_NE(client->lost->check<ConnectionTruncated>(), nullptr) << client->lost->brief();
}

// S-19, S-20: a client without a host to verify fails, by its Deferred.
TEST_F(Tls, aClientNeedsAHostToVerify) {
    serve({.names = {"site.test"}});
    EXPECT_THAT(refusal("", trusting()), HasSubstr("needs the name of the host"));
    EXPECT_THAT(refusal(std::string("a\0.test", 7), trusting()), HasSubstr("needs the name"));
    EXPECT_THAT(refusal(std::string(300, 'x'), trusting()), HasSubstr("is no host name"));
}

// Cancelling connect() ends it, before and during the handshake.
TEST_F(Tls, connectingCanBeCancelled) {
    port = reactor.listenTcp(0, recorderFactory(server), {.interface = "127.0.0.1"});
    auto tls = wrapClientTls(reactor, trusting(), "site.test",
                             makeRef<TcpClientEndpoint>(reactor, port->getHost()));
    auto early = tls->connect(recorderFactory(client));
    early.cancel();
    EXPECT_NE(outcomeOf(reactor, early).failure().check<CancelledError>(), nullptr);
    auto late = tls->connect(recorderFactory(client));
    runUntil(reactor, [&] { return !server->received.empty(); });
    late.cancel();
    EXPECT_NE(outcomeOf(reactor, late).failure().check<CancelledError>(), nullptr);
    runUntil(reactor, [&] { return server->lost.has_value(); });
}

// What cannot be loaded is named.
TEST_F(Tls, badFilesAndKeysAreNamed) {
    const auto pair = authority.issue({.names = {"site.test"}});
    const auto other = authority.issue({.names = {"site.test"}});
    const auto message = [](const auto& call) {
        try {
            call();
        } catch (const TlsError& error) {
            return std::string(error.what());
        }
        return std::string("accepted");
    };
    EXPECT_THAT(message([] { TlsContext::serverFromFiles("/no/chain", "/no/key"); }),
                HasSubstr("/no/chain"));
    EXPECT_THAT(message([&] { TlsContext::server(pair.certificate, other.key); }),
                HasSubstr("does not belong"));
    EXPECT_THAT(message([&] { TlsContext::server("nonsense", pair.key); }),
                HasSubstr("no certificate"));
    EXPECT_THAT(message([&] { TlsContext::server(pair.certificate, "nonsense"); }),
                HasSubstr("no private key"));
    EXPECT_THAT(message([] { TlsContext::client().trustPem("nonsense"); }),
                HasSubstr("no CA certificate"));
    EXPECT_THAT(message([] { TlsContext::client().trustFile("/no/ca"); }), HasSubstr("/no/ca"));
}

// S-18: a TCP connection is upgraded in its middle, and closes cleanly.
TEST_F(Tls, startsOnAConnectionThatStands) {
    const auto pair = authority.issue({.names = {"site.test"}});
    const TlsContext serverTls = TlsContext::server(pair.certificate, pair.key);
    server->onData = [&](ITransport& t, std::string_view) {
        if (server->received == "STARTTLS") {
            t.write("GO");
            startTls(t, serverTls, reactor);
        }
    };
    client->onData = [&](ITransport& t, std::string_view) {
        if (client->received == "GO") {
            startTls(t, trusting(), reactor, "site.test");
        }
    };
    port = reactor.listenTcp(0, recorderFactory(server), {.interface = "127.0.0.1"});
    ASSERT_TRUE(
        outcomeOf(reactor, reactor.connectTcp(port->getHost(), recorderFactory(client))).ok());
    client->transport->write("STARTTLS");
    runUntil(reactor, [&] { return client->received == "GO"; });
    // By the record's protocol, whose transport is the TLS one now.
    client->protocol->transport()->write("secret");
    runUntil(reactor, [&] { return server->received == "STARTTLSsecret"; });
    client->protocol->transport()->loseConnection();
    runUntil(reactor, [&] { return server->lost && client->lost; });
    EXPECT_NE(client->lost->check<ConnectionDone>(), nullptr);
    EXPECT_NE(server->lost->check<ConnectionDone>(), nullptr);
}

// A producer, or a connection that closes, keeps TCP from changing its protocol.
TEST_F(Tls, startsOnlyWhereItCan) {
    struct Idle final : IProducer {
        void resumeProducing() override {}
        void pauseProducing() override {}
        void stopProducing() override {}
    } producer;
    port = reactor.listenTcp(0, recorderFactory(server), {.interface = "127.0.0.1"});
    ASSERT_TRUE(
        outcomeOf(reactor, reactor.connectTcp(port->getHost(), recorderFactory(client))).ok());
    ITransport& tcp = *client->transport;
    EXPECT_EQ(tcp.tls(), nullptr);
    tcp.registerProducer(producer, Producing::Push);
    EXPECT_THROW(startTls(tcp, trusting(), reactor, "site.test"), std::logic_error);
    tcp.unregisterProducer();
    tcp.loseConnection();
    EXPECT_THROW(startTls(tcp, trusting(), reactor, "site.test"), std::logic_error);
    runUntil(reactor, [&] { return client->lost.has_value(); });
    EXPECT_NE(client->lost->check<ConnectionDone>(), nullptr);
}

// A transport that cannot change its protocol says so.
TEST_F(Tls, startsOnlyOnTransportsThatSupportIt) {
    marline::testing::StringTransport transport;
    EXPECT_THROW(startTls(transport, trusting(), reactor, "site.test"), std::logic_error);
    EXPECT_EQ(transport.value(), "");
}

}  // namespace
