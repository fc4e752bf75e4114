#include <marline/reactor/detail/signals.hpp>

#include <marline/reactor/detail/wake_target.hpp>

#include <atomic>

namespace marline::detail {
namespace {

WakeTarget wakeTarget;
std::atomic<int> lastSignal{0};

void note(int signal) {
    lastSignal.store(signal);
    wakeTarget.wake();
}

/// Unless the program has taken the signal meanwhile.
void giveBack(int signal, const struct sigaction& old) {
    struct sigaction current{};
    sigaction(signal, nullptr, &current);
    if ((current.sa_flags & SA_SIGINFO) == 0 && current.sa_handler == &note) {
        sigaction(signal, &old, nullptr);
    }
}

}  // namespace

StopSignals::StopSignals(int wakeFd) noexcept {
    if (!wakeTarget.set(wakeFd)) {
        return;
    }
    active_ = true;
    lastSignal.store(0);
    struct sigaction action{};
    action.sa_handler = &note;
    action.sa_flags = SA_RESTART;
    sigaction(SIGTERM, &action, &oldTerminate_);
    sigaction(SIGINT, nullptr, &oldInterrupt_);
    if ((oldInterrupt_.sa_flags & SA_SIGINFO) == 0 && oldInterrupt_.sa_handler == SIG_DFL) {
        sigaction(SIGINT, &action, nullptr);
        tookInterrupt_ = true;
    }
}

StopSignals::~StopSignals() {
    if (!active_) {
        return;
    }
    giveBack(SIGTERM, oldTerminate_);
    if (tookInterrupt_) {
        giveBack(SIGINT, oldInterrupt_);
    }
    wakeTarget.forget();
}

void ignoreSigpipe() noexcept {
    struct sigaction now{};
    if (sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL) {
        std::signal(SIGPIPE, SIG_IGN);
    }
}

int StopSignals::take() noexcept { return active_ ? lastSignal.exchange(0) : 0; }

}  // namespace marline::detail
