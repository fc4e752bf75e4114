#include <marline/reactor/detail/thread_queue.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include <unistd.h>

#include <gtest/gtest.h>

#include <marline/reactor/detail/reactor_parts.hpp>

#include "test/support/reactor_fixture.hpp"

namespace marline::detail {
namespace {

/// How often the queue's descriptor was written to since this was last asked.
std::uint64_t writes(const ThreadQueue& queue) {
    std::uint64_t count = 0;
    return ::read(queue.wakeFd(), &count, sizeof count) == sizeof count ? count : 0;
}

class ThreadQueueTest : public marline::testing::ReactorFixture {
protected:
    EventLoop& loop() { return reactor().parts().loop; }
    ThreadQueue& queue() { return reactor().parts().threads; }
};

// TH-1, TH-6: a burst of calls costs one write to the eventfd, however many threads it comes from.
TEST_F(ThreadQueueTest, burstCostsOneWrite) {
    std::vector<std::thread> threads;
    int ran = 0;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; ++i) {
                queue().push([&ran] { ++ran; });
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(writes(queue()), 1U);
    queue().runAll(loop());
    EXPECT_EQ(ran, 3000);
}

// While the loop runs calls it need not be woken: it looks again before it waits.
TEST_F(ThreadQueueTest, callsOfARunningLoopCostNone) {
    std::vector<int> order;
    queue().push([&] {
        order.push_back(1);
        std::thread([&] { queue().push([&] { order.push_back(2); }); }).join();
    });
    EXPECT_EQ(writes(queue()), 1U);
    queue().runAll(loop());
    EXPECT_EQ(writes(queue()), 0U);
    EXPECT_FALSE(queue().empty());
    reactor().iterate(std::chrono::hours(1));
    EXPECT_EQ(order, (std::vector{1, 2}));
    // And when it does not run any more, it is woken again.
    queue().push([] {});
    EXPECT_EQ(writes(queue()), 1U);
}

// A thread that posts whenever its last call has run never waits in vain: no wake-up is lost.
TEST_F(ThreadQueueTest, noWakeUpIsLost) {
    constexpr int kCalls = 20'000;
    std::atomic<int> ran = 0;
    std::thread thread([&] {
        for (int i = 0; i < kCalls; ++i) {
            queue().push([&ran] {
                ++ran;
                ran.notify_one();
            });
            ran.wait(i);
        }
    });
    runUntil([&] { return ran == kCalls; });
    thread.join();
    EXPECT_EQ(ran, kCalls);
}

// What is pushed after close() is destroyed, as what waited is.
TEST_F(ThreadQueueTest, closedQueueDropsCalls) {
    const auto held = std::make_shared<int>();
    const auto queue = std::make_shared<ThreadQueue>(loop());
    queue->push([held] {});
    EXPECT_EQ(held.use_count(), 2);
    queue->close();
    EXPECT_EQ(held.use_count(), 1);
    queue->push([held] {});
    EXPECT_EQ(held.use_count(), 1);
    queue->runAll(loop());
}

// Waking needs no call: that is what signals do.
TEST_F(ThreadQueueTest, wakingNeedsNoCall) {
    queue().wake();
    EXPECT_TRUE(queue().empty());
    reactor().iterate(std::chrono::hours(1));
}

}  // namespace
}  // namespace marline::detail
