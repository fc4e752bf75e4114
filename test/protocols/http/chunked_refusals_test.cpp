// What two parsers could read differently in a chunked body or its trailers is refused.
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

// Chunks: hexadecimal digits, extensions by the grammar, CRLF and nothing else. H-13
TEST(ChunkedRefusals, chunkedBody) {
    const std::vector<Refused> rows = {
        {"g\r\nhello\r\n", Reason::BadChunkSize},
        {"-5\r\nhello\r\n", Reason::BadChunkSize},
        {"+5\r\nhello\r\n", Reason::BadChunkSize},
        {"0x5\r\nhello\r\n", Reason::BadChunkSize},
        {"\r\nhello\r\n", Reason::BadChunkSize},
        {" 5\r\nhello\r\n", Reason::BadChunkSize},
        {"\t5\r\nhello\r\n", Reason::BadChunkSize},
        {"5_0\r\nhello\r\n", Reason::BadChunkSize},
        {"5,\r\nhello\r\n", Reason::BadChunkSize},
        {"5\0\r\nhello\r\n"s, Reason::BadChunkSize},
        {"\xef\xbc\x95\r\nhello\r\n", Reason::BadChunkSize},
        {"10000000000000005\r\nhello\r\n", Reason::BadChunkSize},
        {"8000000000000000\r\nhello\r\n", Reason::BadChunkSize},
        {"ffffffffffffffffffff\r\nhello\r\n", Reason::BadChunkSize},
        {";a=b\r\nhello\r\n", Reason::BadChunkSize},
        {"5 \r\nhello\r\n", Reason::BadChunkExtension},
        {"5\t\r\nhello\r\n", Reason::BadChunkExtension},
        {"5 5\r\nhello\r\n", Reason::BadChunkExtension},
        {"5;\r\nhello\r\n", Reason::BadChunkExtension},
        {"5; \r\nhello\r\n", Reason::BadChunkExtension},
        {"5;;a\r\nhello\r\n", Reason::BadChunkExtension},
        {"5;=b\r\nhello\r\n", Reason::BadChunkExtension},
        {"5;a=\r\nhello\r\n", Reason::BadChunkExtension},
        {"5;a=b=c\r\nhello\r\n", Reason::BadChunkExtension},
        {"5;a =\r\nhello\r\n", Reason::BadChunkExtension},
        {"5;a \r\nhello\r\n", Reason::BadChunkExtension},
        {"5;a b\r\nhello\r\n", Reason::BadChunkExtension},
        {"5;a=b \r\nhello\r\n", Reason::BadChunkExtension},
        {"5;a=b c\r\nhello\r\n", Reason::BadChunkExtension},
        {"5;a=\"b\r\nhello\r\n", Reason::BadChunkExtension},
        {"5;a=\"b\"c\r\nhello\r\n", Reason::BadChunkExtension},
        {"5;a=\"b\" \r\nhello\r\n", Reason::BadChunkExtension},
        {"5;a=\"b\\\r\nhello\r\n", Reason::BadChunkExtension},
        {"5;a=\"\x01\"\r\nhello\r\n", Reason::BadChunkExtension},
        {"5;a=\"\\\x7f\"\r\nhello\r\n", Reason::BadChunkExtension},
        {"5;a\0\r\nhello\r\n"s, Reason::BadChunkExtension},
        {"5;a\rb\r\nhello\r\n", Reason::BareCr},
        {"5\n"
         "hello\r\n",
         Reason::BareLf},
        {"5;a\n"
         "hello\r\n",
         Reason::BareLf},
        {"5;a=\"\n\"\r\nhello\r\n", Reason::BareLf},
        {"5\r"
         "hello\r\n",
         Reason::BareCr},
        {"5\r\r\nhello\r\n", Reason::BareCr},
        {"\n5\r\nhello\r\n", Reason::BareLf},
    };
    const std::string start = "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const Refused& row : rows)
        expectRefused(start + row.bytes + "0\r\n\r\n" + kCanary, row.reason, "POST /{");
    for (const char* end :
         {"0\r\n", "\n0\r\n", "\r0\r\n", "\r\r\n0\r\n", " \r\n0\r\n", "!\r\n0\r\n"})
        expectRefused(start + "5\r\nhello" + end + "\r\n" + kCanary, Reason::MissingChunkEnd,
                      "POST /{hello");
    expectRefused(start + "5\r\nhello\r\n\r\n0\r\n\r\n" + kCanary, Reason::BadChunkSize,
                  "POST /{hello");
}

// Extensions that the grammar allows are read over (RFC 9112 §7.1.1).
TEST(ChunkedRefusals, allowsChunkExtensionsOfTheGrammar) {
    const std::string start = "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const char* line : {"5;a", "5;a=b", "5;a=b;c=\"d e\"", "5;a=\"\"", "5;a=\"\\\"\\\\;\xff\"",
                             "5 ;a", "5;\ta = b ; c", "5;a=\"b\" ;c", "005;a", "5;a;a;a"}) {
        SCOPED_TRACE(line);
        const auto got = parseRequests(start + line + "\r\nhello\r\n0;last\r\n\r\n" + kCanary);
        EXPECT_EQ(got.summary, "POST /{hello} GET /canary{}");
    }
    EXPECT_EQ(parseRequests(start + "1\r\na\r\n000\r\n\r\n").summary, "POST /{a}");
    EXPECT_EQ(parseRequests(start + "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n").summary,
              "POST /{01234567890123456789}");
}

// Trailers: the same strict lines, and none that would frame or route the message.
TEST(ChunkedRefusals, trailers) {
    const std::string start =
        "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n";
    const std::vector<Refused> rows = {
        {"bad trailer\r\n", Reason::SpaceBeforeColon},
        {"bad\r\n", Reason::MissingColon},
        {"X : y\r\n", Reason::SpaceBeforeColon},
        {" X: y\r\n", Reason::ObsoleteFold},
        {"X: y\r\n z\r\n", Reason::ObsoleteFold},
        {": y\r\n", Reason::EmptyFieldName},
        {"X: y\n", Reason::BareLf},
        {"X: y\rz\r\n", Reason::BareCr},
        {"X: \0\r\n"s, Reason::BadFieldValue},
        {"\n", Reason::BareLf},
        {"\rX", Reason::BareCr},
        {"Content-Length: 50\r\n", Reason::ForbiddenTrailer},
        {"content-length: 5\r\n", Reason::ForbiddenTrailer},
        {"Transfer-Encoding: chunked\r\n", Reason::ForbiddenTrailer},
        {"Host: evil\r\n", Reason::ForbiddenTrailer},
        {"Connection: close\r\n", Reason::ForbiddenTrailer},
        {"Upgrade: x\r\n", Reason::ForbiddenTrailer},
        {"Expect: 100-continue\r\n", Reason::ForbiddenTrailer},
        {"X-Ok: 1\r\nTrailer: X\r\n", Reason::ForbiddenTrailer},
    };
    for (const Refused& row : rows)
        expectRefused(start + row.bytes + "\r\n" + kCanary, row.reason, "POST /{hello");
}

}  // namespace
}  // namespace marline::http
