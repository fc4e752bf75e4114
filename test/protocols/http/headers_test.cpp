#include <marline/protocols/http/headers.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace marline::http {
namespace {

using Values = std::vector<std::string_view>;

static_assert(std::forward_iterator<Headers::Iterator>);

std::vector<FieldView> fieldsOf(const Headers& headers) { return {headers.begin(), headers.end()}; }

/// The text of the std::invalid_argument that `call` throws.
template <class Call>
std::string refusalOf(Call call) {
    try {
        call();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "nothing was thrown";
}

// Names match in either case, and fields keep their order. Q-21
TEST(Headers, findsNamesInAnyCaseAndKeepsOrder) {
    Headers headers;
    headers.addRawHeader("Set-Cookie", "a=1");
    headers.addRawHeader("Server", "x");
    headers.addRawHeader("set-cookie", "b=2");
    EXPECT_EQ(headers.size(), 3U);
    EXPECT_TRUE(headers.hasHeader("SERVER"));
    EXPECT_FALSE(headers.hasHeader("Serve"));
    EXPECT_EQ(headers.getRawHeaders("SET-cookie"), (Values{"a=1", "b=2"}));
    EXPECT_EQ(headers.getRawHeaders("X"), Values{});
    EXPECT_EQ(
        fieldsOf(headers),
        (std::vector<FieldView>{{"Set-Cookie", "a=1"}, {"Server", "x"}, {"set-cookie", "b=2"}}));
    EXPECT_EQ(headers[1], (FieldView{"Server", "x"}));
}

// get() gives the last of several values. Q-3
TEST(Headers, getGivesTheLastValue) {
    const Headers headers{{"A", "1"}, {"B", "2"}, {"a", "3"}};
    EXPECT_EQ(headers.get("A"), "3");
    EXPECT_EQ(headers.get("b"), "2");
    EXPECT_EQ(headers.get("C"), std::nullopt);
}

// setRawHeaders replaces every field of the name, and none of another.
TEST(Headers, setRawHeadersReplaces) {
    Headers headers{{"A", "1"}, {"B", "2"}, {"a", "3"}};
    headers.setRawHeaders("A", {"4", "5"});
    EXPECT_EQ(fieldsOf(headers), (std::vector<FieldView>{{"B", "2"}, {"A", "4"}, {"A", "5"}}));
    headers.setRawHeaders("B", {});
    EXPECT_EQ(fieldsOf(headers), (std::vector<FieldView>{{"A", "4"}, {"A", "5"}}));
    headers.setRawHeaders("C", {"6"});
    EXPECT_EQ(headers.get("C"), "6");
}

// removeHeader removes every field of the name; to remove what is not there is no error. Q-21
TEST(Headers, removesEveryFieldOfTheName) {
    Headers headers{{"A", "1"}, {"B", "two"}, {"a", "3"}, {"C", ""}};
    headers.removeHeader("A");
    headers.removeHeader("X");
    EXPECT_EQ(fieldsOf(headers), (std::vector<FieldView>{{"B", "two"}, {"C", ""}}));
    headers.addRawHeader("D", "4");
    EXPECT_EQ(fieldsOf(headers), (std::vector<FieldView>{{"B", "two"}, {"C", ""}, {"D", "4"}}));
    headers.clear();
    EXPECT_TRUE(headers.empty());
    EXPECT_EQ(headers.begin(), headers.end());
}

// White space around a value has no meaning (RFC 9110 §5.5) and is not kept.
TEST(Headers, dropsBlanksAroundAValue) {
    const Headers headers{{"A", " \tone two\t "}, {"B", "  "}};
    EXPECT_EQ(headers.get("A"), "one two");
    EXPECT_EQ(headers.get("B"), "");
}

// A name that is not a token is refused at the call, by name.
TEST(Headers, refusesInvalidNames) {
    using namespace std::string_literals;
    for (const std::string& name : {""s, "a b"s, "a:"s, "a\r\nb"s, "a\n"s, "\0"s, "caf\xc3\xa9"s,
                                    "a\x7f"s, "(a)"s, " a"s, "a "s}) {
        Headers headers{{"Kept", "1"}};
        EXPECT_THROW(headers.addRawHeader(name, "v"), std::invalid_argument) << name;
        EXPECT_THROW(headers.setRawHeaders(name, {"v"}), std::invalid_argument) << name;
        EXPECT_EQ(fieldsOf(headers), (std::vector<FieldView>{{"Kept", "1"}}));
    }
    EXPECT_EQ(refusalOf([] { Headers{{"a\r\nb", "v"}}; }),
              "header name \"a\\x0d\\x0ab\" is not a token");
}

// A value that would begin another line is refused at the call, naming the header; Twisted folds
// it to a blank (WA-11, Q-20), which hides the mistake.
TEST(Headers, refusesHeaderInjection) {
    using namespace std::string_literals;
    for (const std::string& value :
         {"a\r\nX: y"s, "a\nb"s, "a\rb"s, "a\0b"s, "\x7f"s, "\x1b[0m"s, "a\r\n"s}) {
        Headers headers{{"Kept", "1"}};
        EXPECT_THROW(headers.addRawHeader("A", value), std::invalid_argument);
        EXPECT_THROW(headers.setRawHeaders("Kept", {"2", value}), std::invalid_argument);
        EXPECT_EQ(fieldsOf(headers), (std::vector<FieldView>{{"Kept", "1"}}));
    }
    EXPECT_EQ(refusalOf([] { Headers{{"X-A", "a\r\nX: y"}}; }),
              "header \"X-A\" has a control character in its value \"a\\x0d\\x0aX: y\"");
    const std::string text = refusalOf([] { Headers{{"X-A", "\n" + std::string(1000, 'a')}}; });
    EXPECT_LT(text.size(), 150U);
}

// Adding several fields adds none if one of them is refused.
TEST(Headers, addsAllOrNothing) {
    Headers headers;
    const std::vector<FieldView> fields = {{"A", "1"}, {"B", "\n"}};
    EXPECT_THROW(headers.addRawHeaders(fields), std::invalid_argument);
    EXPECT_TRUE(headers.empty());
    EXPECT_EQ(Headers(std::span(fields).first(1)).get("A"), "1");
}

// Equality compares values by name: order among names and case do not matter, order of the
// values of one name does (Twisted: `test_comparison`).
TEST(Headers, comparesByName) {
    const Headers headers{{"A", "1"}, {"B", "2"}, {"A", "3"}};
    EXPECT_EQ(headers, (Headers{{"b", "2"}, {"a", "1"}, {"a", "3"}}));
    EXPECT_NE(headers, (Headers{{"A", "3"}, {"B", "2"}, {"A", "1"}}));
    EXPECT_NE(headers, (Headers{{"A", "1"}, {"B", "2"}}));
    EXPECT_NE(headers, (Headers{{"A", "1"}, {"B", "2"}, {"C", "3"}}));
    EXPECT_EQ(Headers(), Headers());
}

// A copy is independent of what it was copied from. Q-21
TEST(Headers, copiesAreIndependent) {
    Headers original{{"A", "1"}};
    Headers copy = original;
    copy.setRawHeaders("A", {"2"});
    EXPECT_EQ(original.get("A"), "1");
    EXPECT_EQ(copy.get("A"), "2");
}

// A field may be made from views into the same Headers, even when its memory must grow.
TEST(Headers, takesItsOwnViews) {
    Headers headers{{"A", "a value of some length"}};
    for (int i = 0; i < 100; ++i)
        headers.addRawHeader(headers[0].name, *headers.get("A"));
    EXPECT_EQ(headers.getRawHeaders("A"), Values(101, "a value of some length"));
    headers.setRawHeaders(headers[5].name, {*headers.get("A"), headers[7].value});
    EXPECT_EQ(headers.getRawHeaders("A"), Values(2, "a value of some length"));
    headers.addRawHeader("B", "b");
    headers.removeHeader(headers[0].name);
    EXPECT_EQ(fieldsOf(headers), (std::vector<FieldView>{{"B", "b"}}));
}

// Setting a header again and again does not let the buffer grow.
TEST(Headers, closesTheGapsOfRemovedFields) {
    Headers headers{{"Kept", "1"}};
    const char* place = nullptr;
    for (int i = 0; i < 1000; ++i) {
        headers.setRawHeaders("Date", {"Sun, 06 Nov 1994 08:49:37 GMT"});
        if (i == 10)
            place = headers[0].name.data();
    }
    EXPECT_EQ(headers[0].name.data(), place);
    EXPECT_EQ(headers.size(), 2U);
}

// Field names are compared as ASCII, and only letters have two cases.
TEST(FieldView, comparesNames) {
    EXPECT_TRUE(sameFieldName("Content-Type", "content-TYPE"));
    EXPECT_TRUE(sameFieldName("", ""));
    EXPECT_FALSE(sameFieldName("A", "AB"));
    EXPECT_FALSE(sameFieldName("A^", "A~"));
    EXPECT_FALSE(sameFieldName("@", "`"));
    EXPECT_FALSE(sameFieldName("\xc9", "\xe9"));
}

}  // namespace
}  // namespace marline::http
