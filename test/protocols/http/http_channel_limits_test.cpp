// What a server's connection refuses, and what bounds its memory.
#include <marline/protocols/http/site.hpp>

#include <marline/deferred/deferred.hpp>

#include <gtest/gtest.h>

#include <string>

#include "server_wire.hpp"

namespace marline::http {
namespace {

using test::expectEveryWay;
using test::ServerWire;

class HttpChannelLimitsTest : public test::ServerTest {};

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: t\r\n\r\n";

Rendered size(Request& request) { return std::to_string(request.content().size()); }

std::string statusOf(const std::string& answer) { return answer.substr(0, answer.find("\r\n")); }

std::string statusFor(std::string_view request, SiteOptions options = {}) {
    ServerWire wire(size, std::move(options));
    const std::string answer = wire.exchange(request);
    if (!answer.starts_with("HTTP/1.1 200 ")) {
        EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos);
        EXPECT_TRUE(wire.transport().writeEnded());
    }
    return statusOf(answer);
}

// What cannot be read on is answered once, with the reason, and nothing behind it is a request.
TEST_F(HttpChannelLimitsTest, refusesWhatItCannotRead) {
    expectEveryWay([] { return makeRef<FunctionResource>(size); },
                   std::string("GET / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n") +
                       kGet,
                   "HTTP/1.1 400 Bad Request\r\nContent-Length: 59\r\nDate: D\r\n"
                   "Content-Type: text/plain\r\nConnection: close\r\n\r\n"
                   "400 Bad Request: both Content-Length and Transfer-Encoding\n");
}

// The code says what was wrong, by RFC 9110 §15.5 and RFC 9112.
TEST_F(HttpChannelLimitsTest, answersWithTheCodeOfTheRefusal) {
    EXPECT_EQ(statusFor("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 400 Bad Request");
    EXPECT_EQ(statusFor("GET / HTTP/2.0\r\nHost: t\r\n\r\n"),
              "HTTP/1.1 505 HTTP Version Not Supported");
    EXPECT_EQ(statusFor("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip\r\n\r\n"),
              "HTTP/1.1 501 Not Implemented");
}

// WireLimits::requestLine, at it and one byte beyond.
TEST_F(HttpChannelLimitsTest, boundsTheRequestLine) {
    SiteOptions options;
    options.wire.requestLine = 64;
    const std::string longest(64 - std::string("GET / HTTP/1.1").size(), 'a');
    EXPECT_EQ(statusFor("GET /" + longest + " HTTP/1.1\r\nHost: t\r\n\r\n", options),
              "HTTP/1.1 200 OK");
    EXPECT_EQ(statusFor("GET /a" + longest + " HTTP/1.1\r\nHost: t\r\n\r\n", options),
              "HTTP/1.1 414 URI Too Long");
}

// WireLimits::headerBlock and headerFields, at them and beyond.
TEST_F(HttpChannelLimitsTest, boundsTheFields) {
    SiteOptions options;
    options.wire.headerBlock = 64;
    const std::string longest(64 - std::string("Host: t\r\nA: \r\n").size(), 'a');
    const std::string head = "GET / HTTP/1.1\r\nHost: t\r\nA: ";
    EXPECT_EQ(statusFor(head + longest + "\r\n\r\n", options), "HTTP/1.1 200 OK");
    EXPECT_EQ(statusFor(head + longest + "a\r\n\r\n", options),
              "HTTP/1.1 431 Request Header Fields Too Large");
    SiteOptions few;
    few.wire.headerFields = 2;
    EXPECT_EQ(statusFor(head + "1\r\n\r\n", few), "HTTP/1.1 200 OK");
    EXPECT_EQ(statusFor(head + "1\r\nB: 2\r\n\r\n", few),
              "HTTP/1.1 431 Request Header Fields Too Large");
}

// SiteOptions::maxBody for a body of a known length: refused by its head, before a 100 Continue
// would call for it.
TEST_F(HttpChannelLimitsTest, boundsABodyOfKnownLength) {
    SiteOptions options;
    options.maxBody = 10;
    const std::string head =
        "POST / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: ";
    ServerWire fits(size, options);
    EXPECT_EQ(fits.exchange(head + "10\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_TRUE(fits.exchange("0123456789").ends_with("\r\n10"));
    ServerWire large(size, options);
    const std::string answer = large.exchange(head + "11\r\n\r\n");
    EXPECT_EQ(statusOf(answer), "HTTP/1.1 413 Content Too Large");
    EXPECT_NE(answer.find("SiteOptions::maxBody"), std::string::npos);
    EXPECT_NE(notes().find("SiteOptions::maxBody"), std::string::npos);
}

// SiteOptions::maxBody for chunks, whose sum counts.
TEST_F(HttpChannelLimitsTest, boundsABodyInChunks) {
    SiteOptions options;
    options.maxBody = 10;
    const std::string head = "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";
    EXPECT_EQ(statusFor(head + "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n", options),
              "HTTP/1.1 200 OK");
    ServerWire large(size, options);
    const std::string answer = large.exchange(head + "5\r\n01234\r\n6\r\n56789a\r\n0\r\n\r\n");
    EXPECT_EQ(statusOf(answer), "HTTP/1.1 413 Content Too Large");
    EXPECT_NE(answer.find("SiteOptions::maxBody"), std::string::npos);
}

// H-2: what comes while a request is handled is held up to a bound; then reading pauses, until
// there is room again, and every request is answered in its order.
TEST_F(HttpChannelLimitsTest, pausesReadingWhileARequestIsHandled) {
    std::vector<Deferred<std::string>> pages;
    ServerWire wire([&](Request&) -> Rendered { return pages.emplace_back(); });
    const std::string request = kGet;
    wire.send(request);
    std::size_t sent = 0;
    while (!wire.transport().paused()) {
        wire.send(request);
        sent += request.size();
        ASSERT_LE(sent, 17U * 1024);
    }
    EXPECT_GT(sent, 16U * 1024 - request.size());
    const std::size_t all = 1 + sent / request.size();
    for (std::size_t i = 0; i < all; ++i) {
        ASSERT_EQ(pages.size(), i + 1);
        Deferred<std::string>(pages[i]).callback(std::to_string(i));
    }
    EXPECT_EQ(pages.size(), all);
    EXPECT_FALSE(wire.transport().paused());
    EXPECT_TRUE(wire.take().ends_with("\r\n" + std::to_string(all - 1)));
}

// One read of many requests while one is handled pauses at once, and is not read twice.
TEST_F(HttpChannelLimitsTest, takesALargeReadWhileARequestIsHandled) {
    Deferred<std::string> first;
    int handled = 0;
    ServerWire wire(
        [&](Request&) -> Rendered { return ++handled == 1 ? Rendered(first) : Rendered("x"); });
    std::string requests;
    for (int i = 0; i < 2000; ++i) {
        requests += kGet;
    }
    wire.send(requests);
    EXPECT_EQ(handled, 1);
    EXPECT_TRUE(wire.transport().paused());
    first.callback("first");
    EXPECT_EQ(handled, 2000);
    EXPECT_FALSE(wire.transport().paused());
}

// H-22: a client that sends requests and takes no response does not fill the memory: beyond the
// transport's high-water mark no further request is handled, and reading pauses.
TEST_F(HttpChannelLimitsTest, stopsHandlingForAClientThatTakesNothing) {
    int handled = 0;
    ServerWire wire([&](Request&) -> Rendered {
        ++handled;
        return std::string(1000, 'x');
    });
    wire.transport().hold();
    for (int i = 0; i < 10'000 && !wire.transport().paused(); ++i) {
        wire.send(kGet);
    }
    EXPECT_TRUE(wire.transport().paused());
    EXPECT_LT(wire.transport().bytesBuffered(), 68U * 1024);
    const int before = handled;
    wire.transport().drain();
    EXPECT_GT(handled, before);
}

// The requests that were held are all answered once the client takes its responses.
TEST_F(HttpChannelLimitsTest, answersEverythingWhenTheClientTakesIt) {
    int handled = 0;
    ServerWire wire([&](Request&) -> Rendered {
        ++handled;
        return std::string(1000, 'x');
    });
    wire.transport().hold();
    std::string requests;
    for (int i = 0; i < 1000; ++i) {
        requests += kGet;
    }
    wire.send(requests);
    EXPECT_LT(handled, 70);
    for (int i = 0; i < 100 && handled < 1000; ++i) {
        wire.transport().drain();
    }
    EXPECT_EQ(handled, 1000);
    wire.transport().drain();
    EXPECT_FALSE(wire.transport().paused());
}

}  // namespace
}  // namespace marline::http
