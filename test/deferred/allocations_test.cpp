// The allocation budget of a Deferred. A program of its own: it replaces operator new.
#include <marline/deferred/source.hpp>

#include <gtest/gtest.h>

#include "bench/allocations.hpp"

namespace {

using marline::Deferred;
using marline::DeferredSource;

void makeAndFire(int links) {
    long a = 1;
    long b = 2;
    DeferredSource<long> source;
    Deferred<long> d = source.deferred();
    for (int i = 0; i < links; ++i) {
        d.addCallback([a, b](long value) { return value + a * b; });
    }
    source.callback(1);
}

// Once a thread has made one, making, linking and firing allocates nothing; also beyond a block.
TEST(Allocations, warmDeferredsAllocateNothing) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "memory is not recycled under AddressSanitizer, so that it sees every use";
#endif
    for (const int links : {0, 1, 4, 10, 32}) {
        makeAndFire(links);
        const auto before = marline::bench::allocations;
        makeAndFire(links);
        EXPECT_EQ(marline::bench::allocations, before) << links << " links";
    }
}

// A returned Deferred costs no allocation of its own either.
TEST(Allocations, chainingAllocatesNothing) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "memory is not recycled under AddressSanitizer, so that it sees every use";
#endif
    const auto chain = [] {
        DeferredSource<long> inner;
        DeferredSource<> outer;
        outer.deferred().addCallback([waiting = inner.deferred()] { return waiting; });
        outer.callback();
        inner.callback(1);
    };
    chain();
    const auto before = marline::bench::allocations;
    chain();
    EXPECT_EQ(marline::bench::allocations, before);
}

}  // namespace
