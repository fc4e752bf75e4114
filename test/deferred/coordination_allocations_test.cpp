// The allocation budget of locks and queues. A program of its own: it replaces operator new.
#include <cstddef>
#include <utility>

#include <gtest/gtest.h>

#include <marline/deferred/lock.hpp>
#include <marline/deferred/queue.hpp>
#include <marline/deferred/source.hpp>

#include "bench/allocations.hpp"

namespace {

using marline::DeferredLock;
using marline::DeferredQueue;
using marline::DeferredSource;
using marline::LockGuard;

/// What `step` allocates once it has run before.
template <class F>
std::size_t allocationsWarm(F&& step) {
    step();
    const auto before = marline::bench::allocations;
    step();
    return marline::bench::allocations - before;
}

class CoordinationAllocations : public testing::Test {
    void SetUp() override {
#if defined(__SANITIZE_ADDRESS__)
        GTEST_SKIP() << "memory is not recycled under AddressSanitizer, so that it sees every use";
#endif
    }
};

// Acquiring a free lock and releasing it allocates nothing.
TEST_F(CoordinationAllocations, aFreeLockAllocatesNothing) {
    DeferredLock lock;
    EXPECT_EQ(allocationsWarm(
                  [&] { lock.acquire().addCallback([](LockGuard guard) { guard.release(); }); }),
              0U);
    EXPECT_EQ(allocationsWarm([&] { lock.run([] { return 1; }); }), 0U);
    EXPECT_EQ(allocationsWarm([&] {
                  DeferredSource<> source;
                  lock.run([d = source.deferred()] { return d; });
                  source.callback();
              }),
              0U);
}

// Neither does waiting for it.
TEST_F(CoordinationAllocations, waitingAllocatesNothing) {
    DeferredLock lock;
    EXPECT_EQ(allocationsWarm([&] {
                  LockGuard held;
                  lock.acquire().addCallback([&](LockGuard guard) { held = std::move(guard); });
                  lock.acquire().addCallback([](const LockGuard&) {});
                  lock.acquire().addCallback([](const LockGuard&) {});
                  held.release();
              }),
              0U);
    EXPECT_FALSE(lock.locked());
}

// A queue allocates nothing for an object that waits for a get(), nor the other way round.
TEST_F(CoordinationAllocations, aQueueAllocatesNothing) {
    DeferredQueue<int> queue;
    int sum = 0;
    EXPECT_EQ(allocationsWarm([&] {
                  for (int i = 0; i < 20; ++i) {
                      queue.put(i);
                  }
                  for (int i = 0; i < 40; ++i) {
                      queue.get().addCallback([&](int object) { sum += object; });
                  }
                  for (int i = 0; i < 20; ++i) {
                      queue.put(i);
                  }
              }),
              0U);
    EXPECT_EQ(sum, 4 * 190);
}

}  // namespace
