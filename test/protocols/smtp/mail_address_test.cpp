// Mail addresses, the lines that carry them, and base64.
#include <marline/protocols/smtp/mail_address.hpp>

#include <string>

#include <gtest/gtest.h>

#include <marline/protocols/smtp/detail/command.hpp>

namespace marline::smtp {
namespace {

// RFC 5321 §4.1.2: dot-atoms, quoted local parts, domains and literals are read, and written again.
TEST(MailAddress, readsWhatSmtpAllows) {
    for (const std::string text :
         {"", "a@b", "first.last@example.org", "a+b=c@x-1.test", "\"a b\"@c.test",
          "\"a\\\"@<b>\"@c.test", "x@[127.0.0.1]", "x@[IPv6:::1]"}) {
        const auto address = MailAddress::parse(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(address->toString(), text);
        EXPECT_EQ(address->null(), text.empty());
    }
    EXPECT_EQ(MailAddress::parse("a@b.test"), (MailAddress{"a", "b.test"}));
}

// What could be read as more than an address is none.
TEST(MailAddress, refusesEverythingElse) {
    for (const std::string text :
         {"a",      "@b",      "a@",    "a b@c",      "a@b c",     "a@b\r\nRCPT TO:<x@y>",
          "a..b@c", ".a@b",    "a.@b",  "a@b.",       "a@.b",      "a@b..c",
          "a>@b",   "a@b>",    "a@b@c", "\"a@b",      "\"a\n\"@b", "\"a\"b@c",
          "\"a\\",  "a@[x y]", "a@[]",  "\xc3\xa4@b", "a@\xc3\xa4"}) {
        EXPECT_FALSE(MailAddress::parse(text)) << text;
    }
}

// The limits kMaxLocalPart and kMaxDomain.
TEST(MailAddress, hasLimits) {
    EXPECT_TRUE(MailAddress::parse(std::string(kMaxLocalPart, 'a') + "@b"));
    EXPECT_FALSE(MailAddress::parse(std::string(kMaxLocalPart + 1, 'a') + "@b"));
    EXPECT_TRUE(MailAddress::parse("a@" + std::string(kMaxDomain, 'b')));
    EXPECT_FALSE(MailAddress::parse("a@" + std::string(kMaxDomain + 1, 'b')));
}

// A path may have a route before it, which is left out, and parameters behind it.
TEST(SmtpCommand, readsPaths) {
    const auto plain = detail::parsePath("from:<a@b>", "FROM:");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->address.toString(), "a@b");
    EXPECT_TRUE(plain->parameters.empty());
    const auto routed = detail::parsePath("TO:<@x,@y:\"<>\"@b> ONE=1  TWO", "TO:");
    ASSERT_TRUE(routed);
    EXPECT_EQ(routed->address.toString(), "\"<>\"@b");
    EXPECT_EQ(routed->parameters, (std::vector<std::string_view>{"ONE=1", "TWO"}));
    EXPECT_EQ(detail::parsePath("TO:<Postmaster>", "TO:")->address.toString(), "Postmaster");
    EXPECT_TRUE(detail::parsePath("FROM:<>", "FROM:")->address.null());
}

// Paths that are not written as they must be, and ones longer than kMaxPath.
TEST(SmtpCommand, refusesOtherPaths) {
    for (const char* line : {"", "FROM", "FROM:", "FROM:a@b", "FROM: <a@b>", "FROM:<a@b",
                             "FROM:<a>", "FROM:<a@b>x", "FROM:<@x>", "FROM:<@x:>", "FROM:<@:a@b>",
                             "FROM:<@x,y:a@b>", "FROM:<@x y:a@b>", "TO:<a@b>", "FROM:<\"a>"}) {
        EXPECT_FALSE(detail::parsePath(line, "FROM:")) << line;
    }
    const auto path = [](std::size_t bytes) {
        return "FROM:<a@" + std::string(bytes - 4, 'b') + '>';
    };
    EXPECT_TRUE(detail::parsePath(path(kMaxPath), "FROM:"));
    EXPECT_FALSE(detail::parsePath(path(kMaxPath + 1), "FROM:"));
}

}  // namespace
}  // namespace marline::smtp
