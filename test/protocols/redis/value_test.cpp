// Replies of RESP2 and RESP3.
#include <marline/protocols/redis/value.hpp>

#include <cmath>
#include <string>

#include <gtest/gtest.h>

namespace marline::redis {
namespace {

using Kind = Value::Kind;

Value text(const std::string& what) { return {.kind = Kind::String, .text = what}; }
Value integer(std::int64_t what) { return {.kind = Kind::Integer, .integer = what}; }

/// The reply that `bytes` are; expects that no part of them is one.
Value read(const std::string& bytes) {
    ReplyScanner scanner;
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        EXPECT_EQ(scanner.scan(std::string(bytes, 0, length)), std::nullopt) << length;
    }
    EXPECT_EQ(scanner.scan(bytes + "+more"), bytes.size());
    ReplyScanner atOnce;
    EXPECT_EQ(atOnce.scan(bytes), bytes.size());
    EXPECT_EQ(atOnce.scan(bytes), bytes.size()) << "it begins anew";
    return readReply(bytes);
}

void expectRefused(const std::string& bytes) {
    EXPECT_THROW(
        {
            ReplyScanner scanner;
            if (const auto length = scanner.scan(bytes)) {
                readReply(bytes.substr(0, *length));
            }
        },
        ProtocolError)
        << bytes;
}

// The types of RESP2.
TEST(RedisValue, readsResp2) {
    EXPECT_EQ(read("+OK\r\n"), text("OK"));
    EXPECT_EQ(read("-ERR no\r\n"), (Value{.kind = Kind::Error, .text = "ERR no"}));
    EXPECT_EQ(read(":-42\r\n"), integer(-42));
    EXPECT_EQ(read("$5\r\nhe\r\no\r\n"), text("he\r\no"));
    EXPECT_EQ(read("$0\r\n\r\n"), text(""));
    EXPECT_TRUE(read("$-1\r\n").isNull());
    EXPECT_TRUE(read("*-1\r\n").isNull());
    EXPECT_EQ(read("*0\r\n"), (Value{.kind = Kind::Array}));
    EXPECT_EQ(
        read("*3\r\n:1\r\n*1\r\n$1\r\na\r\n+b\r\n"),
        (Value{.kind = Kind::Array,
               .items = {integer(1), {.kind = Kind::Array, .items = {text("a")}}, text("b")}}));
}

// The types that RESP3 adds.
TEST(RedisValue, readsResp3) {
    EXPECT_TRUE(read("_\r\n").isNull());
    EXPECT_EQ(read("#t\r\n"), (Value{.kind = Kind::Boolean, .integer = 1}));
    EXPECT_EQ(read("#f\r\n"), (Value{.kind = Kind::Boolean}));
    EXPECT_EQ(read(",3.25\r\n"), (Value{.kind = Kind::Double, .number = 3.25}));
    EXPECT_TRUE(std::isinf(read(",-inf\r\n").number));
    EXPECT_EQ(read("(34928903284092385094\r\n"), text("34928903284092385094"));
    EXPECT_EQ(read("=7\r\ntxt:abc\r\n"), text("abc"));
    EXPECT_EQ(read("!6\r\nERR no\r\n"), (Value{.kind = Kind::Error, .text = "ERR no"}));
    EXPECT_EQ(read("%1\r\n+k\r\n:1\r\n"),
              (Value{.kind = Kind::Map, .items = {text("k"), integer(1)}}));
    EXPECT_EQ(read("~1\r\n+k\r\n"), (Value{.kind = Kind::Set, .items = {text("k")}}));
    EXPECT_EQ(read(">1\r\n+k\r\n"), (Value{.kind = Kind::Push, .items = {text("k")}}));
}

// Attributes stand before a value and are passed over.
TEST(RedisValue, passesOverAttributes) {
    EXPECT_EQ(read("|1\r\n+ttl\r\n:3\r\n*1\r\n|0\r\n:7\r\n"),
              (Value{.kind = Kind::Array, .items = {integer(7)}}));
}

// What is no RESP is refused.
TEST(RedisValue, refusesWhatIsNoResp) {
    for (const char* bytes :
         {"HTTP/1.1 200 OK\r\n", "\r\n", "$x\r\n", "$-2\r\n", "$3\r\nabcde\r\n", "*1x\r\n",
          ":1.5\r\n", ":\r\n", ",x\r\n", "#x\r\n", "$?\r\n", "$4294967296\r\n", "*4294967296\r\n",
          "%4294967295\r\n", "$18446744073709551616\r\n"}) {
        expectRefused(bytes);
    }
    expectRefused("+" + std::string(64 * 1024, 'x'));
}

// Replies are nested so deeply and no more.
TEST(RedisValue, refusesRepliesNestedTooDeeply) {
    std::string bytes = ":1\r\n";
    for (std::size_t depth = 1; depth < kMaxReplyDepth; ++depth) {
        bytes = "*1\r\n" + bytes;
    }
    EXPECT_NO_THROW(readReply(bytes));
    expectRefused("*1\r\n" + bytes);
    std::string attributes;
    for (std::size_t i = 0; i < 100000; ++i) {
        attributes += "*1\r\n";
    }
    expectRefused(attributes + ":1\r\n");
}

// A value of another type than is needed is an UnexpectedReply.
TEST(RedisValue, refusesAnotherType) {
    Value number = integer(3);
    EXPECT_EQ(number.toInteger(), 3);
    EXPECT_THROW(number.string(), UnexpectedReply);
    EXPECT_EQ(text("x").string(), "x");
    EXPECT_THROW(text("x").toInteger(), UnexpectedReply);
    EXPECT_EQ(RedisError("WRONGTYPE of key").code(), "WRONGTYPE");
}

}  // namespace
}  // namespace marline::redis
