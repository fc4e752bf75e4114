// Ten callbacks on a result that is fired later, with --batch results in flight at a time. Prints
// one JSON line: ns and allocations per chain.
#include <chrono>
#include <cstdio>
#include <optional>
#include <vector>

#include <marline/deferred/source.hpp>

#include "allocations.hpp"
#include "arguments.hpp"

namespace {

using marline::Deferred;
using marline::DeferredSource;

long sum = 0;

void addTenLinks(Deferred<long> d, long a, long b) {
    for (int i = 0; i < 9; ++i) {
        d.addCallback([a, b](long value) { return value + a * b; });
    }
    d.addCallback([a](long value) { sum += value + a; });
}

}  // namespace

int main(int argc, char** argv) {
    const long chains = marline::bench::number(argc, argv, "--n", 1000000);
    const long batch = marline::bench::number(argc, argv, "--batch", 1000);
    volatile long one = 1;  // keeps the steps from being folded
    std::vector<std::optional<DeferredSource<long>>> sources(static_cast<std::size_t>(batch));
    std::chrono::steady_clock::time_point start;
    std::uint64_t allocationsBefore = 0;
    long next = 0;
    long expected = 0;
    for (long done = -batch; done < chains; done += batch) {  // the first batch warms up
        if (done == 0) {
            start = std::chrono::steady_clock::now();
            allocationsBefore = marline::bench::allocations;
            sum = expected = 0;
        }
        for (auto& source : sources) {
            source.emplace();
            addTenLinks(source->deferred(), one, one);
        }
        for (auto& source : sources) {
            expected += next + 10;
            source->callback(next++);
            source.reset();
        }
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    if (sum != expected) {
        std::fputs("wrong sum\n", stderr);
        return 1;
    }
    const auto count = static_cast<double>(chains);
    std::printf("{\"ns\":%.2f,\"allocs\":%.4f}\n", took.count() / count,
                static_cast<double>(marline::bench::allocations - allocationsBefore) / count);
    return 0;
}
