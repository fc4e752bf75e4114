#include <marline/reactor/detail/health_watch.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include <marline/reactor/log.hpp>

namespace marline::detail {

HealthWatch::HealthWatch(const IReactorTime& clock, const HealthOptions& options, int wakeFd)
    : clock_(clock), slow_(options.slowCallback), since_(clock.seconds()) {
    if (slow_ < Duration::zero() || (options.watchdog && slow_ == Duration::zero())) {
        throw std::invalid_argument(
            "HealthOptions::slowCallback must not be negative, and a watchdog needs one");
    }
    if (options.dumpSignal != 0) {
        signal_ = std::make_unique<DumpSignal>(options.dumpSignal, wakeFd);
    }
    if (options.watchdog) {
        watchdog_ = std::make_unique<Watchdog>(slow_);
    }
}

void HealthWatch::wakeUp(Duration now) noexcept {
    if (!std::exchange(awake_, true)) {
        awakeSince_ = now;
    }
}

void HealthWatch::polled() noexcept {
    if (!awake_) {
        wakeUp(clock_.seconds());
    }
}

void HealthWatch::turnEnded() noexcept {
    polled();
    awake_ = false;
    const Duration took = clock_.seconds() - awakeSince_;
    report_.busy += took;
    report_.turnTimes.add(took);
    ++report_.turns;
}

void HealthWatch::begin(const char* what, const std::source_location& where) noexcept {
    running_ = {what, where, clock_.seconds()};
    wakeUp(running_.since);
    ++report_.callbacks;
    if (watchdog_ != nullptr) {
        watchdog_->begin(running_);
    }
}

void HealthWatch::end() noexcept {
    if (watchdog_ != nullptr) {
        watchdog_->end();
    }
    const Duration took = clock_.seconds() - running_.since;
    if (slow_ != Duration::zero() && took >= slow_) {
        ++report_.slowCallbacks;
        log(LogLevel::Warning, running_.describe() + " blocked the loop for " + briefly(took) +
                                   " (HealthOptions::slowCallback is " + briefly(slow_) + ")");
    }
}

void HealthWatch::retire() noexcept {
    slow_ = Duration::zero();
    watchdog_.reset();
    signal_.reset();
}

HealthReport HealthWatch::report() const {
    HealthReport report = report_;
    const Duration now = clock_.seconds();
    report.watched = now - since_;
    if (awake_) {
        report.busy += now - awakeSince_;
    }
    return report;
}

}  // namespace marline::detail
