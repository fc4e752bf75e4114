// Clock: time that passes when the test says so.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/reactor/time.hpp>

namespace marline::testing {

/// An IReactorTime that stands still but for advance() (Twisted: `task.Clock`).
///
/// Its calls keep the order and the rules of the Reactor's, with two exceptions that make tests
/// shorter: what a due call adds, and is due as well, runs in the same advance(); and an exception
/// leaves advance() instead of being logged.
///
///     testing::Clock clock;
///     clock.callLater(5s, [&] { rang = true; });
///     clock.advance(5s);
///     EXPECT_TRUE(rang);
///
/// It belongs to one thread and must outlive the code that it is given to.
class MARLINE_API Clock final : public IReactorTime {
public:
    /// Shows `start` at first.
    explicit Clock(Duration start = Duration::zero());
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    /// Forgets the pending calls.
    ~Clock() override;

    Duration seconds() const noexcept override;
    DelayedCall callLater(Duration delay, UniqueFunction<void()> call,
                          std::source_location where = std::source_location::current()) override;

    /// Lets `by` pass, then runs what is due, in the order of due times: each call sees the new
    /// time. A call that adds another one for now each time it runs never lets it return.
    ///
    /// What a call throws leaves advance(): that call is over, the others that are due run in the
    /// next advance(). A negative `by` throws std::invalid_argument; a time beyond the greatest
    /// Duration is the greatest Duration.
    void advance(Duration by);
    /// One turn of a reactor: lets `by` pass, then runs what is due and was there before; what a
    /// call adds waits for the next turn. True when something ran.
    bool turn(Duration by = Duration::zero());
    /// One advance() for each step, in order: `clock.pump({1s, 1s, 500ms})`.
    void pump(std::span<const Duration> steps);
    void pump(std::initializer_list<Duration> steps) {
        pump(std::span<const Duration>(steps.begin(), steps.size()));
    }

    /// A handle of each pending call, in no promised order.
    std::vector<DelayedCall> getDelayedCalls();
    /// How many calls are pending.
    std::size_t pendingCalls() const noexcept;
    /// When the earliest of them is due; nothing without one.
    std::optional<Duration> nextCall() const;
    /// What is pending, and where that was made, a line each: nothing is to be left behind by a
    /// test.
    std::vector<std::string> leftovers() const;

private:
    struct State;

    void pass(Duration by);
    bool isActive(std::uint32_t slot, std::uint32_t generation) const noexcept override;
    void cancelCall(std::uint32_t slot, std::uint32_t generation) override;
    void moveCall(std::uint32_t slot, std::uint32_t generation, Duration due) override;
    Duration dueTime(std::uint32_t slot, std::uint32_t generation) const override;

    std::unique_ptr<State> state_;
};

}  // namespace marline::testing
