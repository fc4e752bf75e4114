// What a Deferred costs, in nanoseconds and allocations for each operation, beside function
// pointers, std::function, std::future and Boost.Asio's awaitable.
#include <array>
#include <functional>
#include <future>
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <marline/deferred/combine.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>

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

/// The least that a chain of ten can cost: what was captured behind a function pointer, in an
/// array.
void functionPointers(benchmark::State& state) {
    struct Link {
        long (*call)(const Link&, long);
        long a;
        long b;
    };
    const long a = state.iterations() + 1;
    const long b = a + 1;
    measure(state, [&] {
        auto chain = std::make_unique<std::array<Link, 10>>();
        for (Link& link : *chain) {
            link = {[](const Link& self, long value) { return value + self.a * self.b; }, a, b};
            benchmark::DoNotOptimize(link);
        }
        long value = 1;
        for (const Link& link : *chain) {
            value = link.call(link, value);
        }
        benchmark::DoNotOptimize(value);
    });
}
BENCHMARK(functionPointers);

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

void promiseAndFuture(benchmark::State& state) {
    measure(state, [&] {
        std::promise<long> promise;
        std::future<long> future = promise.get_future();
        promise.set_value(1);
        benchmark::DoNotOptimize(future.get());
    });
}
BENCHMARK(promiseAndFuture);

void failurePassesTenLinks(benchmark::State& state) {
    const Failure late = Failure::make<TimeoutError>("late");
    measure(state, [&] {
        DeferredSource<long> source;
        Deferred<long> d = source.deferred();
        for (int i = 0; i < 10; ++i) {
            d.addCallback([](long value) { return value + 1; });
        }
        d.addErrback([](const Failure&) { return 0L; });
        source.errback(late);
    });
}
BENCHMARK(failurePassesTenLinks);

void failureIsMadeAndTrapped(benchmark::State& state) {
    measure(state, [&] {
        DeferredSource<long> source;
        source.deferred().addErrback<TimeoutError>([](const Failure&) { return 0L; });
        source.errback(Failure::make<TimeoutError>("late"));
    });
}
BENCHMARK(failureIsMadeAndTrapped);

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

Deferred<long> awaits(Deferred<long> d) { co_return co_await std::move(d) + 1; }

void coroutineAwaitsAPendingDeferred(benchmark::State& state) {
    measure(state, [&] {
        DeferredSource<long> source;
        Deferred<long> d = awaits(source.deferred());
        source.callback(1);
    });
}
BENCHMARK(coroutineAwaitsAPendingDeferred);

/// One coroutine that awaits a pending Deferred again and again: the wait alone.
void pendingCoAwait(benchmark::State& state) {
    DeferredSource<long> source;
    bool going = true;
    const auto body = [&]() -> Deferred<> {
        while (going) {
            co_await source.deferred();
        }
    };
    Deferred<> d = body();
    measure(state, [&] {
        DeferredSource<long> fired = std::move(source);
        source = DeferredSource<long>();
        fired.callback(1);
    });
    going = false;
    source.callback(1);
}
BENCHMARK(pendingCoAwait);

/// What the one above does besides waiting: a Deferred that is made, linked and fired.
void pendingCallback(benchmark::State& state) {
    measure(state, [&] {
        DeferredSource<long> source;
        source.deferred().addCallback([](long) {});
        source.callback(1);
    });
}
BENCHMARK(pendingCallback);

void readyCoAwait(benchmark::State& state) {
    constexpr int kWaits = 100;
    const auto body = []() -> Deferred<long> {
        long sum = 0;
        for (int i = 0; i < kWaits; ++i) {
            sum += co_await marline::succeed(1L);
        }
        co_return sum;
    };
    measure(state, [&] { body(); });
    state.SetItemsProcessed(state.iterations() * kWaits);
}
BENCHMARK(readyCoAwait);

#if defined(BOOST_ASIO_HAS_CO_AWAIT)  // not of Debian 12's with clang
boost::asio::awaitable<long> asioStep(int depth) {
    if (depth == 0) {
        co_return 1;
    }
    co_return co_await asioStep(depth - 1) + 1;
}

/// A chain of ten of Boost.Asio's.
void asioAwaitableChain(benchmark::State& state) {
    boost::asio::io_context context(1);
    measure(state, [&] {
        boost::asio::co_spawn(context, asioStep(10), boost::asio::detached);
        context.run();
        context.restart();
    });
}
BENCHMARK(asioAwaitableChain);
#endif

}  // namespace

BENCHMARK_MAIN();
