// The snippets of docs/howto/agent.md, and what the page says of them.
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/reactor/testing/certificates.hpp>

#include "test/guide/local_names.hpp"
#include "test/guide/printed.hpp"
#include "test/support/running.hpp"
#include "test/support/temp_folder.hpp"

using namespace marline;

namespace {

using namespace std::chrono_literals;
using test::outcomeOf;
using test::runUntil;

/// A site whose every page is what `call` gives.
Ref<http::Site> siteOf(Reactor& reactor, UniqueFunction<http::Rendered(http::Request&)> call) {
    return makeRef<http::Site>(reactor, makeRef<http::FunctionResource>(std::move(call)));
}

// A page is fetched by https, and the codings of the page are asked for.
TEST(GuideAgent, stacked) {
    Reactor reactor;
    const marline::testing::CertificateAuthority authority;
    const auto pair = authority.issue({.names = {"example.org"}});
    const auto site = siteOf(reactor, [](http::Request& request) -> http::Rendered {
        return std::string(request.getHeader("Accept-Encoding").value_or("none"));
    });
    const auto port = reactor.listenTcp(
        0, tlsServerFactory(TlsContext::server(pair.certificate, pair.key), reactor, site),
        {.interface = "127.0.0.1"});
    test::leadTo(reactor, "example.org", 443, port->getHost());
    reactor.installClientTls(TlsContext::client().trustPem(authority.certificatePem()));

    const test::Printed printed;
    RedirectAgent agent{ContentDecoderAgent{Agent{reactor}}};
    agent.request("GET", "https://example.org/")
        .addCallback([](const Response& response) { return readBody(response); })
        .addCallback([](const std::string& body) { std::cout << body; })
        .addErrback([](const Failure& why) { std::cerr << why.message() << '\n'; });
    runUntil(reactor, [&] { return !printed.text().empty(); });
    EXPECT_EQ(printed.text(), "gzip, deflate, br, zstd");
}

// Without variables of the environment a ProxyAgent connects directly.
TEST(GuideAgent, proxies) {
    Reactor reactor;
    const auto site = siteOf(reactor, [](http::Request&) -> http::Rendered { return "page"; });
    const auto port = reactor.listenTcp(0, site, {.interface = "127.0.0.1"});
    for (const char* name : {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}) {
        ::unsetenv(name);
    }
    const auto settings = ProxySettings::fromEnvironment();
    ProxyAgent agent{reactor, settings.value()};
    const auto body = outcomeOf(
        reactor, agent.request("GET", "http://" + port->getHost().toString() + "/")
                     .addCallback([](const Response& response) { return readBody(response); }));
    ASSERT_TRUE(body.ok());
    EXPECT_EQ(body.value(), "page");
}

// Progress is told with the total.
TEST(GuideAgent, progress) {
    Reactor reactor;
    const auto site = siteOf(reactor, [](http::Request&) -> http::Rendered { return "page"; });
    const auto port = reactor.listenTcp(0, site, {.interface = "127.0.0.1"});
    const test::Printed printed;
    ProgressAgent counted{Agent{reactor}, [](const Uri& uri, const Progress& progress) {
                              std::cout << uri.path() << ' ' << progress.downloaded << " of "
                                        << progress.downloadTotal.value_or(0) << '\n';
                          }};
    const auto body = outcomeOf(
        reactor, counted.request("GET", "http://" + port->getHost().toString() + "/file")
                     .addCallback([](const Response& response) { return readBody(response); }));
    EXPECT_TRUE(body.ok());
    EXPECT_EQ(printed.text(), "/file 4 of 4\n");
}

/// Upgrades whoever asks, and sends back what comes then.
class Upgrading final : public Protocol {
    void dataReceived(std::span<const std::byte> data) override {
        if (upgraded_) {
            transport()->write(data);
        } else {
            upgraded_ = true;
            transport()->write(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
        }
    }
    bool upgraded_ = false;
};

// After a 101 the connection is another protocol's.
TEST(GuideAgent, otherProtocols) {
    Reactor reactor;
    const auto port = reactor.listenTcp(0, makeFactory<Upgrading>(), {.interface = "127.0.0.1"});
    const std::string url = "http://" + port->getHost().toString() + "/";
    const auto record = std::make_shared<test::Record>();
    record->onMade = [](ITransport& transport) { transport.write("hello"); };
    const Ref<IProtocol> protocol = makeRef<test::Recorder>(record);
    Agent agent{reactor};
    agent.request("GET", url, http::Headers{{"Upgrade", "echo"}})
        .addCallback([protocol](const Response& response) {
            if (response.code() == 101) {
                response.switchProtocol(protocol);
            }
        });
    runUntil(reactor, [&] { return record->received == "hello"; });
}

// A file that is there in part is completed.
TEST(GuideAgent, goingOnWithAFile) {
    Reactor reactor;
    const auto site = siteOf(reactor, [](http::Request& request) -> http::Rendered {
        if (request.getHeader("Range") == "bytes=6-") {
            request.setResponseCode(206);
            request.setHeader("Content-Range", "bytes 6-10/11");
            return "world";
        }
        return "hello world";
    });
    const auto port = reactor.listenTcp(0, site, {.interface = "127.0.0.1"});
    const std::string url = "http://" + port->getHost().toString() + "/";
    const test::TempFolder folder;
    const std::string path = folder.write("file", "hello ");
    const test::Printed printed;
    Agent agent{reactor};
    agent.request("GET", url, resumeHeaders(path))
        .addCallback([path](const Response& response) { return saveTo(response, path); })
        .addCallback([](std::uint64_t bytes) { std::cout << bytes << " more bytes\n"; });
    runUntil(reactor, [&] { return !printed.text().empty(); });
    EXPECT_EQ(printed.text(), "5 more bytes\n");
    EXPECT_EQ(folder.read("file"), "hello world");
}

Deferred<> show(Client client) {
    const RequestOptions options{.timeout = 5s};
    const ClientResponse response = co_await client.get("bücher.example", options);
    std::cout << response.code() << ' ' << co_await response.text();
}

// A request by one call, whose URL is as it was typed.
TEST(GuideAgent, clientInACoroutine) {
    Reactor reactor;
    const auto site = siteOf(reactor, [](http::Request& request) -> http::Rendered {
        return std::string(request.getHeader("Host").value_or("none"));
    });
    const auto port = reactor.listenTcp(0, site, {.interface = "127.0.0.1"});
    test::leadTo(reactor, "xn--bcher-kva.example", 80, port->getHost());
    const test::Printed printed;
    EXPECT_TRUE(outcomeOf(reactor, show(Client{reactor})).ok());
    EXPECT_EQ(printed.text(), "200 xn--bcher-kva.example");
}

// Params and JSON are sent, and the text of the answer is printed.
TEST(GuideAgent, clientWithCallbacks) {
    Reactor reactor;
    const marline::testing::CertificateAuthority authority;
    const auto pair = authority.issue({.names = {"example.org"}});
    const auto site = siteOf(reactor, [](http::Request& request) -> http::Rendered {
        return std::string(request.getHeader("Content-Type").value_or("none"));
    });
    const auto port = reactor.listenTcp(
        0, tlsServerFactory(TlsContext::server(pair.certificate, pair.key), reactor, site),
        {.interface = "127.0.0.1"});
    test::leadTo(reactor, "example.org", 443, port->getHost());
    reactor.installClientTls(TlsContext::client().trustPem(authority.certificatePem()));
    const test::Printed printed;
    Client client{reactor};
    client.post("https://example.org/", {.params = {{"q", "a b"}}, .json = R"({"n": 1})"})
        .addCallback(raiseForStatus)
        .addCallback([](const ClientResponse& response) { return response.text(); })
        .addCallback([](const std::string& text) { std::cout << text; });
    runUntil(reactor, [&] { return !printed.text().empty(); });
    EXPECT_EQ(printed.text(), "application/json");
}

// A host that asked for https is asked by https.
TEST(GuideAgent, alwaysHttps) {
    Reactor reactor;
    const marline::testing::CertificateAuthority authority;
    const auto pair = authority.issue({.names = {"example.org"}});
    const auto site = siteOf(reactor, [](http::Request& request) -> http::Rendered {
        request.setHeader("Strict-Transport-Security", "max-age=1000");
        return std::string(request.getHeader("Cookie").value_or("none"));
    });
    const auto port = reactor.listenTcp(
        0, tlsServerFactory(TlsContext::server(pair.certificate, pair.key), reactor, site),
        {.interface = "127.0.0.1"});
    test::leadTo(reactor, "example.org", 443, port->getHost());
    reactor.installClientTls(TlsContext::client().trustPem(authority.certificatePem()));

    auto jar = makeRef<CookieJar>();
    auto known = makeRef<HstsStore>();
    RedirectAgent secured{HstsAgent{CookieAgent{Agent{reactor}, jar}, known}};
    EXPECT_TRUE(outcomeOf(reactor, secured.request("GET", "https://example.org/")).ok());
    const auto second = outcomeOf(reactor, secured.request("GET", "http://example.org/"));
    EXPECT_EQ(second.value().uri().toString(), "https://example.org/");
}

// What the server lets be kept is asked for once.
TEST(GuideAgent, aCache) {
    Reactor reactor;
    int asked = 0;
    const auto site = siteOf(reactor, [&asked](http::Request& request) -> http::Rendered {
        ++asked;
        request.setHeader("Cache-Control", "max-age=1000");
        return std::string("page");
    });
    const auto port = reactor.listenTcp(0, site, {.interface = "127.0.0.1"});
    const std::string url = "http://" + port->getHost().toString() + "/";
    auto jar = makeRef<CookieJar>();
    auto cache = makeRef<ResponseCache>();
    RedirectAgent cached{ContentDecoderAgent{CookieAgent{CacheAgent{Agent{reactor}, cache}, jar}}};
    for (int i = 0; i < 2; ++i) {
        const Response response = outcomeOf(reactor, cached.request("GET", url)).value();
        EXPECT_EQ(outcomeOf(reactor, readBody(response)).value(), "page");
    }
    EXPECT_EQ(asked, 1);
    EXPECT_EQ(cache->metrics().hits, 1U);
}

// A cookie that a page sets comes back with the next request.
TEST(GuideAgent, cookies) {
    Reactor reactor;
    const auto site = siteOf(reactor, [](http::Request& request) -> http::Rendered {
        request.setHeader("Set-Cookie", "seen=1");
        return std::string(request.getHeader("Cookie").value_or("none"));
    });
    const auto port = reactor.listenTcp(0, site, {.interface = "127.0.0.1"});
    const std::string url = "http://" + port->getHost().toString() + "/";
    auto jar = makeRef<CookieJar>();
    RedirectAgent agent{CookieAgent{Agent{reactor}, jar}};
    std::string seen;
    for (int i = 0; i < 2; ++i) {
        const Response response = outcomeOf(reactor, agent.request("GET", url)).value();
        seen += outcomeOf(reactor, readBody(response)).value() + " ";
    }
    EXPECT_EQ(seen, "none seen=1 ");
}

}  // namespace
