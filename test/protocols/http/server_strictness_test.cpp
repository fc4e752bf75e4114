// Where the server is stricter than Twisted's, and what it tells of its failures.
#include <marline/protocols/http/resource.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "server_wire.hpp"

namespace marline::http {
namespace {

using test::ServerWire;

class ServerStrictnessTest : public test::ServerTest {
protected:
    static Rendered well(Request& request) {
        EXPECT_FALSE(request.isSecure());
        return "well";
    }
    static std::string answerTo(const std::string& request, const SiteOptions& options = {}) {
        ServerWire wire(well, options);
        const std::string answer = wire.exchange(request);
        EXPECT_EQ(wire.transport().writeEnded(), !answer.starts_with("HTTP/1.1 200 "));
        return answer.substr(0, answer.find("\r\n"));
    }
};

// H-6: HTTP/1.1 needs a Host (unlike Twisted; RFC 9112 §3.2).
TEST_F(ServerStrictnessTest, needsAHost) {
    EXPECT_EQ(answerTo("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 400 Bad Request");
}

// H-10: a line that is too long is told so before the close (Twisted says nothing).
TEST_F(ServerStrictnessTest, tellsOfLongLines) {
    SiteOptions options;
    options.wire.requestLine = 32;
    EXPECT_EQ(answerTo("GET /" + std::string(18, 'x') + " HTTP/1.1\r\nHost: t\r\n\r\n", options),
              "HTTP/1.1 200 OK");
    EXPECT_EQ(answerTo("GET /" + std::string(19, 'x') + " HTTP/1.1\r\nHost: t\r\n\r\n", options),
              "HTTP/1.1 414 URI Too Long");
}

// H-17: a body has a limit (Twisted has none).
TEST_F(ServerStrictnessTest, boundsBodies) {
    SiteOptions options;
    options.maxBody = 4;
    const std::string head = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: ";
    EXPECT_EQ(answerTo(head + "4\r\n\r\nbody", options), "HTTP/1.1 200 OK");
    EXPECT_EQ(answerTo(head + "5\r\n\r\nbody!", options), "HTTP/1.1 413 Content Too Large");
}

// H-20: nothing behind a refused request is read, whatever the transport says.
TEST_F(ServerStrictnessTest, readsNothingBehindARefusal) {
    int handled = 0;
    ServerWire wire([&handled](Request&) -> Rendered {
        ++handled;
        return "";
    });
    const std::string fine = "GET / HTTP/1.1\r\nHost: t\r\n\r\n";
    const std::string answer = wire.exchange("BAD\r\n\r\n" + fine);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 "));
    EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos);
    EXPECT_EQ(wire.exchange(fine), "");
    EXPECT_EQ(handled, 0);
}

// a request over a plain transport is not secure.
TEST_F(ServerStrictnessTest, knowsThatItIsNotSecure) {
    EXPECT_EQ(answerTo("GET / HTTP/1.1\r\nHost: t\r\n\r\n"), "HTTP/1.1 200 OK");
}

// Z-7: a string has its length announced; any other type of result does not compile.
TEST_F(ServerStrictnessTest, announcesTheLength) {
    ServerWire wire(well);
    EXPECT_EQ(wire.exchange("GET / HTTP/1.1\r\nHost: t\r\n\r\n"),
              "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 4\r\nContent-Type: text/html\r\n\r\n"
              "well");
    static_assert(!std::is_constructible_v<Rendered, std::vector<int>>);
}

// Z-9: what failed is on the page only when the site is told to show it.
TEST_F(ServerStrictnessTest, tellsFailuresWhenToldTo) {
    const auto answer = [](bool display) {
        SiteOptions options;
        options.displayFailures = display;
        ServerWire wire(
            [](Request&) -> Rendered { throw std::runtime_error("the secret of the server"); },
            options);
        return wire.exchange("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
    };
    EXPECT_EQ(answer(false).find("secret"), std::string::npos);
    EXPECT_NE(answer(true).find("std::runtime_error: the secret of the server"), std::string::npos);
}

}  // namespace
}  // namespace marline::http
