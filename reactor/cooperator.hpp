// Cooperator: long work in small steps, so that the loop goes on between them.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <optional>
#include <ranges>
#include <source_location>
#include <type_traits>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/cooperative_task.hpp>
#include <marline/reactor/detail/call_and_wait.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

class Reactor;

/// How a Cooperator divides its time.
struct CooperatorOptions {
    /// For so long it takes steps before the loop gets its turn; at least one step.
    Duration slice = std::chrono::milliseconds(10);
    /// Asked after each step, with the number of steps in this turn; true gives the loop its turn
    /// (Twisted: `terminationPredicate`). Replaces `slice`. It must not throw.
    UniqueFunction<bool(std::size_t steps)> enough = {};
    /// Without it no step is taken before start().
    bool started = true;
};

/// Takes the steps of many tasks in turn, and lets the loop go on every few milliseconds (Twisted:
/// `task.Cooperator`).
///
///     cooperate(reactor, [&, i = 0]() mutable {      // true: there is more to do
///         table.index(i++);
///         return i < table.size();
///     });
///     cooperate(reactor, urls | std::views::transform(fetch));   // each Deferred is waited for
///
/// It belongs to the thread of its clock, which must outlive it. Destroying it is stop().
class MARLINE_API Cooperator {
public:
    explicit Cooperator(IReactorTime& clock, CooperatorOptions options = {});
    Cooperator(Cooperator&&) noexcept;
    Cooperator& operator=(Cooperator&&) noexcept;
    ~Cooperator();

    /// Begins a task; its first step is in a later turn. `work` is one of
    ///
    /// - a function, called for each step, that returns a Step, or what makes one: a bool (is there
    ///   more?) or a Deferred;
    /// - a range, also a lazy one or a generator, each of whose elements is one step: a Deferred is
    ///   waited for, a Failure ends the task, other values are dropped. One that is not a
    ///   temporary must outlive the task.
    ///
    /// What a step throws fails the task. When this cooperator is stopped, the task is over at
    /// once, with SchedulerStopped.
    template <class Work>
    CooperativeTask cooperate(Work&& work,
                              std::source_location where = std::source_location::current()) {
        return add(toWork(std::forward<Work>(work)), where);
    }
    /// The same, giving the Deferred of the end only; cancelling it stops the task.
    template <class Work>
    Deferred<> coiterate(Work&& work,
                         std::source_location where = std::source_location::current()) {
        return whenDoneOrCancelled(add(toWork(std::forward<Work>(work)), where), where);
    }

    /// Begins, or begins again, to take steps. Does nothing when it runs.
    void start();
    /// Ends all tasks with SchedulerStopped, those that wait or are paused too, and refuses further
    /// ones in the same way until start().
    void stop();
    /// True when it was started and not stopped.
    bool running() const noexcept;

private:
    friend class CooperativeTask;
    struct Schedule;
    using Work = UniqueFunction<Step()>;

    template <std::ranges::view V>
    class RangeWork {
    public:
        explicit RangeWork(V view) : view_(std::move(view)) {}

        Step operator()() {
            if (at_) {
                ++*at_;
            } else {
                at_.emplace(std::ranges::begin(view_));
            }
            if (*at_ == std::ranges::end(view_)) {
                return Step::done();
            }
            return Step(detail::whatToWaitFor(**at_));
        }

    private:
        V view_;
        std::optional<std::ranges::iterator_t<V>> at_;
    };

    template <class W>
    static Work toWork(W&& work) {
        using Given = std::decay_t<W>;
        if constexpr (std::invocable<Given&>) {
            static_assert(std::convertible_to<std::invoke_result_t<Given&>, Step>,
                          "marline: a step of a task returns a Step, a bool or a Deferred");
            return Work(std::forward<W>(work));
        } else {
            static_assert(std::ranges::input_range<W>,
                          "marline: a task's work is a function or a range");
            return Work(RangeWork(std::views::all(std::forward<W>(work))));
        }
    }

    CooperativeTask add(Work work, const std::source_location& where);
    static Deferred<> whenDoneOrCancelled(CooperativeTask task, const std::source_location& where);

    Ref<Schedule> schedule_;
};

/// The cooperator that all tasks of `reactor` share unless they bring their own; made at its first
/// use. Its tasks end with SchedulerStopped when the reactor goes.
MARLINE_API Cooperator& cooperatorOf(Reactor& reactor);

/// Begins a task on cooperatorOf(reactor) (Twisted: `task.cooperate`).
template <class Work>
CooperativeTask cooperate(Reactor& reactor, Work&& work,
                          std::source_location where = std::source_location::current()) {
    return cooperatorOf(reactor).cooperate(std::forward<Work>(work), where);
}
/// The same, giving the Deferred of the end only (Twisted: `task.coiterate`).
template <class Work>
Deferred<> coiterate(Reactor& reactor, Work&& work,
                     std::source_location where = std::source_location::current()) {
    return cooperatorOf(reactor).coiterate(std::forward<Work>(work), where);
}

}  // namespace marline
