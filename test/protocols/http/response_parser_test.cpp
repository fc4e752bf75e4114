#include <marline/protocols/http/response_parser.hpp>

#include <test/protocols/http/every_way.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace marline::http {
namespace {

using namespace std::string_literals;
using testing::Asked;
using testing::bytesOf;
using testing::parseResponses;
using testing::textOf;

static_assert(sizeof(ResponseParser) <= 128, "a pooled connection's parser must stay small");

struct Accepted {
    const char* what;
    std::string bytes;
    const char* summary;
    WireEof eof = WireEof::Clean;
    Asked asked = {};
};

const std::vector<Accepted> kAccepted = {
    {"a length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200{hi}"},
    {"no body at all", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200{}"},
    {"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n",
     "200{hi}"},
    {"until close", "HTTP/1.1 200 OK\r\n\r\nhi", "200{hi", WireEof::PotentialDataLoss},
    {"HTTP/1.0 until close", "HTTP/1.0 200 OK\r\n\r\nhi", "200{hi", WireEof::PotentialDataLoss},
    {"an empty body until close", "HTTP/1.1 200 OK\r\n\r\n", "200{", WireEof::PotentialDataLoss},
    {"204", "HTTP/1.1 204 No Content\r\n\r\n", "204{}"},
    {"204 that says 0", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "204{}"},
    {"304 with the length of what it does not send", "HTTP/1.1 304 N\r\nContent-Length: 9\r\n\r\n",
     "304{}"},
    {"304 without a length", "HTTP/1.1 304 N\r\n\r\n", "304{}"},
    {"an error with a body", "HTTP/1.1 404 Nope\r\nContent-Length: 2\r\n\r\nhi", "404{hi}"},
    {"100 before the final one",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
     "100() 200{hi}"},
    {"several informational heads",
     "HTTP/1.1 102 P\r\nContent-Length: 0\r\n\r\nHTTP/1.1 103 E\r\nLink: </a>\r\n\r\nHTTP/1.1 204 "
     "N\r\n\r\n",
     "102() 103() 204{}"},
    {"no phrase", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "200{}"},
    {"no phrase and no blank", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200{}"},
    {"a phrase with anything visible",
     "HTTP/1.1 200 \t caf\xc3\xa9 \x80\r\nContent-Length: 0\r\n\r\n", "200{}"},
    {"a code beyond the classes", "HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n", "999{}"},
    {"an answer to HEAD",
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
     "200{}",
     WireEof::Clean,
     {{"HEAD"}}},
    {"a chunked answer to HEAD",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
     "200{}",
     WireEof::Clean,
     {{"HEAD"}}},
    {"an answer to HEAD without a length",
     "HTTP/1.1 200 OK\r\n\r\n",
     "200{}",
     WireEof::Clean,
     {{"HEAD"}}},
    {"a tunnel",
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nVia: p\r\n\r\n\x16\x03",
     "200{.",
     WireEof::Clean,
     {{"CONNECT"}}},
    {"a refused tunnel",
     "HTTP/1.1 407 Auth\r\nContent-Length: 2\r\n\r\nno",
     "407{no}",
     WireEof::Clean,
     {{"CONNECT"}}},
    {"an upgrade",
     "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x00",
     "101{.",
     WireEof::Clean,
     {{"GET"}, true}},
    {"an upgrade not taken",
     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
     "200{}",
     WireEof::Clean,
     {{"GET"}, true}},
    {"two on one connection",
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!",
     "200{hi} 200{!}",
     WireEof::Clean,
     {{"GET", "POST"}}},
    {"HEAD, then GET",
     "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!",
     "200{} 200{!}",
     WireEof::Clean,
     {{"HEAD", "GET"}}},
    {"a close with a length",
     "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi!", "200{hi}."},
    {"HTTP/1.0 with a length", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi!", "200{hi}."},
    {"HTTP/1.0 kept alive",
     "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\nHTTP/1.0 204 N\r\n\r\n",
     "200{} 204{}.",
     WireEof::Clean,
     {{"GET", "GET"}}},
    {"a 204 that announces a body ends the connection",
     "HTTP/1.1 204 N\r\nContent-Length: 2\r\n\r\nhi", "204{}."},
    {"a 204 with chunks ends the connection",
     "HTTP/1.1 204 N\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "204{}."},
    {"fields that only requests must get right",
     "HTTP/1.1 204 N\r\nHost: a b\r\nHost: c\r\nExpect: x\r\n\r\n", "204{}"},
};

// What RFC 9112 allows is read, and read the same however the bytes are cut. WR-8, WR-13, WR-14
TEST(ResponseParser, acceptsWhatTheGrammarAllows) {
    for (const Accepted& row : kAccepted) {
        SCOPED_TRACE(row.what);
        const auto got = parseResponses(row.bytes, row.asked);
        EXPECT_EQ(got.summary, row.summary);
        EXPECT_EQ(got.eof, row.eof);
        EXPECT_EQ(got.reason, ParseReason::None) << ParseError(got.reason).what();
    }
}

struct Refused {
    std::string bytes;
    ParseReason reason;
    const char* summary = "";
    Asked asked = {};
};

// What two parsers could read differently is refused; stricter than WR-11, WR-12, WR-15.
TEST(ResponseParser, refusesWhatIsAmbiguous) {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    using Reason = ParseReason;
    const std::vector<Refused> rows = {
        {"220 smtp.example ESMTP\r\n\r\n", Reason::BadStatusLine},
        {"SSH-2.0-x\r\n", Reason::BadStatusLine},
        {"ICY 200 OK\r\n\r\n", Reason::BadStatusLine},
        {"\r\nHTTP/1.1 200 OK\r\n\r\n", Reason::BadStatusLine},
        {" HTTP/1.1 200 OK\r\n\r\n", Reason::BadStatusLine},
        {"http/1.1 200 OK\r\n\r\n", Reason::BadStatusLine},
        {"HTTP/1.1  200 OK\r\n\r\n", Reason::BadStatusLine},
        {"HTTP/1.1\t200 OK\r\n\r\n", Reason::BadStatusLine},
        {"HTTP/1.1 20 OK\r\n\r\n", Reason::BadStatusLine},
        {"HTTP/1.1 2000 OK\r\n\r\n", Reason::BadStatusLine},
        {"HTTP/1.1 099 OK\r\n\r\n", Reason::BadStatusLine},
        {"HTTP/1.1 -20 OK\r\n\r\n", Reason::BadStatusLine},
        {"HTTP/1.1 +20 OK\r\n\r\n", Reason::BadStatusLine},
        {"HTTP/1.1 2x0 OK\r\n\r\n", Reason::BadStatusLine},
        {"HTTP/1.1 200\tOK\r\n\r\n", Reason::BadStatusLine},
        {"HTTP/1.1 200OK\r\n\r\n", Reason::BadStatusLine},
        {"HTTP/1.1\r\n\r\n", Reason::BadStatusLine},
        {"HTTP/1.1 \r\n\r\n", Reason::BadStatusLine},
        {"HTTP\r\n\r\n", Reason::BadStatusLine},
        {"H\r\n\r\n", Reason::BadStatusLine},
        {"HTTP/11 200 OK\r\n\r\n", Reason::BadStatusLine},
        {"HTTP/2.0 200 OK\r\n\r\n", Reason::UnsupportedVersion},
        {"HTTP/1.2 200 OK\r\n\r\n", Reason::UnsupportedVersion},
        {"HTTP/0.9 200 OK\r\n\r\n", Reason::UnsupportedVersion},
        {"HTTP/1.1 200 O\0K\r\n\r\n"s, Reason::BadStatusLine},
        {"HTTP/1.1 200 O\x1bK\r\n\r\n", Reason::BadStatusLine},
        {"HTTP/1.1 200 O\x7fK\r\n\r\n", Reason::BadStatusLine},
        {"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", Reason::BareLf},
        {"HTTP/1.1 200 OK\rContent-Length: 0\r\n\r\n", Reason::BareCr},
        {ok + "garbage line\r\nContent-Length: 2\r\n\r\nhi", Reason::SpaceBeforeColon},
        {ok + "garbage\r\n\r\n", Reason::MissingColon},
        {ok + "X : y\r\n\r\n", Reason::SpaceBeforeColon},
        {ok + "X: y\r\n z\r\n\r\n", Reason::ObsoleteFold},
        {ok + "X: y\n\r\n", Reason::BareLf},
        {ok + "X: \0\r\n\r\n"s, Reason::BadFieldValue},
        {ok + " X: y\r\n\r\n", Reason::ObsoleteFold},
        {ok + "X: y\r\n\tz\r\n\r\n", Reason::ObsoleteFold},
        {ok + ": y\r\n\r\n", Reason::EmptyFieldName},
        {ok + "X\0: y\r\n\r\n"s, Reason::BadFieldName},
        {ok + "X\xc3\xa9: y\r\n\r\n", Reason::BadFieldName},
        {ok + "X: y\rz\r\n\r\n", Reason::BareCr},
        {ok + "X: y\x7f\r\n\r\n", Reason::BadFieldValue},
        {ok + "\n", Reason::BareLf},
        {ok + "\rX: y\r\n\r\n", Reason::BareCr},
        {ok + "Content-Length: +2\r\n\r\nhi", Reason::BadContentLength},
        {ok + "Content-Length: 0x2\r\n\r\nhi", Reason::BadContentLength},
        {ok + "Content-Length: 2_\r\n\r\nhi", Reason::BadContentLength},
        {ok + "Content-Length: 2;\r\n\r\nhi", Reason::BadContentLength},
        {ok + "Content-Length: 2,4\r\n\r\nhi", Reason::BadContentLength},
        {ok + "Content-Length: \r\n\r\nhi", Reason::BadContentLength},
        {ok + "Content-Length : 2\r\n\r\nhi", Reason::SpaceBeforeColon},
        {ok + "Content-Length: -2\r\n\r\nhi", Reason::BadContentLength},
        {ok + "Content-Length: 2, 2\r\n\r\nhi", Reason::BadContentLength},
        {ok + "Content-Length: 18446744073709551618\r\n\r\nhi", Reason::BadContentLength},
        {ok + "Content-Length: 2\r\nContent-Length: 4\r\n\r\nhihi", Reason::RepeatedContentLength},
        {ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", Reason::RepeatedContentLength},
        {ok + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
         Reason::ContentLengthWithTransferEncoding},
        {ok + "Transfer-Encoding: gzip, chunked\r\n\r\n", Reason::UnsupportedTransferEncoding},
        {ok + "Transfer-Encoding: identity\r\n\r\n", Reason::UnsupportedTransferEncoding},
        {ok + "Transfer-Encoding: chunked, chunked\r\n\r\n", Reason::UnsupportedTransferEncoding},
        {ok + "Transfer-Encoding: chunked, identity\r\n\r\n", Reason::UnsupportedTransferEncoding},
        {ok + "Transfer-Encoding: chunked;q=1\r\n\r\n", Reason::UnsupportedTransferEncoding},
        {ok + "Transfer-Encoding:\r\n\r\n", Reason::UnsupportedTransferEncoding},
        {ok + "Transfer-Encoding:\x0b"
              "chunked\r\n\r\n",
         Reason::BadFieldValue},
        {ok + "Transfer-Encoding : chunked\r\n\r\n", Reason::SpaceBeforeColon},
        {ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
         Reason::RepeatedTransferEncoding},
        {ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
         Reason::RepeatedTransferEncoding},
        {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Reason::TransferEncodingInHttp10},
        {"HTTP/1.1 204 N\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
         Reason::ContentLengthWithTransferEncoding},
        {ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\nhi\r\n0\r\n\r\n", Reason::BadChunkSize,
         "200{"},
        {ok + "Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\nhi\r\n0\r\n\r\n",
         Reason::BadChunkSize, "200{"},
        {ok + "Transfer-Encoding: chunked\r\n\r\n0x2\r\nhi\r\n0\r\n\r\n", Reason::BadChunkSize,
         "200{"},
        {ok + "Transfer-Encoding: chunked\r\n\r\n2 \r\nhi\r\n0\r\n\r\n", Reason::BadChunkExtension,
         "200{"},
        {ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX : y\r\n\r\n",
         Reason::SpaceBeforeColon, "200{hi"},
        {ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n z\r\n\r\n",
         Reason::ObsoleteFold, "200{hi"},
        {ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi0\r\n\r\n", Reason::MissingChunkEnd,
         "200{hi"},
        {ok + "Transfer-Encoding: chunked\r\n\r\n2\nhi\r\n0\r\n\r\n", Reason::BareLf, "200{"},
        {ok + "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n\r\n",
         Reason::ForbiddenTrailer, "200{"},
        {"HTTP/1.1 100 C\r\nContent-Length: 2\r\n\r\nhi", Reason::InformationalWithBody},
        {"HTTP/1.1 103 E\r\nTransfer-Encoding: chunked\r\n\r\n", Reason::InformationalWithBody},
        {"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", Reason::UnexpectedUpgrade},
        {ok + "Content-Length: 2\r\n\r\nhi!", Reason::UnsolicitedResponse, "200{hi}"},
        {"HTTP/1.1 204 N\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", Reason::UnsolicitedResponse, "204{}"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
         Reason::UnsolicitedResponse,
         "200{}",
         {{"HEAD"}}},
    };
    for (const Refused& row : rows) {
        SCOPED_TRACE(::testing::PrintToString(row.bytes));
        const auto got = parseResponses(row.bytes, row.asked);
        EXPECT_EQ(got.reason, row.reason) << "refused with: " << ParseError(got.reason).what();
        EXPECT_EQ(got.summary, row.summary);
    }
}

// A head gives code, phrase, framing and every field. WR-9, WR-10
TEST(ResponseParser, givesTheWholeHead) {
    const std::string bytes =
        "HTTP/1.0 404 Not Found\r\nServer: x\r\nContent-Length: 7\r\nset-cookie: a=b\r\n\r\n";
    ResponseParser parser;
    parser.expectResponse("HEAD");
    auto input = bytesOf(bytes);
    ASSERT_EQ(parser.next(input), WireEvent::Head);
    const ResponseHead& head = parser.head();
    EXPECT_EQ(head.code, 404);
    EXPECT_EQ(head.phrase, "Not Found");
    EXPECT_EQ(head.version, Version::Http10);
    EXPECT_EQ(head.framing, BodyFraming::None);
    EXPECT_TRUE(head.hasContentLength);
    EXPECT_EQ(head.contentLength, 7U);
    EXPECT_FALSE(head.keepAlive);
    EXPECT_EQ(head.fields.size(), 3U);
    EXPECT_EQ(findField(head.fields, "Set-Cookie"), "a=b");
}

// Only a connection whose end is known may be used again. WR-18; not WR-19's mistakes
TEST(ResponseParser, knowsWhetherTheConnectionMayBeUsedAgain) {
    const auto keepAlive = [](const std::string& bytes) {
        ResponseParser parser;
        parser.expectResponse("GET");
        auto input = bytesOf(bytes);
        EXPECT_EQ(parser.next(input), WireEvent::Head);
        return parser.head().keepAlive;
    };
    EXPECT_TRUE(keepAlive("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_TRUE(keepAlive("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
    EXPECT_FALSE(keepAlive("HTTP/1.1 200 OK\r\n\r\n"));
    EXPECT_FALSE(keepAlive("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_FALSE(keepAlive("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_TRUE(
        keepAlive("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_FALSE(keepAlive("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n"));
}

// A truncated response is told from a whole one at every byte. WR-7
TEST(ResponseParser, saysWhatAnEndOfTheConnectionMeans) {
    const std::string interim = "HTTP/1.1 100 C\r\n\r\n";
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::string bytes = interim + head + "2\r\nhi\r\n0\r\nX: y\r\n\r\n";
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
        const auto got = testing::responseTranscript({std::string_view(bytes).substr(0, length)});
        const WireEof expected = length == 0                             ? WireEof::Nothing
                                 : length < interim.size() + head.size() ? WireEof::InHead
                                 : length < bytes.size()                 ? WireEof::InBody
                                                                         : WireEof::Clean;
        EXPECT_EQ(got.eof, expected) << "after " << length << " bytes";
    }
    EXPECT_EQ(testing::responseTranscript({"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi"}).eof,
              WireEof::InBody);
}

// With a body that cannot come, the response is complete before End is asked for.
TEST(ResponseParser, isCleanBehindAHeadWithoutBody) {
    const std::string bytes = "HTTP/1.1 204 N\r\n\r\n";
    ResponseParser parser;
    EXPECT_EQ(parser.eof(), WireEof::Clean);
    parser.expectResponse("GET");
    EXPECT_EQ(parser.eof(), WireEof::Nothing);
    auto input = bytesOf(bytes);
    ASSERT_EQ(parser.next(input), WireEvent::Head);
    EXPECT_EQ(parser.eof(), WireEof::Clean);
}

// The next response can be announced as soon as one has ended, or when nothing is under way.
TEST(ResponseParser, takesTheNextRequestOnlyBetweenResponses) {
    const std::string bytes = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    ResponseParser parser;
    parser.expectResponse("GET");
    EXPECT_THROW(parser.expectResponse("GET"), std::logic_error);
    auto input = bytesOf(bytes);
    ASSERT_EQ(parser.next(input), WireEvent::Head);
    EXPECT_THROW(parser.expectResponse("GET"), std::logic_error);
    ASSERT_EQ(parser.next(input), WireEvent::Body);
    EXPECT_EQ(textOf(parser.body()), "hi");
    ASSERT_EQ(parser.next(input), WireEvent::End);
    EXPECT_NO_THROW(parser.expectResponse("GET"));
    input = bytesOf("x");
    ASSERT_EQ(parser.next(input), WireEvent::Failed);
    EXPECT_THROW(parser.expectResponse("GET"), std::logic_error);
    EXPECT_EQ(parser.error().reason(), ParseReason::BadStatusLine);
}

// A response that closes the connection is the last one.
TEST(ResponseParser, takesNoRequestBehindAClose) {
    const std::string bytes = "HTTP/1.0 204 N\r\n\r\n";
    ResponseParser parser;
    parser.expectResponse("GET");
    auto input = bytesOf(bytes);
    ASSERT_EQ(parser.next(input), WireEvent::Head);
    ASSERT_EQ(parser.next(input), WireEvent::End);
    EXPECT_THROW(parser.expectResponse("GET"), std::logic_error);
    EXPECT_EQ(parser.next(input), WireEvent::Done);
    EXPECT_THROW(parser.expectResponse("GET"), std::logic_error);
}

// Head and trailers can be seen only at their events.
TEST(ResponseParser, givesItsViewsOnlyAtTheirEvents) {
    const std::string bytes =
        "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\nX: y\r\n\r\n";
    ResponseParser parser;
    EXPECT_THROW(parser.head(), std::logic_error);
    parser.expectResponse("GET");
    auto input = bytesOf(bytes);
    ASSERT_EQ(parser.next(input), WireEvent::Informational);
    EXPECT_EQ(parser.head().code, 100);
    ASSERT_EQ(parser.next(input), WireEvent::Head);
    EXPECT_TRUE(parser.trailers().empty());
    ASSERT_EQ(parser.next(input), WireEvent::End);
    EXPECT_THROW(parser.head(), std::logic_error);
    ASSERT_EQ(parser.trailers().size(), 1U);
    EXPECT_EQ(parser.trailers()[0].value, "y");
    parser.expectResponse("GET");
    EXPECT_TRUE(parser.trailers().empty());
}

// A tunnel begins right behind the head; its first bytes are left to the new protocol.
TEST(ResponseParser, leavesATunnelToOthers) {
    const std::string bytes = "HTTP/1.1 200 OK\r\n\r\nTUNNEL";
    ResponseParser parser;
    parser.expectResponse("CONNECT");
    auto input = bytesOf(bytes);
    ASSERT_EQ(parser.next(input), WireEvent::Head);
    EXPECT_EQ(parser.head().framing, BodyFraming::Tunnel);
    EXPECT_EQ(parser.next(input), WireEvent::Done);
    EXPECT_EQ(textOf(input), "TUNNEL");
    EXPECT_EQ(parser.next(input), WireEvent::Done);
}

// limitBody() holds for one response.
TEST(ResponseParser, boundsTheBodyOfOneResponse) {
    const std::string bytes = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
    for (const bool bounded : {true, false}) {
        ResponseParser one;
        one.expectResponse("GET");
        auto input = bytesOf(bytes);
        ASSERT_EQ(one.next(input), WireEvent::Head);
        one.limitBody(bounded ? 2 : 3);
        EXPECT_EQ(one.next(input), bounded ? WireEvent::Failed : WireEvent::Body);
    }
}

}  // namespace
}  // namespace marline::http
