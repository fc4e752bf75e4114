// ManualClock: time that passes when the test says so.
#pragma once

#include <marline/reactor/time.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace marline::http::test {

/// A clock that stands still until advance(); calls run in the order they are due.
class ManualClock final : public IReactorTime {
public:
    Duration seconds() const noexcept override { return now_; }

    DelayedCall callLater(Duration delay, UniqueFunction<void()> call,
                          std::source_location = std::source_location::current()) override {
        calls_.push_back({now_ + delay, std::move(call), true});
        return {*this, static_cast<std::uint32_t>(calls_.size() - 1), 0};
    }

    /// Lets time pass, and runs what becomes due.
    void advance(Duration by) {
        const Duration end = now_ + by;
        for (;;) {
            std::size_t next = calls_.size();
            for (std::size_t i = 0; i < calls_.size(); ++i) {
                if (calls_[i].active && calls_[i].due <= end &&
                    (next == calls_.size() || calls_[i].due < calls_[next].due)) {
                    next = i;
                }
            }
            if (next == calls_.size()) {
                break;
            }
            now_ = std::max(now_, calls_[next].due);
            calls_[next].active = false;
            UniqueFunction<void()> call = std::move(calls_[next].call);
            call();
        }
        now_ = end;
    }

    /// How many calls are still to come.
    std::size_t pending() const noexcept {
        return static_cast<std::size_t>(std::count_if(
            calls_.begin(), calls_.end(), [](const Call& call) { return call.active; }));
    }
    /// How many callLater() there were.
    std::size_t made() const noexcept { return calls_.size(); }

private:
    struct Call {
        Duration due;
        UniqueFunction<void()> call;
        bool active;
    };

    bool isActive(std::uint32_t slot, std::uint32_t) const noexcept override {
        return calls_[slot].active;
    }
    void cancelCall(std::uint32_t slot, std::uint32_t) override { calls_[slot].active = false; }
    void moveCall(std::uint32_t slot, std::uint32_t, Duration due) override {
        calls_[slot].due = due;
    }
    Duration dueTime(std::uint32_t slot, std::uint32_t) const override { return calls_[slot].due; }

    Duration now_{std::chrono::hours(1)};
    std::vector<Call> calls_;
};

}  // namespace marline::http::test
