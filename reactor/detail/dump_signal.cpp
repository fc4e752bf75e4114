#include <marline/reactor/detail/dump_signal.hpp>

#include <marline/reactor/detail/wake_target.hpp>

#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace marline::detail {
namespace {

std::atomic<bool> taken{false};
WakeTarget wakeTarget;
std::atomic<bool> asked{false};

void note(int) {
    asked.store(true);
    wakeTarget.wake();
}

}  // namespace

DumpSignal::DumpSignal(int signal, int wakeFd) : signal_(signal) {
    if (taken.exchange(true)) {
        throw std::logic_error(
            "HealthOptions::dumpSignal: another reactor of this process has one");
    }
    asked.store(false);
    wakeTarget.set(wakeFd);
    struct sigaction action{};
    action.sa_handler = &note;
    action.sa_flags = SA_RESTART;
    if (sigaction(signal, &action, &before_) != 0) {
        const int error = errno;
        wakeTarget.forget();
        taken.store(false);
        throw std::system_error(error, std::system_category(),
                                "HealthOptions::dumpSignal " + std::to_string(signal));
    }
}

DumpSignal::~DumpSignal() {
    sigaction(signal_, &before_, nullptr);
    wakeTarget.forget();
    taken.store(false);
}

bool DumpSignal::take() noexcept { return asked.exchange(false); }

}  // namespace marline::detail
