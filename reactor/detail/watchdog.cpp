#include <marline/reactor/detail/watchdog.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

#include <time.h>

#include <marline/reactor/log.hpp>

namespace marline::detail {
namespace {

// Looking more often than this would be work of its own, and less often than that overflows clocks.
constexpr Duration kLeastPause = std::chrono::milliseconds(1);
constexpr Duration kLongestPause = std::chrono::hours(1);

}  // namespace

Duration monotonicNow() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

std::string briefly(Duration duration) {
    struct Unit {
        double nanoseconds;
        const char* name;
    };
    static constexpr std::array<Unit, 3> kUnits{{{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}}};
    const auto ns = static_cast<double>(duration.count());
    std::array<char, 32> text{};
    for (const Unit& unit : kUnits) {
        if (ns >= unit.nanoseconds) {
            std::snprintf(text.data(), text.size(), "%.3g %s", ns / unit.nanoseconds, unit.name);
            return text.data();
        }
    }
    return std::to_string(duration.count()) + " ns";
}

std::string placeOf(const std::source_location& where) {
    return std::string(where.file_name()) + ":" + std::to_string(where.line());
}

std::string madeAt(const std::source_location& where) {
    return where.line() == 0 ? std::string() : ", made at " + placeOf(where);
}

std::string dueIn(Duration wait, const std::source_location& where) {
    return "due in " + briefly(std::max(wait, Duration::zero())) + madeAt(where);
}

std::string RunningCallback::describe() const {
    return where.line() == 0 ? what : std::string(what) + " at " + placeOf(where);
}

Watchdog::Watchdog(Duration limit, Clock clock)
    : clock_(clock), limit_(limit), thread_([this] { watch(); }) {}

Watchdog::~Watchdog() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    over_.notify_one();
    thread_.join();
}

void Watchdog::begin(RunningCallback callback) noexcept {
    callback.since = clock_();
    const std::lock_guard lock(mutex_);
    running_ = callback;
}

void Watchdog::end() noexcept {
    const std::lock_guard lock(mutex_);
    running_.what = nullptr;
}

void Watchdog::look() {
    RunningCallback slow;
    const Duration now = clock_();
    {
        const std::lock_guard lock(mutex_);
        if (running_.what == nullptr || now - running_.since < limit_) {
            return;
        }
        slow = std::exchange(running_, {});
    }
    log(LogLevel::Warning, slow.describe() + " has been blocking the loop for " +
                               briefly(now - slow.since) + " and is not over");
}

void Watchdog::watch() {
    const Duration pause = std::clamp(limit_ / 2, kLeastPause, kLongestPause);
    std::unique_lock lock(mutex_);
    while (!over_.wait_for(lock, pause, [this] { return ending_; })) {
        lock.unlock();
        look();
        lock.lock();
    }
}

}  // namespace marline::detail
