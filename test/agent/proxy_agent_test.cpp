#include <marline/agent/proxy_agent.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/agent/body.hpp>
#include <marline/agent/client.hpp>
#include <marline/agent/errors.hpp>
#include <marline/agent/http_connect_endpoint.hpp>
#include <marline/agent/redirect_agent.hpp>
#include <marline/protocols/http/routes.hpp>
#include <marline/protocols/http/site.hpp>
#include <marline/protocols/socks/socks5.hpp>
#include <marline/reactor/testing/certificates.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/tls.hpp>

#include <test/support/loopback_proxy.hpp>
#include <test/support/outcome.hpp>
#include <test/support/reactor_fixture.hpp>
#include <test/support/scripted_agent.hpp>
#include <test/support/scripted_endpoint.hpp>

namespace {

using namespace marline;
using namespace marline::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

Proxy proxy(const std::string& text) { return Proxy::parse(text).value(); }

/// What goes over the wire, in memory.
class ProxyWireTest : public ::testing::Test {
protected:
    ~ProxyWireTest() override { peer->closeAll(); }

    void use(ProxySettings settings) {
        agent = Agent::usingEndpointFactory(
            clock, proxyEndpoints(clock, Ref<IAgentEndpointFactory>(peer.get()),
                                  TlsContext::client(), std::move(settings)));
    }
    Outcome<Response> get(const std::string& uri, const http::Headers& headers = {}) {
        return Outcome<Response>(agent.request("GET", uri, headers));
    }
    void answer(std::size_t i) {
        (*peer)[i].send(reply("200 OK"));
        peer->settle();
    }

    NoUnhandled unhandled;
    Clock clock;
    Ref<ScriptedPeer> peer = makeRef<ScriptedPeer>();
    Agent agent = Agent::usingEndpointFactory(clock, Ref<IAgentEndpointFactory>(peer.get()));
};

// WX-18 (differs: https gets a tunnel), RFC 9112 §3.2.2: an http proxy gets the whole URI, without
// fragment, user and password, and the same Host as the origin would.
TEST_F(ProxyWireTest, absoluteForm) {
    use(ProxySettings::all(proxy("http://p.test:3128")));
    auto response = get("http://u:pw@h.test:81/a?q#f");
    EXPECT_EQ(peer->attempt(0).uri, "http://p.test:3128");
    EXPECT_EQ((*peer)[0].take(),
              "GET http://h.test:81/a?q HTTP/1.1\r\nHost: h.test:81\r\n"
              "Authorization: Basic dTpwdw==\r\n\r\n");
    answer(0);
    EXPECT_EQ(response.value().uri().toString(), "http://h.test:81/a?q#f");
    auto root = get("http://[::1]");
    EXPECT_THAT((*peer)[0].take(), StartsWith("GET http://[::1]/ HTTP/1.1\r\nHost: [::1]\r\n"));
    root.cancel();
}

// The proxy's user and password go to the proxy: with each request in absolute form, or with
// CONNECT; a field of the caller's is another answer to the same question.
TEST_F(ProxyWireTest, proxyAuthorization) {
    use(ProxySettings::all(proxy("http://me:secret@p.test")));
    auto plain = get("http://h.test/");
    EXPECT_THAT((*peer)[0].take(), HasSubstr("Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"));
    answer(0);
    auto own = get("http://h.test/", http::Headers{{"proxy-authorization", "Own x"}});
    const std::string wire = (*peer)[0].take();
    EXPECT_THAT(wire, HasSubstr("proxy-authorization: Own x\r\n"));
    EXPECT_THAT(wire, Not(HasSubstr("bWU6")));
    own.cancel();
    auto secure = get("https://h.test/");
    EXPECT_EQ((*peer)[1].take(),
              "CONNECT h.test:443 HTTP/1.1\r\nHost: h.test:443\r\n"
              "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n");
    secure.cancel();
}

// A Proxy-Authorization never reaches an origin: not past NO_PROXY's sibling, a SOCKS proxy.
TEST_F(ProxyWireTest, proxyAuthorizationIsNotForOrigins) {
    use(ProxySettings::all(proxy("socks5h://p.test")));
    auto response =
        get("http://h.test/", http::Headers{{"Proxy-Authorization", "Own x"}, {"X", "y"}});
    (*peer)[0].take();
    (*peer)[0].send(std::string("\5\0", 2));
    EXPECT_EQ((*peer)[0].take(), std::string("\5\1\0\3\6h.test\0\x50", 13));
    (*peer)[0].send(std::string("\5\0\0\1\0\0\0\0\0\0", 10));
    EXPECT_EQ((*peer)[0].take(), "GET / HTTP/1.1\r\nHost: h.test\r\nX: y\r\n\r\n");
    answer(0);
    EXPECT_TRUE(response.ok());
}

// Nor past NO_PROXY itself.
TEST_F(ProxyWireTest, proxyAuthorizationIsNotForExceptions) {
    use({proxy("http://p.test"), {}, NoProxy("h.test")});
    auto response = get("http://h.test/", http::Headers{{"proxy-authorization", "Own x"}});
    EXPECT_EQ((*peer)[0].take(), "GET / HTTP/1.1\r\nHost: h.test\r\n\r\n");
    answer(0);
    EXPECT_TRUE(response.ok());
}

// WP-2: requests in absolute form share connections to their proxy, those of different proxies and
// those without one do not.
TEST_F(ProxyWireTest, proxiesDoNotShareConnections) {
    use({proxy("http://p.test"), proxy("https://p.test"), NoProxy("direct.test")});
    auto first = get("http://a.test/");
    answer(0);
    auto second = get("http://b.test/");
    EXPECT_EQ(peer->attempts(), 1U) << "another origin, the same proxy";
    answer(0);
    auto third = get("http://direct.test/");
    EXPECT_EQ(peer->attempts(), 2U);
    EXPECT_EQ(peer->attempt(1).uri, "http://direct.test/");
    EXPECT_THAT((*peer)[1].take(), StartsWith("GET / HTTP/1.1\r\n"));
    answer(1);
    auto fourth = get("https://a.test/");
    EXPECT_EQ(peer->attempt(2).uri, "https://p.test");
    EXPECT_THAT((*peer)[2].take(), StartsWith("CONNECT a.test:443 "));
    fourth.cancel();
}

// A refused tunnel fails the request with the status, and shows no password.
TEST_F(ProxyWireTest, refusedTunnel) {
    use(ProxySettings::all(proxy("http://me:secret@p.test")));
    auto response = get("https://h.test/");
    (*peer)[0].send("HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n");
    const auto* error = response.failed<ProxyConnectError>();
    ASSERT_NE(error, nullptr) << response.message();
    EXPECT_EQ(error->status(), 407);
    EXPECT_THAT(response.message(), Not(HasSubstr("secret")));
    EXPECT_EQ(agent.metrics().failed, 1U);
}

/// Real proxies and origins, on loopback.
class ProxyAgentTest : public ReactorFixture {
protected:
    ProxyAgentTest() {
        TlsContext trust = TlsContext::client();
        trust.trustPem(authority().certificatePem());
        reactor().installClientTls(trust);
        auto routes = makeRef<http::Routes>();
        routes->get("/", [this](http::Request& request) -> http::Rendered {
            seen.push_back(request.requestHeaders().hasHeader("Proxy-Authorization") ? "leak"
                                                                                     : "clean");
            return "the origin";
        });
        routes->get("/away", [this](http::Request& request) -> http::Rendered {
            request.redirect(away);
            return "";
        });
        site = makeRef<http::Site>(reactor(), routes);
        plain = listen(site);
        secure = listen(overTls("origin.test", site));
        record->names["plain.test"] = plain->getHost();
        record->names["origin.test"] = secure->getHost();
        record->names["other.test"] = secure->getHost();
        auto http = factoryOf([this](const Address&) -> Ref<IProtocol> {
            return makeRef<LoopbackProxy>(reactor(), record);
        });
        proxyPort = listen(http);
        tlsProxyPort = listen(overTls("127.0.0.1", http));
        socksPort = listen(socks5Factory(
            reactor(),
            {.endpointFor = [this](const std::string& host,
                                   std::uint16_t) -> Ref<IStreamClientEndpoint> {
                 asked.push_back(host);
                 return makeRef<TcpClientEndpoint>(reactor(), record->names.at(host));
             },
             .mayUse = [](const SocksCredentials& who) { return who.password == "p:w"; }}));
    }

    static const CertificateAuthority& authority() {
        static const CertificateAuthority one;
        return one;
    }
    Ref<IListeningPort> listen(Ref<IProtocolFactory> factory) {
        return reactor().listenTcp(0, std::move(factory), {.interface = "127.0.0.1"});
    }
    Ref<IProtocolFactory> overTls(const std::string& name, Ref<IProtocolFactory> factory) {
        const PemPair pair = authority().issue({.names = {name}});
        return tlsServerFactory(TlsContext::server(pair.certificate, pair.key), reactor(),
                                std::move(factory));
    }
    static std::string at(const std::string& before, const Ref<IListeningPort>& port) {
        return before + "127.0.0.1:" + std::to_string(port->getHost().port);
    }
    ProxyAgent through(const std::string& text) {
        return ProxyAgent(reactor(), ProxySettings::all(proxy(text)));
    }
    /// The body at `uri`, or the error's message.
    std::string get(const AgentHandle& agent, const std::string& uri) {
        auto body = Outcome<std::string>(
            agent.request("GET", uri).addCallback([](const Response& response) {
                return readBody(response);
            }));
        runUntil([&] { return body.fired(); });
        return body.ok() ? body.value() : body.message();
    }

    NoUnhandled unhandled;
    std::string away;
    std::vector<std::string> seen;
    std::vector<std::string> asked;
    std::shared_ptr<ProxyRecord> record = std::make_shared<ProxyRecord>();
    Ref<http::Site> site;
    Ref<IListeningPort> plain;
    Ref<IListeningPort> secure;
    Ref<IListeningPort> proxyPort;
    Ref<IListeningPort> tlsProxyPort;
    Ref<IListeningPort> socksPort;
};

// Through an HTTP proxy: http in absolute form, https by a tunnel, both by names that only the
// proxy knows, and the origin does not see the proxy's password.
TEST_F(ProxyAgentTest, throughAnHttpProxy) {
    const ProxyAgent agent = through(at("http://me:pw@", proxyPort));
    EXPECT_EQ(get(agent, "https://origin.test/"), "the origin");
    EXPECT_THAT(record->heads, ElementsAre(StartsWith("CONNECT origin.test:443 ")));
    EXPECT_THAT(record->heads[0], HasSubstr("Proxy-Authorization: Basic bWU6cHc=\r\n"));
    EXPECT_THAT(seen, ElementsAre("clean"));
    EXPECT_EQ(get(agent, "http://plain.test/"), "the origin");
    EXPECT_THAT(record->heads[1], StartsWith("GET http://plain.test/ HTTP/1.1\r\n"));
}

// The tunnel is kept for further requests to its origin, and only for those.
TEST_F(ProxyAgentTest, keepsTunnels) {
    const ProxyAgent agent = through(at("http://", proxyPort));
    EXPECT_EQ(get(agent, "https://origin.test/"), "the origin");
    EXPECT_EQ(get(agent, "https://origin.test/"), "the origin");
    EXPECT_EQ(record->connections, 1);
    EXPECT_EQ(agent.metrics().reused, 1U);
    get(agent, "https://other.test/");
    EXPECT_EQ(record->connections, 2);
}

// WA-20: without proxies https is verified as well: the chain by the reactor's trust, and the name.
TEST_F(ProxyAgentTest, verifiesOriginsWithoutAProxy) {
    const std::string uri = at("https://", secure) + "/";
    EXPECT_THAT(get(Agent(reactor()), uri), HasSubstr("127.0.0.1"));
    reactor().installClientTls(TlsContext::client());
    EXPECT_THAT(get(Agent(reactor()), at("https://", tlsProxyPort) + "/"), HasSubstr("issuer"));
    EXPECT_TRUE(seen.empty());
}

// Inside the tunnel the origin's name is verified: a proxy cannot pass another server off as it.
TEST_F(ProxyAgentTest, verifiesTheOriginInsideTheTunnel) {
    const ProxyAgent agent = through(at("http://", proxyPort));
    EXPECT_THAT(get(agent, "https://other.test/"), HasSubstr("other.test"));
    EXPECT_TRUE(seen.empty());
}

// A proxy over TLS is verified for its own name; the tunnel's TLS runs inside.
TEST_F(ProxyAgentTest, throughAProxyOverTls) {
    const ProxyAgent agent = through(at("https://", tlsProxyPort));
    EXPECT_EQ(get(agent, "https://origin.test/"), "the origin");
    EXPECT_EQ(get(agent, "http://plain.test/"), "the origin");
    EXPECT_THAT(record->heads, SizeIs(2));
    const ProxyAgent wrong =
        through("https://localhost:" + std::to_string(tlsProxyPort->getHost().port));
    EXPECT_THAT(get(wrong, "https://origin.test/"), HasSubstr("localhost"));
    EXPECT_THAT(record->heads, SizeIs(2)) << "something was sent to who was not let in";
}

// Through SOCKS5, with credentials; names are not looked up here.
TEST_F(ProxyAgentTest, throughSocks) {
    const ProxyAgent agent = through(at("socks5h://me:p%3Aw@", socksPort));
    EXPECT_EQ(get(agent, "http://plain.test/"), "the origin");
    EXPECT_EQ(get(agent, "https://origin.test/"), "the origin");
    EXPECT_THAT(asked, ElementsAre("plain.test", "origin.test"));
    EXPECT_THAT(seen, ElementsAre("clean", "clean"));
    const std::string refused =
        get(through(at("socks5h://me:wrong@", socksPort)), "http://plain.test/");
    EXPECT_THAT(refused, HasSubstr("does not accept the credentials"));
}

// An unknown origin: a 502 to be read for http, an error with the status for https.
TEST_F(ProxyAgentTest, tellsWhatTheProxySays) {
    const ProxyAgent agent = through(at("http://", proxyPort));
    EXPECT_THAT(get(agent, "https://nowhere.test/"), HasSubstr("it answered 502 Unknown"));
    EXPECT_EQ(get(agent, "http://nowhere.test/"), "");
    const auto gone = at("http://", proxyPort);
    Outcome<> stopped(proxyPort->stopListening());
    runUntil([&] { return stopped.fired(); });
    EXPECT_THAT(get(through(gone), "http://plain.test/"), HasSubstr("refused"));
}

// no_proxy's hosts are connected to directly.
TEST_F(ProxyAgentTest, exceptionsGoDirectly) {
    ProxySettings settings = ProxySettings::all(proxy(at("http://", proxyPort)));
    settings.noProxy = NoProxy("127.0.0.0/8");
    const ProxyAgent agent(reactor(), settings);
    EXPECT_EQ(get(agent, at("http://", plain) + "/"), "the origin");
    EXPECT_EQ(record->connections, 0);
    EXPECT_EQ(get(agent, "http://plain.test/"), "the origin");
    EXPECT_EQ(record->connections, 1);
}

// Inside a RedirectAgent each redirect goes by its own proxy; and a Client can have proxies too.
TEST_F(ProxyAgentTest, isComposed) {
    away = "https://origin.test/";
    const ProxySettings settings{
        proxy(at("http://", proxyPort)), proxy(at("socks5://me:p%3Aw@", socksPort)), {}};
    EXPECT_EQ(get(RedirectAgent(ProxyAgent(reactor(), settings)), "http://plain.test/away"),
              "the origin");
    EXPECT_THAT(record->heads, SizeIs(1));
    EXPECT_THAT(asked, ElementsAre("origin.test"));
    const Client client(reactor(), {.endpoints = proxyEndpoints(reactor(), settings)});
    Outcome<ClientResponse> page(client.get("http://plain.test/away"));
    runUntil([&] { return page.fired(); });
    EXPECT_TRUE(page.ok()) << page.message();
}

}  // namespace
