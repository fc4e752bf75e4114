#include <marline/reactor/cooperator.hpp>

#include <marline/deferred/errors.hpp>
#include <marline/deferred/unhandled.hpp>
#include <marline/reactor/detail/reactor_parts.hpp>
#include <marline/reactor/detail/schedule.hpp>
#include <marline/reactor/reactor.hpp>

#include <utility>

namespace marline {

// The schedule.

void Cooperator::Schedule::start() {
    started = true;
    stopped = false;
    plan();
}

void Cooperator::Schedule::stop() {
    const Ref<Schedule> self(this);
    stopped = true;
    if (pending.active()) {
        pending.cancel();
    }
    // Each may end others, or start this again with new tasks.
    Tasks ending;
    ending.splice(ending.end(), ready);
    ending.splice(ending.end(), parked);
    next = ready.end();
    for (const Ref<Task>& task : ending) {
        task->list = &ending;
    }
    while (!ending.empty()) {
        const Ref<Task> task = ending.front();
        task->finish(Task::End::Stopped, Failure::make<SchedulerStopped>());
    }
}

void Cooperator::Schedule::add(const Ref<Task>& task) {
    if (stopped) {
        task->finish(Task::End::Stopped, Failure::make<SchedulerStopped>());
        return;
    }
    task->list = &ready;
    task->place = ready.insert(ready.end(), task);
    plan();
}

/// Lets the task lose its turn among the ready ones, if it has one.
void Cooperator::Schedule::leave(Task& task) {
    if (task.list == &ready && next == task.place) {
        ++next;
    }
}

void Cooperator::Schedule::park(Task& task) {
    leave(task);
    parked.splice(parked.end(), *task.list, task.place);
    task.list = &parked;
    plan();
}

void Cooperator::Schedule::unpark(Task& task) {
    ready.splice(ready.end(), *task.list, task.place);
    task.list = &ready;
    plan();
}

void Cooperator::Schedule::remove(Task& task) {
    leave(task);
    std::exchange(task.list, nullptr)->erase(task.place);
    plan();
}

/// There is a pending call just when there is a task for it.
void Cooperator::Schedule::plan() {
    const bool wanted = running() && !ready.empty() && !ticking;
    if (wanted && !pending.active()) {
        pending = clock.callLater(kTick, [self = Ref<Schedule>(this)] { self->tick(); });
    } else if (ready.empty() && pending.active()) {
        pending.cancel();
    }
}

void Cooperator::Schedule::tick() {
    const Ref<Schedule> self(this);
    const Duration end = later(clock.seconds(), options.slice);
    ticking = true;
    for (std::size_t steps = 1; !ready.empty(); ++steps) {
        if (next == ready.end()) {
            next = ready.begin();
        }
        const Ref<Task> task = *next++;
        task->step();
        if (options.enough ? options.enough(steps) : clock.seconds() >= end) {
            break;
        }
    }
    ticking = false;
    plan();
}

// A task.

CooperativeTask::Task::~Task() {
    if (end == End::Failed && !asked) {
        reportUnhandled(*why, where);
    }
}

void CooperativeTask::Task::step() {
    std::optional<Step> next;
    std::optional<Failure> thrown;
    stepping = true;
    try {
        next.emplace(work());
    } catch (...) {
        thrown = Failure::current();
    }
    stepping = false;
    if (end != End::None) {
        // It has stopped itself, and what else it said has nobody to hear it.
        work.reset();
        if (thrown) {
            reportUnhandled(*thrown, where);
        }
    } else if (!next) {
        finish(End::Failed, std::move(thrown));
    } else if (!next->isMore()) {
        finish(End::Done, std::nullopt);
    } else if (next->wait()) {
        await(std::move(*next->wait()));
    }
}

void CooperativeTask::Task::await(Deferred<> d) {
    waiting = true;
    schedule->park(*this);
    d.addBoth([self = Ref<Task>(this)](Result<> result) -> Result<> {
        self->waiting = false;
        if (self->end != End::None) {
            return result;
        }
        if (!result.ok()) {
            self->finish(End::Failed, result.failure());
        } else if (!self->held()) {
            self->schedule->unpark(*self);
        }
        return {};
    });
}

void CooperativeTask::Task::finish(End how, std::optional<Failure> failure) {
    const Ref<Task> self(this);
    end = how;
    why = std::move(failure);
    if (list != nullptr) {
        schedule->remove(*this);
    }
    schedule = nullptr;
    if (!stepping) {
        work.reset();
    }
    for (DeferredSource<>& waiter : std::exchange(waiters, {})) {
        tell(waiter);
    }
}

void CooperativeTask::Task::tell(DeferredSource<>& waiter) const {
    if (why) {
        waiter.errback(*why);
    } else {
        waiter.callback();
    }
}

void CooperativeTask::Task::requireUnfinished() const {
    switch (end) {
    case End::None: return;
    case End::Done: throw TaskDone();
    case End::Failed: throw TaskFailed();
    case End::Stopped: throw TaskStopped();
    }
}

// Its handle.

CooperativeTask::CooperativeTask(Ref<Task> task) noexcept : task_(std::move(task)) {}
CooperativeTask::CooperativeTask(const CooperativeTask&) noexcept = default;
CooperativeTask::CooperativeTask(CooperativeTask&&) noexcept = default;
CooperativeTask& CooperativeTask::operator=(const CooperativeTask&) noexcept = default;
CooperativeTask& CooperativeTask::operator=(CooperativeTask&&) noexcept = default;
CooperativeTask::~CooperativeTask() = default;

Deferred<> CooperativeTask::whenDone(std::source_location where) {
    DeferredSource<> source(where);
    Deferred<> d = source.deferred();
    task_->asked = true;
    if (task_->end == Task::End::None) {
        task_->waiters.push_back(std::move(source));
    } else {
        task_->tell(source);
    }
    return d;
}

void CooperativeTask::pause() {
    task_->requireUnfinished();
    const bool already = task_->held();
    ++task_->pauses;
    if (!already) {
        task_->schedule->park(*task_);
    }
}

void CooperativeTask::resume() {
    if (task_->pauses == 0) {
        throw NotPaused();
    }
    --task_->pauses;
    if (!task_->held() && task_->end == Task::End::None) {
        task_->schedule->unpark(*task_);
    }
}

void CooperativeTask::stop() {
    task_->requireUnfinished();
    task_->finish(Task::End::Stopped, Failure::make<TaskStopped>());
}

// The cooperator.

Cooperator::Cooperator(IReactorTime& clock, CooperatorOptions options)
    : schedule_(makeRef<Schedule>(clock, std::move(options))) {}

Cooperator::Cooperator(Cooperator&&) noexcept = default;

Cooperator& Cooperator::operator=(Cooperator&& other) noexcept {
    std::swap(schedule_, other.schedule_);
    return *this;
}

Cooperator::~Cooperator() {
    if (schedule_) {
        schedule_->stop();
    }
}

void Cooperator::start() { schedule_->start(); }
void Cooperator::stop() { schedule_->stop(); }
bool Cooperator::running() const noexcept { return schedule_->running(); }

CooperativeTask Cooperator::add(Work work, const std::source_location& where) {
    auto task = makeRef<CooperativeTask::Task>(*schedule_, std::move(work), where);
    schedule_->add(task);
    return CooperativeTask(std::move(task));
}

Deferred<> Cooperator::whenDoneOrCancelled(CooperativeTask task,
                                           const std::source_location& where) {
    DeferredSource<> source(
        [task](Deferred<> d) mutable {
            d.errback(Failure::make<CancelledError>());
            if (task.task_->end == CooperativeTask::Task::End::None) {
                task.stop();
            }
        },
        where);
    Deferred<> d = source.deferred();
    task.task_->asked = true;
    if (task.task_->end == CooperativeTask::Task::End::None) {
        task.task_->waiters.push_back(std::move(source));
    } else {
        task.task_->tell(source);
    }
    return d;
}

Cooperator& cooperatorOf(Reactor& reactor) {
    auto& cooperator = reactor.parts().cooperator;
    if (!cooperator) {
        cooperator.emplace(reactor);
    }
    return *cooperator;
}

}  // namespace marline
