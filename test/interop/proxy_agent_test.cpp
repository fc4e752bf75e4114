// ProxyAgent through Debian's tinyproxy, squid and microsocks.
#include <marline/agent/proxy_agent.hpp>

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <marline/agent/body.hpp>
#include <marline/protocols/http/resource.hpp>
#include <marline/protocols/http/site.hpp>
#include <marline/reactor/testing/certificates.hpp>
#include <marline/reactor/tls.hpp>

#include <test/interop/peer_program.hpp>
#include <test/support/outcome.hpp>
#include <test/support/temp_folder.hpp>

namespace marline {
namespace {

class ProxyAgentInteropTest : public testing::InteropTest {
protected:
    ProxyAgentInteropTest() {
        const testing::CertificateAuthority authority;
        TlsContext trust = TlsContext::client();
        trust.trustPem(authority.certificatePem());
        reactor().installClientTls(trust);
        auto site =
            makeRef<http::Site>(reactor(), makeRef<http::Data>("through the proxy", "text/plain"));
        plain_ = listen(site);
        const testing::PemPair pair = authority.issue({.names = {"localhost"}});
        secure_ = listen(
            tlsServerFactory(TlsContext::server(pair.certificate, pair.key), reactor(), site));
    }

    test::TempFolder folder_;

    /// Waits until the proxy listens, then gets a page by http and by https.
    void expectPages(const std::string& scheme, const std::string& port) {
        const Proxy proxy = Proxy::parse(scheme + "127.0.0.1:" + port).value();
        waitForTcp(proxy.uri().port());
        const ProxyAgent agent(reactor(), ProxySettings::all(proxy));
        for (int i = 0; i < 2; ++i) {
            EXPECT_EQ(get(agent, "http://localhost:", plain_), "through the proxy");
            EXPECT_EQ(get(agent, "https://localhost:", secure_), "through the proxy");
        }
    }
    std::string get(const ProxyAgent& agent, const std::string& before,
                    const Ref<IListeningPort>& port) {
        const std::string uri = before + std::to_string(port->getHost().port) + "/";
        testing::Outcome<std::string> body(
            agent.request("GET", uri).addCallback([](const Response& response) {
                return readBody(response);
            }));
        runUntil([&] { return body.fired(); });
        return body.ok() ? body.value() : body.message();
    }

private:
    Ref<IListeningPort> listen(Ref<IProtocolFactory> factory) {
        return reactor().listenTcp(0, std::move(factory), {.interface = "127.0.0.1"});
    }

    Ref<IListeningPort> plain_;
    Ref<IListeningPort> secure_;
};

// tinyproxy, which wants a password: absolute form and CONNECT, connections used again.
TEST_F(ProxyAgentInteropTest, tinyproxy) {
    const std::string program = find("tinyproxy");
    if (program.empty()) {
        GTEST_SKIP() << "Debian's tinyproxy is not installed";
    }
    const std::string port = std::to_string(freePort());
    start(program,
          {"-d", "-c",
           folder_.write("proxy.conf", "Port " + port +
                                           "\nListen 127.0.0.1\nTimeout 30\nMaxClients 10\n"
                                           "Allow 127.0.0.1\nBasicAuth me pw\n")});
    expectPages("http://me:pw@", port);
    const ProxyAgent nobody(reactor(),
                            ProxySettings::all(Proxy::parse("127.0.0.1:" + port).value()));
    testing::Outcome<Response> refused(nobody.request("GET", "https://localhost/"));
    runUntil([&] { return refused.fired(); });
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.message().find("it answered 40"), std::string::npos) << refused.message();
}

// squid: the same.
TEST_F(ProxyAgentInteropTest, squid) {
    const std::string program = find("squid");
    if (program.empty()) {
        GTEST_SKIP() << "Debian's squid is not installed";
    }
    const std::string port = std::to_string(freePort());
    start(program,
          {"-N", "-f",
           folder_.write("proxy.conf", "http_port 127.0.0.1:" + port +
                                           "\nhttp_access allow all\ncache deny all\n"
                                           "pid_filename none\naccess_log none\ncache_log " +
                                           folder_.path() + "/cache.log\ncoredump_dir " +
                                           folder_.path() + "\n")});
    expectPages("http://", port);
}

// microsocks, which wants a password, looks the names up.
TEST_F(ProxyAgentInteropTest, microsocks) {
    const std::string program = find("microsocks");
    if (program.empty()) {
        GTEST_SKIP() << "Debian's microsocks is not installed";
    }
    const std::string port = std::to_string(freePort());
    start(program, {"-i", "127.0.0.1", "-p", port, "-u", "me", "-P", "pw"});
    expectPages("socks5h://me:pw@", port);
}

}  // namespace
}  // namespace marline
