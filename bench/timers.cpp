// Adds timeouts, runs one turn, cancels 99 % of them, runs another turn; none of them fires.
//
// `timers --dist uniform|const [--n N]`: uniform = 10 to 70 s, cancelled in random order; const =
// 30 s, cancelled in the order they were made. Prints nanoseconds an operation and bytes a timer.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include <unistd.h>

#include <marline/reactor/reactor.hpp>

#include "arguments.hpp"

using namespace marline;

namespace {

std::size_t residentBytes() {
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    unsigned long pages = 0;
    unsigned long resident = 0;
    if (file == nullptr || std::fscanf(file, "%lu %lu", &pages, &resident) != 2) {
        std::perror("/proc/self/statm");
        std::exit(1);
    }
    std::fclose(file);
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

double perTimer(Duration took, std::size_t timers) {
    return static_cast<double>(took.count()) / static_cast<double>(timers);
}

}  // namespace

int main(int argc, char** argv) {
    const bool uniform = bench::argument(argc, argv, "--dist", "uniform") == "uniform";
    const auto count = static_cast<std::size_t>(bench::number(argc, argv, "--n", 1000000));
    std::mt19937_64 random(42);
    std::vector<std::chrono::milliseconds> delays(count, std::chrono::seconds(30));
    std::vector<std::size_t> order(count);
    for (std::size_t i = 0; i < count; ++i) {
        order[i] = i;
        if (uniform) {
            delays[i] = std::chrono::milliseconds(10000 + random() % 60000);
        }
    }
    if (uniform) {
        std::shuffle(order.begin(), order.end(), random);
    }
    order.resize(count - count / 100);

    Reactor reactor;
    long fired = 0;
    const std::size_t before = residentBytes();
    std::vector<DelayedCall> calls(count);
    const Duration start = reactor.seconds();
    for (std::size_t i = 0; i < count; ++i) {
        calls[i] = reactor.callLater(delays[i], [&fired] { ++fired; });
    }
    reactor.iterate();
    const Duration added = reactor.seconds();
    const std::size_t after = residentBytes();
    for (const std::size_t i : order) {
        calls[i].cancel();
    }
    reactor.iterate();
    const Duration cancelled = reactor.seconds();

    if (fired != 0 || reactor.pendingCalls() != count / 100) {
        std::fprintf(stderr, "timers: %ld calls fired, %zu are left\n", fired,
                     reactor.pendingCalls());
        return 1;
    }
    std::printf("{\"add_ns\":%.1f,\"cancel_ns\":%.1f,\"ns\":%.1f,\"bytes\":%.0f}\n",
                perTimer(added - start, count), perTimer(cancelled - added, order.size()),
                perTimer(cancelled - start, count),
                static_cast<double>(after - before) / static_cast<double>(count));
}
