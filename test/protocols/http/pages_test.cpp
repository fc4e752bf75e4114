// Pages: errors, redirects, and resources that are found later.
#include <marline/protocols/http/pages.hpp>

#include <marline/deferred/succeed.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "server_wire.hpp"

namespace marline::http {
namespace {

using test::ServerWire;

class PagesTest : public test::ServerTest {
protected:
    static std::string get(const Ref<Resource>& root, const std::string& path = "/") {
        ServerWire wire(root);
        return wire.exchange("GET " + path + " HTTP/1.1\r\nHost: t\r\n\r\n");
    }
};

// All that means something to HTML is escaped, in texts and in attributes.
TEST_F(PagesTest, escapesHtml) {
    EXPECT_EQ(escapeHtml("<a href=\"x\" b='y'>&amp;"),
              "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;");
}

// Z-26: both texts of an error page are escaped.
TEST_F(PagesTest, errorPagesEscapeTheirTexts) {
    EXPECT_EQ(get(errorPage(418, "<i>", "a & b")),
              "HTTP/1.1 418 Client Error\r\nDate: D\r\nContent-Length: 158\r\n"
              "Content-Type: text/html; charset=utf-8\r\n\r\n"
              "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
              "<title>418 - &lt;i&gt;</title></head>\n<body>\n"
              "<h1>&lt;i&gt;</h1>\n<p>a &amp; b</p>\n</body>\n</html>\n");
}

// Z-26: an error page is its own child, and has texts of its own.
TEST_F(PagesTest, errorPagesAreTheirOwnChildren) {
    const std::string missing = get(notFound(), "/deeply/below");
    EXPECT_TRUE(missing.starts_with("HTTP/1.1 404 Not Found\r\n")) << missing;
    EXPECT_NE(missing.find("<h1>No Such Resource</h1>"), std::string::npos);
    const std::string closed = get(forbidden(), "/x");
    EXPECT_TRUE(closed.starts_with("HTTP/1.1 403 Forbidden\r\n")) << closed;
    EXPECT_NE(closed.find("<p>Sorry, resource is forbidden.</p>"), std::string::npos);
}

// A code that cannot be sent is misuse.
TEST_F(PagesTest, errorPagesRefuseCodesThatAreNone) {
    EXPECT_THROW(errorPage(100, "", ""), std::invalid_argument);
    EXPECT_THROW(errorPage(1000, "", ""), std::invalid_argument);
}

// A redirect has a Location, and a link for those who do not follow it.
TEST_F(PagesTest, redirects) {
    EXPECT_EQ(get(makeRef<Redirect>("/new?a=1&b=2", 308), "/old"),
              "HTTP/1.1 308 Permanent Redirect\r\nDate: D\r\nContent-Length: 160\r\n"
              "Location: /new?a=1&b=2\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
              "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
              "<title>Moved</title></head>\n<body>\n"
              "<a href=\"/new?a=1&amp;b=2\">/new?a=1&amp;b=2</a>\n</body>\n</html>\n");
}

// What is no redirect, or would split the head, is a 500 and a line in the log.
TEST_F(PagesTest, redirectsRefuseWhatCannotBeSent) {
    EXPECT_TRUE(get(makeRef<Redirect>("/new", 200)).starts_with("HTTP/1.1 500 "));
    EXPECT_TRUE(get(makeRef<Redirect>("/new\r\nX: y")).starts_with("HTTP/1.1 500 "));
    EXPECT_NE(errors().find("200 is no redirect"), std::string::npos) << errors();
}

/// Finds its children when they are given.
class Finding final : public Resource {
public:
    Ref<Resource> getChild(std::string_view, Request&) override {
        return makeRef<DeferredResource>(found);
    }

    Deferred<Ref<Resource>> found;
};

// The path goes on from the resource that a Deferred gave.
TEST_F(PagesTest, goesOnFromAResourceFoundLater) {
    auto finding = makeRef<Finding>();
    ServerWire wire{Ref<Resource>(finding)};
    EXPECT_EQ(wire.exchange("GET /book/7 HTTP/1.1\r\nHost: t\r\n\r\n"), "");
    auto book = makeRef<Data>("book", "t/t");
    book->putChild("7", makeRef<Data>("seven", "t/t"));
    finding->found.callback(Ref<Resource>(book));
    EXPECT_EQ(wire.take(),
              "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 5\r\nContent-Type: t/t\r\n\r\nseven");
}

// No resource, also below the one that was found, is a 404; an error is one of the handler.
TEST_F(PagesTest, tellsWhenNothingIsFound) {
    const auto answer = [](Deferred<Ref<Resource>> found) {
        return get(makeRef<DeferredResource>(std::move(found)), "/x").substr(0, 13);
    };
    EXPECT_EQ(answer(succeed(Ref<Resource>())), "HTTP/1.1 404 ");
    EXPECT_EQ(answer(succeed(Ref<Resource>(makeRef<Data>("", "t/t")))), "HTTP/1.1 404 ");
    EXPECT_EQ(answer(fail<Ref<Resource>>(std::runtime_error("no database"))), "HTTP/1.1 500 ");
    EXPECT_NE(errors().find("no database"), std::string::npos);
}

// A client that goes cancels the search.
TEST_F(PagesTest, cancelsTheSearchWhenTheClientGoes) {
    bool cancelled = false;
    auto finding = makeRef<Finding>();
    finding->found =
        Deferred<Ref<Resource>>([&](const Deferred<Ref<Resource>>&) { cancelled = true; });
    ServerWire wire{Ref<Resource>(finding)};
    wire.send("GET /x HTTP/1.1\r\nHost: t\r\n\r\n");
    wire.disconnect();
    EXPECT_TRUE(cancelled);
    EXPECT_EQ(errors(), "");
}

}  // namespace
}  // namespace marline::http
