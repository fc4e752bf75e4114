// The snippets of docs/howto/proxies.md, and what the page says of them.
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/protocols/port_forward.hpp>
#include <marline/protocols/socks/socks5.hpp>
#include <marline/reactor/endpoint_strings.hpp>

#include "test/guide/hello_site.hpp"
#include "test/support/running.hpp"

using namespace marline;

namespace {

using test::outcomeOf;

/// The endpoint string of a port of this machine.
std::string at(const Ref<IListeningPort>& port) { return "tcp:" + port->getHost().toString(); }

// What comes to the port goes to the site.
TEST(GuideProxies, onePortForAnother) {
    test::HelloSite site;
    Reactor& reactor = site.reactor;
    const std::string backend = "tcp:" + (site / "").substr(7, (site / "").rfind('/') - 7);
    const auto port = reactor.listenTcp(0, forwardTo(clientFromString(reactor, backend)));
    Agent agent{reactor};
    const std::string url = "http://127.0.0.1:" + std::to_string(port->getHost().port) + "/you";
    const auto response = outcomeOf(reactor, agent.request("GET", url)).value();
    EXPECT_EQ(outcomeOf(reactor, readBody(response)).value(), "Hello, you");
}

// A client reaches a server through a proxy that asks who it is.
TEST(GuideProxies, socks) {
    Reactor reactor;
    const auto server = std::make_shared<test::Record>();
    const auto client = std::make_shared<test::Record>();
    const auto target =
        reactor.listenTcp(0, test::recorderFactory(server), {.interface = "127.0.0.1"});
    const auto isAllowed = [](const std::string& host) { return host == "127.0.0.1"; };
    SocksPolicy policy;
    policy.endpointFor = [&](const std::string& host,
                             std::uint16_t port) -> Ref<IStreamClientEndpoint> {
        if (!isAllowed(host)) {
            return {};
        }
        return makeRef<HostnameEndpoint>(reactor, host, port);
    };
    const auto proxyPort =
        reactor.listenTcp(0, socks5Factory(reactor, std::move(policy)), {.interface = "127.0.0.1"});
    const std::string there = at(proxyPort);
    const std::uint16_t port = target->getHost().port;
    const auto factory = test::recorderFactory(client);
    auto proxy = clientFromString(reactor, there);
    auto endpoint = makeRef<Socks5ClientEndpoint>(reactor, proxy, "127.0.0.1", port);
    EXPECT_TRUE(outcomeOf(reactor, endpoint->connect(factory)).ok());
    client->transport->write("hello");
    test::runUntil(reactor, [&] { return server->received == "hello"; });

    auto refused = makeRef<Socks5ClientEndpoint>(reactor, proxy, "127.0.0.2", port);
    EXPECT_NE(outcomeOf(reactor, refused->connect(factory)).failure().check<SocksError>(), nullptr);
}

}  // namespace
