// Routes: which function a request gets to.
#include <marline/protocols/http/routes.hpp>

#include <gtest/gtest.h>

#include <string>

#include "server_wire.hpp"

namespace marline::http {
namespace {

using test::ServerWire;

class RoutesTest : public test::ServerTest {
protected:
    /// Names the route and its parameter `p`.
    static Routes::Call named(std::string name) {
        return [name = std::move(name)](Request& request) -> Rendered {
            request.setHeader("Content-Type", "t/t");
            return name + "(" + std::string(request.pathParameter("p")) + ")";
        };
    }

    static std::string answerTo(const Ref<Routes>& routes, const std::string& request) {
        ServerWire wire{Ref<Resource>(routes)};
        return wire.exchange(request + " HTTP/1.1\r\nHost: t\r\n\r\n");
    }

    /// The body of the answer to a request that is served.
    static std::string served(const Ref<Routes>& routes, const std::string& request) {
        const std::string answer = answerTo(routes, request);
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
        return answer.substr(answer.find("\r\n\r\n") + 4);
    }
};

// What is more literal wins, whatever came first.
TEST_F(RoutesTest, findsTheMostLiteralPattern) {
    auto routes = makeRef<Routes>();
    routes->get("/{p:path}", named("path"));
    routes->get("/a/{p}", named("any"));
    routes->get("/a/{p:int}", named("int"));
    routes->get("/a/b", named("text"));
    EXPECT_EQ(served(routes, "GET /a/b"), "text()");
    EXPECT_EQ(served(routes, "GET /a/007"), "int(007)");
    EXPECT_EQ(served(routes, "GET /a/7x"), "any(7x)");
    EXPECT_EQ(served(routes, "GET /a/b/c"), "path(a/b/c)");
    EXPECT_EQ(served(routes, "GET /"), "path()");
}

// A dead end is left again, and what it noted of parameters with it.
TEST_F(RoutesTest, comesBackFromDeadEnds) {
    auto routes = makeRef<Routes>();
    routes->get("/{x}/b/end", named("deep"));
    routes->get("/{p}/{q}/last", named("other"));
    EXPECT_EQ(served(routes, "GET /1/b/last"), "other(1)");
}

// Parameters are called as the route that answers calls them, and are decoded.
TEST_F(RoutesTest, namesAndDecodesParameters) {
    auto routes = makeRef<Routes>();
    routes->get("/{p}", named("get"));
    routes->post("/{other}", [](Request& request) -> Rendered {
        return "other=" + std::string(request.pathParameter("other")) +
               " p=" + std::string(request.pathParameter("p"));
    });
    EXPECT_EQ(served(routes, "GET /a%20b%2Fc?d=e"), "get(a b/c)");
    EXPECT_EQ(served(routes, "POST /x"), "other=x p=");
}

// A segment that is empty is no parameter.
TEST_F(RoutesTest, anEmptySegmentIsNoParameter) {
    auto routes = makeRef<Routes>();
    routes->get("/a/{p}", named("any"));
    routes->get("/n/{p:int}", named("int"));
    EXPECT_TRUE(answerTo(routes, "GET /a/").starts_with("HTTP/1.1 404 "));
    EXPECT_TRUE(answerTo(routes, "GET /n/").starts_with("HTTP/1.1 404 "));
}

// No pattern is a 404 that says nothing of the request.
TEST_F(RoutesTest, answersNotFound) {
    auto routes = makeRef<Routes>();
    routes->get("/a", named("a"));
    EXPECT_EQ(answerTo(routes, "GET /%3Cb%3E"),
              "HTTP/1.1 404 Not Found\r\nDate: D\r\nContent-Length: 37\r\nContent-Type: "
              "text/plain\r\n\r\n404 Not Found: there is nothing here\n");
}

// Z-6: a known method that the path does not have is a 405 with Allow, another one a 501.
TEST_F(RoutesTest, tellsWhichMethodsThereAre) {
    auto routes = makeRef<Routes>();
    routes->get("/a", named("get"));
    routes->put("/a", named("put"));
    routes->del("/a", named("delete"));
    EXPECT_EQ(answerTo(routes, "POST /a"),
              "HTTP/1.1 405 Method Not Allowed\r\nDate: D\r\nContent-Length: 61\r\n"
              "Allow: GET, HEAD, PUT, DELETE, OPTIONS\r\nContent-Type: text/plain\r\n\r\n"
              "405 Method Not Allowed: this method is not for this resource\n");
    EXPECT_TRUE(answerTo(routes, "BREW /a").starts_with("HTTP/1.1 501 "));
}

// OPTIONS is answered from the table, unless there is a route for it.
TEST_F(RoutesTest, answersOptions) {
    auto routes = makeRef<Routes>();
    routes->patch("/a", named("patch"));
    routes->route("OPTIONS", "/b", named("options"));
    EXPECT_EQ(answerTo(routes, "OPTIONS /a"),
              "HTTP/1.1 204 No Content\r\nDate: D\r\nAllow: PATCH, OPTIONS\r\n\r\n");
    EXPECT_EQ(served(routes, "OPTIONS /b"), "options()");
}

// Z-5: HEAD is served by GET, without the body.
TEST_F(RoutesTest, servesHeadByGet) {
    auto routes = makeRef<Routes>();
    routes->get("/a", named("get"));
    EXPECT_EQ(answerTo(routes, "HEAD /a"),
              "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 5\r\nContent-Type: t/t\r\n\r\n");
}

// A pattern of one method does not hide a less literal one of another.
TEST_F(RoutesTest, looksForTheMethodAmongAllPatterns) {
    auto routes = makeRef<Routes>();
    routes->post("/me", named("post"));
    routes->get("/{p}", named("get"));
    EXPECT_EQ(served(routes, "GET /me"), "get(me)");
    EXPECT_EQ(served(routes, "POST /me"), "post()");
}

// Below another resource the patterns begin where that one ends, with or without a slash.
TEST_F(RoutesTest, beginsWhereItStands) {
    auto routes = makeRef<Routes>();
    routes->get("/", named("root"));
    routes->get("/{p}", named("below"));
    auto root = makeRef<Data>("", "t/t");
    root->putChild("api", routes);
    ServerWire wire{Ref<Resource>(root)};
    const auto body = [&wire](const std::string& path) {
        const std::string answer = wire.exchange("GET " + path + " HTTP/1.1\r\nHost: t\r\n\r\n");
        return answer.substr(answer.find("\r\n\r\n") + 4);
    };
    EXPECT_EQ(body("/api"), "root()");
    EXPECT_EQ(body("/api/"), "root()");
    EXPECT_EQ(body("/api/x"), "below(x)");
}

// What cannot be a pattern is refused where it is written.
TEST_F(RoutesTest, refusesBadPatterns) {
    auto routes = makeRef<Routes>();
    routes->get("/a/{p}", named("a"));
    for (const char* bad : {"", "a", "/x{p}", "/{p", "/{}", "/{:int}", "/{p:float}", "/{p:path}/x",
                            "/{p}/{p:int}", "/a/{q}", "/a}"}) {
        EXPECT_THROW(routes->get(bad, named("bad")), std::invalid_argument) << bad;
    }
    EXPECT_NO_THROW(routes->post("/a/{q}", named("b")));
}

}  // namespace
}  // namespace marline::http
