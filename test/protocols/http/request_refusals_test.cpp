// What two parsers could read differently is refused: every family, with its siblings.
#include <marline/protocols/http/request_parser.hpp>

#include <test/protocols/http/every_way.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace marline::http {
namespace {

using namespace std::string_literals;
using testing::parseRequests;
using Reason = ParseReason;

/// Something that must never be seen as a request of its own.
const std::string kCanary = "GET /canary HTTP/1.1\r\nHost: t\r\n\r\n";

struct Refused {
    std::string bytes;
    Reason reason;
};

void expectRefused(const std::string& bytes, Reason reason, std::string_view summary) {
    SCOPED_TRACE(::testing::PrintToString(bytes));
    const testing::Transcript got = parseRequests(bytes);
    EXPECT_EQ(got.reason, reason) << "refused with: " << ParseError(got.reason).what();
    EXPECT_EQ(got.summary, summary);
}

// Request lines: one method token, one blank, a target, one blank, a version, CRLF.
TEST(RequestRefusals, requestLine) {
    const std::vector<Refused> rows = {
        {"GET /\r\n", Reason::BadVersion},
        {"GET /\n", Reason::BadVersion},
        {"GET\r\n", Reason::BadMethod},
        {"GET \r\n", Reason::BadTarget},
        {"GET / \r\n", Reason::BadVersion},
        {" GET / HTTP/1.1\r\n", Reason::BadMethod},
        {"\tGET / HTTP/1.1\r\n", Reason::BadMethod},
        {"/ HTTP/1.1\r\n", Reason::BadMethod},
        {"GE(T / HTTP/1.1\r\n", Reason::BadMethod},
        {"GE\tT / HTTP/1.1\r\n", Reason::BadMethod},
        {"GET:/ HTTP/1.1\r\n", Reason::BadMethod},
        {"G\xc3\x89T / HTTP/1.1\r\n", Reason::BadMethod},
        {"GET\0 / HTTP/1.1\r\n"s, Reason::BadMethod},
        {"GET\t/ HTTP/1.1\r\n", Reason::BadMethod},
        {"GET  / HTTP/1.1\r\n", Reason::BadTarget},
        {"GET \t/ HTTP/1.1\r\n", Reason::BadTarget},
        {"GET /\tHTTP/1.1\r\n", Reason::BadTarget},
        {"GET /a\tb HTTP/1.1\r\n", Reason::BadTarget},
        {"GET /  HTTP/1.1\r\n", Reason::BadVersion},
        {"GET / HTTP/1.1 \r\n", Reason::BadVersion},
        {"GET / HTTP/1.1\t\r\n", Reason::BadVersion},
        {"GET /a b HTTP/1.1\r\n", Reason::BadVersion},
        {"GET / HTTP/1.1 x\r\n", Reason::BadVersion},
        {"GET /a\0b HTTP/1.1\r\n"s, Reason::BadTarget},
        {"GET /a\x01"
         "b HTTP/1.1\r\n",
         Reason::BadTarget},
        {"GET /a\x0b"
         "b HTTP/1.1\r\n",
         Reason::BadTarget},
        {"GET /a\x7f HTTP/1.1\r\n", Reason::BadTarget},
        {"GET /caf\xc3\xa9 HTTP/1.1\r\n", Reason::BadTarget},
        {"GET /a#b HTTP/1.1\r\n", Reason::BadTarget},
        {"GET /a\"b HTTP/1.1\r\n", Reason::BadTarget},
        {"GET /<a> HTTP/1.1\r\n", Reason::BadTarget},
        {"GET /a\\b HTTP/1.1\r\n", Reason::BadTarget},
        {"GET /a\\b?c HTTP/1.1\r\n", Reason::BadTarget},
        {"GET / HTTP/1.1\nHost: t\r\n\r\n", Reason::BareLf},
        {"GET / HTTP/1.1\rHost: t\r\n\r\n", Reason::BareCr},
        {"GET / HTTP/1.1\r\r\nHost: t\r\n\r\n", Reason::BareCr},
        {"GET /\rHTTP/1.1\r\nHost: t\r\n\r\n", Reason::BadVersion},
        {"GET\r / HTTP/1.1\r\nHost: t\r\n\r\n", Reason::BadMethod},
        {"\nGET / HTTP/1.1\r\nHost: t\r\n\r\n", Reason::BareLf},
        {"\rGET / HTTP/1.1\r\nHost: t\r\n\r\n", Reason::BareCr},
        {"\r\n\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n", Reason::ExtraEmptyLine},
        {"\r\n\nGET / HTTP/1.1\r\nHost: t\r\n\r\n", Reason::BareLf},
        {"HTTP/1.1 200 OK\r\n\r\n", Reason::BadMethod},
        {"\x16\x03\x01\x02\n", Reason::BadMethod},
    };
    for (const Refused& row : rows)
        expectRefused(row.bytes, row.reason, "");
}

// Versions: exactly HTTP/1.0 and HTTP/1.1; other well-formed ones get their own answer. H-4
TEST(RequestRefusals, version) {
    for (const char* version :
         {"HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "HTTP/3.0", "HTTP/9.9", "HTTP/0.0"})
        expectRefused("GET / "s + version + "\r\nHost: t\r\n\r\n", Reason::UnsupportedVersion, "");
    for (const char* version : {"http/1.1", "Http/1.1", "HTTP/1", "HTTP/1.", "HTTP/.1", "HTTP/11",
                                "HTTP/1.10", "HTTP/01.1", "HTTP/1,1", "HTTP/A.1", "HTTP 1.1",
                                "HTTPS/1.1", "HTTP/1.1x", "XHTTP/1.1", "ICY", "HTTP/+1.1"})
        expectRefused("GET / "s + version + "\r\nHost: t\r\n\r\n", Reason::BadVersion, "");
    expectRefused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Reason::UnsupportedVersion, "");
    EXPECT_EQ(statusFor(Reason::UnsupportedVersion), 505);
}

// Targets: each form with the methods it belongs to (RFC 9112 §3.2).
TEST(RequestRefusals, targetForm) {
    const std::vector<Refused> rows = {
        {"GET a HTTP/1.1\r\n", Reason::BadTargetForm},
        {"GET HTTP/1.1\r\n", Reason::BadVersion},
        {"GET ?q HTTP/1.1\r\n", Reason::BadTargetForm},
        {"GET * HTTP/1.1\r\n", Reason::BadTargetForm},
        {"OPTIONS ** HTTP/1.1\r\n", Reason::BadTargetForm},
        {"OPTIONS *?a HTTP/1.1\r\n", Reason::BadTargetForm},
        {"options * HTTP/1.1\r\n", Reason::BadTargetForm},
        {"GET t:80 HTTP/1.1\r\n", Reason::BadTargetForm},
        {"GET ftp://t/ HTTP/1.1\r\n", Reason::BadTargetForm},
        {"GET http:/t/ HTTP/1.1\r\n", Reason::BadTargetForm},
        {"GET http:t HTTP/1.1\r\n", Reason::BadTargetForm},
        {"GET http:// HTTP/1.1\r\n", Reason::BadTarget},
        {"GET http:///a HTTP/1.1\r\n", Reason::BadTarget},
        {"GET http://u@t/ HTTP/1.1\r\n", Reason::BadTarget},
        {"GET http://u:p@t/ HTTP/1.1\r\n", Reason::BadTarget},
        {"GET http://t:99999/ HTTP/1.1\r\n", Reason::BadTarget},
        {"GET http://t:x/ HTTP/1.1\r\n", Reason::BadTarget},
        {"GET http://[::1/ HTTP/1.1\r\n", Reason::BadTarget},
        {"GET http://[t]/ HTTP/1.1\r\n", Reason::BadTarget},
        {"GET https:t HTTP/1.1\r\n", Reason::BadTargetForm},
        {"GET http://t\\@evil/ HTTP/1.1\r\n", Reason::BadTarget},
        {"GET http://@t/ HTTP/1.1\r\n", Reason::BadTarget},
        {"GET http://a,b/ HTTP/1.1\r\n", Reason::BadTarget},
        {"GET http://t%/ HTTP/1.1\r\n", Reason::BadTarget},
        {"GET http://t%2/ HTTP/1.1\r\n", Reason::BadTarget},
        {"GET http://t:+80/ HTTP/1.1\r\n", Reason::BadTarget},
        {"GET http://t:80:80/ HTTP/1.1\r\n", Reason::BadTarget},
        {"GET http://::1/ HTTP/1.1\r\n", Reason::BadTarget},
        {"GET http://[::1]t/ HTTP/1.1\r\n", Reason::BadTarget},
        {"GET http://[fe80::1%25lo]/ HTTP/1.1\r\n", Reason::BadTarget},
        {"OPTIONS http://u@t HTTP/1.1\r\n", Reason::BadTarget},
        {"POST * HTTP/1.1\r\n", Reason::BadTargetForm},
        {"connect t:80 HTTP/1.1\r\n", Reason::BadTargetForm},
        {"CONNECT / HTTP/1.1\r\n", Reason::BadTargetForm},
        {"CONNECT t:65536 HTTP/1.1\r\n", Reason::BadTargetForm},
        {"CONNECT t:+80 HTTP/1.1\r\n", Reason::BadTargetForm},
        {"CONNECT t:80:80 HTTP/1.1\r\n", Reason::BadTargetForm},
        {"CONNECT t:80?q HTTP/1.1\r\n", Reason::BadTargetForm},
        {"CONNECT a,b:80 HTTP/1.1\r\n", Reason::BadTargetForm},
        {"CONNECT ::1:80 HTTP/1.1\r\n", Reason::BadTargetForm},
        {"CONNECT [::1] HTTP/1.1\r\n", Reason::BadTargetForm},
        {"CONNECT [::1]: HTTP/1.1\r\n", Reason::BadTargetForm},
        {"CONNECT t HTTP/1.1\r\n", Reason::BadTargetForm},
        {"CONNECT t: HTTP/1.1\r\n", Reason::BadTargetForm},
        {"CONNECT :80 HTTP/1.1\r\n", Reason::BadTargetForm},
        {"CONNECT u@t:80 HTTP/1.1\r\n", Reason::BadTargetForm},
        {"CONNECT t:80/ HTTP/1.1\r\n", Reason::BadTargetForm},
        {"CONNECT http://t:80 HTTP/1.1\r\n", Reason::BadTargetForm},
        {"CONNECT * HTTP/1.1\r\n", Reason::BadTargetForm},
    };
    for (const Refused& row : rows)
        expectRefused(row.bytes + "Host: t\r\n\r\n", row.reason, "");
}

// Host: exactly one on HTTP/1.1, at most one on HTTP/1.0, and nothing but host[:port].
TEST(RequestRefusals, host) {
    expectRefused("GET / HTTP/1.1\r\n\r\n", Reason::MissingHost, "");
    expectRefused("GET / HTTP/1.1\r\nXHost: t\r\nHosts: t\r\n\r\n", Reason::MissingHost, "");
    expectRefused("GET http://t/ HTTP/1.1\r\n\r\n", Reason::MissingHost, "");
    expectRefused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", Reason::RepeatedHost, "");
    expectRefused("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nHOST: a\r\n\r\n", Reason::RepeatedHost, "");
    expectRefused("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", Reason::RepeatedHost, "");
    for (const char* host : {"a b",
                             "a\tb",
                             "a/b",
                             "a?b",
                             "a#b",
                             "u@a",
                             "a,b",
                             "a, b",
                             "a:b",
                             "a:-1",
                             "a:+1",
                             "a:65536",
                             "a:99999999999999999999",
                             "a:80:80",
                             ":80",
                             "a%",
                             "a%4",
                             "a%4g",
                             "[::1",
                             "::1",
                             "[::1]x",
                             "[]",
                             "[g::]",
                             "[1.2.3.4]",
                             "[v1.a]",
                             "[::1]80",
                             "[::1%25lo]",
                             "a:0x50",
                             "a:8_0",
                             "a;b,c",
                             "a@",
                             "@",
                             "/",
                             "[::1]:x",
                             "[fe80::1%eth0]",
                             "[::1]]",
                             "http://a",
                             "a\\b",
                             "a<b",
                             "\"a\"",
                             "caf\xc3\xa9"})
        expectRefused("GET / HTTP/1.1\r\nHost: "s + host + "\r\n\r\n", Reason::BadHost, "");
    expectRefused("GET / HTTP/1.0\r\nHost: a b\r\n\r\n", Reason::BadHost, "");
}

// Field lines: token, colon, value, CRLF; no repair of any kind. H-7, H-8
TEST(RequestRefusals, fieldLine) {
    const std::vector<Refused> rows = {
        {"X-A : b\r\n", Reason::SpaceBeforeColon},
        {"X-A\t: b\r\n", Reason::SpaceBeforeColon},
        {"X A: b\r\n", Reason::SpaceBeforeColon},
        {"X-A: b\r\n c\r\n", Reason::ObsoleteFold},
        {"X-A: b\r\n\tc\r\n", Reason::ObsoleteFold},
        {"X-A: b\r\n \r\n", Reason::ObsoleteFold},
        {" X: y\r\n", Reason::ObsoleteFold},
        {"JustText\r\n", Reason::MissingColon},
        {": v\r\n", Reason::EmptyFieldName},
        {":\r\n", Reason::EmptyFieldName},
        {"X\0A: b\r\n"s, Reason::BadFieldName},
        {"\0X: b\r\n"s, Reason::BadFieldName},
        {"X(A: b\r\n", Reason::BadFieldName},
        {"X\"A: b\r\n", Reason::BadFieldName},
        {"X/A: b\r\n", Reason::BadFieldName},
        {"X@A: b\r\n", Reason::BadFieldName},
        {"[X]: b\r\n", Reason::BadFieldName},
        {"X\x7f: b\r\n", Reason::BadFieldName},
        {"X\xc3\xa9: b\r\n", Reason::BadFieldName},
        {"X\x0b: b\r\n", Reason::BadFieldName},
        {"X-A: b\0c\r\n"s, Reason::BadFieldValue},
        {"X-A: \0\r\n"s, Reason::BadFieldValue},
        {"X-A: b\x01"
         "c\r\n",
         Reason::BadFieldValue},
        {"X-A: b\x0b"
         "c\r\n",
         Reason::BadFieldValue},
        {"X-A: b\x0c"
         "c\r\n",
         Reason::BadFieldValue},
        {"X-A: b\x1f"
         "c\r\n",
         Reason::BadFieldValue},
        {"X-A: b\x7f"
         "c\r\n",
         Reason::BadFieldValue},
        {"X-A: b\rc\r\n", Reason::BareCr},
        {"X-A: b\r\r\n", Reason::BareCr},
        {"X-A:\r b\r\n", Reason::BareCr},
        {"X-A: b\n", Reason::BareLf},
        {"X-A: b\nX-B: c\r\n", Reason::BareLf},
        {"X-A\n", Reason::BareLf},
        {"X-A\r: b\r\n", Reason::MissingColon},
        {"\n", Reason::BareLf},
        {"\rX-A: b\r\n", Reason::BareCr},
        {"\r\r\n", Reason::BareCr},
    };
    for (const Refused& row : rows)
        expectRefused("GET / HTTP/1.1\r\nHost: t\r\n" + row.bytes + "X-End: 1\r\n\r\n", row.reason,
                      "");
    expectRefused("GET / HTTP/1.1\r\n Host: t\r\nX: y\r\n\r\n", Reason::ObsoleteFold, "");
}

// Content-Length: one field, digits only, no sign, no list, no overflow. H-11
TEST(RequestRefusals, contentLength) {
    for (const char* value : {"-5",
                              "+5",
                              "0x5",
                              "abc",
                              "",
                              " ",
                              "5 5",
                              "5,5",
                              "5, 6",
                              ",5",
                              "5,",
                              "5;",
                              "5.0",
                              "5e1",
                              "\"5\"",
                              "5 \"",
                              "5\xa0",
                              "\xef\xbc\x95",
                              "18446744073709551621",
                              "18446744073709551616",
                              "9223372036854775808",
                              "99999999999999999999999999",
                              "0x0",
                              "5L",
                              "5_0",
                              "1\xd9\xa0"})
        expectRefused(
            "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: "s + value + "\r\n\r\nhello" + kCanary,
            Reason::BadContentLength, "");
    for (const char* more : {"5", "6", ""})
        expectRefused("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\ncontent-LENGTH: "s +
                          more + "\r\n\r\nhello" + kCanary,
                      Reason::RepeatedContentLength, "");
    expectRefused("POST / HTTP/1.1\r\nHost: t\r\nContent-Length : 5\r\n\r\nhello" + kCanary,
                  Reason::SpaceBeforeColon, "");
    expectRefused("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n 5\r\n\r\nhello" + kCanary,
                  Reason::ObsoleteFold, "");
}

// Transfer-Encoding: one field, exactly chunked, HTTP/1.1 only, never with Content-Length. H-12
TEST(RequestRefusals, transferEncoding) {
    const std::string start = "POST / HTTP/1.1\r\nHost: t\r\n";
    const std::string body = "\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + kCanary;
    for (const char* value :
         {"chunked, gzip", "gzip, chunked", "gzip", "identity", "banana", "xchunked", "chunkedx",
          "chunked, chunked", "chunked,", ",chunked", "chunked;q=1", "chunk", "\"chunked\"", "",
          "chunked identity", "chun ked", "chunked\xa0",
          "\xff"
          "chunked"})
        expectRefused(start + "Transfer-Encoding: " + value + body,
                      Reason::UnsupportedTransferEncoding, "");
    for (const char* control : {"\x0b", "\x0c", "\x01", "\x7f", "\x1c"}) {
        expectRefused(start + "Transfer-Encoding: " + control + "chunked" + body,
                      Reason::BadFieldValue, "");
        expectRefused(start + "Transfer-Encoding:" + control + "chunked" + body,
                      Reason::BadFieldValue, "");
        expectRefused(start + "Transfer-Encoding: chunked" + control + body, Reason::BadFieldValue,
                      "");
        expectRefused(start + control + "Transfer-Encoding: chunked" + body, Reason::BadFieldName,
                      "");
        expectRefused(start + "Transfer-Encoding" + control + ": chunked" + body,
                      Reason::BadFieldName, "");
    }
    expectRefused(start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked" + body,
                  Reason::RepeatedTransferEncoding, "");
    expectRefused(start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity" + body,
                  Reason::RepeatedTransferEncoding, "");
    expectRefused(start + "Transfer-Encoding : chunked" + body, Reason::SpaceBeforeColon, "");
    expectRefused(start + "Transfer-Encoding:\r\n chunked" + body,
                  Reason::UnsupportedTransferEncoding, "");
    expectRefused(start + "Content-Length: 5\r\nTransfer-Encoding: chunked" + body,
                  Reason::ContentLengthWithTransferEncoding, "");
    expectRefused(start + "Transfer-Encoding: chunked\r\nContent-Length: 0" + body,
                  Reason::ContentLengthWithTransferEncoding, "");
    expectRefused("POST / HTTP/1.0\r\nHost: t\r\nTransfer-Encoding: chunked" + body,
                  Reason::TransferEncodingInHttp10, "");
    expectRefused("CONNECT t:1 HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked" + body,
                  Reason::ConnectWithBody, "");
    expectRefused("CONNECT t:1 HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello",
                  Reason::ConnectWithBody, "");
    EXPECT_EQ(statusFor(Reason::UnsupportedTransferEncoding), 501);
}

// The classic desynchronisation: whatever follows a refused message is not read.
TEST(RequestRefusals, nothingBehindARefusalBecomesARequest) {
    expectRefused(
        "GET /1 HTTP/1.1\r\nHost: t\r\n\r\n"
        "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 6\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n" +
            kCanary,
        Reason::ContentLengthWithTransferEncoding, "GET /1{}");
    expectRefused("GET /1 HTTP/1.1\r\nHost: t\r\n\r\n\r\n\r\n" + kCanary, Reason::ExtraEmptyLine,
                  "GET /1{}");
    expectRefused("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello!" + kCanary,
                  Reason::None, "POST /{hello} !GET /canary{}");
}

/// Every byte at one place of a message that is otherwise good.
void expectGrid(const std::string& before, const std::string& after, const std::string& allowed) {
    for (int value = 0; value < 256; ++value) {
        const char byte = static_cast<char>(value);
        SCOPED_TRACE(::testing::PrintToString(before + byte + after));
        const auto got = testing::requestTranscript({before + byte + after});
        const bool good = got.summary == "POST /{0\r\n\r\n}";
        EXPECT_EQ(good, allowed.find(byte) != std::string::npos) << "byte " << value;
        EXPECT_TRUE(good || got.summary.find("canary") == std::string::npos);
    }
}

// No byte beside Transfer-Encoding hides it from us but shows it to others: around it only the
// bytes that make another legal name or value are read, and then the length alone frames.
TEST(RequestRefusals, byteGridAroundTransferEncoding) {
    const std::string start = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n";
    const std::string token =
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const std::string rest = "\r\n\r\n0\r\n\r\n";
    expectGrid(start, "Transfer-Encoding: chunked" + rest, token);
    expectGrid(start + "Transfer-Encoding", ": chunked" + rest, token);
    expectGrid(start + "Transfer-Encoding:", "chunked" + rest, "");
    expectGrid(start + "Transfer-Encoding: chunked", rest, "");
}

}  // namespace
}  // namespace marline::http
