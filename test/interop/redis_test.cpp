// RedisProtocol with Debian's redis-server at the other end.
#include <marline/protocols/redis/redis_protocol.hpp>

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <marline/reactor/endpoints.hpp>

#include <test/interop/peer_program.hpp>
#include <test/support/deferred_outcome.hpp>
#include <test/support/temp_folder.hpp>

namespace marline::redis {
namespace {

using testing::Outcome;

class RedisInteropTest : public testing::InteropTest {
protected:
    void SetUp() override {
        const std::string program = find("redis-server");
        if (program.empty()) {
            GTEST_SKIP() << "Debian's redis-server is not installed";
        }
        const std::string path = folder_ / "redis.sock";
        const Ref<testing::PeerOutput> server =
            start(program, {"--port", "0", "--unixsocket", path, "--save", "", "--dir",
                            folder_.path(), "--requirepass", "secret"});
        runUntil([&] {
            return server->ended || server->text.find("ready to accept") != std::string::npos;
        });
        ASSERT_FALSE(server->ended) << server->text;
        endpoint_ = makeRef<UnixClientEndpoint>(reactor(), path);
    }
    /// What `d` yields.
    template <class T>
    auto result(Deferred<T> d) {
        Outcome<T> outcome(std::move(d));
        runUntil([&] { return outcome.fired(); });
        EXPECT_TRUE(outcome.ok()) << outcome.message();
        return outcome.ok() ? std::optional(outcome.value()) : std::nullopt;
    }
    Ref<RedisProtocol> connect() { return *result(connectRedis(*endpoint_)); }
    Ref<RedisProtocol> logIn() {
        Ref<RedisProtocol> redis = connect();
        result(redis->auth("", "secret"));
        return redis;
    }
    void leave(const Ref<RedisProtocol>& redis) {
        redis->transport()->loseConnection();
        runUntil([&] { return redis->transport() == nullptr; });
    }

private:
    test::TempFolder folder_;
    Ref<UnixClientEndpoint> endpoint_;
};

// Commands and replies of both protocols, a thousand at once too.
TEST_F(RedisInteropTest, speaksWithTheServer) {
    const Ref<RedisProtocol> redis = connect();
    const Outcome<std::optional<std::string>> early(redis->get("a"));
    runUntil([&] { return early.fired(); });
    ASSERT_NE(early.failed<RedisError>(), nullptr) << early.message();
    EXPECT_EQ(early.failed<RedisError>()->code(), "NOAUTH");
    result(redis->auth("", "secret"));
    for (const int version : {2, 3}) {
        if (version == 3) {
            result(redis->useResp3());
        }
        const std::string bytes("\0\r\n\xff", 4);
        result(redis->set("k", bytes));
        EXPECT_EQ(result(redis->get("k")), std::optional(bytes));
        EXPECT_EQ(result(redis->get("none")),
                  std::optional<std::optional<std::string>>(std::nullopt));
        std::vector<Outcome<std::int64_t>> counts;
        for (int i = 0; i < 1000; ++i) {
            counts.emplace_back(redis->incrBy("count", 1));
        }
        runUntil([&] { return counts.back().fired(); });
        EXPECT_EQ(counts.front().value(), 1);
        EXPECT_EQ(counts.back().value(), 1000);
        EXPECT_EQ(result(redis->del({"k", "count", "none"})), 2);
        result(redis->command("HSET", "h", "field", 7));
        const Value all = *result(redis->command("HGETALL", "h"));
        EXPECT_EQ(all.kind, version == 3 ? Value::Kind::Map : Value::Kind::Array);
        EXPECT_EQ(all.items.at(1).text, "7");
        const Outcome<std::int64_t> wrong(redis->incrBy("h", 1));
        runUntil([&] { return wrong.fired(); });
        EXPECT_NE(wrong.failed<RedisError>(), nullptr) << wrong.message();
        result(redis->del({"h"}));
    }
    leave(redis);
}

// Messages from one connection to another.
TEST_F(RedisInteropTest, publishesAndSubscribes) {
    const Ref<RedisProtocol> publisher = logIn();
    for (const int version : {2, 3}) {
        const Ref<RedisProtocol> subscriber = logIn();
        if (version == 3) {
            result(subscriber->useResp3());
        }
        std::string heard;
        result(subscriber->subscribe("news", [&](std::string_view text) { heard += text; }));
        result(subscriber->psubscribe("n*", [&](std::string_view channel, std::string_view text) {
            heard.append(channel).append(text);
        }));
        EXPECT_EQ(result(publisher->command("PUBLISH", "news", "1"))->integer, 2);
        runUntil([&] { return heard.size() == 6; });
        EXPECT_EQ(heard, "1news1");
        result(subscriber->unsubscribe("news"));
        result(subscriber->punsubscribe("n*"));
        result(subscriber->ping());
        EXPECT_EQ(result(publisher->command("PUBLISH", "news", "2"))->integer, 0);
        leave(subscriber);
    }
    leave(publisher);
}

}  // namespace
}  // namespace marline::redis
