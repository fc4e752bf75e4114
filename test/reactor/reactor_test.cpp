// callFromThread(): area TH in part. For the rest see the tests of the life cycle, of time and of
// react().
#include <marline/reactor/reactor.hpp>

#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>

#include "test/support/running.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;

// TH-2: calls from other threads arrive on the reactor's thread, each thread's in order.
TEST(CallFromThread, callsArriveInOrder) {
    Reactor reactor;
    constexpr int kThreads = 4;
    constexpr int kCalls = 5000;
    std::vector<int> last(kThreads, -1);
    int total = 0;
    bool ordered = true;
    const auto home = std::this_thread::get_id();
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < kCalls; ++i) {
                reactor.callFromThread([&, t, i] {
                    auto& before = last[static_cast<std::size_t>(t)];
                    ordered = ordered && before == i - 1 && std::this_thread::get_id() == home;
                    before = i;
                    ++total;
                });
            }
        });
    }
    test::runUntil(reactor, [&] { return total == kThreads * kCalls; });
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_TRUE(ordered);
}

// Another thread is told that it may not do more than that.
TEST(CallFromThread, otherCallsRefuseOtherThreads) {
    Reactor reactor;
    std::thread([&] {
        EXPECT_THROW(reactor.callLater(1s, [] {}), WrongThread);
        EXPECT_THROW(reactor.stop(), WrongThread);
    }).join();
}

}  // namespace
