#include <marline/protocols/http/serializer.hpp>

#include <test/protocols/http/every_way.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace marline::http {
namespace {

using namespace std::string_literals;
using testing::bytesOf;

/// Expects that `call` refuses to append, with `culprit` in its text, and appends nothing.
void expectRefused(const std::function<void(std::string&)>& call, const std::string& culprit) {
    std::string out = "before";
    try {
        call(out);
        ADD_FAILURE() << "not refused: " << out;
    } catch (const std::invalid_argument& error) {
        EXPECT_NE(std::string(error.what()).find(culprit), std::string::npos) << error.what();
    }
    EXPECT_EQ(out, "before");
}

// Written order: request line, framing field, the caller's fields in their order. WA-6
TEST(Serializer, writesARequestHead) {
    std::string out;
    appendRequestHead(out, "POST", "/a?b", Headers{{"Host", "t"}, {"x-A", "1"}},
                      BodyLength::known(5));
    EXPECT_EQ(out, "POST /a?b HTTP/1.1\r\nContent-Length: 5\r\nHost: t\r\nx-A: 1\r\n\r\n");
    out.clear();
    appendRequestHead(out, "PUT", "/", Headers{{"Host", "t"}}, BodyLength::chunked());
    EXPECT_EQ(out, "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: t\r\n\r\n");
    out.clear();
    appendRequestHead(out, "GET", "http://t/", Headers{}, BodyLength::none(), Version::Http10);
    EXPECT_EQ(out, "GET http://t/ HTTP/1.0\r\n\r\n");
    out.clear();
    appendRequestHead(out, "CONNECT", "t:443", Headers{{"Host", "t:443"}}, BodyLength::none());
    EXPECT_EQ(out, "CONNECT t:443 HTTP/1.1\r\nHost: t:443\r\n\r\n");
}

// A response head has the framing that its length says, and the phrase it is given.
TEST(Serializer, writesAResponseHead) {
    std::string out;
    appendResponseHead(out, 200, "OK", Headers{{"Server", "m"}},
                       BodyLength::known(18446744073709551615U));
    EXPECT_EQ(out, "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\nServer: m\r\n\r\n");
    out.clear();
    appendResponseHead(out, 404, "", Headers{}, BodyLength::chunked());
    EXPECT_EQ(out, "HTTP/1.1 404 \r\nTransfer-Encoding: chunked\r\n\r\n");
    out.clear();
    appendResponseHead(out, 200, "OK", Headers{}, BodyLength::untilClose(), Version::Http10);
    EXPECT_EQ(out, "HTTP/1.0 200 OK\r\n\r\n");
    out.clear();
    appendResponseHead(out, 100, "Continue", Headers{}, BodyLength::none());
    EXPECT_EQ(out, "HTTP/1.1 100 Continue\r\n\r\n");
    out.clear();
    appendResponseHead(out, 304, "Not Modified", Headers{}, BodyLength::known(7));
    EXPECT_EQ(out, "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n");
}

// Methods must be tokens and targets of a form that the method takes, which rules out header
// injection. WA-2
TEST(Serializer, refusesABadRequestLine) {
    const auto refused = [](const std::string& method, const std::string& target,
                            const std::string& culprit) {
        expectRefused(
            [&](std::string& out) {
                appendRequestHead(out, method, target, Headers{{"Host", "t"}}, BodyLength::none());
            },
            culprit);
    };
    for (const std::string& method :
         {""s, "GET "s, "G T"s, "GET\r\nX: y"s, "GET\n"s, "G\0T"s, "G\xc3\x89T"s, "G:"s})
        refused(method, "/", "request method");
    for (const std::string& target :
         {""s, "/a b"s, "/a\r\nX: y"s, "/\n"s, "/\0"s, "/caf\xc3\xa9"s, "/a#b"s, "a"s, "*"s,
          "/ HTTP/1.1\r\nX: y\r\n"s, "http://u@t/"s, "/\x7f"s, "/\t"s})
        refused("GET", target, "request target");
    refused("CONNECT", "/", "request target \"/\" for \"CONNECT\"");
}

// One Host on HTTP/1.1, and never two. WA-5
TEST(Serializer, wantsExactlyOneHost) {
    const auto refused = [](const Headers& fields, Version version) {
        expectRefused(
            [&](std::string& out) {
                appendRequestHead(out, "GET", "/", fields, BodyLength::none(), version);
            },
            "exactly one Host");
    };
    refused(Headers{}, Version::Http11);
    refused(Headers{{"Host", "a"}, {"host", "a"}}, Version::Http11);
    refused(Headers{{"Host", "a"}, {"host", "a"}}, Version::Http10);
}

// Framing comes from one place only, so that it cannot contradict itself.
TEST(Serializer, refusesFramingThatContradictsItself) {
    for (const char* name : {"Content-Length", "content-length", "TRANSFER-ENCODING"}) {
        expectRefused(
            [&](std::string& out) {
                appendResponseHead(out, 200, "OK", Headers{{name, "5"}}, BodyLength::none());
            },
            name);
        expectRefused(
            [&](std::string& out) {
                appendRequestHead(out, "GET", "/", Headers{{"Host", "t"}, {name, "5"}},
                                  BodyLength::known(5));
            },
            name);
    }
    expectRefused(
        [](std::string& out) {
            appendResponseHead(out, 200, "OK", Headers{}, BodyLength::chunked(), Version::Http10);
        },
        "HTTP/1.0");
    expectRefused(
        [](std::string& out) {
            appendRequestHead(out, "GET", "/", Headers{{"Host", "t"}}, BodyLength::untilClose());
        },
        "untilClose");
    for (const int code : {100, 101, 199, 204}) {
        for (const BodyLength length : {BodyLength::known(0), BodyLength::chunked()})
            expectRefused(
                [&](std::string& out) { appendResponseHead(out, code, "X", Headers{}, length); },
                std::to_string(code));
    }
}

// A status line is three digits and a phrase without control characters.
TEST(Serializer, refusesABadStatusLine) {
    for (const int code : {-1, 0, 99, 1000})
        expectRefused(
            [&](std::string& out) {
                appendResponseHead(out, code, "X", Headers{}, BodyLength::none());
            },
            "status code " + std::to_string(code));
    for (const std::string& phrase : {"O\r\nX: y"s, "O\n"s, "O\0K"s, "\x7f"s})
        expectRefused(
            [&](std::string& out) {
                appendResponseHead(out, 200, phrase, Headers{}, BodyLength::none());
            },
            "status phrase");
}

// A single field line is checked like one in Headers.
TEST(Serializer, writesAField) {
    std::string out;
    appendField(out, "X-A", " b ");
    appendField(out, "X-B", "");
    EXPECT_EQ(out, "X-A: b\r\nX-B: \r\n");
    expectRefused([](std::string& to) { appendField(to, "X-A", "a\r\nX: y"); }, "\"X-A\"");
    expectRefused([](std::string& to) { appendField(to, "X A", "a"); }, "\"X A\"");
}

// Chunks: size in hexadecimal, data, CRLF; an empty chunk would end the body.
TEST(Serializer, writesChunks) {
    std::string out;
    appendChunk(out, bytesOf("hello"));
    appendChunk(out, {});
    appendChunk(out, bytesOf(std::string(26, 'x')));
    appendLastChunk(out);
    EXPECT_EQ(out, "5\r\nhello\r\n1a\r\n" + std::string(26, 'x') + "\r\n0\r\n\r\n");
    out.clear();
    appendChunkHead(out, UINT64_MAX);
    EXPECT_EQ(out, "ffffffffffffffff\r\n");
    expectRefused([](std::string& to) { appendChunkHead(to, 0); }, "0 bytes");
}

// Trailers may not frame or route the message (RFC 9110 §6.5.1).
TEST(Serializer, writesTrailers) {
    std::string out;
    appendLastChunk(out, Headers{{"X-T", "1"}, {"X-U", "2"}});
    EXPECT_EQ(out, "0\r\nX-T: 1\r\nX-U: 2\r\n\r\n");
    for (const char* name : {"Content-Length", "transfer-encoding", "Host", "Connection", "Trailer",
                             "Upgrade", "Expect"})
        expectRefused([&](std::string& to) { appendLastChunk(to, Headers{{name, "5"}}); }, name);
}

// What is written is read back as the same message.
TEST(Serializer, isReadBackByTheParsers) {
    std::string request;
    appendRequestHead(request, "POST", "/p?q=\\", Headers{{"Host", "t:1"}, {"X", "caf\xc3\xa9"}},
                      BodyLength::chunked());
    appendChunk(request, bytesOf("hello "));
    appendChunk(request, bytesOf("world"));
    appendLastChunk(request, Headers{{"X-T", "1"}});
    const auto read = testing::parseRequests(request);
    EXPECT_EQ(read.summary, "POST /p?q=\\{hello world}");
    EXPECT_NE(read.details.find("  X=caf\xc3\xa9\n  X-T=1\n"), std::string::npos) << read.details;

    std::string response;
    appendResponseHead(response, 100, "Continue", Headers{}, BodyLength::none());
    appendResponseHead(response, 200, "OK", Headers{{"A", "b"}}, BodyLength::known(2));
    response += "hi";
    EXPECT_EQ(testing::parseResponses(response).summary, "100() 200{hi}");
}

}  // namespace
}  // namespace marline::http
