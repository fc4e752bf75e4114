#include <marline/reactor/detail/dump_signal.hpp>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <system_error>

#include <unistd.h>

namespace marline::detail {
namespace {

std::atomic<bool> taken{false};
std::atomic<int> wakeTarget{-1};
std::atomic<bool> asked{false};

void note(int) {
    const int before = errno;
    asked.store(true);
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wakeTarget.load(), &one, sizeof one);
    errno = before;
}

}  // namespace

DumpSignal::DumpSignal(int signal, int wakeFd) : signal_(signal) {
    if (taken.exchange(true)) {
        throw std::logic_error(
            "HealthOptions::dumpSignal: another reactor of this process has one");
    }
    asked.store(false);
    wakeTarget.store(wakeFd);
    struct sigaction action{};
    action.sa_handler = &note;
    action.sa_flags = SA_RESTART;
    if (sigaction(signal, &action, &before_) != 0) {
        const int error = errno;
        taken.store(false);
        throw std::system_error(error, std::system_category(),
                                "HealthOptions::dumpSignal " + std::to_string(signal));
    }
}

DumpSignal::~DumpSignal() {
    sigaction(signal_, &before_, nullptr);
    wakeTarget.store(-1);
    taken.store(false);
}

bool DumpSignal::take() noexcept { return asked.exchange(false); }

}  // namespace marline::detail
