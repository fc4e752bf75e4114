#include <marline/protocols/http/request_parser.hpp>

#include <test/protocols/http/every_way.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace marline::http {
namespace {

using testing::bytesOf;
using testing::parseRequests;
using testing::textOf;
using testing::Transcript;

static_assert(sizeof(RequestParser) <= 128, "an idle connection's parser must stay small");

struct Accepted {
    const char* what;
    std::string bytes;
    const char* summary;
};

const std::vector<Accepted> kAccepted = {
    {"a plain GET", "GET / HTTP/1.1\r\nHost: t\r\n\r\n", "GET /{}"},
    {"pipelining",
     "GET /1 HTTP/1.1\r\nHost: t\r\n\r\nGET /2 HTTP/1.1\r\nHost: t\r\n\r\n"
     "GET /3 HTTP/1.1\r\nHost: t\r\n\r\n",
     "GET /1{} GET /2{} GET /3{}"},
    {"a body, then the next request",
     "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: "
     "t\r\n\r\n",
     "POST /echo{hello} GET /{}"},
    {"an empty body", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n", "POST /{}"},
    {"a length with leading zeros", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0003\r\n\r\nabc",
     "POST /{abc}"},
    {"a length with more zeros than any number has digits",
     "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 000000000000000000000000000003\r\n\r\nabc",
     "POST /{abc}"},
    {"blanks around a length", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: \t3 \t\r\n\r\nabc",
     "POST /{abc}"},
    {"a body with GET", "GET / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi", "GET /{hi}"},
    {"chunks",
     "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
     "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
     "POST /echo{hello world}"},
    {"names and codings in any case",
     "POST / HTTP/1.1\r\nhOST: t\r\nTRANSFER-encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
     "POST /{a}"},
    {"trailers, then the next request",
     "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
     "1\r\na\r\n0\r\nX-T: 1\r\nX-U: 2\r\n\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n",
     "POST /{a} GET /{}"},
    {"empty values", "GET / HTTP/1.1\r\nHost: t\r\nX-Empty:\r\nX-Sp:   \r\nX-Tab:\t\r\n\r\n",
     "GET /{}"},
    {"bytes above 0x7f in a value", "GET / HTTP/1.1\r\nHost: t\r\nX: caf\xc3\xa9 \xff\r\n\r\n",
     "GET /{}"},
    {"every mark that a token may have",
     "M!#$%&'*+-.^_`|~9 / HTTP/1.1\r\nHost: t\r\n!#$%&'*+-.^_`|~09: v\r\n\r\n",
     "M!#$%&'*+-.^_`|~9 /{}"},
    {"an unknown method, case kept", "brew / HTTP/1.1\r\nHost: t\r\n\r\n", "brew /{}"},
    {"HTTP/1.0 closes", "GET / HTTP/1.0\r\n\r\nGET /canary HTTP/1.0\r\n\r\n", "GET /{}."},
    {"HTTP/1.0 keeps alive when asked",
     "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n",
     "GET /{} GET /2{}."},
    {"nothing is read behind a close",
     "GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\nGET /canary HTTP/1.1\r\nHost: "
     "t\r\n\r\n",
     "GET /{}."},
    {"close among other options",
     "GET / HTTP/1.1\r\nHost: t\r\nConnection: foo,\t CLOSE ,keep-alive\r\n\r\nX", "GET /{}."},
    {"close in a second field",
     "GET / HTTP/1.1\r\nHost: t\r\nConnection: foo\r\nConnection: close\r\n\r\nX", "GET /{}."},
    {"closed is not close",
     "GET / HTTP/1.1\r\nHost: t\r\nConnection: closed, xclose,,\r\n\r\n"
     "GET /2 HTTP/1.1\r\nHost: t\r\n\r\n",
     "GET /{} GET /2{}"},
    {"one empty line before a request",
     "\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: t\r\n\r\n",
     "GET /{} GET /2{}"},
    {"close before keep-alive, in HTTP/1.0 as well",
     "GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\nGET /canary",
     "GET /{}."},
    {"a quoted close is none",
     "GET / HTTP/1.1\r\nHost: t\r\nConnection: \"close\", close;a\r\n\r\n"
     "GET /2 HTTP/1.1\r\nHost: t\r\n\r\n",
     "GET /{} GET /2{}"},
    {"two slashes are a path, no host", "GET //evil.example/a HTTP/1.1\r\nHost: t\r\n\r\n",
     "GET //evil.example/a{}"},
    {"absolute form with any method", "DELETE http://t/ HTTP/1.1\r\nHost: t\r\n\r\n",
     "DELETE http://t/{}"},
    {"absolute form with OPTIONS", "OPTIONS http://t:81 HTTP/1.1\r\nHost: u\r\n\r\n",
     "OPTIONS http://t:81{}"},
    {"absolute form with an empty Host", "GET http://t/ HTTP/1.1\r\nHost:\r\n\r\n",
     "GET http://t/{}"},
    {"absolute form", "GET http://u.example:81/a?b HTTP/1.1\r\nHost: t\r\n\r\n",
     "GET http://u.example:81/a?b{}"},
    {"absolute form without a path", "GET HTTPS://t HTTP/1.1\r\nHost: t\r\n\r\n",
     "GET HTTPS://t{}"},
    {"absolute form with a query at once", "GET http://t?q HTTP/1.1\r\nHost: t\r\n\r\n",
     "GET http://t?q{}"},
    {"asterisk form", "OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n", "OPTIONS *{}"},
    {"authority form", "CONNECT t:443 HTTP/1.1\r\nHost: t:443\r\n\r\n", "CONNECT t:443{}"},
    {"authority form with an address", "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: t\r\n\r\n",
     "CONNECT [2001:db8::1]:443{}"},
    {"what browsers leave unescaped", "GET /a|b{}^`[]'%zz?q=\\x|{}\\ HTTP/1.1\r\nHost: t\r\n\r\n",
     "GET /a|b{}^`[]'%zz?q=\\x|{}\\{}"},
    {"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET /{}"},
    {"a Host with an address and a port", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "GET /{}"},
    {"a Host with an empty port", "GET / HTTP/1.1\r\nHost: t:\r\n\r\n", "GET /{}"},
    {"a Host with escapes", "GET / HTTP/1.1\r\nHost: a%2Db_c.~9\r\n\r\n", "GET /{}"},
};

// What RFC 9112 allows is read, and read the same however the bytes are cut.
TEST(RequestParser, acceptsWhatTheGrammarAllows) {
    for (const Accepted& row : kAccepted) {
        SCOPED_TRACE(row.what);
        const Transcript got = parseRequests(row.bytes);
        EXPECT_EQ(got.summary, row.summary);
        EXPECT_EQ(statusFor(got.reason), 0) << ParseError(got.reason).what();
        EXPECT_EQ(got.eof, WireEof::Clean);
    }
}

/// Reads one head that is all there, for tests that look at its parts.
class HeadOf {
public:
    explicit HeadOf(std::string bytes) : bytes_(std::move(bytes)) {
        auto input = bytesOf(bytes_);
        EXPECT_EQ(parser_.next(input), WireEvent::Head) << parser_.error().what();
    }
    const RequestHead* operator->() const { return &parser_.head(); }

private:
    std::string bytes_;
    RequestParser parser_;
};

// A head gives every part of the request line and every field in order, without blanks.
TEST(RequestParser, givesTheWholeHead) {
    HeadOf head("PUT /a?b=c HTTP/1.1\r\nHost: t:81\r\nX-A: 1\r\nx-a:\t two words \r\nX-E:\r\n\r\n");
    EXPECT_EQ(head->method, "PUT");
    EXPECT_EQ(head->target, "/a?b=c");
    EXPECT_EQ(head->version, Version::Http11);
    EXPECT_EQ(head->form, TargetForm::Origin);
    EXPECT_EQ(head->authority, "t:81");
    const std::vector<FieldView> fields(head->fields.begin(), head->fields.end());
    EXPECT_EQ(fields, (std::vector<FieldView>{
                          {"Host", "t:81"}, {"X-A", "1"}, {"x-a", "two words"}, {"X-E", ""}}));
    EXPECT_EQ(findField(head->fields, "X-a"), "two words");
    EXPECT_EQ(findField(head->fields, "X-B"), std::nullopt);
}

// The target's authority wins over Host (RFC 9112 §3.2.2).
TEST(RequestParser, takesTheAuthorityFromTheTarget) {
    EXPECT_EQ(HeadOf("GET http://a:1/ HTTP/1.1\r\nHost: b\r\n\r\n")->authority, "a:1");
    EXPECT_EQ(HeadOf("CONNECT a:1 HTTP/1.1\r\nHost: b\r\n\r\n")->authority, "a:1");
    EXPECT_EQ(HeadOf("OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n")->authority, "b");
    EXPECT_EQ(HeadOf("GET / HTTP/1.0\r\n\r\n")->authority, "");
}

// Framing is decided with the head: what comes, and how much of it.
TEST(RequestParser, decidesFramingWithTheHead) {
    EXPECT_EQ(HeadOf("GET / HTTP/1.1\r\nHost: t\r\n\r\n")->framing, BodyFraming::None);
    HeadOf length("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9223372036854775807\r\n\r\n");
    EXPECT_EQ(length->framing, BodyFraming::ContentLength);
    EXPECT_EQ(length->contentLength, 9223372036854775807U);
    EXPECT_EQ(HeadOf("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")->framing,
              BodyFraming::Chunked);
}

// Expect is read on HTTP/1.1 only, and only one expectation is known. H-15
TEST(RequestParser, readsExpectations) {
    const auto expectation = [](const std::string& version, const std::string& fields) {
        return HeadOf("POST / HTTP/" + version + "\r\nHost: t\r\n" + fields + "\r\n")->expectation;
    };
    EXPECT_EQ(expectation("1.1", ""), Expectation::None);
    EXPECT_EQ(expectation("1.1", "Expect: 100-Continue\r\n"), Expectation::Continue);
    EXPECT_EQ(expectation("1.1", "Expect: 100-continue, x\r\n"), Expectation::Unknown);
    EXPECT_EQ(expectation("1.1", "Expect: 100-continue\r\nExpect: x\r\n"), Expectation::Unknown);
    EXPECT_EQ(expectation("1.1", "Expect: x\r\nExpect: 100-continue\r\n"), Expectation::Unknown);
    EXPECT_EQ(expectation("1.0", "Expect: 100-continue\r\n"), Expectation::None);
}

// An upgrade counts only if Connection names it (RFC 9110 §7.8).
TEST(RequestParser, reportsAnUpgradeThatConnectionNames) {
    const auto upgrade = [](const std::string& version, const std::string& fields) {
        return std::string(
            HeadOf("GET / HTTP/" + version + "\r\nHost: t\r\n" + fields + "\r\n")->upgrade);
    };
    EXPECT_EQ(upgrade("1.1", "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"),
              "websocket");
    EXPECT_EQ(upgrade("1.1", "Upgrade: websocket\r\n"), "");
    EXPECT_EQ(upgrade("1.1", "Connection: upgrade\r\n"), "");
    EXPECT_EQ(upgrade("1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n"), "");
}

// A head that lies in one read is not copied: its views point into the input.
TEST(RequestParser, pointsIntoTheInput) {
    const std::string bytes = "POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi";
    auto input = bytesOf(bytes);
    RequestParser parser;
    ASSERT_EQ(parser.next(input), WireEvent::Head);
    EXPECT_EQ(parser.head().target.data(), bytes.data() + 5);
    EXPECT_EQ(parser.head().fields[0].value.data(), bytes.data() + bytes.find("t\r\n"));
    ASSERT_EQ(parser.next(input), WireEvent::Body);
    EXPECT_EQ(textOf(parser.body()).data(), bytes.data() + bytes.find("hi"));
}

// The caller may stop after any event and go on later with the rest of its input; nothing behind
// the event was touched. This is back-pressure. H-1, H-2
TEST(RequestParser, pausesBetweenEventsWithoutLoss) {
    const std::string bytes =
        "POST /1 HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: "
        "chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"
        "GET /2 HTTP/1.1\r\nHost: t\r\n\r\n";
    std::string rest = bytes;
    std::string seen;
    RequestParser parser;
    const auto one = [&] {
        const std::string held = rest;  // A new place each time: a pause moves the bytes.
        auto input = bytesOf(held);
        const WireEvent event = parser.next(input);
        if (event == WireEvent::Head)
            seen.append(parser.head().target).append(" ");
        if (event == WireEvent::Body)
            seen.append(textOf(parser.body())).append(" ");
        rest = textOf(input);
        return event;
    };
    EXPECT_EQ(one(), WireEvent::Head);
    EXPECT_EQ(rest, bytes.substr(bytes.find("1\r\na")));
    EXPECT_EQ(one(), WireEvent::Body);
    EXPECT_EQ(one(), WireEvent::Body);
    EXPECT_EQ(rest, "\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: t\r\n\r\n");
    EXPECT_EQ(one(), WireEvent::End);
    EXPECT_EQ(rest, "GET /2 HTTP/1.1\r\nHost: t\r\n\r\n");
    EXPECT_EQ(one(), WireEvent::Head);
    EXPECT_EQ(one(), WireEvent::End);
    EXPECT_EQ(one(), WireEvent::NeedData);
    EXPECT_EQ(seen, "/1 a bc /2 ");
}

// Two connections of one thread may hold their heads at the same time.
TEST(RequestParser, keepsItsHeadWhileAnotherParserReads) {
    const std::string first = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n";
    const std::string second = "GET /second HTTP/1.1\r\nHost: b\r\n\r\n";
    RequestParser one;
    RequestParser two;
    auto input = bytesOf(first);
    ASSERT_EQ(one.next(input), WireEvent::Head);
    input = bytesOf(second);
    ASSERT_EQ(two.next(input), WireEvent::Head);
    EXPECT_EQ(one.head().target, "/first");
    EXPECT_EQ(one.head().fields[0].value, "a");
    EXPECT_EQ(two.head().target, "/second");
}

// The views of a head end with the next event, so asking later is misuse.
TEST(RequestParser, givesItsHeadOnlyAtItsEvent) {
    const std::string bytes = "GET / HTTP/1.1\r\nHost: t\r\n\r\n";
    auto input = bytesOf(bytes);
    RequestParser parser;
    EXPECT_THROW(parser.head(), std::logic_error);
    ASSERT_EQ(parser.next(input), WireEvent::Head);
    EXPECT_NO_THROW(parser.head());
    ASSERT_EQ(parser.next(input), WireEvent::End);
    EXPECT_THROW(parser.head(), std::logic_error);
}

// Trailers belong to End, and to no other event.
TEST(RequestParser, givesTrailersWithTheEnd) {
    const std::string bytes =
        "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\nX-T: a\r\nX-T: b\r\n\r\n";
    auto input = bytesOf(bytes);
    RequestParser parser;
    ASSERT_EQ(parser.next(input), WireEvent::Head);
    EXPECT_TRUE(parser.trailers().empty());
    ASSERT_EQ(parser.next(input), WireEvent::End);
    const std::vector<FieldView> trailers(parser.trailers().begin(), parser.trailers().end());
    EXPECT_EQ(trailers, (std::vector<FieldView>{{"X-T", "a"}, {"X-T", "b"}}));
    ASSERT_EQ(parser.next(input), WireEvent::NeedData);
    EXPECT_TRUE(parser.trailers().empty());
}

// A refusal is final: the parser reads nothing more, whatever comes.
TEST(RequestParser, staysFailed) {
    const std::string bad = "GET / HTTP/1.1\r\nHost: t\r\nX : y\r\n\r\n";
    const std::string good = "GET / HTTP/1.1\r\nHost: t\r\n\r\n";
    RequestParser parser;
    auto input = bytesOf(bad);
    EXPECT_EQ(parser.next(input), WireEvent::Failed);
    input = bytesOf(good);
    EXPECT_EQ(parser.next(input), WireEvent::Failed);
    EXPECT_EQ(input.size(), good.size());
    EXPECT_EQ(parser.reason(), ParseReason::SpaceBeforeColon);
    EXPECT_EQ(parser.error().status(), 400);
}

// What cannot become a request is refused with its first byte, not only at a line's end: a TLS
// handshake on a plain port must not wait for a time-out.
TEST(RequestParser, refusesNoiseAtItsFirstByte) {
    for (const char noise : {'\x16', '\x80', '\0', ' ', '\n', ':', '/'}) {
        RequestParser parser;
        auto input = bytesOf({&noise, 1});
        EXPECT_EQ(parser.next(input), WireEvent::Failed);
    }
}

// A bad line is refused when its line feed is there, not before: else the same bytes would fail
// earlier in one piece than in two.
TEST(RequestParser, refusesALineWhenItIsComplete) {
    for (const std::string start :
         {"GET /a#b", "G:", "GET / HTTP/3.0\r", "GET / HTTP/1.1\r\nHost: t\r\nX Y: z",
          "GET / HTTP/1.1\r\nHost: t\r\n folded"}) {
        SCOPED_TRACE(start);
        EXPECT_EQ(parseRequests(start).reason, ParseReason::None);
        EXPECT_NE(parseRequests(start + "\n").reason, ParseReason::None);
    }
}

// The end of the connection is clean between messages only.
TEST(RequestParser, saysWhatAnEndOfTheConnectionMeans) {
    const std::string bytes = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi";
    const std::size_t bodyAt = bytes.size() - 2;
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
        const auto got = testing::requestTranscript({std::string_view(bytes).substr(0, length)});
        const WireEof expected = length == 0 || length == bytes.size() ? WireEof::Clean
                                 : length < bodyAt                     ? WireEof::InHead
                                                                       : WireEof::InBody;
        EXPECT_EQ(got.eof, expected) << "after " << length << " bytes";
    }
    EXPECT_EQ(testing::requestTranscript({"\r"}).eof, WireEof::InHead);
    EXPECT_EQ(testing::requestTranscript({"\r\n"}).eof, WireEof::Clean);
}

// limitBody() bounds one request; the next one has WireLimits::body again.
TEST(RequestParser, boundsTheBodyOfOneRequest) {
    const std::string bytes =
        "POST /1 HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc"
        "POST /2 HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nabcde";
    WireLimits limits;
    limits.body = 4;
    RequestParser parser(limits);
    auto input = bytesOf(bytes);
    ASSERT_EQ(parser.next(input), WireEvent::Head);
    parser.limitBody(3);
    EXPECT_EQ(parser.next(input), WireEvent::Body);
    EXPECT_EQ(parser.next(input), WireEvent::End);
    ASSERT_EQ(parser.next(input), WireEvent::Head);
    EXPECT_EQ(parser.next(input), WireEvent::Failed);
    EXPECT_EQ(parser.error().status(), 413);

    RequestParser generous(limits);
    input = bytesOf(bytes).subspan(bytes.find("POST /2"));
    ASSERT_EQ(generous.next(input), WireEvent::Head);
    generous.limitBody(5);
    EXPECT_EQ(generous.next(input), WireEvent::Body);
}

}  // namespace
}  // namespace marline::http
