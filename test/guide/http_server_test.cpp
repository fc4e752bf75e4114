// The snippets of docs/howto/http-server.md, and what the page says of them.
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/protocols/http/status.hpp>

#include "test/support/running.hpp"
#include "test/support/temp_folder.hpp"

using namespace marline;
using namespace std::chrono_literals;

namespace {

using test::outcomeOf;
using test::runUntil;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A resource on a port, and a client of it.
struct Served {
    explicit Served(Ref<http::Resource> root)
        : port(reactor.listenTcp(0, makeRef<http::Site>(reactor, std::move(root)),
                                 {.interface = "127.0.0.1"})) {}

    Result<Response> request(std::string_view method, const std::string& path,
                             const http::Headers& headers = {}, Ref<IBodyProducer> body = {}) {
        return outcomeOf(reactor, agent.request(method, url(path), headers, std::move(body)));
    }
    std::string body(const std::string& path) {
        return outcomeOf(reactor, readBody(request("GET", path).value())).value();
    }
    std::string url(const std::string& path) const {
        return "http://" + port->getHost().toString() + path;
    }

    Reactor reactor;
    Ref<IListeningPort> port;
    Agent agent{reactor};
};

// The first page is served until the reactor is stopped.
TEST(GuideHttpServer, aServer) {
    const std::uint16_t port = 0;
    Reactor reactor;
    auto routes = makeRef<http::Routes>();
    routes->get("/hello/{name}", [](http::Request& request) -> http::Rendered {
        request.setHeader("Content-Type", "text/plain");
        return "Hello, " + std::string(request.pathParameter("name")) + "\n";
    });
    auto listening =
        reactor.listenTcp(port, makeRef<http::Site>(reactor, routes), {.interface = "127.0.0.1"});

    std::string came;
    Agent agent{reactor};
    agent.request("GET", "http://" + listening->getHost().toString() + "/hello/you")
        .addCallback([](const Response& response) { return readBody(response); })
        .addCallback([&](const std::string& body) {
            came = body;
            reactor.stop();
        });
    reactor.run();
    EXPECT_EQ(came, "Hello, you\n");
}

class Book : public http::Resource {
public:
    explicit Book(std::string title) : title_(std::move(title)) {}

private:
    http::Rendered renderGet(http::Request& request) override {
        if (request.setETag(version_) == http::Cached::Yes) {
            return "";
        }
        return "the book " + title_;
    }

    std::string title_;
    std::string version_ = "\"1\"";
};

class Shelf : public http::Resource {
    Ref<http::Resource> getChild(std::string_view name, http::Request&) override {
        return makeRef<Book>(std::string(name));  // an empty Ref is a 404
    }
    http::Rendered renderGet(http::Request&) override { return "a shelf"; }
};

// A tree is walked; what the client has is not sent again.
TEST(GuideHttpServer, resources) {
    auto root = makeRef<http::Data>("welcome\n", "text/plain");
    root->putChild("books", makeRef<Shelf>());
    Served site(root);
    EXPECT_EQ(site.body("/"), "welcome\n");
    EXPECT_EQ(site.body("/books"), "a shelf");
    EXPECT_EQ(site.body("/books/Twisted"), "the book Twisted");
    EXPECT_EQ(site.request("GET", "/nowhere").value().code(), 404);
    EXPECT_EQ(site.request("DELETE", "/books").value().code(), 405);
    http::Headers known;
    known.setRawHeaders("If-None-Match", {"\"1\""});
    EXPECT_EQ(site.request("GET", "/books/Twisted", known).value().code(), 304);
}

// A body comes piece after piece, until an empty one.
TEST(GuideHttpServer, aStream) {
    auto routes = makeRef<http::Routes>();
    routes->get("/numbers", [](http::Request&) -> http::Rendered {
        return http::streamOf([n = 0]() mutable {
            return succeed(n < 1000 ? std::to_string(n++) + "\n"
                                    : std::string());  // empty: the end
        });
    });
    Served site(routes);
    const std::string body = site.body("/numbers");
    EXPECT_THAT(body, StartsWith("0\n1\n2\n"));
    EXPECT_TRUE(body.ends_with("\n998\n999\n"));
}

struct Cart {
    std::vector<std::string> titles;
};

class Shop : public http::Resource {
    http::Rendered renderPost(http::Request& request) override {
        const auto title =
            request.args().get("title");  // of the query, and of a form that was posted
        auto& cart = request.getSession()->data<Cart>();  // one object of each type
        cart.titles.emplace_back(title.value_or("untitled"));
        if (!request.getCookie("theme")) {
            request.addCookie(
                {.name = "theme", .value = "dark", .maxAge = 24h * 365, .httpOnly = true});
        }
        return redirectTo("/done", request, http::kSeeOther);
    }
    http::Rendered renderGet(http::Request& request) override {
        std::string text;
        for (const auto& title : request.getSession()->data<Cart>().titles) {
            text += title + ";";
        }
        return text;
    }
};

// The session remembers what was posted; the cookie is set once.
TEST(GuideHttpServer, whatARequestBrings) {
    Served site(makeRef<Shop>());
    const auto first = site.request("POST", "/", {}, formBody({{{"title", "Twisted"}}}));
    EXPECT_EQ(first.value().code(), 303);
    http::Headers cookies;
    std::string field;
    for (const auto cookie : first.value().headers().getRawHeaders("Set-Cookie")) {
        field += std::string(cookie.substr(0, cookie.find(';'))) + "; ";
    }
    EXPECT_THAT(field, HasSubstr("theme=dark"));
    cookies.setRawHeaders("Cookie", {field.substr(0, field.size() - 2)});
    const auto second = site.request("POST", "/?title=Klein", cookies);
    EXPECT_TRUE(second.value().headers().getRawHeaders("Set-Cookie").empty());
    const auto cart = site.request("GET", "/", cookies);
    EXPECT_EQ(outcomeOf(site.reactor, readBody(cart.value())).value(), "Twisted;Klein;");
}

class Uploads : public http::Resource {
public:
    explicit Uploads(std::string folder) : folder_(std::move(folder)) {}

private:
    Ref<http::BodySink> bodySink(http::Request& request) override {
        return http::Form::sinkFor(request, {.file = 100 << 20});
    }
    http::Rendered renderPost(http::Request& request) override {
        for (const http::FormFile& file : request.form().files()) {
            file.saveAs(newPath());  // never under file.filename() as it is
        }
        return "thank you\n";
    }

    std::string newPath() { return folder_ + "/" + std::to_string(++saved_); }

    std::string folder_;
    int saved_ = 0;
};

// Files of a form are saved.
TEST(GuideHttpServer, files) {
    const test::TempFolder folder;
    Served site(makeRef<Uploads>(folder.path()));
    const auto form = makeRef<MultipartBody>();
    form->addFile("a", folder.write("a.txt", "first"));
    form->addFile("b", folder.write("b.txt", std::string(200'000, 'b')));
    http::Headers headers;
    const auto response = site.request("POST", "/", headers, form);
    EXPECT_EQ(outcomeOf(site.reactor, readBody(response.value())).value(), "thank you\n");
    EXPECT_EQ(folder.read("1"), "first");
    EXPECT_EQ(folder.read("2").size(), 200'000U);
}

// An event reaches who has subscribed.
TEST(GuideHttpServer, events) {
    auto routes = makeRef<http::Routes>();
    auto news = makeRef<http::EventTopic>();
    routes->get("/news", [news](http::Request& request) -> http::Rendered {
        news->subscribe(request);
        return http::NotDoneYet{};
    });

    Served site(routes);
    std::string heard;
    const auto reading = collect(site.request("GET", "/news").value(),
                                 [&](std::span<const std::byte> piece) { heard += asText(piece); });
    news->publish({.data = "it rains", .event = "weather", .id = "7"});

    runUntil(site.reactor, [&] { return heard.ends_with("\n\n"); });
    EXPECT_THAT(heard, HasSubstr("data: it rains\n"));
    EXPECT_THAT(heard, HasSubstr("event: weather\n"));
    news->close();
    EXPECT_TRUE(outcomeOf(site.reactor, reading).ok());
}

// A folder is served; its file in brotli goes to who takes that.
TEST(GuideHttpServer, aFolder) {
    const test::TempFolder www;
    www.write("index.html", "<p>hello");
    const std::string folder = www.path();
    Reactor reactor;
    auto site = makeRef<http::Site>(
        reactor, makeRef<http::File>(folder, http::FileOptions{.precompressed = true}));
    const auto port = reactor.listenTcp(0, site, {.interface = "127.0.0.1"});
    Agent agent{reactor};
    const std::string url = "http://" + port->getHost().toString() + "/";
    const auto response = outcomeOf(reactor, agent.request("GET", url)).value();
    EXPECT_EQ(outcomeOf(reactor, readBody(response)).value(), "<p>hello");
}

// A host has its own resource, a page its password, a text its coding.
TEST(GuideHttpServer, inFrontOfResources) {
    const std::string_view kPassword = "secret";
    const auto page = [](std::string text) {
        return makeRef<http::FunctionResource>(
            [text = std::move(text)](http::Request&) -> http::Rendered { return text; });
    };
    const Ref<http::Resource> fallback = page("fallback"), www = page("www");
    const Ref<http::Resource> root = page(std::string(2000, 'x'));
    auto hosts = makeRef<http::NameVirtualHost>(fallback);
    hosts->addHost("example.org", www);

    auto closed = makeRef<http::BasicAuth>(
        root, "staff", [=](std::string_view user, std::string_view password) {
            // then Request::getUser() is "me"
            return user == "me" && http::sameSecret(password, kPassword);
        });

    // br, zstd or gzip, as the client likes
    auto small = makeRef<http::EncodingResourceWrapper>(root);

    http::Headers headers;
    headers.setRawHeaders("Host", {"example.org"});
    EXPECT_EQ(Served(hosts).body("/"), "fallback");
    Served named(hosts);
    EXPECT_EQ(
        outcomeOf(named.reactor, readBody(named.request("GET", "/", headers).value())).value(),
        "www");
    EXPECT_EQ(Served(closed).request("GET", "/").value().code(), 401);
    http::Headers accepts;
    accepts.setRawHeaders("Accept-Encoding", {"gzip"});
    EXPECT_EQ(Served(small).request("GET", "/", accepts).value().headers().get("Content-Encoding"),
              "gzip");
}

// The digest agent passes with the password, once challenged, and keeps its nonce; MD5 alone will
// do.
TEST(GuideHttpServer, digestAuthentication) {
    const Ref<http::Resource> root = makeRef<http::FunctionResource>(
        [](http::Request& request) -> http::Rendered { return request.getUser(); });
    const std::string stored =
        http::digestSecret(http::DigestAlgorithm::Sha256, "me", "staff", "secret");

    auto closed = makeRef<http::DigestAuth>(
        root, "staff",
        [=](std::string_view user, http::DigestAlgorithm) {
            return user == "me" ? std::optional(stored) : std::nullopt;
        },
        http::DigestOptions{.algorithms = {http::DigestAlgorithm::Sha256}});

    Served served(closed);
    DigestAuthAgent agent(served.agent, "me", "secret");
    for (int i = 0; i < 3; ++i) {
        const auto response = outcomeOf(served.reactor, agent.request("GET", served.url("/a?b")));
        ASSERT_EQ(response.value().code(), 200);
        EXPECT_EQ(outcomeOf(served.reactor, readBody(response.value())).value(), "me");
    }
    DigestAuthAgent wrong(served.agent, "me", "guess");
    EXPECT_EQ(outcomeOf(served.reactor, wrong.request("GET", served.url("/"))).value().code(), 401);

    Served old(makeRef<http::DigestAuth>(
        root, "staff",
        [](std::string_view user, http::DigestAlgorithm algorithm) {
            return std::optional(http::digestSecret(algorithm, user, "staff", "secret"));
        },
        http::DigestOptions{.algorithms = {http::DigestAlgorithm::Md5}}));
    DigestAuthAgent again(old.agent, "you", "secret");
    EXPECT_EQ(outcomeOf(old.reactor, again.request("GET", old.url("/"))).value().code(), 200);
}

// Each request makes a line, and a site that is shut down says what became of its connections.
TEST(GuideHttpServer, loggingAndStopping) {
    Reactor reactor;
    const test::TempFolder folder;
    const std::string path = folder / "www.log";
    http::SiteOptions options;
    auto log = makeRef<http::FileAccessLog>(reactor, path, http::LogFormat::Json);
    options.accessLog = log;

    const Ref<http::Resource> root =
        makeRef<http::FunctionResource>([](http::Request&) -> http::Rendered { return "hello"; });
    const auto site = makeRef<http::Site>(reactor, root, std::move(options));
    const auto port = reactor.listenTcp(0, site, {.interface = "127.0.0.1"});
    Agent agent{reactor};
    const std::string url = "http://" + port->getHost().toString() + "/";
    const auto response = outcomeOf(reactor, agent.request("GET", url)).value();
    EXPECT_EQ(outcomeOf(reactor, readBody(response)).value(), "hello");
    std::size_t idle = 0;
    reactor.callWhenRunning([&] {
        site->shutdown(10s, {port}).addCallback([&](const http::ShutdownReport& report) {
            idle = report.idle;
            reactor.stop();
        });
    });
    reactor.run();
    EXPECT_EQ(idle, 1U);
    log->flush();
    EXPECT_THAT(folder.read("www.log"), HasSubstr("\"GET\""));
}

}  // namespace
