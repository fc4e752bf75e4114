#include <marline/reactor/detail/wake_target.hpp>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <latch>
#include <thread>
#include <vector>

#include <sys/eventfd.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <marline/reactor/detail/unique_fd.hpp>

namespace marline::detail {
namespace {

/// What was written to `fd` since this was last asked.
std::uint64_t writes(int fd) {
    std::uint64_t count = 0;
    return ::read(fd, &count, sizeof count) == sizeof count ? count : 0;
}

// There is one at a time, and it is written to until it is forgotten; errno stays as it was.
TEST(WakeTarget, isWrittenToUntilItIsForgotten) {
    const UniqueFd fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    WakeTarget target;
    target.wake();
    EXPECT_TRUE(target.set(fd.get()));
    EXPECT_FALSE(target.set(fd.get() + 1));
    target.wake();
    EXPECT_EQ(writes(fd.get()), 1U);
    target.forget();
    errno = EDOM;
    target.wake();
    EXPECT_EQ(errno, EDOM);
    EXPECT_EQ(writes(fd.get()), 0U);
    EXPECT_TRUE(target.set(fd.get()));
}

// Handlers of other threads are done with a descriptor when it is forgotten: it may be closed, and
// its number be that of another file.
TEST(WakeTarget, nobodyWritesToAForgottenDescriptor) {
    constexpr int kThreads = 2;
    constexpr int kRounds = 500;
    WakeTarget target;
    std::atomic<bool> over = false;
    std::latch begun(kThreads);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            begun.count_down();
            while (!over) {
                target.wake();
            }
        });
    }
    begun.wait();
    std::uint64_t late = 0;
    for (int round = 0; round < kRounds; ++round) {
        const UniqueFd fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
        EXPECT_TRUE(target.set(fd.get()));
        while (writes(fd.get()) == 0) {
            std::this_thread::yield();
        }
        target.forget();
        writes(fd.get());
        std::this_thread::yield();
        late += writes(fd.get());
    }
    over = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(late, 0U);
}

}  // namespace
}  // namespace marline::detail
