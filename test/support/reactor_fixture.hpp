// A test with a reactor: it is run until a condition holds, and what it logs is caught.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <marline/reactor/log.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline::testing {

/// Catches the messages of LogLevel::Warning and above while it lives; one at a time.
class CaughtLog {
public:
    CaughtLog() : before_(setLogObserver(&take)) { messages().clear(); }
    CaughtLog(const CaughtLog&) = delete;
    CaughtLog& operator=(const CaughtLog&) = delete;
    ~CaughtLog() { setLogObserver(before_); }

    /// How many messages hold `part`.
    std::size_t count(std::string_view part) const {
        const std::lock_guard lock(mutex());
        std::size_t found = 0;
        for (const std::string& message : messages()) {
            found += message.find(part) != std::string::npos ? 1U : 0U;
        }
        return found;
    }
    bool empty() const {
        const std::lock_guard lock(mutex());
        return messages().empty();
    }
    /// Forgets what came so far: a test that caused it says so.
    void clear() {
        const std::lock_guard lock(mutex());
        messages().clear();
    }
    std::string all() const {
        const std::lock_guard lock(mutex());
        std::string text;
        for (const std::string& message : messages()) {
            text += message + '\n';
        }
        return text;
    }

private:
    static std::mutex& mutex() {
        static std::mutex one;
        return one;
    }
    static std::vector<std::string>& messages() {
        static std::vector<std::string> some;
        return some;
    }
    static void take(LogLevel level, std::string_view message) noexcept {
        if (level >= LogLevel::Warning) {
            const std::lock_guard lock(mutex());
            messages().emplace_back(message);
        }
    }

    LogObserver before_;
};

/// A reactor, and a guard that fails the test when it does not come to its end.
class ReactorFixture : public ::testing::Test {
protected:
    static constexpr Duration kGuard = std::chrono::seconds(30);

    Reactor& reactor() { return *reactor_; }
    CaughtLog& logged() { return logged_; }
    /// The end of the reactor, in the middle of a test.
    void dropReactor() { reactor_.reset(); }

    /// Turns the reactor until `done()`; fails the test after the guard time.
    template <std::predicate Done>
    void runUntil(Done&& done) {
        bool late = false;
        DelayedCall guard = reactor_->callLater(kGuard, [&late] { late = true; });
        while (!done() && !late) {
            reactor_->iterate(kGuard);
        }
        if (guard.active()) {
            guard.cancel();
        }
        EXPECT_FALSE(late) << "the condition did not come true; the log: " << logged_.all();
    }
    /// Reactor::run() to its end; fails the test after the guard time.
    void run() {
        DelayedCall guard = reactor_->callLater(kGuard, [this] {
            ADD_FAILURE() << "nothing stopped the reactor; the log: " << logged_.all();
            reactor_->crash();
        });
        reactor_->run();
        if (guard.active()) {
            guard.cancel();
        }
    }
    /// Turns that have nothing to wait for.
    void turn(int times = 1) {
        for (int i = 0; i < times; ++i) {
            reactor_->iterate();
        }
    }

    void TearDown() override {
        reactor_.reset();
        EXPECT_TRUE(logged_.empty()) << "logged, and not expected: " << logged_.all();
    }

private:
    CaughtLog logged_;
    std::unique_ptr<Reactor> reactor_ = std::make_unique<Reactor>();
};

}  // namespace marline::testing
