// CooperativeTask: one piece of work that a Cooperator takes in steps.
#pragma once

#include <concepts>
#include <optional>
#include <source_location>
#include <stdexcept>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/detail/call_and_wait.hpp>

namespace marline {

/// The end of a task whose Cooperator was stopped (Twisted: `SchedulerStopped`).
class MARLINE_API SchedulerStopped : public Error {
public:
    SchedulerStopped() : Error("the cooperator of this task was stopped") {}
    using Error::Error;
};

/// Misuse: stop() or pause() of a task that is over (Twisted: `TaskFinished`). The subclasses say
/// how it ended.
class MARLINE_API TaskFinished : public std::logic_error {
public:
    using std::logic_error::logic_error;
};
/// The work was done (Twisted: `TaskDone`).
class MARLINE_API TaskDone : public TaskFinished {
public:
    TaskDone() : TaskFinished("this task is done") {}
    using TaskFinished::TaskFinished;
};
/// A step threw, or what it waited for failed (Twisted: `TaskFailed`).
class MARLINE_API TaskFailed : public TaskFinished {
public:
    TaskFailed() : TaskFinished("this task has failed") {}
    using TaskFinished::TaskFinished;
};
/// The task was stopped (Twisted: `TaskStopped`). It is also the Failure that whenDone() gives
/// then.
class MARLINE_API TaskStopped : public TaskFinished {
public:
    TaskStopped() : TaskFinished("this task was stopped") {}
    using TaskFinished::TaskFinished;
};
/// Misuse: resume() of a task that was not paused (Twisted: `NotPaused`).
class MARLINE_API NotPaused : public std::logic_error {
public:
    NotPaused() : std::logic_error("resume() of a task that is not paused") {}
    using std::logic_error::logic_error;
};

/// What one step of a task leads to: more work, the end, or a wait for a Deferred.
class Step {
public:
    /// There is more to do.
    static Step more() noexcept { return Step(true); }
    /// That was all.
    static Step done() noexcept { return Step(false); }
    /// True is more(), false is done().
    template <std::same_as<bool> B>
    Step(B more) noexcept : more_(more) {}
    /// The next step comes when `d` has its result; when that is a Failure the task fails with it.
    template <class T>
    Step(Deferred<T> d) : more_(true), wait_(detail::whatToWaitFor(std::move(d))) {}

    /// Internal.
    bool isMore() const noexcept { return more_; }
    std::optional<Deferred<>>& wait() noexcept { return wait_; }

private:
    friend class Cooperator;
    explicit Step(std::optional<Deferred<>> wait) noexcept : more_(true), wait_(std::move(wait)) {}

    bool more_;
    std::optional<Deferred<>> wait_;
};

/// A handle of one task of a Cooperator (Twisted: `CooperativeTask`). Copy it freely; dropping it
/// does not stop the task.
class MARLINE_API CooperativeTask {
public:
    CooperativeTask(const CooperativeTask&) noexcept;
    CooperativeTask(CooperativeTask&&) noexcept;
    CooperativeTask& operator=(const CooperativeTask&) noexcept;
    CooperativeTask& operator=(CooperativeTask&&) noexcept;
    ~CooperativeTask();

    /// A new Deferred each time: it fires when the work is done, or fails with what a step threw,
    /// with TaskStopped or with SchedulerStopped. Cancelling it is no more than to look away. A
    /// task that failed and was never asked reports its Failure (see setUnhandledHook()).
    Deferred<> whenDone(std::source_location where = std::source_location::current());
    /// No step until as many resume(). Like stop() it throws TaskDone, TaskFailed or TaskStopped
    /// when the task is over.
    void pause();
    /// Undoes one pause(), also of a task that is over by now. Throws NotPaused without one.
    void resume();
    /// Ends the task before its next step, and fails whenDone() with TaskStopped. What it waits for
    /// is left alone.
    void stop();

private:
    friend class Cooperator;
    struct Task;

    explicit CooperativeTask(Ref<Task> task) noexcept;

    Ref<Task> task_;
};

}  // namespace marline
