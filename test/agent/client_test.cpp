#include <marline/agent/client.hpp>

#include <chrono>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/agent/errors.hpp>
#include <marline/deferred/coroutine.hpp>
#include <marline/reactor/testing/clock.hpp>

#include <test/support/compress.hpp>
#include <test/support/outcome.hpp>
#include <test/support/scripted_agent.hpp>
#include <test/support/temp_folder.hpp>

namespace {

using namespace marline;
using namespace marline::testing;
using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ClientTest : public ::testing::Test {
protected:
    ~ClientTest() override { inner->closeAll(); }

    Outcome<ClientResponse> get(const char* url = "http://h/", const RequestOptions& options = {}) {
        return Outcome<ClientResponse>(client.get(url, options));
    }
    /// What a POST says of its body, and the body.
    std::pair<std::string, std::string> posted(const RequestOptions& options) {
        const Outcome<ClientResponse> response(client.post("http://h/", options));
        const Ref<IBodyProducer> body = inner->last().body;
        std::string text = inner->last().connection->take();
        return {body ? body->contentType() : "", text.substr(1)};
    }

    NoUnhandled unhandled;
    Clock clock;
    Ref<ScriptedAgent> inner = makeRef<ScriptedAgent>();
    Client client{ScriptedAgentHandle(inner), clock};
};

// Each method is one call.
TEST_F(ClientTest, methodsAreCalls) {
    Outcome<ClientResponse> all[] = {
        Outcome<ClientResponse>(client.get("http://h/")),
        Outcome<ClientResponse>(client.head("http://h/")),
        Outcome<ClientResponse>(client.post("http://h/")),
        Outcome<ClientResponse>(client.put("http://h/")),
        Outcome<ClientResponse>(client.patch("http://h/")),
        Outcome<ClientResponse>(client.del("http://h/")),
        Outcome<ClientResponse>(client.request("OPTIONS", "http://h/")),
    };
    std::string methods;
    for (std::size_t i = 0; i < std::size(all); ++i) {
        methods += (*inner)[i].method + " ";
    }
    EXPECT_EQ(methods, "GET HEAD POST PUT PATCH DELETE OPTIONS ");
}

// A URL is taken as it is typed; one that is none fails.
TEST_F(ClientTest, urlsAreTyped) {
    get("b\xc3\xbc"
        "cher.example/a b");
    EXPECT_EQ(inner->last().uri, "http://xn--bcher-kva.example/a%20b");
    EXPECT_NE(get("http://").failed<UriError>(), nullptr);
}

// TQ-3: params are added to the URL's own query, encoded; a name may be repeated.
TEST_F(ClientTest, paramsAreAdded) {
    get("http://h/?a=1#f", {.params = {{"b c", "2&3"}, {"b c", "\xc3\xa4"}}});
    EXPECT_EQ(inner->last().uri, "http://h/?a=1&b+c=2%263&b+c=%C3%A4#f");
    get("http://h/", {.params = {{"a", ""}}});
    EXPECT_EQ(inner->last().uri, "http://h/?a=");
}

// TQ-1, TQ-2: JSON, forms, files and bodies, each with its type; two kinds are one too many.
TEST_F(ClientTest, bodiesAreMade) {
    using Posted = std::pair<std::string, std::string>;
    EXPECT_EQ(posted({.json = R"({"a":1})"}), Posted("application/json", R"({"a":1})"));
    EXPECT_EQ(posted({.form = {{"a", "b c"}}}),
              Posted("application/x-www-form-urlencoded", "a=b+c"));
    EXPECT_EQ(posted({.body = makeRef<StringBody>("raw")}), Posted("", "raw"));
    EXPECT_EQ(posted({}), Posted("", ""));
    const test::TempFolder folder;
    const auto [type, text] =
        posted({.form = {{"f", "v"}},
                .files = {{.name = "disk", .path = folder.write("x.txt", "on disk")},
                          {.name = "memory", .content = "in memory", .contentType = "a/b"}}});
    EXPECT_THAT(type, StartsWith("multipart/form-data; boundary="));
    EXPECT_THAT(text, HasSubstr("name=\"f\"\r\n\r\nv\r\n"));
    EXPECT_THAT(text, HasSubstr("name=\"disk\"; filename=\"x.txt\""));
    Outcome<ClientResponse> two(client.post("http://h/", {.json = "1", .form = {{"a", "b"}}}));
    EXPECT_NE(two.failed<BadRequest>(), nullptr);
    Outcome<ClientResponse> missing(
        client.post("http://h/", {.files = {{.name = "f", .path = "/no/such/file"}}}));
    EXPECT_THAT(missing.message(), HasSubstr("/no/such/file"));
}

// TQ-4: cookies are inside redirects, and these inside decoding; credentials stay in their origin.
TEST_F(ClientTest, agentsAreStacked) {
    inner->answer(reply("302 Go", "Location: http://other/\r\nSet-Cookie: a=1\r\n"));
    inner->answer(reply("302 Go", "Location: http://h/x\r\n"));
    inner->answer(reply("200 OK", "Content-Encoding: gzip\r\n", gzipped("hello")));
    auto response = get("http://h/", {.auth = "me:secret"});
    EXPECT_EQ(Outcome<std::string>(response.value().content()).value(), "hello");
    EXPECT_EQ((*inner)[0].field("Authorization"), "Basic bWU6c2VjcmV0");
    EXPECT_EQ((*inner)[0].field("Accept-Encoding"), "gzip, deflate, br, zstd");
    EXPECT_EQ((*inner)[1].field("Authorization") + (*inner)[1].field("Cookie"), "");
    EXPECT_EQ((*inner)[2].field("Cookie"), "a=1");
}

// TQ-10: history has the redirects, the oldest first; redirects can be left alone.
TEST_F(ClientTest, historyIsKept) {
    inner->answer(reply("301 Go", "Location: /1\r\n")).answer(reply("302 Go", "Location: /2\r\n"));
    inner->answer(reply("200 OK"));
    auto response = get();
    const auto history = response.value().history();
    ASSERT_EQ(history.size(), 2U);
    EXPECT_EQ(history[0].code(), 301);
    EXPECT_EQ(history[1].uri().toString(), "http://h/1");
    inner->answer(reply("301 Go", "Location: /1\r\n"));
    EXPECT_EQ(get("http://h/", {.followRedirects = false}).value().code(), 301);
}

// TQ-5: the time ends with the head; it does not cover the body.
TEST_F(ClientTest, timeoutIsForTheHead) {
    auto late = get("http://h/", {.timeout = 5s});
    clock.advance(5s);
    EXPECT_NE(late.failed<TimeoutError>(), nullptr);
    EXPECT_TRUE(inner->last().connection->aborted());
    inner->answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    auto response = get("http://h/", {.timeout = 5s});
    Outcome<std::string> body(response.value().content());
    clock.advance(6s);
    inner->last().connection->send("hi");
    EXPECT_EQ(body.value(), "hi");
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// TQ-6: every reader gets the whole body, before and after its end; one that is cancelled does not
// take it from the others.
TEST_F(ClientTest, contentIsShared) {
    inner->answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    auto response = get();
    Outcome<std::string> first(response.value().content());
    Outcome<std::string> second(response.value().content());
    first.cancel();
    inner->last().connection->send("hello");
    EXPECT_NE(first.failed<CancelledError>(), nullptr);
    EXPECT_EQ(second.value(), "hello");
    EXPECT_EQ(Outcome<std::string>(response.value().content()).value(), "hello");
    EXPECT_EQ(Outcome<std::string>(ClientResponse(response.value()).text()).value(), "hello");
}

Deferred<std::string> textOf(Client client) {
    co_return co_await (co_await client.get("http://h/")).text();
}

// A coroutine may await a request and its body in one expression.
TEST_F(ClientTest, isAwaitedTwiceAtOnce) {
    Outcome<std::string> text(textOf(client));
    inner->last().connection->send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    inner->last().connection->send("hello");
    EXPECT_EQ(text.value(), "hello");
}

// A body that fails, fails for every reader.
TEST_F(ClientTest, contentFailsForAll) {
    inner->answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
    auto response = get();
    Outcome<std::string> first(response.value().content());
    inner->last().connection->lose();
    EXPECT_NE(first.failed<ResponseFailed>(), nullptr);
    EXPECT_NE(Outcome<std::string>(response.value().content()).failed<ResponseFailed>(), nullptr);
}

// TQ-8: text is UTF-8, whatever it came as.
TEST_F(ClientTest, textIsUtf8) {
    const auto text = [this](const std::string& type, const std::string& body) {
        inner->answer(reply("200 OK", type.empty() ? "" : "Content-Type: " + type + "\r\n", body));
        auto response = get();
        Outcome<std::string> read(response.value().text());
        return read.ok() ? read.value() : read.message();
    };
    EXPECT_EQ(text("", "\xe4"), "\xc3\xa4");
    EXPECT_EQ(text("text/plain; x=y; Charset=\"utf-8\"", "\xc3\xa4"), "\xc3\xa4");
    EXPECT_EQ(text("application/json", "\xc3\xa4"), "\xc3\xa4");
    EXPECT_EQ(text("application/problem+JSON; a=b", "\xc3\xa4"), "\xc3\xa4");
    EXPECT_EQ(text("text/plain;charset=koi8-r", "\xc1"), "\xd0\xb0");
    EXPECT_EQ(text("text/plain;charset=utf-16le", std::string("a\0", 2)), "a");
    EXPECT_THAT(text("text/plain;charset=nonsense", "x"), HasSubstr("'nonsense'"));
    EXPECT_THAT(text("application/json", "ab\xff"), EndsWith("at byte 2"));
}

// TQ-9: cookies that are given are for the request's host.
TEST_F(ClientTest, cookiesAreOfTheirHost) {
    inner->answer(reply("302 Go", "Location: http://other/\r\n")).answer(reply("200 OK"));
    get("http://h/x/y", {.cookies = {{"a", "1"}, {"b", "2"}}});
    EXPECT_EQ((*inner)[0].field("Cookie"), "a=1; b=2");
    EXPECT_EQ((*inner)[1].field("Cookie"), "");
    EXPECT_EQ(client.cookies().size(), 2U);
}

// A status of 400 and more becomes an error in a chain, where it is asked for.
TEST_F(ClientTest, statusIsRaised) {
    inner->answer(reply("404 Not Found"));
    Outcome<ClientResponse> missing(client.get("http://h/x").addCallback(raiseForStatus));
    ASSERT_NE(missing.failed<StatusError>(), nullptr);
    EXPECT_EQ(missing.failed<StatusError>()->code(), 404);
    EXPECT_EQ(missing.message(), "GET http://h/x was answered with 404 Not Found");
    inner->answer(reply("399 Odd"));
    EXPECT_TRUE(Outcome<ClientResponse>(client.get("http://h/").addCallback(raiseForStatus)).ok());
}

// Hooks see each request, which they may change, and each response.
TEST_F(ClientTest, hooksAreCalled) {
    std::string seen;
    client = Client(
        ScriptedAgentHandle(inner), clock,
        {.onRequest =
             [&seen](std::string_view method, const Uri& uri, http::Headers& headers) {
                 seen += std::string(method) + " " + uri.toString();
                 headers.addRawHeader("X-Trace", "1");
             },
         .onResponse =
             [&seen](const Response& response) { seen += " " + std::to_string(response.code()); }});
    inner->answer(std::string("HTTP/1.1 204 No\r\n\r\n"));
    get("http://h/a", {.params = {{"b", "c"}}});
    EXPECT_EQ(seen, "GET http://h/a?b=c 204");
    EXPECT_EQ(inner->last().field("X-Trace"), "1");
}

}  // namespace
