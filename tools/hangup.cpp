#include "hangup.hpp"

#include <utility>

#include <pthread.h>
#include <csignal>

namespace tools {
namespace {

sigset_t hangup() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    return set;
}

}  // namespace

HangupSignal::HangupSignal(marline::Reactor& reactor, std::function<void()> call) {
    const sigset_t set = hangup();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    waiting_ = std::thread([this, &reactor, call = std::move(call)] {
        const sigset_t wanted = hangup();
        for (int signal = 0; sigwait(&wanted, &signal) == 0 && !over_;) {
            reactor.callFromThread(call);
        }
    });
}

HangupSignal::~HangupSignal() {
    over_ = true;
    pthread_kill(waiting_.native_handle(), SIGHUP);
    waiting_.join();
}

}  // namespace tools
