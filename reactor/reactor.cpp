#include <marline/reactor/reactor.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include <marline/reactor/ares_resolver.hpp>
#include <marline/reactor/caching_resolver.hpp>
#include <marline/reactor/detail/guard.hpp>
#include <marline/reactor/detail/reactor_parts.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline {
namespace {

using State = Reactor::Parts::State;

void checkCall(const UniqueFunction<void()>& call, const char* what) {
    if (!call) {
        throw std::invalid_argument(std::string(what) + " with an empty function");
    }
}

/// Sees to it that what is left is done, should the owner of the event_base run it next.
void leaveToOwner(Reactor::Parts& parts) {
    if (parts.loop.hasWork() || !parts.threads.empty()) {
        parts.loop.wantTurn();
    } else if (!parts.timers.empty()) {
        parts.loop.wakeAt(parts.timers.earliest());
    }
}

/// A run() is over when this goes, also by an exception.
class RunEnd {
public:
    explicit RunEnd(Reactor::Parts& parts) noexcept : parts_(parts) {}
    RunEnd(const RunEnd&) = delete;
    RunEnd& operator=(const RunEnd&) = delete;
    ~RunEnd() {
        parts_.blocked->close();
        parts_.currentRun->over = true;
        parts_.state = State::Idle;
        leaveToOwner(parts_);
    }

private:
    Reactor::Parts& parts_;
};

}  // namespace

void checkThread(const Reactor::Parts& parts, const char* what) {
    if (parts.thread.load() != std::this_thread::get_id()) {
        throw WrongThread(std::string(what) +
                          " on another thread than the reactor's; use callFromThread()");
    }
}

Reactor::Reactor() : parts_(std::make_unique<Parts>()) { parts_->loop.setClock(*this); }

Reactor::Reactor(event_base* base)
    : parts_(std::make_unique<Parts>(base, [this] { ownersTurn(); })) {
    parts_->loop.setClock(*this);
}

Reactor::~Reactor() {
    // While there is a reactor that what dies here can call.
    parts_->state = State::Dying;
    endThreads();
    parts_->resolver.reset();
    closeAll();
    parts_->cooperator.reset();
    parts_->timers.clear();
    parts_->threadCalls.abandonAll();
    parts_->threads.close();
}

/// Closes what is open, with ConnectionLost.
void Reactor::closeAll() {
    const char* why = parts_->state == State::Dying ? "the reactor is gone" : "the reactor stopped";
    parts_->loop.shutDown(Failure::make<ConnectionLost>(why));
    do {
        parts_->loop.endTurn();
    } while (parts_->state == State::Dying && parts_->loop.hasWork());
}

/// Joins the threads of the pool. What waits for the reactor there, or in others, would keep them.
void Reactor::endThreads() {
    parts_->blocked->close();
    parts_->pool.stop();
}

// Running.

void Reactor::run() {
    if (parts_->state != State::Idle || parts_->loop.inTurn()) {
        throw ReactorAlreadyRunning("run() inside of run() or iterate()");
    }
    parts_->thread = std::this_thread::get_id();
    parts_->signal = 0;
    parts_->state = State::Starting;
    parts_->currentRun = makeRef<Parts::Run>();
    const RunEnd end(*parts_);
    parts_->blocked->open();
    detail::StopSignals signals(parts_->threads.wakeFd());
    startUp();
    bool stopping = false;
    while (parts_->state != State::Closing && parts_->state != State::Crashed) {
        if (parts_->state == State::Stopping && !std::exchange(stopping, true)) {
            shutDown();
            continue;
        }
        turn(detail::EventLoop::kForever);
        if (const int signal = signals.take(); signal != 0 && parts_->state <= State::Running) {
            parts_->signal = signal;
            stop();
        }
    }
    // Here, between turns: what fired the last Deferred may have been a connection's callback.
    if (parts_->state == State::Closing) {
        closeAll();
        parts_->state = State::Finished;
        endThreads();
        parts_->events.fireRest(SystemEvent::Shutdown);
    }
}

void Reactor::startUp() {
    parts_->events.fireBefore(SystemEvent::Startup, [this, run = parts_->currentRun] {
        // It may have been stopped while the triggers before the start took their time.
        if (run->over || parts_->state != State::Starting) {
            return;
        }
        parts_->state = State::Running;
        detail::guard("the start of the thread pool", [this] { parts_->pool.start(); });
        parts_->events.fireRest(SystemEvent::Startup);
    });
}

void Reactor::shutDown() {
    parts_->events.fireBefore(SystemEvent::Shutdown, [this, run = parts_->currentRun] {
        if (!run->over && parts_->state == State::Stopping) {
            parts_->state = State::Closing;
        }
    });
}

void Reactor::stop() {
    checkThread(*parts_, "stop()");
    if (parts_->state != State::Running && parts_->state != State::Starting) {
        throw ReactorNotRunning("stop() on a reactor that does not run, or is stopping");
    }
    parts_->state = State::Stopping;
}

void Reactor::crash() {
    checkThread(*parts_, "crash()");
    if (parts_->state != State::Idle && parts_->state != State::Dying) {
        parts_->state = State::Crashed;
    }
}

bool Reactor::running() const noexcept {
    return parts_->state == State::Running || parts_->state == State::Stopping;
}

int Reactor::stoppedBySignal() const noexcept { return parts_->signal; }

void Reactor::iterate(Duration wait) {
    checkThread(*parts_, "iterate()");
    if (parts_->state != State::Idle || parts_->loop.inTurn()) {
        throw ReactorAlreadyRunning("iterate() inside of run() or iterate()");
    }
    turn(wait);
    leaveToOwner(*parts_);
}

void Reactor::turn(Duration wait) {
    Parts& parts = *parts_;
    parts.loop.beginTurn();
    Duration due = detail::EventLoop::kForever;
    bool now = wait == Duration::zero() || parts.loop.hasWork() || !parts.threads.empty();
    if (!now && (wait != detail::EventLoop::kForever || !parts.timers.empty())) {
        const Duration start = Reactor::seconds();
        if (wait != detail::EventLoop::kForever) {
            due = later(start, wait);
        }
        if (!parts.timers.empty()) {
            due = std::min(due, parts.timers.earliest());
        }
        now = due <= start;
    }
    if (now) {
        parts.loop.poll();
    } else {
        parts.loop.pollUntil(due);
    }
    serveTurn();
}

/// A turn while the owner of the event_base runs it: what was ready has been served already, and
/// the waiting is the owner's.
void Reactor::ownersTurn() {
    Parts& parts = *parts_;
    parts.loop.beginTurn();
    serveTurn();
    leaveToOwner(parts);
}

/// What a turn does when the waiting is over and what was ready has been served.
void Reactor::serveTurn() {
    Parts& parts = *parts_;
    if (parts.loop.health() != nullptr) {
        parts.loop.health()->polled();
    }
    parts.threads.runAll(parts.loop);
    if (!parts.timers.empty()) {
        runDueCalls();
    }
    parts.loop.endTurn();
    if (parts.loop.health() != nullptr || !parts.spentHealth.empty()) {
        endOfHealthTurn();
    }
}

/// What is watched may have changed during the turn.
void Reactor::endOfHealthTurn() {
    detail::HealthWatch* const health = parts_->loop.health();
    parts_->spentHealth.clear();
    if (health != nullptr) {
        health->turnEnded();
        if (health->takeDumpRequest()) {
            log(LogLevel::Warning, dump());
        }
    }
}

void Reactor::runDueCalls() {
    detail::TimerQueue& timers = parts_->timers;
    const Duration now = Reactor::seconds();
    const std::uint32_t mark = timers.mark();
    detail::TimerQueue::Call due;
    while (timers.popDue(now, mark, due)) {
        detail::HealthWatch* const health = parts_->loop.health();
        if (health != nullptr) {
            health->late(Reactor::seconds() - due.due);
        }
        const detail::WatchedCallback watched(health, "the delayed call made", due.where);
        try {
            due.call();
        } catch (...) {
            log(LogLevel::Error,
                std::string("exception in the call made at ") + due.where.file_name() + ":" +
                    std::to_string(due.where.line()) + ": " + Failure::current().brief());
        }
        due.call.reset();
    }
}

std::optional<TriggerId> Reactor::callWhenRunning(UniqueFunction<void()> call) {
    checkThread(*parts_, "callWhenRunning()");
    checkCall(call, "callWhenRunning()");
    if (running()) {
        call();
        return std::nullopt;
    }
    return parts_->events.add(Phase::After, SystemEvent::Startup,
                              [call = std::move(call)]() mutable {
                                  detail::guard("a callWhenRunning() call", call);
                                  return succeed();
                              });
}

void Reactor::callFromThread(UniqueFunction<void()> call) {
    checkCall(call, "callFromThread()");
    parts_->threads.push(std::move(call));
}

void Reactor::callInThread(UniqueFunction<void()> call) {
    parts_->pool.callInThread(std::move(call));
}

ThreadPool& Reactor::threadPool() const noexcept { return parts_->pool; }

void Reactor::suggestThreadPoolSize(std::size_t threads) {
    parts_->pool.adjustPoolsize(std::min(parts_->pool.minThreads(), threads), threads);
}

bool Reactor::isInIoThread() const noexcept {
    return parts_->thread.load() == std::this_thread::get_id();
}

TriggerId Reactor::addSystemEventTrigger(Phase phase, SystemEvent event,
                                         UniqueFunction<Deferred<>()> trigger) {
    checkThread(*parts_, "addSystemEventTrigger()");
    return parts_->events.add(phase, event, std::move(trigger));
}

void Reactor::removeSystemEventTrigger(TriggerId id) {
    checkThread(*parts_, "removeSystemEventTrigger()");
    parts_->events.remove(id);
}

// Time.

Duration Reactor::seconds() const noexcept {
    return detail::monotonicNow();
}

DelayedCall Reactor::callLater(Duration delay, UniqueFunction<void()> call,
                               std::source_location where) {
    checkThread(*parts_, "callLater()");
    const auto id = parts_->timers.addLater(Reactor::seconds(), delay, std::move(call), where);
    parts_->loop.wantTurn();
    return {*this, id.slot, id.sequence};
}

std::vector<DelayedCall> Reactor::getDelayedCalls() {
    checkThread(*parts_, "getDelayedCalls()");
    std::vector<DelayedCall> handles;
    handles.reserve(parts_->timers.size());
    for (const auto id : parts_->timers.pending()) {
        handles.emplace_back(*this, id.slot, id.sequence);
    }
    return handles;
}

std::size_t Reactor::pendingCalls() const noexcept { return parts_->timers.size(); }

bool Reactor::isActive(std::uint32_t slot, std::uint32_t generation) const noexcept {
    return parts_->timers.active({slot, generation});
}

void Reactor::cancelCall(std::uint32_t slot, std::uint32_t generation) {
    parts_->timers.cancel({slot, generation});
}

void Reactor::moveCall(std::uint32_t slot, std::uint32_t generation, Duration due) {
    parts_->timers.move({slot, generation}, due);
    parts_->loop.wantTurn();
}

Duration Reactor::dueTime(std::uint32_t slot, std::uint32_t generation) const {
    return parts_->timers.due({slot, generation});
}

// Names.

const Ref<IResolver>& Reactor::nameResolver() {
    if (!parts_->resolver) {
        parts_->resolver = makeRef<CachingResolver>(*this, makeRef<AresResolver>(*this));
    }
    return parts_->resolver;
}

void Reactor::installNameResolver(Ref<IResolver> resolver) {
    parts_->resolver = std::move(resolver);
}

const TlsContext& Reactor::clientTls() {
    if (!parts_->clientTls) {
        parts_->clientTls = TlsContext::client();
    }
    return *parts_->clientTls;
}

void Reactor::installClientTls(TlsContext context) { parts_->clientTls = std::move(context); }

event_base* Reactor::eventBase() const noexcept { return parts_->loop.base(); }

}  // namespace marline
