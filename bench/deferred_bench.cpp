// What a Deferred costs, in nanoseconds and allocations for each operation, beside a chain of
// std::function.
#include <functional>
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>

#include <marline/deferred/combine.hpp>
#include <marline/deferred/source.hpp>

#include "allocations.hpp"

namespace {

using marline::Deferred;
using marline::DeferredSource;
using marline::Failure;
using marline::Result;
using marline::TimeoutError;

/// Runs `once` again and again, and counts the allocations of each.
template <class Once>
void measure(benchmark::State& state, Once&& once) {
    once();  // the first one fills the free lists
    const std::uint64_t before = marline::bench::allocations;
    for (auto _ : state) {
        once();
    }
    state.counters["allocs"] =
        benchmark::Counter(static_cast<double>(marline::bench::allocations - before),
                           benchmark::Counter::kAvgIterations);
}

void createLinksFire(benchmark::State& state) {
    const auto links = static_cast<int>(state.range(0));
    const long a = state.iterations() + 1;
    const long b = a + 1;
    measure(state, [&] {
        DeferredSource<long> source;
        Deferred<long> d = source.deferred();
        for (int i = 0; i < links; ++i) {
            d.addCallback([a, b](long value) { return value + a * b; });
        }
        source.callback(1);
    });
}
BENCHMARK(createLinksFire)->Arg(0)->Arg(1)->Arg(4)->Arg(10)->Arg(32);

void stdFunctionChain(benchmark::State& state) {
    const auto links = static_cast<int>(state.range(0));
    const long a = state.iterations() + 1;
    const long b = a + 1;
    measure(state, [&] {
        auto chain = std::make_shared<std::vector<std::function<long(long)>>>();
        for (int i = 0; i < links; ++i) {
            chain->push_back([a, b](long value) { return value + a * b; });
        }
        long value = 1;
        for (auto& link : *chain) {
            value = link(value);
        }
        benchmark::DoNotOptimize(value);
    });
}
BENCHMARK(stdFunctionChain)->Arg(4)->Arg(10);

void failurePassesTenLinks(benchmark::State& state) {
    measure(state, [&] {
        DeferredSource<long> source;
        Deferred<long> d = source.deferred();
        for (int i = 0; i < 10; ++i) {
            d.addCallback([](long value) { return value + 1; });
        }
        d.addErrback<TimeoutError>([](const Failure&) { return 0L; });
        source.errback(Failure::make<TimeoutError>("late"));
    });
}
BENCHMARK(failurePassesTenLinks);

void threeDeepChaining(benchmark::State& state) {
    measure(state, [&] {
        DeferredSource<long> innermost;
        DeferredSource<> outer;
        outer.deferred().addCallback([inner = innermost.deferred()] {
            Deferred<> middle;
            Deferred<long> waiting = middle.addCallback([inner] { return inner; });
            middle.callback();
            return waiting;
        });
        outer.callback();
        innermost.callback(1);
    });
}
BENCHMARK(threeDeepChaining);

void deferredListOfHundred(benchmark::State& state) {
    measure(state, [&] {
        std::vector<DeferredSource<long>> sources(100);
        std::vector<Deferred<long>> list;
        list.reserve(sources.size());
        for (const auto& source : sources) {
            list.push_back(source.deferred());
        }
        Deferred<std::vector<Result<long>>> all = DeferredList(list);
        for (auto& source : sources) {
            source.callback(1);
        }
    });
}
BENCHMARK(deferredListOfHundred);

}  // namespace

BENCHMARK_MAIN();
