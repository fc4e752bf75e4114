// The snippets of docs/howto/health.md, and what the page says of them.
#include <chrono>
#include <csignal>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include "test/support/running.hpp"

using namespace marline;
using namespace std::chrono_literals;

namespace {

using test::runUntil;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

/// Keeps the log of all threads, the watchdog's among them.
class SharedLog {
public:
    SharedLog() : before_(setLogObserver(&keep)) { take(); }
    SharedLog(const SharedLog&) = delete;
    SharedLog& operator=(const SharedLog&) = delete;
    ~SharedLog() { setLogObserver(before_); }

    static std::string take() {
        const std::lock_guard lock(mutex());
        return std::exchange(text(), {});
    }

private:
    static std::mutex& mutex() {
        static std::mutex one;
        return one;
    }
    static std::string& text() {
        static std::string all;
        return all;
    }
    static void keep(LogLevel, std::string_view message) noexcept {
        const std::lock_guard lock(mutex());
        text().append(message).append("\n");
    }

    LogObserver before_;
};

// What blocks is told while it does and afterwards, and a signal shows what is open.
TEST(GuideHealth, watching) {
    const SharedLog log;
    Reactor reactor;
    reactor.watchHealth({.slowCallback = 50ms, .watchdog = true, .dumpSignal = SIGUSR1});
    std::string text;
    reactor.callLater(0s, [&] {
        while (text.find("has been blocking the loop for") == std::string::npos) {
            text += SharedLog::take();
            std::this_thread::yield();
        }
    });
    runUntil(reactor, [&] { return !text.empty(); });
    text += SharedLog::take();
    EXPECT_THAT(text, ContainsRegex("the delayed call made at .*health_test.cpp:[0-9]+ has been "
                                    "blocking the loop for [0-9.]+ ms and is not over"));
    EXPECT_THAT(text, ContainsRegex("blocked the loop for [0-9.]+ ms "
                                    "\\(HealthOptions::slowCallback is 50 ms\\)"));
    ASSERT_EQ(std::raise(SIGUSR1), 0);
    std::string dump;
    runUntil(reactor, [&] { return !(dump += SharedLog::take()).empty(); });
    EXPECT_THAT(dump, HasSubstr("open transports: "));
}

// The figures are there once they are counted.
TEST(GuideHealth, theFigures) {
    Reactor reactor;
    reactor.watchHealth();
    bool called = false;
    reactor.callLater(0s, [&] { called = true; });
    runUntil(reactor, [&] { return called; });
    ::testing::internal::CaptureStdout();
    const HealthReport health = reactor.health();
    if (health.lag.quantile(0.99) > 100ms || health.busyShare() > 0.9) {
        std::cout << "no reserve: " << health.toString() << '\n';
    }
    const std::string printed = ::testing::internal::GetCapturedStdout();
    EXPECT_TRUE(printed.empty() || printed.starts_with("no reserve: busy ")) << printed;
    EXPECT_GE(health.lag.count(), 1U);
}

// The text for people names ports, connections and calls, with their places.
TEST(GuideHealth, whatIsOpen) {
    Reactor reactor;
    const auto port = reactor.listenTcp(0, makeFactory<Protocol>(), {.interface = "127.0.0.1"});
    reactor.callLater(42s, [] {});
    const std::string text = reactor.dump();
    EXPECT_THAT(text, HasSubstr("health: not watched\n"));
    EXPECT_THAT(text, ContainsRegex("open transports: 1\n    a port on 127.0.0.1:[0-9]+ with 0 "
                                    "connections, made at .*health_test.cpp:[0-9]+\n"));
    EXPECT_THAT(text, ContainsRegex("pending calls: 1\n    due in 4[0-9.]+ s, made at "));
    EXPECT_THAT(text, ContainsRegex("threads: 0, 0 busy, 0 calls queued\ncalls in threads: 0\n"));
}

}  // namespace
