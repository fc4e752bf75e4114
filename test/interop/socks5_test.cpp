// The SOCKS5 proxy with Debian's curl as its client.
#include <marline/protocols/socks/socks5.hpp>

#include <string>

#include <gtest/gtest.h>

#include <marline/protocols/line_receiver.hpp>

#include <test/interop/peer_program.hpp>

namespace marline {
namespace {

/// As little of HTTP as curl needs.
class Page final : public LineOnlyReceiver {
    void lineReceived(std::string_view line) override {
        if (line.empty()) {
            transport()->write("HTTP/1.0 200 OK\r\n\r\nthrough the proxy");
            transport()->loseConnection();
        }
    }
};

class Socks5InteropTest : public testing::InteropTest {};

// curl gets a page through the proxy, by a name that only the proxy knows, with its password.
TEST_F(Socks5InteropTest, servesCurl) {
    const std::string curl = find("curl");
    if (curl.empty()) {
        GTEST_SKIP() << "Debian's curl is not installed";
    }
    const auto page = reactor().listenTcp(0, makeFactory<Page>(), {.interface = "127.0.0.1"});
    const auto proxy = reactor().listenTcp(
        0,
        socks5Factory(reactor(), {.endpointFor = [&](const std::string& host,
                                                     std::uint16_t) -> Ref<IStreamClientEndpoint> {
                                      return host == "page.test" ? makeRef<TcpClientEndpoint>(
                                                                       reactor(), page->getHost())
                                                                 : Ref<TcpClientEndpoint>();
                                  },
                                  .mayUse =
                                      [](const SocksCredentials& who) {
                                          return who.user == "me" && who.password == "pw";
                                      }}),
        {.interface = "127.0.0.1"});
    const std::string at = "@127.0.0.1:" + std::to_string(proxy->getHost().port);
    const auto get = [&](const std::string& who, const std::string& url) {
        return runToEnd(curl, {"-sS", "--proxy", "socks5h://" + who + at, url});
    };
    EXPECT_EQ(get("me:pw", "http://page.test/"), "through the proxy");
    EXPECT_NE(get("me:no", "http://page.test/").find("curl:"), std::string::npos);
    EXPECT_NE(get("me:pw", "http://other.test/").find("curl:"), std::string::npos);
}

}  // namespace
}  // namespace marline
