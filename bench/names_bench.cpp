// What it costs to ask a CachingResolver for a name that it knows.
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <marline/reactor/caching_resolver.hpp>
#include <marline/reactor/reactor.hpp>

#include "allocations.hpp"

namespace {

using namespace marline;

void cacheHit(benchmark::State& state) {
    Reactor reactor;
    const auto names = makeRef<StaticResolver>();
    for (int i = 0; i < 1000; ++i) {
        const std::string name = "host" + std::to_string(i) + ".example.org";
        names->add(name, 0, {Address::Kind::Ipv4, 0, "192.0.2.1"});
        names->add(name, 0, {Address::Kind::Ipv6, 0, "2001:db8:1234:5678::1"});
    }
    const auto cache = makeRef<CachingResolver>(
        reactor, names, CachingResolverOptions{.ttl = std::chrono::hours(1)});
    std::vector<std::string> asked;
    std::size_t found = 0;
    for (int i = 0; i < 1000; ++i) {
        asked.push_back("Host" + std::to_string(i) + ".example.org");
        cache->resolve(asked.back(), 80);
    }
    std::size_t next = 0;
    const std::uint64_t before = bench::allocations;
    for (auto _ : state) {
        cache->resolve(asked[next++ % asked.size()], 443)
            .addCallback([&](const std::vector<Address>& addresses) { found += addresses.size(); });
    }
    benchmark::DoNotOptimize(found);
    state.counters["allocs"] = benchmark::Counter(static_cast<double>(bench::allocations - before),
                                                  benchmark::Counter::kAvgIterations);
}
BENCHMARK(cacheHit);

}  // namespace

BENCHMARK_MAIN();
