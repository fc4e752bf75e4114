// A site over TLS: what a handler learns of it, and the cookies that go with it.
#include <marline/protocols/http/site.hpp>

#include <marline/reactor/testing/accumulating_protocol.hpp>
#include <marline/reactor/testing/certificates.hpp>
#include <marline/reactor/testing/io_pump.hpp>
#include <marline/reactor/tls.hpp>

#include <gtest/gtest.h>

#include <string>

#include "server_wire.hpp"

namespace marline::http {
namespace {

constexpr const char* kHost = "server.test";

/// A site and a client that trusts it, joined by TLS in memory.
class SecureSiteTest : public test::ServerTest {
protected:
    /// What the client gets for `request`, when `handler` answers.
    std::string exchange(UniqueFunction<Rendered(Request&)> handler, std::string_view request) {
        const testing::CertificateAuthority authority;
        const auto pair = authority.issue({.names = {kHost}});
        const Ref<Site> site =
            makeRef<Site>(clock_, Ref<Resource>(makeRef<FunctionResource>(std::move(handler))));
        const Ref<IProtocolFactory> secure =
            tlsServerFactory(TlsContext::server(pair.certificate, pair.key), clock_, site);
        const auto client = makeRef<testing::AccumulatingProtocol>();
        testing::IoPump pump(client, secure->buildProtocol({}));
        startTls(*client->transport(), TlsContext::client().trustPem(authority.certificatePem()),
                 clock_, kHost);
        client->write(request);
        pump.flush();
        return test::withoutDates(client->data());
    }

    testing::Clock clock_{std::chrono::hours(1)};
};

// a request over TLS is secure; its client has its answer decrypted.
TEST_F(SecureSiteTest, knowsThatItIsSecure) {
    EXPECT_EQ(exchange(
                  [](Request& request) -> Rendered {
                      EXPECT_TRUE(request.isSecure());
                      return "well";
                  },
                  "GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"),
              "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 4\r\nContent-Type: text/html\r\n"
              "Connection: close\r\n\r\nwell");
}

// unlike Twisted's it stays so once the request is finished, for as long as the connection.
TEST_F(SecureSiteTest, staysSecureWhenFinished) {
    bool secure = false;
    exchange(
        [&secure](Request& request) -> Rendered {
            request.finish("well");
            secure = request.isSecure();
            return NotDoneYet{};
        },
        "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
    EXPECT_TRUE(secure);
}

// Z-11: over TLS the session has a cookie of its own, which never leaves in plain text.
TEST_F(SecureSiteTest, hasASessionOfItsOwn) {
    const std::string answer =
        exchange([](Request& request) -> Rendered { return request.getSession()->uid(); },
                 "GET / HTTP/1.1\r\nHost: t\r\nCookie: MARLINE_SESSION=plain\r\n\r\n");
    const std::string uid = answer.substr(answer.find("\r\n\r\n") + 4);
    EXPECT_EQ(uid.size(), 64U);
    EXPECT_NE(answer.find("Set-Cookie: MARLINE_SECURE_SESSION=" + uid +
                          "; Path=/; Secure; HttpOnly; SameSite=Lax\r\n"),
              std::string::npos)
        << answer;
    clock_.advance(std::chrono::seconds(900));
}

}  // namespace
}  // namespace marline::http
