// RedisProtocol: commands, replies and messages.
#include <marline/protocols/redis/redis_protocol.hpp>

#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/support/deferred_outcome.hpp>

namespace marline::redis {
namespace {

using testing::NoUnhandled;
using testing::Outcome;

class RedisProtocolTest : public ::testing::Test {
protected:
    RedisProtocolTest() { redis_->makeConnection(transport_); }
    ~RedisProtocolTest() override {
        if (redis_->transport() != nullptr) {
            redis_->connectionLost(ConnectionDone());
        }
    }
    /// Byte by byte, so that every cut is among the reads.
    void receive(const std::string& bytes) {
        for (const char& byte : bytes) {
            redis_->dataReceived(std::as_bytes(std::span(&byte, 1)));
        }
    }
    std::string sent() {
        std::string all = transport_.value();
        transport_.clear();
        return all;
    }

    NoUnhandled noUnhandled_;
    testing::StringTransport transport_;
    Ref<RedisProtocol> redis_ = makeRef<RedisProtocol>();
};

// A command is an array of bulk strings, in one write.
TEST_F(RedisProtocolTest, sendsCommands) {
    const Outcome<Value> one(redis_->command("SET", std::string("k\r\n"), -5));
    EXPECT_EQ(transport_.writes(), 1U);
    EXPECT_EQ(sent(), "*3\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$2\r\n-5\r\n");
    const Outcome<Value> two(redis_->commandOf({"PING", ""}));
    EXPECT_EQ(sent(), "*2\r\n$4\r\nPING\r\n$0\r\n\r\n");
    EXPECT_THROW(redis_->commandOf({}), std::invalid_argument);
    receive("+OK\r\n$0\r\n\r\n");
    EXPECT_EQ(one.value().text, "OK");
    EXPECT_EQ(two.value(), (Value{.kind = Value::Kind::String}));
}

// Commands do not wait for the replies of those before; replies come in order.
TEST_F(RedisProtocolTest, pipelines) {
    const Outcome<std::optional<std::string>> there(redis_->get("a"));
    const Outcome<std::optional<std::string>> missing(redis_->get("b"));
    const Outcome<std::int64_t> count(redis_->incrBy("c", 2));
    EXPECT_FALSE(there.fired());
    receive("$3\r\none\r\n$-1\r\n:42\r\n");
    EXPECT_EQ(there.value(), "one");
    EXPECT_EQ(missing.value(), std::nullopt);
    EXPECT_EQ(count.value(), 42);
}

// The commands that have calls of their own.
TEST_F(RedisProtocolTest, hasCallsForUsualCommands) {
    const Outcome<> set(redis_->set("k", "v"));
    const Outcome<std::int64_t> del(redis_->del({"a", "b"}));
    const Outcome<> ping(redis_->ping());
    const Outcome<> auth(redis_->auth("", "pw"));
    const Outcome<> user(redis_->auth("me", "pw"));
    const Outcome<> select(redis_->select(3));
    const Outcome<> resp3(redis_->useResp3());
    EXPECT_EQ(sent(),
              "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*3\r\n$3\r\nDEL\r\n$1\r\na\r\n$1\r\nb\r\n"
              "*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n"
              "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$2\r\npw\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
              "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n");
    receive("+OK\r\n:1\r\n+PONG\r\n+OK\r\n+OK\r\n+OK\r\n%1\r\n+proto\r\n:3\r\n");
    EXPECT_TRUE(set.ok() && ping.ok() && auth.ok() && user.ok() && select.ok() && resp3.ok());
    EXPECT_EQ(del.value(), 1);
}

// An error of the server's fails the command it answers, and no other.
TEST_F(RedisProtocolTest, failsWithTheServersErrors) {
    const Outcome<std::int64_t> wrong(redis_->incrBy("list", 1));
    const Outcome<std::int64_t> strange(redis_->incrBy("x", 1));
    const Outcome<> fine(redis_->ping());
    receive("-WRONGTYPE Operation against a key\r\n+what\r\n+PONG\r\n");
    ASSERT_NE(wrong.failed<RedisError>(), nullptr) << wrong.message();
    EXPECT_EQ(wrong.failed<RedisError>()->code(), "WRONGTYPE");
    EXPECT_NE(strange.failed<UnexpectedReply>(), nullptr) << strange.message();
    EXPECT_TRUE(fine.ok());
}

// What was not answered fails with the reason of the loss, and so does what comes later.
TEST_F(RedisProtocolTest, failsWhenTheConnectionIsLost) {
    const Outcome<> before(redis_->ping());
    redis_->connectionLost(ConnectionLost("cut"));
    EXPECT_NE(before.failed<ConnectionLost>(), nullptr) << before.message();
    const Outcome<> later(redis_->ping());
    EXPECT_EQ(later.message(), "cut");
    const Outcome<> never(makeRef<RedisProtocol>()->ping());
    EXPECT_NE(never.failed<ConnectionLost>(), nullptr) << never.message();
}

// A cancelled command fails at once; its reply is dropped and answers no other.
TEST_F(RedisProtocolTest, dropsTheReplyOfACancelledCommand) {
    Outcome<std::int64_t> cancelled(redis_->incrBy("a", 1));
    const Outcome<std::int64_t> other(redis_->incrBy("b", 1));
    cancelled.cancel();
    EXPECT_NE(cancelled.failed<CancelledError>(), nullptr);
    receive(":1\r\n:2\r\n");
    EXPECT_EQ(other.value(), 2);
}

// With RESP2 messages are arrays, between the replies of a subscriber.
TEST_F(RedisProtocolTest, hearsMessagesOverResp2) {
    std::string heard;
    const Outcome<> news(
        redis_->subscribe("news", [&](std::string_view text) { heard.append(text) += ' '; }));
    const Outcome<> pattern(
        redis_->psubscribe("n*", [&](std::string_view channel, std::string_view text) {
            heard.append(channel).append(":").append(text) += ' ';
        }));
    EXPECT_EQ(sent(),
              "*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nnews\r\n"
              "*2\r\n$10\r\nPSUBSCRIBE\r\n$2\r\nn*\r\n");
    receive("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    EXPECT_TRUE(news.ok());
    EXPECT_FALSE(pattern.fired());
    receive(
        "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$3\r\none\r\n"
        "*3\r\n$10\r\npsubscribe\r\n$2\r\nn*\r\n:2\r\n"
        "*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$2\r\nnx\r\n$3\r\ntwo\r\n"
        "*3\r\n$7\r\nmessage\r\n$5\r\nother\r\n$3\r\nnot\r\n"
        "*4\r\n$8\r\npmessage\r\n$2\r\no*\r\n$2\r\nox\r\n$3\r\nnot\r\n");
    EXPECT_TRUE(pattern.ok());
    EXPECT_EQ(heard, "one nx:two ");
    const Outcome<> gone(redis_->unsubscribe("news"));
    const Outcome<> goneToo(redis_->punsubscribe("n*"));
    receive(
        "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nthree\r\n"
        "*3\r\n$11\r\nunsubscribe\r\n$4\r\nnews\r\n:1\r\n"
        "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$4\r\nfour\r\n"
        "*3\r\n$12\r\npunsubscribe\r\n$2\r\nn*\r\n:0\r\n");
    EXPECT_TRUE(gone.ok() && goneToo.ok());
    EXPECT_EQ(heard, "one nx:two three ");
    const Outcome<Value> array(redis_->command("LRANGE", "messages", 0, -1));
    receive("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n");
    EXPECT_EQ(array.value().items.size(), 3U) << "an ordinary reply again";
}

// With RESP3 messages are pushes, and any command may be sent meanwhile.
TEST_F(RedisProtocolTest, hearsMessagesOverResp3) {
    std::string heard;
    const Outcome<> news(
        redis_->subscribe("news", [&](std::string_view text) { heard.append(text); }));
    const Outcome<Value> array(redis_->command("LRANGE", "messages", 0, -1));
    receive(
        ">3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n"
        ">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$3\r\none\r\n*1\r\n$7\r\nmessage\r\n");
    EXPECT_TRUE(news.ok());
    EXPECT_EQ(heard, "one");
    EXPECT_EQ(array.value().items.size(), 1U);
}

// Who hears a channel may change that in the callback.
TEST_F(RedisProtocolTest, mayChangeListenersInACallback) {
    std::string heard;
    const Outcome<> first(redis_->subscribe("c", [&](std::string_view) {
        heard += "first ";
        redis_->subscribe("c", [&](std::string_view) { heard += "second "; });
    }));
    const std::string confirmed = ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
    const std::string message = ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n";
    receive(confirmed + message + confirmed + message + message);
    EXPECT_EQ(heard, "first second second ");
}

// A push that is no message is given to pushReceived(), which ignores it unless overridden.
TEST_F(RedisProtocolTest, givesOtherPushesAway) {
    class Tracking final : public RedisProtocol {
    public:
        void pushReceived(const Value& push) override { got.push_back(push.items.at(0).text); }
        std::vector<std::string> got;
    };
    const auto tracking = makeRef<Tracking>();
    tracking->makeConnection(transport_);
    tracking->dataReceived(asBytes(">2\r\n+invalidate\r\n*1\r\n+k\r\n"));
    EXPECT_EQ(tracking->got, (std::vector<std::string>{"invalidate"}));
    tracking->connectionLost(ConnectionDone());
    EXPECT_NO_THROW(receive(">1\r\n+invalidate\r\n>0\r\n"));
}

// What is no RESP, a reply that nobody asked for, and one beyond the limit close the connection.
TEST_F(RedisProtocolTest, refusesWhatMakesNoSense) {
    EXPECT_THROW(receive("HTTP/1.1"), ProtocolError);
    const auto unasked = makeRef<RedisProtocol>();
    unasked->makeConnection(transport_);
    EXPECT_THROW(unasked->dataReceived(asBytes("+OK\r\n")), ProtocolError);
    unasked->connectionLost(ConnectionDone());
    for (const std::size_t less : {std::size_t{0}, std::size_t{1}}) {
        const auto limited = makeRef<RedisProtocol>();
        EXPECT_EQ(limited->maxReplyBytes(), kMaxReplyBytes);
        limited->setMaxReplyBytes(9 - less);
        limited->makeConnection(transport_);
        const Outcome<std::optional<std::string>> got(limited->get("k"));
        const auto reply = [&] { limited->dataReceived(asBytes("$3\r\nabc\r\n")); };
        if (less == 0) {
            EXPECT_NO_THROW(reply());
        } else {
            EXPECT_THROW(reply(), ProtocolError);
        }
        limited->connectionLost(ConnectionDone());
        EXPECT_EQ(got.ok(), less == 0);
    }
}

}  // namespace
}  // namespace marline::redis
