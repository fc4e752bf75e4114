// One connection of a server: raw bytes in, exact bytes out.
#include <marline/protocols/http/site.hpp>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/protocols/http/body_sink.hpp>

#include <gtest/gtest.h>

#include <string>

#include "server_wire.hpp"

namespace marline::http {
namespace {

using test::expectEveryWay;
using test::ServerWire;

class HttpChannelTest : public test::ServerTest {};

/// Answers with method, target and body of the request, as plain text.
Rendered describe(Request& request) {
    request.setHeader("Content-Type", "text/plain");
    return request.method() + " " + request.uri() + " [" + request.content() + "]";
}

Ref<Resource> describing() { return makeRef<FunctionResource>(describe); }

std::string plain(const std::string& body, const std::string& more = "") {
    return "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           more + "Content-Type: text/plain\r\n\r\n" + body;
}

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: t\r\n\r\n";

// The plainest request gives the plainest response, however it is cut.
TEST_F(HttpChannelTest, answersARequest) { expectEveryWay(describing, kGet, plain("GET / []")); }

// H-3: HTTP/1.1 keeps the connection, so the next request is answered on it.
TEST_F(HttpChannelTest, keepsTheConnection) {
    ServerWire wire(describing());
    EXPECT_EQ(wire.exchange(kGet), plain("GET / []"));
    EXPECT_EQ(wire.exchange("GET /b HTTP/1.1\r\nHost: t\r\n\r\n"), plain("GET /b []"));
    EXPECT_FALSE(wire.transport().writeEnded());
}

// H-3: Connection: close is echoed, and the own stream ended behind the response.
TEST_F(HttpChannelTest, closesWhenTheClientAsks) {
    ServerWire wire(describing());
    EXPECT_EQ(wire.exchange("GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"),
              plain("GET / []", "Connection: close\r\n"));
    EXPECT_TRUE(wire.transport().writeEnded());
    EXPECT_FALSE(wire.transport().closed()) << "closing with bytes unread would reset";
}

// What comes behind a request that closes the connection is not a request.
TEST_F(HttpChannelTest, ignoresWhatComesBehindTheLastRequest) {
    expectEveryWay(describing,
                   "GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
                   "GET /b HTTP/1.1\r\nHost: t\r\n\r\n",
                   plain("GET / []", "Connection: close\r\n"));
}

// HTTP/1.0 closes unless the client asks to keep (unlike Twisted, H-3, which always closes).
TEST_F(HttpChannelTest, http10ClosesUnlessAskedToKeep) {
    ServerWire closing(describing());
    EXPECT_EQ(closing.exchange("GET / HTTP/1.0\r\n\r\n"),
              plain("GET / []", "Connection: close\r\n"));
    EXPECT_TRUE(closing.transport().writeEnded());
    ServerWire keeping(describing());
    const std::string request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    EXPECT_EQ(keeping.exchange(request), plain("GET / []", "Connection: keep-alive\r\n"));
    EXPECT_EQ(keeping.exchange(request), plain("GET / []", "Connection: keep-alive\r\n"));
}

// Z-8: HEAD announces the length of the body that GET would bring, and leaves it out.
TEST_F(HttpChannelTest, headHasNoBody) {
    ServerWire wire(describing());
    EXPECT_EQ(
        wire.exchange("HEAD / HTTP/1.1\r\nHost: t\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 9\r\nContent-Type: text/plain\r\n\r\n");
    EXPECT_EQ(wire.exchange(kGet), plain("GET / []"));
}

// H-16: the handler sees the whole body, of a known length or in chunks.
TEST_F(HttpChannelTest, readsBodiesBeforeHandling) {
    expectEveryWay(describing, "POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello",
                   plain("POST /p [hello]"));
    expectEveryWay(describing, "POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n",
                   plain("POST /p []"));
    expectEveryWay(describing,
                   "POST /p HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nX-Sum: t\r\n\r\n",
                   plain("POST /p [hello]"));
}

/// Takes bodies to where the end takes its time.
class PausingAtTheEnd final : public Resource {
public:
    Ref<BodySink> bodySink(Request& request) override { return makeRef<Sink>(request); }
    Rendered render(Request&) override { return std::string("taken"); }

private:
    class Sink final : public BodySink {
    public:
        explicit Sink(Request& request) : request_(request) {}
        std::uint64_t maxBody() const noexcept override { return 5; }
        void write(std::string_view) override {}
        void finish() override { request_.pauseBody(); }

    private:
        Request& request_;  // which keeps it
    };
};

// BodySink::finish() that pauses a body which is whole: the connection goes on.
TEST_F(HttpChannelTest, hearsTheNextRequestWhenASinkPausesAtItsEnd) {
    ServerWire wire(Ref<Resource>(makeRef<PausingAtTheEnd>()));
    const std::string post = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello";
    EXPECT_TRUE(wire.exchange(post).ends_with("taken"));
    EXPECT_TRUE(wire.exchange(post).ends_with("taken"));
    const std::string both = wire.exchange(post + post);
    EXPECT_NE(both.find("taken"), both.rfind("taken")) << both;
}

// H-1, H-14: requests behind each other are answered in their order, bodies and all.
TEST_F(HttpChannelTest, answersPipelinedRequestsInOrder) {
    expectEveryWay(describing,
                   "GET /1 HTTP/1.1\r\nHost: t\r\n\r\n"
                   "POST /2 HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nab"
                   "HEAD /3 HTTP/1.1\r\nHost: t\r\n\r\n"
                   "GET /4 HTTP/1.1\r\nHost: t\r\n\r\n",
                   plain("GET /1 []") + plain("POST /2 [ab]") +
                       "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 10\r\n"
                       "Content-Type: text/plain\r\n\r\n" +
                       plain("GET /4 []"));
}

// H-5: one empty line before a request is skipped, two are not.
TEST_F(HttpChannelTest, skipsOneEmptyLine) {
    expectEveryWay(describing, std::string("\r\n") + kGet, plain("GET / []"));
    ServerWire wire(describing());
    EXPECT_TRUE(wire.exchange(std::string("\r\n\r\n") + kGet).starts_with("HTTP/1.1 400 "));
}

// H-15: 100 Continue comes when the head is complete and before any of the body is read.
TEST_F(HttpChannelTest, tellsTheClientToContinue) {
    ServerWire wire(describing());
    EXPECT_EQ(wire.exchange("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n"
                            "Expect: 100-continue\r\n\r\n"),
              "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(wire.exchange("ab"), plain("POST / [ab]"));
}

// H-15: HTTP/1.0 knows no 100 Continue, and without a body there is nothing to continue with.
TEST_F(HttpChannelTest, doesNotContinueWithoutReason) {
    ServerWire old(describing());
    EXPECT_EQ(old.exchange("POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"),
              "");
    ServerWire bare(describing());
    EXPECT_EQ(bare.exchange("GET / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n\r\n"),
              plain("GET / []"));
}

// H-1: while one request waits for its Deferred the next is not begun.
TEST_F(HttpChannelTest, handlesOneRequestAtATime) {
    std::vector<Deferred<std::string>> pages;
    ServerWire wire([&](Request&) -> Rendered { return pages.emplace_back(); });
    wire.send("GET /1 HTTP/1.1\r\nHost: t\r\n\r\nGET /2 HTTP/1.1\r\nHost: t\r\n\r\n");
    wire.send("GET /3 HTTP/1.1\r\nHost: t\r\n\r\n");
    ASSERT_EQ(pages.size(), 1U);
    Deferred<std::string>(pages[0]).callback("one");
    ASSERT_EQ(pages.size(), 2U);
    Deferred<std::string>(pages[1]).callback("two");
    ASSERT_EQ(pages.size(), 3U);
    Deferred<std::string>(pages[2]).callback("three");
    const std::string head = "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: ";
    const std::string type = "\r\nContent-Type: text/html\r\n\r\n";
    EXPECT_EQ(wire.take(),
              head + "3" + type + "one" + head + "3" + type + "two" + head + "5" + type + "three");
}

// A hundred thousand pipelined requests that are answered at once use constant stack.
TEST_F(HttpChannelTest, longPipelinesDoNotRecurse) {
    std::string requests;
    int handled = 0;
    ServerWire wire([&](Request&) -> Rendered {
        ++handled;
        return "";
    });
    for (int i = 0; i < 100'000; ++i) {
        requests += kGet;
    }
    wire.send(requests);
    EXPECT_EQ(handled, 100'000);
}

// Handlers whose Deferreds have fired before they return answer like those that return a string.
TEST_F(HttpChannelTest, takesDeferredsThatHaveFired) {
    expectEveryWay(
        [] {
            return makeRef<FunctionResource>([](Request& request) -> Rendered {
                request.setHeader("Content-Type", "text/plain");
                return succeed(std::string("now"));
            });
        },
        std::string(kGet) + kGet, plain("now") + plain("now"));
}

// Z-10: OPTIONS * is about the server, not about a resource.
TEST_F(HttpChannelTest, answersOptionsStar) {
    ServerWire wire(describing());
    EXPECT_EQ(wire.exchange("OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n"),
              "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 0\r\n\r\n");
}

// A 2xx to CONNECT would promise a tunnel, so the resource is not asked.
TEST_F(HttpChannelTest, isNoProxy) {
    ServerWire wire(describing());
    EXPECT_TRUE(wire.exchange("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n")
                    .starts_with("HTTP/1.1 501 Not Implemented\r\n"));
}

// A client that goes while it is waited for cancels the handler's Deferred, and no error is made
// of the cancellation.
TEST_F(HttpChannelTest, cancelsTheHandlerWhenTheClientGoes) {
    int cancelled = 0;
    ServerWire wire([&](Request&) -> Rendered {
        return Deferred<std::string>([&](Deferred<std::string>) { ++cancelled; });
    });
    wire.send(kGet);
    EXPECT_EQ(cancelled, 0);
    wire.disconnect();
    EXPECT_EQ(cancelled, 1);
    EXPECT_EQ(wire.take(), "");
    EXPECT_EQ(errors(), "");
}

// The Deferred that a fired Deferred waits for is reached too.
TEST_F(HttpChannelTest, cancelsWhatTheHandlerWaitsFor) {
    int cancelled = 0;
    const Deferred<std::string> inner([&](Deferred<std::string>) { ++cancelled; });
    ServerWire wire(
        [&](Request&) -> Rendered { return succeed(1).addCallback([&](int) { return inner; }); });
    wire.send(kGet);
    wire.disconnect();
    EXPECT_EQ(cancelled, 1);
    EXPECT_EQ(errors(), "");
}

// A client that ends its stream has gone as far as a handler is concerned (H-21).
TEST_F(HttpChannelTest, takesTheEndOfTheStreamForTheClientGoing) {
    int cancelled = 0;
    ServerWire wire([&](Request&) -> Rendered {
        return Deferred<std::string>([&](Deferred<std::string>) { ++cancelled; });
    });
    wire.send(kGet);
    wire.endInput();
    EXPECT_EQ(cancelled, 1);
    EXPECT_TRUE(wire.transport().closed());
}

// What was answered before the client ended its stream is still flushed, not dropped.
TEST_F(HttpChannelTest, flushesWhatWasAnsweredBeforeTheEndOfTheStream) {
    ServerWire wire(describing());
    wire.send(kGet);
    wire.endInput();
    EXPECT_EQ(wire.take(), plain("GET / []"));
    EXPECT_TRUE(wire.transport().closed());
    EXPECT_FALSE(wire.transport().aborted());
}

// A stream that ends within a request leaves nothing to answer.
TEST_F(HttpChannelTest, closesWhenTheStreamEndsWithinARequest) {
    ServerWire wire(describing());
    wire.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhel");
    wire.endInput();
    EXPECT_EQ(wire.take(), "");
    EXPECT_TRUE(wire.transport().closed());
}

// An exception in a handler is a 500 that says nothing about it; the log does (Z-9), and the
// connection lives on.
TEST_F(HttpChannelTest, answers500ForAnException) {
    ServerWire wire([](Request& request) -> Rendered {
        request.setHeader("X-Half", "done");
        throw std::runtime_error("secret");
    });
    const std::string answer = wire.exchange(kGet);
    EXPECT_EQ(answer,
              "HTTP/1.1 500 Internal Server Error\r\nDate: D\r\nContent-Length: 67\r\n"
              "Content-Type: text/plain\r\n\r\n"
              "500 Internal Server Error: the server has failed; its log says why\n");
    EXPECT_NE(errors().find("GET /: "), std::string::npos);
    EXPECT_NE(errors().find("secret"), std::string::npos);
    EXPECT_EQ(wire.exchange(kGet), answer);
}

// The same for a Deferred that fails later.
TEST_F(HttpChannelTest, answers500ForAFailure) {
    Deferred<std::string> page;
    ServerWire wire([&](Request&) -> Rendered { return page; });
    wire.send(kGet);
    page.errback(std::runtime_error("secret"));
    const std::string answer = wire.take();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 Internal Server Error\r\n"));
    EXPECT_EQ(answer.find("secret"), std::string::npos);
    EXPECT_NE(errors().find("secret"), std::string::npos);
}

// A response that has begun cannot become a 500: the client must see that it is cut.
TEST_F(HttpChannelTest, abortsAResponseThatFailsInItsMiddle) {
    ServerWire wire([](Request& request) -> Rendered {
        request.write("half");
        throw std::runtime_error("secret");
    });
    const std::string answer = wire.exchange(kGet);
    EXPECT_TRUE(answer.ends_with("4\r\nhalf\r\n"));
    EXPECT_TRUE(wire.transport().aborted());
}

// An exception behind a response that is complete is only logged; nothing is sent behind it.
TEST_F(HttpChannelTest, onlyLogsAnExceptionAfterTheResponse) {
    ServerWire wire([](Request& request) -> Rendered {
        request.setHeader("Content-Type", "text/plain");
        request.finish("done");
        throw std::runtime_error("late");
    });
    EXPECT_EQ(wire.exchange(kGet), plain("done"));
    EXPECT_NE(errors().find("late"), std::string::npos);
    EXPECT_EQ(wire.exchange(kGet), plain("done"));
}

// A handler that both finishes and returns a body has made a mistake, which costs the client
// nothing.
TEST_F(HttpChannelTest, survivesAHandlerThatAnswersTwice) {
    ServerWire wire([](Request& request) -> Rendered {
        request.setHeader("Content-Type", "text/plain");
        request.finish("once");
        return "twice";
    });
    EXPECT_EQ(wire.exchange(kGet), plain("once"));
    EXPECT_NE(errors().find("finish() on a request that is finished"), std::string::npos);
}

}  // namespace
}  // namespace marline::http
