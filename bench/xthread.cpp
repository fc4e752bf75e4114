// Calls across threads: one thread posts `--n` calls to a reactor in another one, then makes
// `--pings` round trips. Prints nanoseconds a call, wall and CPU, and the round trip's quantiles.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include <time.h>

#include <marline/reactor/reactor.hpp>

#include "arguments.hpp"

using namespace marline;

namespace {

double nanoseconds(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// Posts a call and waits until it has run, without sleeping.
double roundTrip(Reactor& reactor) {
    std::atomic<bool> answered{false};
    const double start = nanoseconds(CLOCK_MONOTONIC);
    reactor.callFromThread([&answered] { answered.store(true, std::memory_order_release); });
    while (!answered.load(std::memory_order_acquire)) {
    }
    return nanoseconds(CLOCK_MONOTONIC) - start;
}

void spin(double ns) {
    const double end = nanoseconds(CLOCK_MONOTONIC) + ns;
    while (nanoseconds(CLOCK_MONOTONIC) < end) {
    }
}

void post(Reactor& reactor, long calls, std::atomic<long>& count, std::atomic<bool>& end) {
    for (long i = 0; i < calls; ++i) {
        reactor.callFromThread([&count, i] {
            if (i >= 0) {
                count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
            }
        });
    }
    reactor.callFromThread([&end] {
        end.store(true, std::memory_order_release);
        end.notify_one();
    });
    end.wait(false, std::memory_order_acquire);
}

}  // namespace

int main(int argc, char** argv) {
    const long calls = bench::number(argc, argv, "--n", 1000000);
    const long pings = bench::number(argc, argv, "--pings", 5000);
    Reactor reactor;
    std::thread loop([&reactor] { reactor.run(); });
    std::atomic<long> count{0};
    const double wall = nanoseconds(CLOCK_MONOTONIC);
    const double cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    std::atomic<bool> end{false};
    post(reactor, calls, count, end);
    const double perCall = (nanoseconds(CLOCK_MONOTONIC) - wall) / static_cast<double>(calls);
    const double cpuPerCall =
        (nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) / static_cast<double>(calls);

    std::vector<double> trips;
    for (long i = 0; i < pings; ++i) {
        trips.push_back(roundTrip(reactor));
        if (i % 8 == 0) {
            spin(20e3);  // lets the loop fall asleep
        }
    }
    std::sort(trips.begin(), trips.end());
    reactor.callFromThread([&reactor] { reactor.stop(); });
    loop.join();
    if (count.load() != calls || trips.empty()) {
        std::fprintf(stderr, "xthread: %ld of %ld calls arrived\n", count.load(), calls);
        return 1;
    }
    std::printf("{\"ns\":%.1f,\"cpu_ns\":%.1f,\"rtt_p50_us\":%.2f,\"rtt_p99_us\":%.2f}\n", perCall,
                cpuPerCall, trips[trips.size() / 2] / 1e3, trips[trips.size() * 99 / 100] / 1e3);
}
