// The snippets of docs/howto/memcached.md; test/interop runs such against a server.
#include <iostream>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/protocols/memcache/memcache_protocol.hpp>

#include "test/guide/printed.hpp"
#include "test/support/running.hpp"

using namespace marline;

namespace {

/// Keeps one value, as memcached would.
class OneValue : public LineReceiver {
    void lineReceived(std::string_view line) override {
        if (line.starts_with("set ")) {
            return;
        }
        if (line.starts_with("get ")) {
            sendLine("VALUE key 0 " + std::to_string(value_.size()));
            sendLine(value_);
            sendLine("END");
        } else {
            value_ = line;
            sendLine("STORED");
        }
    }

    std::string value_;
};

// A value is stored and read again.
TEST(GuideMemcached, settingAndGetting) {
    Reactor reactor;
    const auto port = reactor.listenTcp(0, makeFactory<OneValue>(), {.interface = "127.0.0.1"});
    const Address server = port->getHost();
    const test::Printed printed;
    auto cache = makeRef<memcache::MemCacheProtocol>(reactor);
    reactor.connectTcp(server, factoryOf([cache](const Address&) { return cache; }))
        .addCallback(
            [cache](const Ref<IProtocol>&) { return cache->set("key", "value", {.expire = 60}); })
        .addCallback([cache](bool) { return cache->get("key"); })
        .addCallback(
            [](const std::optional<memcache::Item>& item) { std::cout << item->value << '\n'; });
    test::runUntil(reactor, [&] { return !printed.text().empty(); });
    EXPECT_EQ(printed.text(), "value\n");
}

}  // namespace
