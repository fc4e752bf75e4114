// Conditional requests: tags, dates, and which of them counts.
#include <marline/protocols/http/resource.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include <marline/protocols/http/detail/conditions.hpp>

#include "server_wire.hpp"

namespace marline::http {
namespace {

using namespace std::chrono;
using test::ServerWire;

constexpr HttpTime kThen = sys_days(1994y / November / 6) + 8h + 49min + 37s;
constexpr const char* kBefore = "Sun, 06 Nov 1994 08:49:36 GMT";
constexpr const char* kThenText = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr const char* kAfter = "Sun, 06 Nov 1994 08:49:38 GMT";

class ConditionsTest : public test::ServerTest {
protected:
    /// The code of the answer by something with tag `"v1"` that changed then.
    static std::string code(const std::string& fields, const std::string& method = "GET") {
        ServerWire wire([](Request& request) -> Rendered {
            if (request.setETag("\"v1\"") == Cached::Yes ||
                request.setLastModified(kThen) == Cached::Yes) {
                return std::string();
            }
            return "content";
        });
        return wire.exchange(method + " / HTTP/1.1\r\nHost: t\r\n" + fields + "\r\n").substr(9, 3);
    }
    static std::string with(const std::string& name, const std::string& value,
                            const std::string& method = "GET") {
        return code(name + ": " + value + "\r\n", method);
    }
};

// the tag, or `*`, is a 304 for GET and HEAD, and a 412 for others.
TEST_F(ConditionsTest, ifNoneMatch) {
    EXPECT_EQ(with("If-None-Match", "\"v1\""), "304");
    EXPECT_EQ(with("If-None-Match", "*", "HEAD"), "304");
    EXPECT_EQ(with("If-None-Match", "\"v1\"", "PUT"), "412");
    EXPECT_EQ(with("If-None-Match", "\"v0\", W/\"v1\""), "304") << "the comparison is weak";
    EXPECT_EQ(with("If-None-Match", "\"v2\""), "200");
    EXPECT_EQ(with("If-None-Match", "v1"), "200") << "no tag";
}

// RFC 9110 §13.1.1: If-Match compares strongly.
TEST_F(ConditionsTest, ifMatch) {
    EXPECT_EQ(with("If-Match", "\"v1\"", "PUT"), "200");
    EXPECT_EQ(with("If-Match", "*", "PUT"), "200");
    EXPECT_EQ(with("If-Match", "\"v0\",\"v1\"", "PUT"), "200");
    EXPECT_EQ(with("If-Match", "W/\"v1\"", "PUT"), "412");
    EXPECT_EQ(with("If-Match", "\"v2\"", "PUT"), "412");
}

// RFC 9110 §5.3: a list may come in several fields; each of them counts.
TEST_F(ConditionsTest, tagsInSeveralFields) {
    EXPECT_EQ(code("If-None-Match: \"v1\"\r\nIf-None-Match: \"v2\"\r\n"), "304");
    EXPECT_EQ(code("If-None-Match: \"v2\"\r\nX: y\r\nif-none-match: \"v1\"\r\n"), "304");
    EXPECT_EQ(code("If-None-Match: \"v1\"\r\nIf-None-Match: \"v2\"\r\n", "PUT"), "412");
    EXPECT_EQ(code("If-None-Match:\r\nIf-None-Match: \"v2\"\r\nIf-None-Match: \"v3\"\r\n"), "200");
    EXPECT_EQ(code("If-Match: \"v1\"\r\nIf-Match: \"v2\"\r\nIf-Match: \"v3\"\r\n", "PUT"), "200");
    EXPECT_EQ(code("If-Match: \"v2\"\r\nIf-Match: \"v3\"\r\n", "PUT"), "412");
    ServerWire wire([](Request& request) -> Rendered {
        EXPECT_EQ(request.requestHeaders().getRawHeaders("If-None-Match").size(), 2U);
        return request.setETag("\"v1\"") == Cached::Yes ? "" : "content";
    });
    EXPECT_EQ(wire.exchange("GET / HTTP/1.1\r\nHost: t\r\nIf-None-Match: \"v1\"\r\n"
                            "If-None-Match: \"v2\"\r\n\r\n")
                  .substr(9, 3),
              "304")
        << "also of fields that are kept";
}

// not modified since then is a 304; a date that cannot be read is ignored.
TEST_F(ConditionsTest, ifModifiedSince) {
    EXPECT_EQ(with("If-Modified-Since", kBefore), "200");
    EXPECT_EQ(with("If-Modified-Since", kThenText), "304");
    EXPECT_EQ(with("If-Modified-Since", kAfter), "304");
    EXPECT_EQ(with("If-Modified-Since", "then"), "200");
    EXPECT_EQ(with("If-Modified-Since", kAfter, "POST"), "200") << "RFC 9110 §13.1.3";
}

// RFC 9110 §13.1.4.
TEST_F(ConditionsTest, ifUnmodifiedSince) {
    EXPECT_EQ(with("If-Unmodified-Since", kBefore), "412");
    EXPECT_EQ(with("If-Unmodified-Since", kThenText), "200");
    EXPECT_EQ(with("If-Unmodified-Since", "then"), "200");
}

// RFC 9110 §13.2.2: tags count before dates.
TEST_F(ConditionsTest, tagsTakePrecedence) {
    EXPECT_EQ(code("If-None-Match: \"v2\"\r\nIf-Modified-Since: " + std::string(kAfter) + "\r\n"),
              "200");
    EXPECT_EQ(code("If-Match: \"v1\"\r\nIf-Unmodified-Since: " + std::string(kBefore) + "\r\n"),
              "200");
    EXPECT_EQ(code("If-Match: \"v2\"\r\nIf-None-Match: \"v1\"\r\n"), "412");
}

// A 304 has the validators and no body.
TEST_F(ConditionsTest, a304HasNoBody) {
    ServerWire wire([](Request& request) -> Rendered {
        request.setETag("W/\"x\"");
        request.setLastModified(kThen);
        return std::string();
    });
    EXPECT_EQ(wire.exchange("GET / HTTP/1.1\r\nHost: t\r\nIf-None-Match: \"x\"\r\n\r\n"),
              "HTTP/1.1 304 Not Modified\r\nDate: D\r\nETag: W/\"x\"\r\nLast-Modified: " +
                  std::string(kThenText) + "\r\n\r\n");
}

// of several times the latest counts.
TEST_F(ConditionsTest, keepsTheLatestTime) {
    ServerWire wire([](Request& request) -> Rendered {
        request.setLastModified(kThen);
        request.setLastModified(kThen - 1s);
        return std::string();
    });
    const std::string answer = wire.exchange("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
    EXPECT_NE(answer.find("Last-Modified: " + std::string(kThenText)), std::string::npos) << answer;
}

// A tag without its quotes, or with more, is misuse.
TEST_F(ConditionsTest, refusesWhatIsNoTag) {
    ServerWire wire([](Request& request) -> Rendered {
        for (const char* bad : {"v1", "", "\"", "\"a\"b\"", "w/\"a\"", "\"a b\"", "\"a\n\""}) {
            EXPECT_THROW(request.setETag(bad), std::invalid_argument) << bad;
        }
        request.setETag("\"\"");
        return std::string();
    });
    EXPECT_TRUE(wire.exchange("GET / HTTP/1.1\r\nHost: t\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

// RFC 9110 §13.1.5: If-Range is a strong tag or the exact date.
TEST_F(ConditionsTest, ifRange) {
    EXPECT_TRUE(detail::rangeStillMeant("\"v1\"", "\"v1\"", kThen));
    EXPECT_FALSE(detail::rangeStillMeant("W/\"v1\"", "W/\"v1\"", kThen));
    EXPECT_FALSE(detail::rangeStillMeant("\"v2\"", "\"v1\"", kThen));
    EXPECT_TRUE(detail::rangeStillMeant(kThenText, "\"v1\"", kThen));
    EXPECT_FALSE(detail::rangeStillMeant(kAfter, "\"v1\"", kThen));
    EXPECT_FALSE(detail::rangeStillMeant("then", "\"v1\"", kThen));
}

}  // namespace
}  // namespace marline::http
