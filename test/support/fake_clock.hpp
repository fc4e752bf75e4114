// FakeClock: time that passes when a test says so.
#pragma once

#include <cstdint>
#include <map>
#include <source_location>
#include <utility>

#include <marline/reactor/time.hpp>

namespace marline::testing {

/// An IReactorTime that stands still but for advance().
class FakeClock final : public IReactorTime {
public:
    Duration seconds() const noexcept override { return now_; }

    DelayedCall callLater(Duration delay, UniqueFunction<void()> call,
                          std::source_location = std::source_location::current()) override {
        const std::uint32_t id = next_++;
        calls_.emplace(id, Call{now_ + delay, std::move(call)});
        return {*this, id, 0};
    }

    /// Lets `by` pass, and runs what is due then, in the order of its time.
    void advance(Duration by) {
        now_ += by;
        for (auto due = nextDue(); due != calls_.end(); due = nextDue()) {
            UniqueFunction<void()> run = std::move(due->second.run);
            calls_.erase(due);
            run();
        }
    }

    std::size_t pendingCalls() const noexcept { return calls_.size(); }

private:
    struct Call {
        Duration due;
        UniqueFunction<void()> run;
    };
    using Calls = std::map<std::uint32_t, Call>;

    Calls::iterator nextDue() {
        auto first = calls_.end();
        for (auto call = calls_.begin(); call != calls_.end(); ++call) {
            if (call->second.due <= now_ &&
                (first == calls_.end() || call->second.due < first->second.due)) {
                first = call;
            }
        }
        return first;
    }

    bool isActive(std::uint32_t slot, std::uint32_t) const noexcept override {
        return calls_.contains(slot);
    }
    void cancelCall(std::uint32_t slot, std::uint32_t) override { calls_.erase(slot); }
    void moveCall(std::uint32_t slot, std::uint32_t, Duration due) override {
        calls_.at(slot).due = due;
    }
    Duration dueTime(std::uint32_t slot, std::uint32_t) const override {
        return calls_.at(slot).due;
    }

    Duration now_{};
    std::uint32_t next_ = 0;
    Calls calls_;
};

}  // namespace marline::testing
