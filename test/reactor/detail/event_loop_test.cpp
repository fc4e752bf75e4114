#include <marline/reactor/detail/event_loop.hpp>

#include <gtest/gtest.h>

namespace marline::detail {
namespace {

// A loop that is to wake at a time long ago wakes at once, also at one before the clock's start,
// which the kernel would refuse.
TEST(EventLoopTest, wakesAtTimesLongAgo) {
    for (const Duration due : {Duration::min(), Duration(-1), Duration::zero(), Duration(1)}) {
        EventLoop loop;
        loop.wakeAt(due);
        loop.pollUntil(EventLoop::kForever);
    }
}

}  // namespace
}  // namespace marline::detail
