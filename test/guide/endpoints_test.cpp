// The snippets of docs/howto/endpoints.md, and what the page says of them.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/reactor/endpoint_strings.hpp>
#include <marline/reactor/endpoint_wrappers.hpp>
#include <marline/reactor/proxy_protocol.hpp>
#include <marline/reactor/testing/certificates.hpp>

#include "test/guide/local_names.hpp"
#include "test/support/running.hpp"

using namespace marline;

namespace {

using test::leadTo;
using test::outcomeOf;
using test::runUntil;

class Greeter : public Protocol {
public:
    void greet() { transport()->write("hello\n"); }
};

// A port is opened; a protocol of a factory's and one of one's own are connected to it.
TEST(GuideEndpoints, asObjects) {
    Reactor reactor;
    const auto server = std::make_shared<test::Record>();
    Ref<IProtocolFactory> factory = test::recorderFactory(server);
    std::vector<Ref<IListeningPort>> ports;
    TcpServerEndpoint here(reactor, 0, {.interface = "127.0.0.1"});  // port 0: any free one
    here.listen(factory).addCallback([&](const Ref<IListeningPort>& port) {
        ports.push_back(port);  // port->getHost() tells which
    });
    leadTo(reactor, "example.org", 80, ports.at(0)->getHost());

    Ref<IProtocol> connected;
    const auto use = [&](const Ref<IProtocol>& protocol) { connected = protocol; };
    factory = makeFactory<Protocol>();
    HostnameEndpoint site(reactor, "example.org", 80);
    site.connect(factory).addCallback([&](const Ref<IProtocol>& protocol) { use(protocol); });
    connectProtocol(site, makeRef<Greeter>()).addCallback([](const Ref<Greeter>& greeter) {
        greeter->greet();
    });
    runUntil(reactor, [&] { return connected && server->received == "hello\n"; });
}

// Nothing is thrown; cancelling ends the attempt.
TEST(GuideEndpoints, whatGoesWrongFailsTheDeferred) {
    Reactor reactor;
    const auto port = reactor.listenTcp(0, makeFactory<Protocol>(), {.interface = "127.0.0.1"});
    TcpServerEndpoint taken(reactor, port->getHost().port, {.interface = "127.0.0.1"});
    EXPECT_NE(outcomeOf(reactor, taken.listen(makeFactory<Protocol>()))
                  .failure()
                  .check<CannotListenError>(),
              nullptr);
    TcpClientEndpoint there(reactor, port->getHost());
    auto connecting = there.connect(makeFactory<Protocol>());
    connecting.cancel();
    EXPECT_NE(outcomeOf(reactor, connecting).failure().check<CancelledError>(), nullptr);
}

// The description of a client leads to a TLS server that its name stands for.
TEST(GuideEndpoints, byString) {
    Reactor reactor;
    const marline::testing::CertificateAuthority authority;
    reactor.installClientTls(TlsContext::client().trustPem(authority.certificatePem()));
    auto client = clientFromString(reactor, "tls:example.org:443:timeout=5");
    auto server = serverFromString(reactor, "tcp:8080:interface=127.0.0.1");
    EXPECT_TRUE(server);

    const auto pair = authority.issue({.names = {"example.org"}});
    const auto factory = tlsServerFactory(TlsContext::server(pair.certificate, pair.key), reactor,
                                          makeFactory<Protocol>());
    const auto port = reactor.listenTcp(0, factory, {.interface = "127.0.0.1"});
    leadTo(reactor, "example.org", 443, port->getHost());
    EXPECT_TRUE(outcomeOf(reactor, client->connect(makeFactory<Protocol>())).ok());
}

// What makes no sense is refused in the words of the page; a backslash quotes.
TEST(GuideEndpoints, descriptions) {
    Reactor reactor;
    const auto refusal = [&](const char* description) -> std::string {
        try {
            serverFromString(reactor, description);
        } catch (const EndpointStringError& error) {
            return error.what();
        }
        return "none";
    };
    EXPECT_EQ(refusal("tcp:http"),
              "the endpoint \"tcp:http\" makes no sense: the field 'port' is "
              "'http', which is no port from 0 to 65535");
    EXPECT_NE(refusal("tcp:80:colour=red"), "none");
    EXPECT_TRUE(clientFromString(reactor, R"(tcp:\:\:1:80)"));
    EXPECT_EQ(quoteStringArgument("::1"), R"(\:\:1)");
}

class OnionEndpoint : public IStreamClientEndpoint {
public:
    OnionEndpoint(Reactor& reactor, std::string host, std::uint16_t port)
        : tcp_(reactor, {Address::Kind::Ipv4, port, std::move(host)}) {}
    Deferred<Ref<IProtocol>> connect(Ref<IProtocolFactory> factory) override {
        return tcp_.connect(std::move(factory));
    }

private:
    TcpClientEndpoint tcp_;
};

// A kind of the program's own is asked for its endpoint.
TEST(GuideEndpoints, aKindOfOnesOwn) {
    registerClientEndpoint(
        "onion", [](Reactor& reactor, EndpointFields& fields) -> Ref<IStreamClientEndpoint> {
            const std::string host = fields.need("host");  // taken in the order of the fields
            return makeRef<OnionEndpoint>(reactor, host, fields.needPort("port"));
        });
    Reactor reactor;
    const auto port = reactor.listenTcp(0, makeFactory<Protocol>(), {.interface = "127.0.0.1"});
    const auto onion =
        clientFromString(reactor, "onion:127.0.0.1:" + std::to_string(port->getHost().port));
    EXPECT_TRUE(outcomeOf(reactor, onion->connect(makeFactory<Protocol>())).ok());
    EXPECT_THROW(clientFromString(reactor, "onion:127.0.0.1"), EndpointStringError);
}

/// Notes from where its connections come.
class Peers : public IProtocolFactory {
public:
    std::string seen;

    Ref<IProtocol> buildProtocol(const Address& peer) override {
        seen = peer.toString();
        return makeRef<Protocol>();
    }
};

// The protocol behind a proxy sees whom the proxy announces.
TEST(GuideEndpoints, behindAProxy) {
    Reactor reactor;
    const auto peers = makeRef<Peers>();
    const auto behind = serverFromString(reactor, "haproxy:tcp:0:interface=127.0.0.1");
    const auto port = outcomeOf(reactor, behind->listen(peers)).value();
    const auto proxy = std::make_shared<test::Record>();
    proxy->onMade = [](ITransport& transport) {
        transport.write("PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n");
    };
    const auto made =
        outcomeOf(reactor, reactor.connectTcp(port->getHost(), test::recorderFactory(proxy)));
    ASSERT_TRUE(made.ok());
    runUntil(reactor, [&] { return !peers->seen.empty(); });
    EXPECT_EQ(peers->seen, "192.0.2.7:5000");
}

}  // namespace
