// The snippets of docs/howto/http.md, and what the page says of them.
#include <iostream>
#include <string>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/reactor/testing/certificates.hpp>

#include "test/guide/local_names.hpp"
#include "test/guide/printed.hpp"
#include "test/support/running.hpp"

using namespace marline;

namespace {

using test::outcomeOf;

class Hello : public http::Resource {
    bool isLeaf() const noexcept override { return true; }
    http::Rendered renderGet(http::Request& request) override {
        request.setHeader("Content-Type", "text/plain");
        return "Hello, " + request.segments()[0] + "\n";
    }
};

// A page is fetched by https, and printed.
TEST(GuideHttp, client) {
    Reactor reactor;
    const marline::testing::CertificateAuthority authority;
    const auto pair = authority.issue({.names = {"example.org"}});
    const auto site =
        makeRef<http::Site>(reactor, makeRef<http::Data>("An example\n", "text/plain"));
    const auto port = reactor.listenTcp(
        0, tlsServerFactory(TlsContext::server(pair.certificate, pair.key), reactor, site),
        {.interface = "127.0.0.1"});
    test::leadTo(reactor, "example.org", 443, port->getHost());
    reactor.installClientTls(TlsContext::client().trustPem(authority.certificatePem()));

    const test::Printed printed;
    RedirectAgent agent{Agent{reactor}};
    agent.request("GET", "https://example.org/")
        .addCallback([](Response response) { return readBody(response); })
        .addCallback([](const std::string& body) { std::cout << body; })
        .addErrback([](const Failure& why) { std::cerr << why.message() << '\n'; });
    test::runUntil(reactor, [&] { return !printed.text().empty(); });
    EXPECT_EQ(printed.text(), "An example\n");
}

// What the path says is greeted; what a handler does not know is a 405.
TEST(GuideHttp, server) {
    Reactor reactor;
    const std::uint16_t port = 0;
    auto listening = reactor.listenTcp(port, makeRef<http::Site>(reactor, makeRef<Hello>()),
                                       {.interface = "127.0.0.1"});
    const std::string root = "http://" + listening->getHost().toString() + "/";
    Agent agent{reactor};
    const auto response = outcomeOf(reactor, agent.request("GET", root + "you"));
    EXPECT_EQ(response.value().headers().get("Content-Type"), "text/plain");
    EXPECT_EQ(outcomeOf(reactor, readBody(response.value())).value(), "Hello, you\n");
    EXPECT_EQ(outcomeOf(reactor, agent.request("DELETE", root)).value().code(), 405);
}

}  // namespace
