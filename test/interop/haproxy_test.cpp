// Debian's haproxy, in front of our HTTP server and as a server that our Agent talks to.
#include <marline/agent/agent.hpp>

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <marline/agent/body.hpp>
#include <marline/agent/content_decoder_agent.hpp>
#include <marline/agent/redirect_agent.hpp>
#include <marline/agent/request_bodies.hpp>
#include <marline/deferred/gather.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/protocols/http/resource.hpp>
#include <marline/protocols/http/site.hpp>
#include <marline/reactor/proxy_protocol.hpp>
#include <marline/reactor/testing/accumulating_protocol.hpp>
#include <marline/reactor/testing/certificates.hpp>
#include <marline/reactor/tls_context.hpp>

#include <test/interop/peer_program.hpp>
#include <test/support/outcome.hpp>
#include <test/support/temp_folder.hpp>

namespace marline {
namespace {

constexpr std::size_t kLarge = 300'000;

/// Says who asked and what: `/who` gives the peer's address, `/large` much text, all else its body.
http::Rendered answer(http::Request& request) {
    if (request.path() == "/who") {
        return request.getPeer().toString();
    }
    request.setHeader("Content-Type", "text/plain");
    if (request.path() == "/large") {
        return std::string(kLarge, 'x');
    }
    return request.method() + ' ' + request.content();
}

class HaproxyTest : public testing::InteropTest {
protected:
    void SetUp() override {
        program_ = find("haproxy");
        if (program_.empty()) {
            GTEST_SKIP() << "Debian's haproxy is not installed";
        }
        site_ = makeRef<http::Site>(reactor(), makeRef<http::FunctionResource>(&answer));
        plain_ = listen(site_);
        proxied_ = listen(proxyServerFactory(reactor(), site_));
    }
    Ref<IListeningPort> listen(Ref<IProtocolFactory> factory) {
        return reactor().listenTcp(0, std::move(factory), {.interface = "127.0.0.1"});
    }

    /// A frontend on a port of its own; `rules` end with a newline each.
    std::uint16_t frontend(const std::string& name, const std::string& rules,
                           const std::string& bind = "") {
        const std::uint16_t port = freePort();
        config_ +=
            "frontend " + name + "\n  bind 127.0.0.1:" + std::to_string(port) + bind + "\n" + rules;
        return port;
    }
    /// Passes everything on to one of our ports; `how` is for haproxy's `server` line.
    std::uint16_t inFrontOf(const std::string& name, const Ref<IListeningPort>& server,
                            const std::string& how, const std::string& rules = "") {
        config_ += "backend " + name + "_server\n" + rules +
                   "  server s 127.0.0.1:" + std::to_string(server->getHost().port) + " " + how +
                   "\n";
        return frontend(name, "  default_backend " + name + "_server\n");
    }
    void startHaproxy(std::uint16_t port) {
        start(program_, {"-db", "-f",
                         folder_.write("haproxy.cfg",
                                       "defaults\n  mode http\n  retries 0\n  timeout connect 5s\n"
                                       "  timeout client 20s\n  timeout server 20s\n" +
                                           config_)});
        waitForTcp(port);
    }

    static std::string at(std::uint16_t port, const std::string& path = "/") {
        return "http://127.0.0.1:" + std::to_string(port) + path;
    }
    /// `CODE body` of one request, or why there is none.
    std::string ask(const AgentHandle& agent, const std::string& method, const std::string& uri,
                    Ref<IBodyProducer> body = {}) {
        testing::Outcome<std::string> outcome(described(agent.request(method, uri, {}, body)));
        runUntil([&] { return outcome.fired(); });
        return outcome.ok() ? outcome.value() : outcome.message();
    }
    static Deferred<std::string> described(Deferred<Response> response) {
        return response.addCallback([](const Response& head) {
            return readBody(head).addCallback([code = head.code()](const std::string& body) {
                return std::to_string(code) + ' ' + body;
            });
        });
    }
    /// Asks `/who` on a connection whose own address is known: that, and the answer.
    std::pair<std::string, std::string> who(std::uint16_t port) {
        auto client = makeRef<testing::AccumulatingProtocol>();
        testing::Outcome<Ref<IProtocol>> made(
            reactor().connectTcp({Address::Kind::Ipv4, port, "127.0.0.1"},
                                 factoryOf([client](const Address&) { return client; })));
        runUntil([&] { return made.fired(); });
        if (!made.ok()) {
            return {"", made.message()};
        }
        std::string own = client->transport()->getHost().toString();
        client->write("GET /who HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
        runUntil([&] { return client->closed(); });
        const std::string& answered = client->data();
        return {std::move(own), answered.substr(answered.find("\r\n\r\n") + 4)};
    }

    test::TempFolder folder_;
    std::string config_;
    Ref<http::Site> site_;
    Ref<IListeningPort> plain_;
    Ref<IListeningPort> proxied_;

private:
    std::string program_;
};

// Both versions of the PROXY protocol say who is at haproxy's other end, request after request on
// its kept connections; without one the peer is haproxy itself.
TEST_F(HaproxyTest, saysWhoTheClientIs) {
    const std::uint16_t plain = inFrontOf("plain", plain_, "");
    const std::uint16_t v1 = inFrontOf("v1", proxied_, "send-proxy");
    const std::uint16_t v2 = inFrontOf("v2", proxied_, "send-proxy-v2");
    const std::uint16_t v2Crc =
        inFrontOf("v2crc", proxied_, "send-proxy-v2 proxy-v2-options crc32c");
    startHaproxy(plain);
    for (const std::uint16_t port : {v1, v2, v2Crc, v1, v2}) {
        const auto [own, told] = who(port);
        EXPECT_EQ(told, own);
    }
    const auto [own, told] = who(plain);
    EXPECT_NE(told, own);
    EXPECT_TRUE(told.starts_with("127.0.0.1:")) << told;
}

// Bodies of known and unknown length, large answers, HEAD, and many requests at a time pass.
TEST_F(HaproxyTest, passesRequestsOnToOurServer) {
    const std::uint16_t plain = inFrontOf("plain", plain_, "");
    const std::uint16_t v2 = inFrontOf("v2", proxied_, "send-proxy-v2");
    startHaproxy(plain);
    const Agent agent(reactor());
    for (const std::uint16_t port : {plain, v2}) {
        EXPECT_EQ(ask(agent, "GET", at(port)), "200 GET ");
        EXPECT_EQ(ask(agent, "POST", at(port), makeRef<StringBody>(std::string(kLarge, 'y'))),
                  "200 POST " + std::string(kLarge, 'y'));
        int left = 3;
        EXPECT_EQ(ask(agent, "PUT", at(port), makeRef<GeneratorBody>([left]() mutable {
                          return succeed(left-- > 0 ? std::optional<std::string>("piece ")
                                                    : std::optional<std::string>());
                      })),
                  "200 PUT piece piece piece ");
        EXPECT_EQ(ask(agent, "GET", at(port, "/large")), "200 " + std::string(kLarge, 'x'));
        EXPECT_EQ(ask(agent, "HEAD", at(port)), "200 ");
        std::vector<Deferred<std::string>> all;
        for (int i = 0; i < 50; ++i) {
            all.push_back(described(
                agent.request("POST", at(port), {}, makeRef<StringBody>(std::to_string(i)))));
        }
        testing::Outcome<std::vector<std::string>> gathered(
            gatherResults(all, {.consumeErrors = true}));
        runUntil([&] { return gathered.fired(); });
        ASSERT_TRUE(gathered.ok()) << gathered.message();
        for (int i = 0; i < 50; ++i) {
            EXPECT_EQ(gathered.value()[static_cast<std::size_t>(i)],
                      "200 POST " + std::to_string(i));
        }
    }
}

// What our server writes haproxy can compress, and our agent takes it off again.
TEST_F(HaproxyTest, compressesWhatOurServerSays) {
    const std::uint16_t port =
        inFrontOf("plain", plain_, "", "  compression algo gzip\n  compression type text/plain\n");
    startHaproxy(port);
    const ContentDecoderAgent agent{Agent(reactor())};
    EXPECT_EQ(ask(agent, "GET", at(port, "/large")), "200 " + std::string(kLarge, 'x'));
}

// haproxy's own answers: bodies, redirects, refusals, and a server behind it that is not there.
TEST_F(HaproxyTest, answersOurAgent) {
    const std::uint16_t port =
        frontend("own",
                 "  http-request redirect location /there code 302 if { path /here }\n"
                 "  http-request redirect location / code 303 if { path /there }\n"
                 "  http-request deny deny_status 429 if { path /denied }\n"
                 "  http-request return status 200 content-type text/plain string \"from haproxy\" "
                 "if { path / }\n"
                 "  default_backend gone\n");
    config_ += "backend gone\n  server s 127.0.0.1:" + std::to_string(freePort()) + "\n";
    startHaproxy(port);
    const Agent agent(reactor());
    EXPECT_EQ(ask(agent, "GET", at(port)), "200 from haproxy");
    EXPECT_EQ(ask(agent, "HEAD", at(port)), "200 ");
    EXPECT_EQ(ask(RedirectAgent(agent), "GET", at(port, "/here")), "200 from haproxy");
    EXPECT_TRUE(ask(agent, "GET", at(port, "/denied")).starts_with("429 "));
    EXPECT_TRUE(ask(agent, "GET", at(port, "/gone")).starts_with("503 "));
    EXPECT_EQ(ask(agent, "GET", at(port)), "200 from haproxy");
}

// haproxy ends TLS: our agent verifies it, and does not talk to it under another name.
TEST_F(HaproxyTest, endsTlsForOurServer) {
    const testing::CertificateAuthority authority;
    const testing::PemPair pair = authority.issue({.names = {"localhost"}});
    const std::string pem = folder_.write("server.pem", pair.certificate + pair.key);
    TlsContext trust = TlsContext::client();
    trust.trustPem(authority.certificatePem());
    reactor().installClientTls(trust);
    config_ +=
        "backend ours\n  server s 127.0.0.1:" + std::to_string(plain_->getHost().port) + "\n";
    const std::uint16_t port =
        frontend("tls", "  default_backend ours\n", " ssl crt " + pem + " alpn http/1.1");
    startHaproxy(port);
    const Agent agent(reactor());
    const std::string number = std::to_string(port);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(ask(agent, "GET", "https://localhost:" + number + "/"), "200 GET ");
    }
    EXPECT_EQ(ask(agent, "GET", "https://localhost:" + number + "/large"),
              "200 " + std::string(kLarge, 'x'));
    const std::string refused = ask(agent, "GET", "https://127.0.0.1:" + number + "/");
    EXPECT_NE(refused.find("certificate"), std::string::npos) << refused;
}

}  // namespace
}  // namespace marline
