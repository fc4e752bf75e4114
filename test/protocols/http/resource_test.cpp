// Resource: the way through the tree, the methods, and what a handler may return.
#include <marline/protocols/http/resource.hpp>

#include <marline/deferred/succeed.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server_wire.hpp"

namespace marline::http {
namespace {

using test::ServerWire;

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: t\r\n\r\n";
constexpr const char* kHead =
    "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\nContent-Type: text/html\r\n\r\n";

class ResourceTest : public test::ServerTest {};

/// Answers GET and POST with its name and the path on both sides of it.
class Place final : public Resource {
public:
    explicit Place(std::string name, bool leaf = false) : name_(std::move(name)), leaf_(leaf) {}

    bool isLeaf() const noexcept override { return leaf_; }
    Rendered renderGet(Request& request) override { return describe(request); }
    Rendered renderPost(Request& request) override { return describe(request); }
    std::string allowedMethods() const override { return "GET, HEAD, POST, OPTIONS"; }

private:
    std::string describe(Request& request) const {
        std::string text = name_ + ":";
        for (const std::string& segment : request.prepath()) {
            text += "<" + segment;
        }
        for (const std::string& segment : request.postpath()) {
            text += ">" + segment;
        }
        return text;
    }

    std::string name_;
    bool leaf_;
};

std::string bodyOf(const std::string& answer) {
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
    return answer.substr(answer.find("\r\n\r\n") + 4);
}

std::string get(ServerWire& wire, const std::string& path, const std::string& method = "GET") {
    return wire.exchange(method + " " + path + " HTTP/1.1\r\nHost: t\r\n\r\n");
}

// Z-1: each segment is decoded and moves from postpath to prepath on the way.
TEST_F(ResourceTest, walksSegmentBySegment) {
    auto root = makeRef<Place>("root");
    auto a = makeRef<Place>("a b");
    a->putChild("c/d", makeRef<Place>("leaf", true));
    root->putChild("a b", a);
    ServerWire wire{Ref<Resource>(root)};
    EXPECT_EQ(bodyOf(get(wire, "/a%20b")), "a b:<a b");
    EXPECT_EQ(bodyOf(get(wire, "/a%20b/c%2Fd/e/f")), "leaf:<a b<c/d>e>f");
}

// Z-2: a leaf is not asked for children.
TEST_F(ResourceTest, aLeafKeepsTheRest) {
    auto leaf = makeRef<Place>("leaf", true);
    leaf->putChild("x", makeRef<Place>("never"));
    ServerWire wire{Ref<Resource>(leaf)};
    EXPECT_EQ(bodyOf(get(wire, "/x/")), "leaf:>x>");
}

// Z-3: a child that was put takes the place of the one before; nothing is a 404.
TEST_F(ResourceTest, findsChildrenThatWerePut) {
    auto root = makeRef<Place>("root");
    root->putChild("x", makeRef<Place>("old"));
    root->putChild("x", makeRef<Place>("new"));
    ServerWire wire{Ref<Resource>(root)};
    EXPECT_EQ(bodyOf(get(wire, "/x")), "new:<x");
    EXPECT_TRUE(get(wire, "/y").starts_with("HTTP/1.1 404 Not Found\r\n"));
    EXPECT_TRUE(get(wire, "/x/y").starts_with("HTTP/1.1 404 Not Found\r\n"));
}

// Z-4: `/` is the root's child with the empty name, and without one the root itself.
TEST_F(ResourceTest, theRootMayHaveAnEmptyChild) {
    auto root = makeRef<Place>("root");
    ServerWire wire{Ref<Resource>(root)};
    EXPECT_EQ(bodyOf(get(wire, "/")), "root:<");
    root->putChild("", makeRef<Place>("index"));
    EXPECT_EQ(bodyOf(get(wire, "/")), "index:<");
}

// Z-5: HEAD falls back to GET.
TEST_F(ResourceTest, dispatchesByMethod) {
    ServerWire wire{Ref<Resource>(makeRef<Place>("root"))};
    EXPECT_EQ(bodyOf(get(wire, "/", "POST")), "root:<");
    EXPECT_EQ(get(wire, "/", "HEAD"),
              "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 6\r\nContent-Type: text/html\r\n\r\n");
}

// Z-6: a method that the resource has not is a 405 with Allow when it is a known one, else a 501,
// and neither says back what came.
TEST_F(ResourceTest, tellsWhichMethodsThereAre) {
    ServerWire wire{Ref<Resource>(makeRef<Place>("root"))};
    EXPECT_EQ(get(wire, "/%3Cb%3E", "PUT").substr(0, 13), "HTTP/1.1 404 ");
    EXPECT_EQ(get(wire, "/", "PUT"),
              "HTTP/1.1 405 Method Not Allowed\r\nDate: D\r\nContent-Length: 61\r\n"
              "Allow: GET, HEAD, POST, OPTIONS\r\nContent-Type: text/plain\r\n\r\n"
              "405 Method Not Allowed: this method is not for this resource\n");
    EXPECT_EQ(get(wire, "/", "FROB"),
              "HTTP/1.1 501 Not Implemented\r\nDate: D\r\nContent-Length: 58\r\n"
              "Content-Type: text/plain\r\n\r\n"
              "501 Not Implemented: this server does not know the method\n");
}

// Every method has its place, which is a 405 unless it is overridden.
TEST_F(ResourceTest, everyMethodMayBeOverridden) {
    class Bare final : public Resource {};
    ServerWire wire{Ref<Resource>(makeRef<Bare>())};
    for (const char* method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"}) {
        EXPECT_EQ(get(wire, "/", method).substr(0, 13), "HTTP/1.1 405 ") << method;
    }
}

// OPTIONS says which methods there are (RFC 9110 §9.3.7).
TEST_F(ResourceTest, answersOptions) {
    ServerWire wire{Ref<Resource>(makeRef<Place>("root"))};
    EXPECT_EQ(get(wire, "/", "OPTIONS"),
              "HTTP/1.1 204 No Content\r\nDate: D\r\nAllow: GET, HEAD, POST, OPTIONS\r\n\r\n");
}

// An error that is the answer may be returned, thrown, or fail the Deferred; it is not logged.
TEST_F(ResourceTest, anHttpErrorIsTheAnswer) {
    const auto answer = [](UniqueFunction<Rendered(Request&)> handler) {
        ServerWire wire(std::move(handler));
        return wire.exchange(kGet);
    };
    const std::string expected =
        "HTTP/1.1 409 Conflict\r\nDate: D\r\nContent-Length: 26\r\nContent-Type: text/plain\r\n\r\n"
        "409 Conflict: it is taken\n";
    EXPECT_EQ(answer([](Request&) -> Rendered { return HttpError(409, "it is taken"); }), expected);
    EXPECT_EQ(answer([](Request&) -> Rendered { throw HttpError(409, "it is taken"); }), expected);
    EXPECT_EQ(answer([](Request&) -> Rendered {
                  return fail<std::string>(HttpError(409, "it is taken"));
              }),
              expected);
    EXPECT_EQ(errors(), "");
    EXPECT_THROW(HttpError(200, ""), std::invalid_argument);
    EXPECT_THROW(HttpError(600, ""), std::invalid_argument);
}

/// Gives the pieces one after the other, then the end; each at the time of a call.
Ref<BodyStream> pieces(std::vector<std::string> all) {
    return streamOf([all = std::move(all), next = std::size_t{0}]() mutable {
        return succeed(next < all.size() ? all[next++] : std::string());
    });
}

// A stream is asked for its next piece when the client has taken the one before.
TEST_F(ResourceTest, streamsAsTheClientTakesIt) {
    int asked = 0;
    ServerWire wire([&asked](Request&) -> Rendered {
        return streamOf([&asked] {
            ++asked;
            return succeed(asked == 3 ? std::string() : std::string("piece"));
        });
    });
    EXPECT_EQ(wire.exchange(kGet), kHead + std::string("5\r\npiece\r\n"));
    EXPECT_EQ(asked, 1);
    wire.transport().drain();
    EXPECT_EQ(wire.take(), "5\r\npiece\r\n");
    EXPECT_EQ(asked, 2);
    wire.transport().drain();
    EXPECT_EQ(wire.take(), "0\r\n\r\n");
    EXPECT_EQ(wire.exchange("HEAD / HTTP/1.1\r\nHost: t\r\n\r\n").substr(0, 15), "HTTP/1.1 200 OK")
        << "the connection goes on";
}

// A stream that is not ready yet is waited for, and not asked twice.
TEST_F(ResourceTest, waitsForAStream) {
    std::vector<Deferred<std::string>> asked;
    ServerWire wire([&asked](Request&) -> Rendered {
        return streamOf([&asked] { return asked.emplace_back(); });
    });
    EXPECT_EQ(wire.exchange(kGet), "");
    wire.transport().drain();
    ASSERT_EQ(asked.size(), 1U);
    asked[0].callback("a");
    EXPECT_EQ(wire.take(), kHead + std::string("1\r\na\r\n"));
    wire.transport().drain();
    ASSERT_EQ(asked.size(), 2U);
    asked[1].callback("");
    EXPECT_EQ(wire.take(), "0\r\n\r\n");
}

// An empty stream is an empty body; one of a known length has no chunks; HEAD is not asked at all.
TEST_F(ResourceTest, framesAStreamAsItsLengthSays) {
    ServerWire wire([](Request& request) -> Rendered {
        if (request.path() == "/known") {
            request.setHeader("Content-Length", "4");
            return pieces({"ab", "cd"});
        }
        return pieces({});
    });
    EXPECT_EQ(wire.exchange(kGet), kHead + std::string("0\r\n\r\n"));
    wire.send("GET /known HTTP/1.1\r\nHost: t\r\n\r\n");
    wire.transport().drain();
    wire.transport().drain();
    EXPECT_EQ(wire.take(),
              "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 4\r\nContent-Type: text/html\r\n\r\n"
              "abcd");
    EXPECT_EQ(wire.exchange("HEAD /known HTTP/1.1\r\nHost: t\r\n\r\n"),
              "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 4\r\nContent-Type: text/html\r\n\r\n");
}

// A stream that fails at once makes a 500; later it cuts the connection, for the head has gone.
TEST_F(ResourceTest, aStreamMayFail) {
    const auto failing = [](Request& request) -> Rendered {
        return streamOf([first = request.path() == "/later"]() mutable -> Deferred<std::string> {
            if (std::exchange(first, false)) {
                return succeed(std::string("a"));
            }
            throw std::runtime_error("out of ink");
        });
    };
    ServerWire wire(failing);
    EXPECT_TRUE(wire.exchange(kGet).starts_with("HTTP/1.1 500 "));
    wire.send("GET /later HTTP/1.1\r\nHost: t\r\n\r\n");
    EXPECT_FALSE(wire.transport().aborted());
    wire.transport().drain();
    EXPECT_TRUE(wire.transport().aborted());
    EXPECT_NE(errors().find("out of ink"), std::string::npos);
}

// A head that cannot be sent is noticed with the first piece.
TEST_F(ResourceTest, aStreamWithABadHeadFails) {
    ServerWire wire([](Request& request) -> Rendered {
        request.setHeader("Content-Length", "many");
        return pieces({"a"});
    });
    EXPECT_TRUE(wire.exchange(kGet).starts_with("HTTP/1.1 500 "));
    EXPECT_NE(errors().find("Content-Length is no number"), std::string::npos) << errors();
}

// When the client goes the stream's Deferred is cancelled, and the stream dropped.
TEST_F(ResourceTest, dropsTheStreamWhenTheClientGoes) {
    bool cancelled = false;
    const auto alive = std::make_shared<int>();
    ServerWire wire([&](Request&) -> Rendered {
        return streamOf([&cancelled, alive] {
            return Deferred<std::string>([&](const Deferred<std::string>&) { cancelled = true; });
        });
    });
    wire.send(kGet);
    EXPECT_EQ(alive.use_count(), 2);
    wire.disconnect();
    EXPECT_TRUE(cancelled);
    EXPECT_EQ(alive.use_count(), 1);
    EXPECT_EQ(errors(), "");
}

}  // namespace
}  // namespace marline::http
