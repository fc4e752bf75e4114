// The allocation budget of locks and queues. A program of its own: it replaces operator new.
#include <marline/deferred/lock.hpp>

#include <cstddef>
#include <utility>

#include <gtest/gtest.h>

#include "bench/allocations.hpp"

namespace {

using marline::DeferredLock;
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

}  // namespace
