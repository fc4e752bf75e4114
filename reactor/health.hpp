// Health: how a reactor is doing.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <marline/deferred/api.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

/// Counts durations by their size: in buckets that are a quarter of a power of two wide, so that
/// what quantile() gives is at most 25 % too long. Constant size, no allocation.
class MARLINE_API DurationHistogram {
public:
    /// Counts one; a negative one as zero.
    void add(Duration duration) noexcept;

    std::uint64_t count() const noexcept { return count_; }
    Duration max() const noexcept { return max_; }
    /// The mean; zero when nothing was counted.
    Duration mean() const noexcept;
    /// A duration that the share `q` of those counted did not exceed: 0.5 gives the median. Zero
    /// when nothing was counted; throws std::invalid_argument unless `q` is from 0 to 1.
    Duration quantile(double q) const;

private:
    static constexpr std::size_t kBuckets = 248;

    static std::size_t bucketOf(std::uint64_t nanoseconds) noexcept;
    static std::uint64_t endOf(std::size_t bucket) noexcept;

    std::array<std::uint64_t, kBuckets> buckets_{};
    std::uint64_t count_ = 0;
    Duration total_{};
    Duration max_{};
};

/// What watchHealth() is to do beyond counting.
struct HealthOptions {
    /// A callback that takes at least so long is logged as a warning, with the place where it was
    /// asked for. Zero: none is.
    Duration slowCallback = std::chrono::milliseconds(100);
    /// Log such a callback while it still blocks the loop, too. That takes a thread, which wakes up
    /// every half of slowCallback.
    bool watchdog = false;
    /// Log Reactor::dump() when the process gets this signal, SIGUSR1 for example, for as long as
    /// the health is watched. 0: none. One reactor of a process can do so.
    int dumpSignal = 0;
};

/// What was counted since watchHealth().
struct MARLINE_API HealthReport {
    Duration watched{};               ///< For how long.
    Duration busy{};                  ///< How much of that it did not wait for something to do.
    std::uint64_t turns = 0;          ///< Turns of the loop.
    std::uint64_t callbacks = 0;      ///< Callbacks in them.
    std::uint64_t slowCallbacks = 0;  ///< Those that took slowCallback or longer.
    DurationHistogram lag;            ///< How late each delayed call began: the loop's lag.
    DurationHistogram turnTimes;      ///< How long each turn was busy: what came then had to wait.
    std::size_t pendingCalls = 0;     ///< Calls made by callLater() that are pending now.
    std::size_t openTransports = 0;   ///< Connections, ports, and the like that are open now.

    /// From 0 to 1.
    double busyShare() const noexcept;
    double callbacksPerTurn() const noexcept;
    /// The figures in one line.
    std::string toString() const;
};

}  // namespace marline
