#include <marline/reactor/detail/health_watch.hpp>

#include <atomic>
#include <csignal>
#include <latch>
#include <stdexcept>
#include <string>
#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/detail/socket.hpp>

#include "test/support/reactor_fixture.hpp"

namespace marline::detail {
namespace {

using namespace std::chrono_literals;
using marline::testing::CaughtLog;
using ::testing::HasSubstr;

/// A clock that stands still until it is moved, and has no calls.
class StoppedClock final : public IReactorTime {
public:
    void advance(Duration by) { now_.store(now_.load() + by); }
    Duration seconds() const noexcept override { return now_.load(); }
    DelayedCall callLater(Duration, UniqueFunction<void()>, std::source_location) override {
        throw std::logic_error("a StoppedClock calls nobody");
    }

private:
    bool isActive(std::uint32_t, std::uint32_t) const noexcept override { return false; }
    void cancelCall(std::uint32_t, std::uint32_t) override {}
    void moveCall(std::uint32_t, std::uint32_t, Duration) override {}
    Duration dueTime(std::uint32_t, std::uint32_t) const override { return {}; }

    std::atomic<Duration> now_{1h};
};

class HealthWatchTest : public ::testing::Test {
protected:
    /// A callback of the given length.
    void callback(HealthWatch& watch, Duration length) {
        const WatchedCallback watched(&watch, "the call made", std::source_location::current());
        clock_.advance(length);
    }

    StoppedClock clock_;
    CaughtLog log_;
};

// The time from the first callback of a turn to its end is busy; the waiting before it is not.
TEST_F(HealthWatchTest, countsTurnsAndWhatTheyTook) {
    HealthWatch watch(clock_, {}, -1);
    clock_.advance(60ms);
    callback(watch, 10ms);
    watch.polled();
    callback(watch, 20ms);
    clock_.advance(10ms);
    watch.turnEnded();
    const HealthReport report = watch.report();
    EXPECT_EQ(report.watched, 100ms);
    EXPECT_EQ(report.busy, 40ms);
    EXPECT_DOUBLE_EQ(report.busyShare(), 0.4);
    EXPECT_EQ(report.turns, 1U);
    EXPECT_EQ(report.callbacks, 2U);
    EXPECT_DOUBLE_EQ(report.callbacksPerTurn(), 2);
    EXPECT_EQ(report.turnTimes.count(), 1U);
    EXPECT_EQ(report.turnTimes.max(), 40ms);
    EXPECT_TRUE(log_.empty());
}

// A turn without a callback counts too, and what it did after the waiting.
TEST_F(HealthWatchTest, countsEmptyTurns) {
    HealthWatch watch(clock_, {}, -1);
    for (int i = 0; i < 3; ++i) {
        clock_.advance(1s);
        watch.polled();
        clock_.advance(1ms);
        watch.turnEnded();
    }
    EXPECT_EQ(watch.report().turns, 3U);
    EXPECT_EQ(watch.report().callbacks, 0U);
    EXPECT_EQ(watch.report().busy, 3ms);
    EXPECT_DOUBLE_EQ(watch.report().callbacksPerTurn(), 0);
}

// A report in the middle of a turn counts that as far as it is.
TEST_F(HealthWatchTest, reportsInTheMiddleOfATurn) {
    HealthWatch watch(clock_, {}, -1);
    EXPECT_DOUBLE_EQ(watch.report().busyShare(), 0);
    watch.polled();
    clock_.advance(5ms);
    EXPECT_EQ(watch.report().busy, 5ms);
    EXPECT_EQ(watch.report().turns, 0U);
}

// A callback that takes as long as slowCallback is logged, with its place, its time and the knob.
TEST_F(HealthWatchTest, warnsOfSlowCallbacks) {
    HealthWatch watch(clock_, {.slowCallback = 50ms}, -1);
    callback(watch, 50ms - 1ns);
    EXPECT_TRUE(log_.empty());
    callback(watch, 1500ms);
    EXPECT_EQ(watch.report().slowCallbacks, 1U);
    EXPECT_THAT(log_.all(), HasSubstr("the call made at "));
    EXPECT_THAT(log_.all(), HasSubstr("health_watch_test.cpp:"));
    EXPECT_THAT(log_.all(), HasSubstr("blocked the loop for 1.5 s"));
    EXPECT_THAT(log_.all(), HasSubstr("HealthOptions::slowCallback is 50 ms"));
}

// With slowCallback of zero none is slow.
TEST_F(HealthWatchTest, zeroMeansNoWarning) {
    HealthWatch watch(clock_, {.slowCallback = 0s}, -1);
    callback(watch, 1h);
    EXPECT_EQ(watch.report().slowCallbacks, 0U);
    EXPECT_TRUE(log_.empty());
}

// A watch that has been replaced in the middle of a callback does not warn of it.
TEST_F(HealthWatchTest, retiredWatchIsSilent) {
    HealthWatch watch(clock_, {.slowCallback = 1ms, .watchdog = true}, -1);
    watch.begin("the call made", std::source_location::current());
    watch.retire();
    clock_.advance(1s);
    watch.end();
    EXPECT_TRUE(log_.empty());
}

// Senseless options are misuse.
TEST_F(HealthWatchTest, refusesSenselessOptions) {
    EXPECT_THROW(HealthWatch(clock_, {.slowCallback = -1ms}, -1), std::invalid_argument);
    EXPECT_THROW(HealthWatch(clock_, {.slowCallback = 0s, .watchdog = true}, -1),
                 std::invalid_argument);
}

std::atomic<Duration> watchdogTime{1h};
Duration watchdogClock() noexcept { return watchdogTime.load(); }
void advanceWatchdog(Duration by) { watchdogTime.store(watchdogTime.load() + by); }

// The watchdog tells once of a callback that has run for the limit, and not of one that is over.
TEST_F(HealthWatchTest, watchdogTellsOnceOfACallback) {
    Watchdog dog(2h, &watchdogClock);
    dog.begin({"the call made", std::source_location::current(), {}});
    advanceWatchdog(2h - 1ns);
    dog.look();
    EXPECT_TRUE(log_.empty());
    advanceWatchdog(1ns);
    dog.look();
    dog.look();
    EXPECT_EQ(log_.count("has been blocking the loop for 7.2e+03 s and is not over"), 1U);
    EXPECT_EQ(log_.count("health_watch_test.cpp:"), 1U);
    log_.clear();
    dog.begin({"the call made", std::source_location::current(), {}});
    dog.end();
    advanceWatchdog(3h);
    dog.look();
    EXPECT_TRUE(log_.empty());
}

std::atomic<std::latch*> blocked = nullptr;

// The watchdog's own thread tells while the callback still runs: this one goes on when it was told.
// The loop's clock stands still meanwhile, as one of a test does.
TEST_F(HealthWatchTest, watchdogTellsWhileTheCallbackRuns) {
    std::latch told(1);
    blocked = &told;
    const LogObserver before = setLogObserver([](LogLevel, std::string_view message) noexcept {
        if (message.find("is not over") != std::string_view::npos) {
            blocked.load()->count_down();
        }
    });
    {
        HealthWatch watch(clock_, {.slowCallback = 1ms, .watchdog = true}, -1);
        const WatchedCallback watched(&watch, "the call made", std::source_location::current());
        told.wait();
    }
    setLogObserver(before);
    EXPECT_TRUE(told.try_wait());
}

// The signal is noted, wakes who reads the descriptor, and is given back.
TEST_F(HealthWatchTest, dumpSignalIsNoted) {
    std::signal(SIGUSR1, SIG_IGN);
    {
        HealthWatch watch(clock_, {.dumpSignal = SIGUSR1}, -1);
        EXPECT_FALSE(watch.takeDumpRequest());
        std::raise(SIGUSR1);
        EXPECT_TRUE(watch.takeDumpRequest());
        EXPECT_FALSE(watch.takeDumpRequest());
        watch.retire();
        std::raise(SIGUSR1);
        EXPECT_FALSE(watch.takeDumpRequest());
    }
    EXPECT_EQ(std::signal(SIGUSR1, SIG_DFL), SIG_IGN);
}

// One reactor at a time, and only a signal that can be handled.
TEST_F(HealthWatchTest, dumpSignalSaysWhyNot) {
    EXPECT_THROW(DumpSignal(SIGKILL, -1), std::system_error);
    const DumpSignal first(SIGUSR1, -1);
    EXPECT_THROW(DumpSignal(SIGUSR2, -1), std::logic_error);
}

// Durations read well.
TEST_F(HealthWatchTest, durationsAreBrief) {
    EXPECT_EQ(briefly(0ns), "0 ns");
    EXPECT_EQ(briefly(999ns), "999 ns");
    EXPECT_EQ(briefly(1500ns), "1.5 us");
    EXPECT_EQ(briefly(20ms), "20 ms");
    EXPECT_EQ(briefly(90s), "90 s");
}

}  // namespace
}  // namespace marline::detail
