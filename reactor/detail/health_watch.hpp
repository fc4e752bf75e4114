// Internal: not installed. Counts what a loop does, while somebody wants to know.
#pragma once

#include <memory>
#include <source_location>

#include <marline/reactor/detail/dump_signal.hpp>
#include <marline/reactor/detail/event_loop.hpp>
#include <marline/reactor/detail/watchdog.hpp>
#include <marline/reactor/health.hpp>
#include <marline/reactor/time.hpp>

namespace marline::detail {

/// Is told of every turn and callback of a loop. Reactor thread.
class HealthWatch {
public:
    /// Throws std::invalid_argument for a negative slowCallback, and for a watchdog without one;
    /// what DumpSignal throws; and std::system_error when there is no thread for the watchdog.
    HealthWatch(const IReactorTime& clock, const HealthOptions& options, int wakeFd);

    /// The waiting is over, and what is ready was served.
    void polled() noexcept;
    void turnEnded() noexcept;
    /// A callback begins, which was asked for at `where`; and ends. `what` must live for ever.
    void begin(const char* what, const std::source_location& where) noexcept;
    void end() noexcept;
    /// A delayed call begins, so long after it was due.
    void late(Duration by) noexcept { report_.lag.add(by); }

    /// From here on it only counts.
    void retire() noexcept;
    /// True once for each time that the dump's signal came.
    bool takeDumpRequest() noexcept { return signal_ != nullptr && signal_->take(); }
    HealthReport report() const;

private:
    void wakeUp(Duration now) noexcept;

    const IReactorTime& clock_;
    Duration slow_;
    Duration since_;
    HealthReport report_;
    bool awake_ = false;
    Duration awakeSince_{};
    RunningCallback running_;
    std::unique_ptr<DumpSignal> signal_;
    std::unique_ptr<Watchdog> watchdog_;
};

/// Tells a HealthWatch, unless it is null, that a callback runs while this lives.
class WatchedCallback {
public:
    WatchedCallback(HealthWatch* health, const char* what,
                    const std::source_location& where) noexcept
        : health_(health) {
        if (health_ != nullptr) [[unlikely]] {
            health_->begin(what, where);
        }
    }
    WatchedCallback(const WatchedCallback&) = delete;
    WatchedCallback& operator=(const WatchedCallback&) = delete;
    ~WatchedCallback() {
        if (health_ != nullptr) [[unlikely]] {
            health_->end();
        }
    }

private:
    HealthWatch* health_;
};

/// The same for a callback of a descriptor. What that makes meanwhile has its site.
class ObjectCallback {
public:
    explicit ObjectCallback(const LoopObject& object) noexcept
        : ObjectCallback(object.loop(),
                         object.site().line() == 0 ? "a callback of a transport"
                                                   : "a callback of the transport made",
                         object.site()) {}
    ObjectCallback(EventLoop& loop, const char* what, const std::source_location& where) noexcept
        : site_(loop, where), watched_(loop.health(), what, where) {
        if (loop.health() != nullptr) [[unlikely]] {
            // What is counted ends with a turn, also where the callback itself needs none.
            loop.wantTurn();
        }
    }

private:
    SiteScope site_;
    WatchedCallback watched_;
};

}  // namespace marline::detail
