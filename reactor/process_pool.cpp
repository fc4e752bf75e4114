#include <marline/reactor/process_pool.hpp>

#include <algorithm>
#include <deque>
#include <optional>
#include <thread>
#include <utility>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline {

/// The pool itself; what runs keeps it alive, and so what waits.
struct ProcessPool::State : RefCounted {
    /// One program, waiting or running.
    struct Job : RefCounted {
        Job(State& state, std::string what, std::vector<std::string> with, ProcessOutputOptions how)
            : executable(std::move(what)), args(std::move(with)), options(std::move(how)),
              source([this, &state](const Deferred<ProcessOutput>&) { state.cancel(*this); }) {}

        std::string executable;
        std::vector<std::string> args;
        ProcessOutputOptions options;
        std::optional<Deferred<ProcessOutput>> program;  // while it runs
        DeferredSource<ProcessOutput> source;
    };

    State(Reactor& ofPool, const ProcessPoolOptions& limits)
        : reactor(ofPool), maxProcesses(limits.maxProcesses), maxWaiting(limits.maxWaiting) {
        if (maxProcesses == 0) {
            maxProcesses = std::max(std::thread::hardware_concurrency(), 1U);
        }
    }

    void startMore();
    void start(const Ref<Job>& job);
    void cancel(Job& job);

    Reactor& reactor;
    std::size_t maxProcesses;
    std::size_t maxWaiting;
    std::size_t running = 0;
    std::deque<Ref<Job>> waiting;
    bool starting = false;
};

/// A loop, not a recursion: a program that cannot be started makes room at once.
void ProcessPool::State::startMore() {
    if (std::exchange(starting, true)) {
        return;
    }
    while (running < maxProcesses && !waiting.empty()) {
        const Ref<Job> job = std::move(waiting.front());
        waiting.pop_front();
        start(job);
    }
    starting = false;
}

void ProcessPool::State::start(const Ref<Job>& job) {
    ++running;
    job->program = maybeDeferred([&] {
        return getProcessOutputAndValue(reactor, job->executable, job->args, job->options);
    });
    Deferred<ProcessOutput> program = *job->program;
    program.addBoth([state = Ref<State>(this), job](Result<ProcessOutput> result) {
        --state->running;
        job->program.reset();
        if (result.ok()) {
            job->source.callback(std::move(result).value());
        } else {
            job->source.errback(result.failure());
        }
        state->startMore();
    });
}

void ProcessPool::State::cancel(Job& job) {
    if (job.program) {
        Deferred<ProcessOutput>(*job.program).cancel();
        return;
    }
    const auto found = std::find_if(waiting.begin(), waiting.end(),
                                    [&](const Ref<Job>& one) { return one.get() == &job; });
    if (found != waiting.end()) {
        const Ref<Job> held = std::move(*found);
        waiting.erase(found);
        held->source.errback(CancelledError());
    }
}

ProcessPool::ProcessPool(Reactor& reactor, const ProcessPoolOptions& options)
    : state_(makeRef<State>(reactor, options)) {}

ProcessPool::ProcessPool(const ProcessPool& other) noexcept = default;
ProcessPool& ProcessPool::operator=(const ProcessPool& other) noexcept = default;
ProcessPool::~ProcessPool() = default;

Deferred<ProcessOutput> ProcessPool::run(const std::string& executable,
                                         const std::vector<std::string>& args,
                                         const ProcessOutputOptions& options) {
    State& state = *state_;
    if (state.maxWaiting != 0 && state.running >= state.maxProcesses &&
        state.waiting.size() >= state.maxWaiting) {
        return fail<ProcessOutput>(ProcessPoolFull(
            "cannot run " + executable + ": " + std::to_string(state.waiting.size()) +
            " programs wait already (ProcessPoolOptions::maxWaiting)"));
    }
    auto job = makeRef<State::Job>(state, executable, args, options);
    Deferred<ProcessOutput> result = job->source.deferred();
    state.waiting.push_back(std::move(job));
    state.startMore();
    return result;
}

std::size_t ProcessPool::running() const noexcept { return state_->running; }
std::size_t ProcessPool::waiting() const noexcept { return state_->waiting.size(); }
std::size_t ProcessPool::maxProcesses() const noexcept { return state_->maxProcesses; }

}  // namespace marline
