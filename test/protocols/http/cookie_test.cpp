// Cookies: as they are set, and as they come back.
#include <marline/protocols/http/cookie.hpp>

#include <marline/protocols/http/resource.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "server_wire.hpp"

namespace marline::http {
namespace {

using namespace std::chrono_literals;

class CookieTest : public test::ServerTest {};

// A cookie says what was set, and nothing else.
TEST_F(CookieTest, formatsWhatIsSet) {
    EXPECT_EQ(formatCookie({.name = "a", .value = "b"}), "a=b");
    EXPECT_EQ(formatCookie({.name = "a",
                            .value = "b",
                            .path = "/p",
                            .domain = "example.org",
                            .maxAge = 3600s,
                            .secure = true,
                            .httpOnly = true,
                            .sameSite = SameSite::None}),
              "a=b; Max-Age=3600; Domain=example.org; Path=/p; Secure; HttpOnly; SameSite=None");
    EXPECT_EQ(formatCookie({.name = "a", .maxAge = 0s, .sameSite = SameSite::Strict}),
              "a=; Max-Age=0; SameSite=Strict");
    EXPECT_EQ(formatCookie({.name = "a", .sameSite = SameSite::Lax}), "a=; SameSite=Lax");
}

// what would end the cookie, or the line, becomes a space.
TEST_F(CookieTest, cleansValues) {
    EXPECT_EQ(formatCookie({.name = "a", .value = "b; Secure\r\nX: y", .path = "/;\n"}),
              "a=b  Secure  X: y; Path=/  ");
}

// a name that is none, and what browsers refuse, is misuse.
TEST_F(CookieTest, refusesWhatIsNoCookie) {
    EXPECT_THROW(formatCookie({.name = ""}), std::invalid_argument);
    EXPECT_THROW(formatCookie({.name = "a b"}), std::invalid_argument);
    EXPECT_THROW(formatCookie({.name = "a=b"}), std::invalid_argument);
    EXPECT_THROW(formatCookie({.name = "a", .sameSite = SameSite::None}), std::invalid_argument);
}

// space before names is cut and that behind values kept; what has no `=` is passed over.
TEST_F(CookieTest, findsCookies) {
    constexpr std::string_view kField = "flag; a=1 ;\t b==2;a=3; c=;d";
    EXPECT_EQ(findCookie(kField, "a"), "1 ");
    EXPECT_EQ(findCookie(kField, "b"), "=2");
    EXPECT_EQ(findCookie(kField, "c"), "");
    EXPECT_EQ(findCookie(kField, "flag"), std::nullopt);
    EXPECT_EQ(findCookie(kField, "d"), std::nullopt);
    EXPECT_EQ(findCookie(kField, "A"), std::nullopt) << "names are exact";
    EXPECT_EQ(findCookie("", "a"), std::nullopt);
    EXPECT_EQ(findCookie("=x", ""), "x");
}

// They come and go with requests and responses.
TEST_F(CookieTest, aRequestHasThem) {
    test::ServerWire wire([](Request& request) -> Rendered {
        request.addCookie({.name = "seen", .value = "1"});
        request.addCookie({.name = "other", .value = "2"});
        return std::string(request.getCookie("name").value_or("nobody"));
    });
    EXPECT_EQ(wire.exchange("GET / HTTP/1.1\r\nHost: t\r\nCookie: name=me\r\n\r\n"),
              "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 2\r\nContent-Type: text/html\r\n"
              "Set-Cookie: seen=1\r\nSet-Cookie: other=2\r\n\r\nme");
    EXPECT_TRUE(wire.exchange("GET / HTTP/1.1\r\nHost: t\r\n\r\n").ends_with("nobody"));
}

}  // namespace
}  // namespace marline::http
