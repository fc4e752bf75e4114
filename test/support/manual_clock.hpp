// A clock that a test moves.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include <marline/reactor/time.hpp>

namespace marline::testing {

/// Calls what is due when the test says that time has passed.
class ManualClock final : public IReactorTime {
public:
    Duration seconds() const noexcept override { return now_; }

    DelayedCall callLater(Duration delay, UniqueFunction<void()> call,
                          std::source_location = std::source_location::current()) override {
        const std::uint32_t slot = nextSlot_++;
        calls_.emplace(slot, Call{now_ + delay, std::move(call)});
        return DelayedCall(*this, slot, 0);
    }

    /// Moves the time by `by` and runs what becomes due, in order of time, then of making.
    void advance(Duration by) {
        const Duration target = now_ + by;
        while (true) {
            auto next = calls_.end();
            for (auto it = calls_.begin(); it != calls_.end(); ++it) {
                if (it->second.due <= target &&
                    (next == calls_.end() || it->second.due < next->second.due)) {
                    next = it;
                }
            }
            if (next == calls_.end()) {
                break;
            }
            now_ = next->second.due;
            UniqueFunction<void()> call = std::move(next->second.call);
            calls_.erase(next);
            call();
        }
        now_ = target;
    }

    /// Calls that are to come.
    std::size_t pending() const noexcept { return calls_.size(); }

private:
    struct Call {
        Duration due;
        UniqueFunction<void()> call;
    };

    bool isActive(std::uint32_t slot, std::uint32_t) const noexcept override {
        return calls_.count(slot) != 0;
    }
    void cancelCall(std::uint32_t slot, std::uint32_t) override { calls_.erase(slot); }
    void moveCall(std::uint32_t slot, std::uint32_t, Duration due) override {
        calls_.at(slot).due = due;
    }
    Duration dueTime(std::uint32_t slot, std::uint32_t) const override {
        return calls_.at(slot).due;
    }

    std::map<std::uint32_t, Call> calls_;
    Duration now_{};
    std::uint32_t nextSlot_ = 0;
};

}  // namespace marline::testing
