// Every limit: at it, and one beyond; whole, byte by byte and cut at every place.
#include <marline/protocols/http/limits.hpp>

#include <test/protocols/http/every_way.hpp>

#include <gtest/gtest.h>

#include <string>

namespace marline::http {
namespace {

using testing::parseRequests;
using testing::parseResponses;

/// Expects that the error of a crossed limit names its knob and value.
void expectKnob(ParseReason reason, const WireLimits& limits, const std::string& knob) {
    const std::string text = ParseError(reason, limits).what();
    EXPECT_NE(text.find(knob), std::string::npos) << text;
}

// DESIGN: request line 8 KiB, header block 64 KiB and 100 fields, by default.
TEST(WireLimits, defaults) {
    EXPECT_EQ(kDefaultWireLimits.requestLine, 8U * 1024);
    EXPECT_EQ(kDefaultWireLimits.headerBlock, 64U * 1024);
    EXPECT_EQ(kDefaultWireLimits.headerFields, 100U);
    EXPECT_EQ(kDefaultWireLimits.body, UINT64_MAX);
    EXPECT_EQ(kDefaultWireLimits.chunkLine, 1024U);
    EXPECT_EQ(kDefaultWireLimits.chunkExtensions, 16U * 1024);
    EXPECT_EQ(kDefaultWireLimits.trailerBlock, 8U * 1024);
    EXPECT_EQ(kDefaultWireLimits.trailerFields, 32U);
    EXPECT_EQ(kDefaultWireLimits.informationalHeads, 16U);
}

// The request line counts without its CRLF.
TEST(WireLimits, requestLine) {
    WireLimits limits;
    limits.requestLine = 20;
    const auto parse = [&](const std::string& target) {
        return parseRequests("GET " + target + " HTTP/1.1\r\nHost: t\r\n\r\n", limits);
    };
    EXPECT_EQ(parse("/234567").summary, "GET /234567{}");
    EXPECT_EQ(parse("/2345678").reason, ParseReason::RequestLineTooLong);
    EXPECT_EQ(parse("/23456789").reason, ParseReason::RequestLineTooLong);
    EXPECT_EQ(parse("/" + std::string(100, 'a')).reason, ParseReason::RequestLineTooLong);
    EXPECT_EQ(statusFor(ParseReason::RequestLineTooLong), 414);
    expectKnob(ParseReason::RequestLineTooLong, limits,
               "more than 20, set by WireLimits::requestLine");
}

// A line that never ends is refused when its window is full, not kept for ever.
TEST(WireLimits, requestLineWithoutAnEnd) {
    WireLimits limits;
    limits.requestLine = 20;
    EXPECT_EQ(parseRequests(std::string(21, 'G'), limits).reason, ParseReason::None);
    EXPECT_EQ(parseRequests(std::string(22, 'G'), limits).reason, ParseReason::RequestLineTooLong);
    EXPECT_EQ(parseRequests("GET /" + std::string(100, 'a'), limits).reason,
              ParseReason::RequestLineTooLong);
}

// The status line of a response has the same bound.
TEST(WireLimits, statusLine) {
    WireLimits limits;
    limits.requestLine = 20;
    const auto parse = [&](const std::string& phrase) {
        return parseResponses("HTTP/1.1 200 " + phrase + "\r\nContent-Length: 0\r\n\r\n", {},
                              limits);
    };
    EXPECT_EQ(parse("1234567").summary, "200{}");
    EXPECT_EQ(parse("12345678").reason, ParseReason::StatusLineTooLong);
    EXPECT_EQ(parse(std::string(100, 'x')).reason, ParseReason::StatusLineTooLong);
    expectKnob(ParseReason::StatusLineTooLong, limits, "WireLimits::requestLine");
}

// The header block counts all field lines with their CRLFs; the limit is per message.
TEST(WireLimits, headerBlock) {
    WireLimits limits;
    limits.headerBlock = 30;
    const auto parse = [&](const std::string& value) {
        const std::string request = "GET / HTTP/1.1\r\nHost: t\r\nX: " + value + "\r\n\r\n";
        return parseRequests(request + request, limits);
    };
    EXPECT_EQ(parse(std::string(16, 'a')).summary, "GET /{} GET /{}");
    EXPECT_EQ(parse(std::string(17, 'a')).reason, ParseReason::HeaderBlockTooLong);
    EXPECT_EQ(parse(std::string(18, 'a')).reason, ParseReason::HeaderBlockTooLong);
    EXPECT_EQ(parse(std::string(19, 'a')).reason, ParseReason::HeaderBlockTooLong);
    EXPECT_EQ(parse(std::string(200, 'a')).reason, ParseReason::HeaderBlockTooLong);
    EXPECT_EQ(statusFor(ParseReason::HeaderBlockTooLong), 431);
    expectKnob(ParseReason::HeaderBlockTooLong, limits,
               "more than 30, set by WireLimits::headerBlock");
}

// Blanks, names and lines without an end count like anything else.
TEST(WireLimits, headerBlockOfAnyShape) {
    WireLimits limits;
    limits.headerBlock = 30;
    const std::string start = "GET / HTTP/1.1\r\nHost: t\r\n";
    for (const std::string& line :
         {"X:" + std::string(100, ' '), std::string(100, 'X'), "X: a" + std::string(100, '\t'),
          std::string("A:\r\nB:\r\nC:\r\nD:\r\nE:\r\nF:\r\n")})
        EXPECT_EQ(parseRequests(start + line + "\r\n\r\n", limits).reason,
                  ParseReason::HeaderBlockTooLong);
    EXPECT_EQ(parseRequests(start + "X: " + std::string(19, 'a'), limits).reason,
              ParseReason::None);
    EXPECT_EQ(parseRequests(start + "X: " + std::string(20, 'a'), limits).reason,
              ParseReason::HeaderBlockTooLong);
}

// The number of fields is bounded, per message. H-9
TEST(WireLimits, headerFields) {
    WireLimits limits;
    limits.headerFields = 3;
    const auto parse = [&](int more) {
        std::string request = "GET / HTTP/1.1\r\nHost: t\r\n";
        for (int i = 0; i < more; ++i)
            request += "X: y\r\n";
        return parseRequests(request + "\r\n" + request + "\r\n", limits);
    };
    EXPECT_EQ(parse(2).summary, "GET /{} GET /{}");
    EXPECT_EQ(parse(3).reason, ParseReason::TooManyHeaderFields);
    EXPECT_EQ(statusFor(ParseReason::TooManyHeaderFields), 431);
    expectKnob(ParseReason::TooManyHeaderFields, limits,
               "more than 3, set by WireLimits::headerFields");
}

// A body may be as long as the limit, whatever frames it.
TEST(WireLimits, bodyWithLength) {
    WireLimits limits;
    limits.body = 5;
    const std::string start = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: ";
    EXPECT_EQ(parseRequests(start + "5\r\n\r\nhello", limits).summary, "POST /{hello}");
    const auto refused = parseRequests(start + "6\r\n\r\nhello!", limits);
    EXPECT_EQ(refused.summary, "POST /{");
    EXPECT_EQ(refused.reason, ParseReason::BodyTooLarge);
    EXPECT_EQ(statusFor(ParseReason::BodyTooLarge), 413);
    expectKnob(ParseReason::BodyTooLarge, limits, "WireLimits::body");
}

// Chunks count together; the chunk that crosses the limit is refused before its data.
TEST(WireLimits, bodyInChunks) {
    WireLimits limits;
    limits.body = 5;
    const std::string start = "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";
    EXPECT_EQ(parseRequests(start + "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", limits).summary,
              "POST /{hello}");
    const auto refused = parseRequests(start + "2\r\nhe\r\n4\r\nllo!\r\n0\r\n\r\n", limits);
    EXPECT_EQ(refused.summary, "POST /{he");
    EXPECT_EQ(refused.reason, ParseReason::BodyTooLarge);
}

// Without an announced length the body is given up to the limit.
TEST(WireLimits, bodyUntilClose) {
    WireLimits limits;
    limits.body = 5;
    EXPECT_EQ(parseResponses("HTTP/1.1 200 OK\r\n\r\nhello", {}, limits).summary, "200{hello");
    const auto refused = parseResponses("HTTP/1.1 200 OK\r\n\r\nhello!", {}, limits);
    EXPECT_EQ(refused.summary, "200{hello");
    EXPECT_EQ(refused.reason, ParseReason::BodyTooLarge);
}

// A chunk-size line is bounded, be it digits, blanks or extensions.
TEST(WireLimits, chunkLine) {
    WireLimits limits;
    limits.chunkLine = 10;
    const auto parse = [&](const std::string& line) {
        return parseRequests("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                 line + "\r\nabc\r\n0\r\n\r\n",
                             limits);
    };
    EXPECT_EQ(parse("3;a=b;c=de").summary, "POST /{abc}");
    EXPECT_EQ(parse("0000000003").summary, "POST /{abc}");
    EXPECT_EQ(parse("3;a=b;c=def").reason, ParseReason::ChunkLineTooLong);
    EXPECT_EQ(parse("00000000003").reason, ParseReason::ChunkLineTooLong);
    EXPECT_EQ(parse("3" + std::string(20, ' ') + ";a").reason, ParseReason::ChunkLineTooLong);
    expectKnob(ParseReason::ChunkLineTooLong, limits, "more than 10, set by WireLimits::chunkLine");
}

// All extensions of a body count together, so that many small chunks cannot carry a flood.
TEST(WireLimits, chunkExtensions) {
    WireLimits limits;
    limits.chunkExtensions = 8;
    const std::string start = "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";
    EXPECT_EQ(parseRequests(start + "1;abc\r\na\r\n1;abc\r\nb\r\n0\r\n\r\n", limits).summary,
              "POST /{ab}");
    EXPECT_EQ(parseRequests(start + "1;abc\r\na\r\n1;abcd\r\nb\r\n0\r\n\r\n", limits).reason,
              ParseReason::ChunkExtensionsTooLong);
    EXPECT_EQ(parseRequests(start + "1;abcd\r\na\r\n0;abc\r\n\r\n", limits).reason,
              ParseReason::ChunkExtensionsTooLong);
    expectKnob(ParseReason::ChunkExtensionsTooLong, limits,
               "more than 8, set by WireLimits::chunkExtensions");
}

// Trailers have bounds of their own.
TEST(WireLimits, trailers) {
    WireLimits limits;
    limits.trailerBlock = 12;
    limits.trailerFields = 2;
    const auto parse = [&](const std::string& trailers) {
        return parseRequests(
            "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + trailers +
                "\r\n",
            limits);
    };
    EXPECT_EQ(parse("A: 1\r\nB: 2\r\n").summary, "POST /{}");
    EXPECT_EQ(parse("A: 1\r\nB: 23\r\n").reason, ParseReason::TrailerBlockTooLong);
    EXPECT_EQ(parse("A: " + std::string(50, 'a') + "\r\n").reason,
              ParseReason::TrailerBlockTooLong);
    EXPECT_EQ(parse("A:\r\nB:\r\n").summary, "POST /{}");
    EXPECT_EQ(parse("A:\r\nB:\r\nC:\r\n").reason, ParseReason::TooManyTrailerFields);
    expectKnob(ParseReason::TrailerBlockTooLong, limits,
               "more than 12, set by WireLimits::trailerBlock");
    expectKnob(ParseReason::TooManyTrailerFields, limits,
               "more than 2, set by WireLimits::trailerFields");
}

// A server cannot keep a client busy with informational heads.
TEST(WireLimits, informationalHeads) {
    WireLimits limits;
    limits.informationalHeads = 2;
    const std::string hint = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
    const std::string final = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    EXPECT_EQ(parseResponses(hint + hint + final, {}, limits).summary, "103() 103() 200{}");
    EXPECT_EQ(parseResponses(hint + hint + hint + final, {}, limits).reason,
              ParseReason::TooManyInformational);
    const auto two =
        parseResponses(hint + hint + final + hint + hint + final, {{"GET", "GET"}}, limits);
    EXPECT_EQ(two.summary, "103() 103() 200{} 103() 103() 200{}");
    expectKnob(ParseReason::TooManyInformational, limits, "WireLimits::informationalHeads");
}

// The defaults hold where a conformance check pushes: a 70 KB target, a 70 KB value and a 100 KB
// extension are refused, and the largest allowed ones are not.
TEST(WireLimits, largeMessagesAtTheDefaults) {
    const auto parse = [](const std::string& bytes) { return testing::requestTranscript({bytes}); };
    const auto target = [&](std::size_t length) {
        return parse("GET /" + std::string(length - 14, 'a') + " HTTP/1.1\r\nHost: t\r\n\r\n")
            .reason;
    };
    EXPECT_EQ(target(8 * 1024), ParseReason::None);
    EXPECT_EQ(target(8 * 1024 + 1), ParseReason::RequestLineTooLong);
    EXPECT_EQ(target(70000), ParseReason::RequestLineTooLong);
    const auto value = [&](std::size_t length) {
        return parse("GET / HTTP/1.1\r\nHost: t\r\nX: " + std::string(length, 'a') + "\r\n\r\n")
            .reason;
    };
    EXPECT_EQ(value(64 * 1024 - 14), ParseReason::None);
    EXPECT_EQ(value(64 * 1024 - 13), ParseReason::HeaderBlockTooLong);
    EXPECT_EQ(value(70000), ParseReason::HeaderBlockTooLong);
    EXPECT_EQ(parse("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5;" +
                    std::string(100000, 'a') + "\r\nhello\r\n0\r\n\r\n")
                  .reason,
              ParseReason::ChunkLineTooLong);
}

}  // namespace
}  // namespace marline::http
