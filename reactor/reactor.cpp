#include <marline/reactor/reactor.hpp>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

#include <time.h>

#include <marline/deferred/combine.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/ares_resolver.hpp>
#include <marline/reactor/detail/guard.hpp>
#include <marline/reactor/detail/reactor_parts.hpp>
#include <marline/reactor/detail/tcp_connector.hpp>
#include <marline/reactor/detail/tcp_port.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline {
namespace {

using State = Reactor::Parts::State;

// Longer than that nobody waits: libevent takes what fits its timeval.
constexpr Duration kLongestWait = std::chrono::hours(24);

void checkThread(const Reactor::Parts& parts, const char* what) {
    if (parts.thread != std::this_thread::get_id()) {
        throw WrongThread(std::string(what) +
                          " on another thread than the reactor's; use callFromThread()");
    }
}

}  // namespace

Reactor::Reactor() : parts_(std::make_unique<Parts>()) {
    parts_->loop.setClock(*this);
}

Reactor::~Reactor() {
    // While there is a reactor that what dies here can call.
    parts_->resolver.reset();
    parts_->loop.shutDown(Failure::make<ConnectionLost>("the reactor is gone"));
    parts_->timers.clear();
    parts_->threads.clear();
    while (parts_->loop.hasWork()) {
        parts_->loop.endTurn();
    }
}

// Running.

void Reactor::run() {
    if (parts_->state != State::Idle && parts_->state != State::Finished) {
        throw ReactorAlreadyRunning("run() inside of run()");
    }
    parts_->thread = std::this_thread::get_id();
    parts_->signal = 0;
    parts_->state = State::Starting;
    detail::StopSignals signals(parts_->threads.wakeFd());
    bool begun = false;
    fire(SystemEvent::Startup, Phase::Before, [this] {
        parts_->state = State::Running;
        fire(SystemEvent::Startup, Phase::During, [] {});
        fire(SystemEvent::Startup, Phase::After, [] {});
        for (UniqueFunction<void()>& call : std::exchange(parts_->whenRunning, {})) {
            detail::guard("a callWhenRunning() call", call);
        }
    });
    while (parts_->state != State::Finished && parts_->state != State::Crashed) {
        if (parts_->state == State::Stopping && !std::exchange(begun, true)) {
            shutDown();
            continue;
        }
        turn(kLongestWait);
        if (const int signal = signals.take(); signal != 0 && parts_->state <= State::Running) {
            parts_->signal = signal;
            stop();
        }
    }
    parts_->state = State::Idle;
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
    if (parts_->state != State::Idle) {
        parts_->state = State::Crashed;
    }
}

bool Reactor::running() const noexcept {
    return parts_->state == State::Running || parts_->state == State::Stopping;
}

int Reactor::stoppedBySignal() const noexcept {
    return parts_->signal;
}

void Reactor::iterate(Duration wait) {
    checkThread(*parts_, "iterate()");
    turn(wait);
}

void Reactor::turn(Duration wait) {
    Parts& parts = *parts_;
    if (!parts.timers.empty()) {
        wait = std::min(wait, std::max(parts.timers.earliest() - seconds(), Duration::zero()));
    }
    parts.loop.poll(wait);
    parts.threads.runAll();
    runDueCalls();
    parts.loop.endTurn();
}

void Reactor::runDueCalls() {
    detail::TimerQueue& timers = parts_->timers;
    if (timers.empty()) {
        return;
    }
    const Duration now = seconds();
    const std::uint32_t mark = timers.mark();
    detail::TimerQueue::Call due;
    while (timers.popDue(now, mark, due)) {
        detail::guard("a callLater() call", due.call);
        due.call.reset();
    }
}

/// Runs the triggers of a phase; `then` follows when the Deferreds that they gave have fired.
void Reactor::fire(SystemEvent event, Phase phase, UniqueFunction<void()> then) {
    std::vector<Deferred<>> pending;
    // A trigger may add another one to the phase that runs.
    std::vector<Parts::Trigger>& triggers = parts_->triggersFor(event, phase);
    for (std::size_t i = 0; i < triggers.size(); ++i) {
        Parts::Trigger trigger = std::move(triggers[i]);
        pending.push_back(maybeDeferred(trigger).addErrback([](const Failure& why) {
            log(LogLevel::Error, "exception in a system event trigger: " + why.brief());
        }));
    }
    triggers.clear();
    if (phase != Phase::Before) {
        then();
        return;
    }
    DeferredList(pending).addCallback(
        [then = std::move(then)](const std::vector<Result<>>&) mutable { then(); });
}

void Reactor::shutDown() {
    fire(SystemEvent::Shutdown, Phase::Before, [this] {
        parts_->loop.shutDown(Failure::make<ConnectionLost>("the reactor stopped"));
        parts_->loop.endTurn();
        fire(SystemEvent::Shutdown, Phase::During, [] {});
        fire(SystemEvent::Shutdown, Phase::After, [] {});
        if (parts_->state != State::Crashed) {
            parts_->state = State::Finished;
        }
    });
}

void Reactor::callWhenRunning(UniqueFunction<void()> call) {
    checkThread(*parts_, "callWhenRunning()");
    if (running()) {
        call();
    } else {
        parts_->whenRunning.push_back(std::move(call));
    }
}

void Reactor::callFromThread(UniqueFunction<void()> call) {
    parts_->threads.push(std::move(call));
}

void Reactor::addSystemEventTrigger(Phase phase, SystemEvent event,
                                    UniqueFunction<Deferred<>()> trigger) {
    checkThread(*parts_, "addSystemEventTrigger()");
    parts_->triggersFor(event, phase).push_back(std::move(trigger));
}

// Time.

Duration Reactor::seconds() const noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

DelayedCall Reactor::callLater(Duration delay, UniqueFunction<void()> call,
                               std::source_location where) {
    checkThread(*parts_, "callLater()");
    if (delay < Duration::zero()) {
        throw std::invalid_argument("callLater() with a negative delay");
    }
    const auto id = parts_->timers.add(seconds() + delay, std::move(call), where);
    return {*this, id.slot, id.generation};
}

std::size_t Reactor::pendingCalls() const noexcept {
    return parts_->timers.size();
}

bool Reactor::isActive(std::uint32_t slot, std::uint32_t generation) const noexcept {
    return parts_->timers.active({slot, generation});
}

void Reactor::cancelCall(std::uint32_t slot, std::uint32_t generation) {
    parts_->timers.cancel({slot, generation});
}

void Reactor::moveCall(std::uint32_t slot, std::uint32_t generation, Duration due) {
    parts_->timers.move({slot, generation}, due);
}

Duration Reactor::dueTime(std::uint32_t slot, std::uint32_t generation) const {
    return parts_->timers.due({slot, generation});
}

// Connections and names.

Ref<IListeningPort> Reactor::listenTcp(std::uint16_t port, Ref<IProtocolFactory> factory,
                                       const ListenOptions& options) {
    checkThread(*parts_, "listenTcp()");
    auto* listening = new detail::TcpPort(parts_->loop, port, std::move(factory), options);
    return listening->handle();
}

Deferred<Ref<IProtocol>> Reactor::connectTcp(const Address& to, Ref<IProtocolFactory> factory,
                                             const ConnectOptions& options) {
    checkThread(*parts_, "connectTcp()");
    auto* connector = new detail::TcpConnector(parts_->loop, to, std::move(factory),
                                               options.timeout, options.bindAddress);
    return connector->result();
}

const Ref<IResolver>& Reactor::nameResolver() {
    if (!parts_->resolver) {
        parts_->resolver = makeRef<AresResolver>(*this);
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

void Reactor::installClientTls(TlsContext context) {
    parts_->clientTls = std::move(context);
}

event_base* Reactor::eventBase() const noexcept {
    return parts_->loop.base();
}

}  // namespace marline
