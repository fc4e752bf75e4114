#include <marline/protocols/http/parse_error.hpp>

#include <marline/protocols/http/status.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <type_traits>

namespace marline::http {
namespace {

static_assert(std::is_base_of_v<Error, ParseError>, "it belongs to the tree of run-time errors");

// Every reason has words of its own and a status code that a server may send.
TEST(ParseError, hasWordsAndAStatusForEveryReason) {
    std::set<std::string> texts;
    for (std::size_t i = 1; i < kParseReasonCount; ++i) {
        const ParseError error(static_cast<ParseReason>(i));
        EXPECT_EQ(static_cast<std::size_t>(error.reason()), i);
        EXPECT_EQ(error.status(), statusFor(error.reason()));
        EXPECT_TRUE((std::set{400, 413, 414, 431, 501, 502, 505}.contains(error.status())))
            << error.what();
        EXPECT_TRUE(texts.insert(error.what()).second) << error.what();
    }
}

// An error about a limit names the knob with the value it had.
TEST(ParseError, namesTheKnob) {
    WireLimits limits;
    limits.headerFields = 7;
    EXPECT_STREQ(ParseError(ParseReason::TooManyHeaderFields, limits).what(),
                 "there are too many header fields: more than 7, set by WireLimits::headerFields");
}

// Registered codes have the phrases of RFC 9110; others that of their class.
TEST(Status, phrases) {
    EXPECT_EQ(statusPhrase(kOk), "OK");
    EXPECT_EQ(statusPhrase(kContinue), "Continue");
    EXPECT_EQ(statusPhrase(kHeaderFieldsTooLarge), "Request Header Fields Too Large");
    EXPECT_EQ(statusPhrase(511), "Network Authentication Required");
    EXPECT_EQ(statusPhrase(199), "Informational");
    EXPECT_EQ(statusPhrase(299), "Success");
    EXPECT_EQ(statusPhrase(306), "Redirection");
    EXPECT_EQ(statusPhrase(499), "Client Error");
    EXPECT_EQ(statusPhrase(599), "Server Error");
    EXPECT_EQ(statusPhrase(0), "Unknown");
    EXPECT_EQ(statusPhrase(999), "Unknown");
    EXPECT_EQ(statusPhrase(-1), "Unknown");
}

}  // namespace
}  // namespace marline::http
