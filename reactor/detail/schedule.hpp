// Internal: not installed. What a Cooperator and its tasks share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <source_location>
#include <vector>

#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/source.hpp>
#include <marline/reactor/cooperative_task.hpp>
#include <marline/reactor/cooperator.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

/// One task. Its schedule owns it until it is over, handles and the Deferred it waits for as well.
struct CooperativeTask::Task final : RefCounted {
    enum class End : std::uint8_t { None, Done, Failed, Stopped };

    Task(Cooperator::Schedule& in, UniqueFunction<Step()> steps, const std::source_location& at)
        : schedule(&in), work(std::move(steps)), where(at) {}
    ~Task() override;

    /// Takes one step.
    void step();
    void finish(End how, std::optional<Failure> failure);
    void tell(DeferredSource<>& waiter) const;
    void requireUnfinished() const;
    bool held() const noexcept { return waiting || pauses != 0; }

    Cooperator::Schedule* schedule;  // while it is not over
    UniqueFunction<Step()> work;
    std::source_location where;
    std::list<Ref<Task>>* list = nullptr;  // of the schedule, the one that it is in
    std::list<Ref<Task>>::iterator place;
    std::vector<DeferredSource<>> waiters;
    std::optional<Failure> why;
    std::size_t pauses = 0;
    End end = End::None;
    bool stepping = false;
    bool waiting = false;  // for a Deferred
    bool asked = false;

private:
    void await(Deferred<> d);
};

/// The tasks of a Cooperator; its pending call owns it as well.
struct Cooperator::Schedule final : RefCounted {
    using Task = CooperativeTask::Task;
    using Tasks = std::list<Ref<Task>>;

    Schedule(IReactorTime& time, CooperatorOptions how)
        : clock(time), options(std::move(how)), next(ready.end()), started(options.started) {}

    bool running() const noexcept { return started && !stopped; }
    void start();
    void stop();
    void add(const Ref<Task>& task);
    /// Takes a task out of the turn, and puts it back behind the others.
    void park(Task& task);
    void unpark(Task& task);
    void remove(Task& task);

    IReactorTime& clock;
    CooperatorOptions options;
    Tasks ready;
    Tasks parked;
    Tasks::iterator next;  // whose turn it is, of those that are ready
    DelayedCall pending;
    bool started;
    bool stopped = false;
    bool ticking = false;

private:
    /// So far away is the next turn: as soon as may be, but not within one advance() of a Clock.
    static constexpr Duration kTick = std::chrono::nanoseconds(10);

    void plan();
    void leave(Task& task);
    void tick();
};

}  // namespace marline
