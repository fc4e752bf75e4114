// Internal: not installed. Notices from outside that a callback blocks its loop.
#pragma once

#include <condition_variable>
#include <mutex>
#include <source_location>
#include <string>
#include <thread>

#include <marline/deferred/api.hpp>
#include <marline/reactor/time.hpp>

namespace marline::detail {

/// `duration` in the unit that suits it: "1.5 s", "20 ms".
std::string briefly(Duration duration);
/// "file:line".
std::string placeOf(const std::source_location& where);
/// ", made at file:line"; nothing when that is unknown.
MARLINE_API std::string madeAt(const std::source_location& where);
/// "due in 1.5 s, made at file:line", of a delayed call.
MARLINE_API std::string dueIn(Duration wait, const std::source_location& where);

/// The system's monotonic clock. Thread-safe.
Duration monotonicNow() noexcept;

/// A callback that runs.
struct RunningCallback {
    const char* what = nullptr;  // null while none does
    std::source_location where = {};
    Duration since{};

    /// What it is, and where it was asked for.
    std::string describe() const;
};

/// Logs a callback that has run for `limit` and is not over, once. Its thread looks every half of
/// that time. begin() and end() are for the loop's thread.
///
/// It has a clock of its own: the reactor's belongs to the loop's thread, and may stand still while
/// the loop is blocked.
class Watchdog {
public:
    using Clock = Duration (*)() noexcept;

    /// `clock` is called from both threads. Throws std::system_error without a thread.
    explicit Watchdog(Duration limit, Clock clock = &monotonicNow);
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;
    ~Watchdog();

    void begin(RunningCallback callback) noexcept;
    void end() noexcept;
    /// What the thread does each time it looks.
    void look();

private:
    void watch();

    Clock clock_;
    Duration limit_;
    std::mutex mutex_;
    std::condition_variable over_;
    RunningCallback running_;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace marline::detail
