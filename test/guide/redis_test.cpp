// The snippets of docs/howto/redis.md; test/interop runs such against a server.
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/protocols/redis/redis_protocol.hpp>
#include <marline/reactor/endpoint_strings.hpp>

#include "test/guide/printed.hpp"
#include "test/support/running.hpp"

using namespace marline;

namespace {

/// Answers each command in its turn.
class Answers : public Protocol {
    void dataReceived(std::span<const std::byte> data) override {
        heard_ += asText(data);
        for (; next_ < kReplies.size() && heard_.find(kReplies[next_].command) != std::string::npos;
             ++next_) {
            transport()->write(kReplies[next_].reply);
        }
    }

    struct Exchange {
        std::string_view command, reply;
    };
    static constexpr std::array<Exchange, 2> kReplies{
        {{"SET\r\n$8\r\ngreeting\r\n$5\r\nhello\r\n", "+OK\r\n"},
         {"GET\r\n$8\r\ngreeting\r\n", "$5\r\nhello\r\n"}}};

    std::string heard_;
    std::size_t next_ = 0;
};

// A value is set and read again.
TEST(GuideRedis, settingAndGetting) {
    Reactor reactor;
    const auto port = reactor.listenTcp(0, makeFactory<Answers>(), {.interface = "127.0.0.1"});
    const std::string server = "tcp:" + port->getHost().toString();
    const test::Printed printed;
    auto endpoint = clientFromString(reactor, server);
    redis::connectRedis(*endpoint).addCallback([](const Ref<redis::RedisProtocol>& redis) {
        redis->set("greeting", "hello");
        return redis->get("greeting").addCallback([redis](const std::optional<std::string>& value) {
            std::cout << value.value_or("nothing") << '\n';
        });
    });
    test::runUntil(reactor, [&] { return !printed.text().empty(); });
    EXPECT_EQ(printed.text(), "hello\n");
}

}  // namespace

namespace compiled {

void subscriptions(const Ref<redis::RedisProtocol>& redis) {
    const auto show = [](std::string_view text) { std::cout << text << '\n'; };
    redis->subscribe("news", [=](std::string_view text) { show(text); });
    redis->psubscribe("news.*", [=](std::string_view channel, std::string_view text) {
        show(channel);
        show(text);
    });
}

}  // namespace compiled
