// The snippets of docs/howto/tls.md, and what the page says of them.
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/reactor/testing/certificates.hpp>

#include <marline/reactor/tls_connection.hpp>

#include "test/guide/local_names.hpp"
#include "test/guide/printed.hpp"
#include "test/support/running.hpp"
#include "test/support/temp_folder.hpp"

using namespace marline;

namespace {

using test::outcomeOf;
using test::runUntil;
using ::testing::MatchesRegex;

class Echo : public Protocol {
    void dataReceived(std::span<const std::byte> data) override { transport()->write(data); }
};

/// The files that the page names, in a folder that is the current one; what they hold is trusted
/// by nobody else.
class GuideTls : public ::testing::Test {
protected:
    GuideTls() {
        serve({"example.org"});
        folder_.write("our-ca.pem", authority_.certificatePem());
        const auto me = authority_.issue({.names = {"me.test"}});
        folder_.write("me.pem", me.certificate);
        folder_.write("me.key", me.key);
        std::filesystem::current_path(folder_.path());
    }
    ~GuideTls() override { std::filesystem::current_path(before_); }

    /// The server's certificate is for these names.
    void serve(const std::vector<std::string>& names) {
        const auto pair = authority_.issue({.names = names});
        folder_.write("fullchain.pem", pair.certificate);
        folder_.write("privkey.pem", pair.key);
    }
    /// example.org is a server with those files.
    void listen() {
        TlsContext context = TlsContext::serverFromFiles("fullchain.pem", "privkey.pem");
        const auto echo = makeFactory<Echo>();
        const auto port = reactor.listenTcp(0, tlsServerFactory(context, reactor, echo),
                                            {.interface = "127.0.0.1"});
        test::leadTo(reactor, "example.org", 443, port->getHost());
    }

    Reactor reactor;

private:
    std::filesystem::path before_ = std::filesystem::current_path();
    test::TempFolder folder_;
    marline::testing::CertificateAuthority authority_;
};

// A server that the system does not know is refused; one that it knows is used.
TEST_F(GuideTls, aClientOfTheSystemsTrust) {
    listen();
    const test::Printed printed;
    bool used = false;
    const auto useIt = [&](const Ref<IProtocol>&) { used = true; };
    const auto factory = makeFactory<Protocol>();
    const auto connect = [&] {
        auto tcp = makeRef<HostnameEndpoint>(reactor, "example.org", std::uint16_t{443});
        auto tls = wrapClientTls(reactor, TlsContext::client(), "example.org", tcp);
        tls->connect(factory).addCallbacks(
            useIt, [](const Failure& why) { std::cout << why.message() << '\n'; });
    };
    connect();
    runUntil(reactor, [&] { return !printed.text().empty(); });
    EXPECT_FALSE(used);
    ::setenv("SSL_CERT_FILE", "our-ca.pem", 1);
    connect();
    runUntil(reactor, [&] { return used; });
    ::unsetenv("SSL_CERT_FILE");
}

// The error names the certificate and whom it is for.
TEST_F(GuideTls, whoIsRefused) {
    serve({"shop.test", "www.shop.test"});
    listen();
    auto tcp = makeRef<HostnameEndpoint>(reactor, "example.org", std::uint16_t{443});
    auto tls =
        wrapClientTls(reactor, TlsContext::client().trustFile("our-ca.pem"), "example.org", tcp);
    const auto refused = outcomeOf(reactor, tls->connect(makeFactory<Protocol>()));
    EXPECT_THAT(
        refused.failure().message(),
        MatchesRegex("TLS handshake with example.org \\(127.0.0.1:[0-9]+\\) failed: certificate "
                     "CN=shop.test: hostname mismatch: it is for shop.test, www.shop.test, "
                     "not for example.org"));
}

// Each of them can be made of its files.
TEST_F(GuideTls, whatClientsTrust) {
    // clang-format off
    TlsContext::client().trustFile("our-ca.pem");                // only these
    TlsContext::client().trustSystem().trustFile("our-ca.pem");  // these too
    TlsContext::client().certificateFiles("me.pem", "me.key");   // shows a certificate of its own
    // clang-format on
    EXPECT_THROW(TlsContext::client().trustFile("nowhere.pem"), TlsError);
}

/// Tells to whom it is connected.
class Teller : public Protocol {
public:
    void connectionMade() override {
        if (const ITlsConnection* tls = transport()->tls()) {
            std::cout << tls->version() << " with " << tls->getPeerCertificate()->subject << '\n';
        }
    }
};

// A server of files is connected to; its client tells of it. Renewed files are read again.
TEST_F(GuideTls, servers) {
    const std::uint16_t port = 0;
    TlsContext context = TlsContext::serverFromFiles("fullchain.pem", "privkey.pem");
    auto listening = reactor.listenTcp(
        port, tlsServerFactory(context, reactor, makeFactory<Echo>()), {.interface = "127.0.0.1"});
    const auto connect = [&] {
        auto tls =
            wrapClientTls(reactor, TlsContext::client().trustFile("our-ca.pem"), "example.org",
                          makeRef<TcpClientEndpoint>(reactor, listening->getHost()));
        return outcomeOf(reactor, tls->connect(makeFactory<Teller>()));
    };
    const test::Printed printed;
    EXPECT_TRUE(connect().ok());
    EXPECT_EQ(printed.text(), "TLSv1.3 with CN=example.org\n");
    serve({"www.example.org", "example.org"});
    context.reload();
    EXPECT_TRUE(connect().ok());
    EXPECT_EQ(printed.text(), "TLSv1.3 with CN=example.org\nTLSv1.3 with CN=www.example.org\n");
}

/// The server of the page.
class Server : public LineReceiver {
public:
    Server(TlsContext context, Reactor* reactor)
        : context_(std::move(context)), reactor_(*reactor) {}

private:
    void lineReceived(std::string_view line) override {
        if (line == "STARTTLS") {
            transport()->write("220 go ahead\r\n");  // plain
            startTls(*transport(), context_, reactor_);
            takeUnparsed();  // drops what came with it
        }
    }

    void handshakeCompleted() override { transport()->write("220 welcome\r\n"); }  // encrypted

    TlsContext context_;
    Reactor& reactor_;
};

// The connection goes on under TLS, on both sides.
TEST_F(GuideTls, startTls) {
    const TlsContext context = TlsContext::serverFromFiles("fullchain.pem", "privkey.pem");
    const auto port =
        reactor.listenTcp(0, makeFactory<Server>(context, &reactor), {.interface = "127.0.0.1"});
    const auto client = std::make_shared<test::Record>();
    bool secret = false;
    client->onMade = [](ITransport& transport) { transport.write("STARTTLS\r\n"); };
    client->onData = [&](ITransport& transport, std::string_view data) {
        if (data == "220 go ahead\r\n") {
            marline::startTls(transport, TlsContext::client().trustFile("our-ca.pem"), reactor,
                              "example.org");
        }
        secret = data == "220 welcome\r\n" && transport.tls() != nullptr;
    };
    ASSERT_TRUE(
        outcomeOf(reactor, reactor.connectTcp(port->getHost(), test::recorderFactory(client)))
            .ok());
    runUntil(reactor, [&] { return secret; });
}

}  // namespace
