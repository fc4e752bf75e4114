#include <marline/reactor/detail/timer_queue.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace marline::detail {
namespace {

using namespace std::chrono_literals;

/// Something whose end can be noticed: what a call captures.
template <class F>
struct AtEnd {
    explicit AtEnd(F f) : call(std::move(f)) {}
    AtEnd(const AtEnd&) = delete;
    AtEnd& operator=(const AtEnd&) = delete;
    ~AtEnd() { call(); }
    F call;
};

class TimerQueueTest : public ::testing::Test {
protected:
    TimerQueue::Id add(Duration due, char name) {
        return queue.add(due, [this, name] { ran += name; }, std::source_location::current());
    }
    /// Adds a call that does nothing, and that runs `end` when it is destroyed.
    template <class F>
    TimerQueue::Id addWithEnd(Duration due, F end) {
        return queue.add(
            due, [held = std::make_unique<AtEnd<F>>(std::move(end))] {},
            std::source_location::current());
    }
    /// Runs what is due at `now`, as the reactor does.
    std::string runAt(Duration now) {
        ran.clear();
        const std::uint32_t mark = queue.mark();
        TimerQueue::Call due;
        while (queue.popDue(now, mark, due)) {
            due.call();
            due.call.reset();
        }
        return ran;
    }

    std::string ran;
    TimerQueue queue;
};

// T-4: the earliest first, whatever the order they were added in.
TEST_F(TimerQueueTest, runsInOrderOfDueTime) {
    add(3s, 'c');
    add(1s, 'a');
    add(2s, 'b');
    EXPECT_EQ(queue.earliest(), 1s);
    EXPECT_EQ(runAt(5s), "abc");
    EXPECT_TRUE(queue.empty());
}

// T-5: unlike the real reactor of Twisted, equal times run in the order of adding.
TEST_F(TimerQueueTest, equalTimesKeepTheOrderOfAdding) {
    std::string expected;
    for (char name = 'a'; name <= 'z'; ++name) {
        add(1s, name);
        expected += name;
    }
    EXPECT_EQ(runAt(1s), expected);
}

// A call is due at its time, and not a nanosecond before.
TEST_F(TimerQueueTest, nothingRunsBeforeItsTime) {
    add(1s, 'a');
    EXPECT_EQ(runAt(1s - 1ns), "");
    EXPECT_EQ(queue.size(), 1U);
    EXPECT_EQ(runAt(1s), "a");
}

// T-6, T-9: a cancelled call neither runs nor counts, and its id stays dead when the slot lives on.
TEST_F(TimerQueueTest, cancelTakesOutOneCall) {
    add(1s, 'a');
    const TimerQueue::Id b = add(2s, 'b');
    add(3s, 'c');
    queue.cancel(b);
    EXPECT_FALSE(queue.active(b));
    EXPECT_EQ(queue.size(), 2U);
    const TimerQueue::Id d = add(4s, 'd');
    EXPECT_EQ(d.slot, b.slot);
    EXPECT_FALSE(queue.active(b));
    EXPECT_TRUE(queue.active(d));
    EXPECT_EQ(runAt(9s), "acd");
}

// The earliest time is that of a call that lives.
TEST_F(TimerQueueTest, earliestSkipsCancelledCalls) {
    queue.cancel(add(1s, 'a'));
    add(2s, 'b');
    EXPECT_EQ(queue.earliest(), 2s);
}

// T-7: a call moves both ways, and the place it left has no effect.
TEST_F(TimerQueueTest, moveGoesEarlierAndLater) {
    const TimerQueue::Id a = add(1s, 'a');
    add(2s, 'b');
    const TimerQueue::Id c = add(3s, 'c');
    queue.move(a, 4s);
    queue.move(c, 1s);
    EXPECT_EQ(queue.due(a), 4s);
    EXPECT_EQ(runAt(1s), "c");
    EXPECT_EQ(runAt(3s), "b");
    EXPECT_EQ(runAt(4s), "a");
}

// A call that is moved all the time leaves no trail of entries: the heap is rebuilt.
TEST_F(TimerQueueTest, movingOneCallAMillionTimesCostsNothingLater) {
    const TimerQueue::Id a = add(1s, 'a');
    for (int i = 0; i < 1000000; ++i) {
        queue.move(a, 1s + Duration(i));
    }
    EXPECT_EQ(queue.size(), 1U);
    EXPECT_EQ(runAt(2s), "a");
}

// T-3: a call added during a run waits for the next one, even when it is due.
TEST_F(TimerQueueTest, whatIsAddedDuringARunWaits) {
    queue.add(1s, [this] { add(1s, 'n'); }, std::source_location::current());
    EXPECT_EQ(runAt(1s), "");
    EXPECT_EQ(runAt(1s), "n");
}

// A call may have waited while more calls than half of a sequence's range were added.
TEST_F(TimerQueueTest, aVeryOldCallStillRuns) {
    add(1s, 'a');
    TimerQueue::Call due;
    ASSERT_TRUE(queue.popDue(2s, 0x90000000U, due));
    due.call();
    EXPECT_EQ(ran, "a");
}

// A call that is cancelled by one before it in the same run does not run.
TEST_F(TimerQueueTest, aCallMayCancelTheNextOne) {
    TimerQueue::Id victim{};
    queue.add(1s, [&] { queue.cancel(victim); }, std::source_location::current());
    victim = add(1s, 'v');
    add(1s, 'w');
    EXPECT_EQ(runAt(1s), "w");
}

// Cancelling destroys the call at once: what it holds is not kept until its time.
TEST_F(TimerQueueTest, cancelDestroysTheCallAtOnce) {
    bool gone = false;
    const TimerQueue::Id id = addWithEnd(1h, [&gone] { gone = true; });
    queue.cancel(id);
    EXPECT_TRUE(gone);
}

// What a dying capture does to the queue finds it whole.
TEST_F(TimerQueueTest, aDyingCaptureMayAddAndCancel) {
    const TimerQueue::Id other = add(2s, 'o');
    const TimerQueue::Id dying = addWithEnd(1s, [this, other] {
        queue.cancel(other);
        for (int i = 0; i < 100; ++i) {
            add(1s, 'x');
        }
    });
    queue.cancel(dying);
    EXPECT_FALSE(queue.active(other));
    EXPECT_EQ(runAt(2s), std::string(100, 'x'));
}

TEST_F(TimerQueueTest, clearDropsEverything) {
    int gone = 0;
    for (int i = 0; i < 10; ++i) {
        addWithEnd(1s, [&gone] { ++gone; });
    }
    queue.clear();
    EXPECT_EQ(gone, 10);
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(runAt(1h), "");
    add(1s, 'a');
    EXPECT_EQ(runAt(1s), "a");
}

// clear() leaves nothing behind, not even what a dying capture added into a slot it has passed.
TEST_F(TimerQueueTest, clearDropsWhatDyingCapturesAdd) {
    addWithEnd(1s, [this] { add(1s, 'x'); });
    addWithEnd(1s, [this] { add(1s, 'y'); });
    queue.clear();
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(runAt(1h), "");
}

// The everyday load: a million timeouts, nearly all of which are cancelled.
TEST_F(TimerQueueTest, aMillionCallsOfWhichOneInAHundredRuns) {
    constexpr int kCalls = 1000000;
    std::mt19937 random(1);
    std::vector<TimerQueue::Id> ids;
    ids.reserve(kCalls);
    Duration last{};
    int count = 0;
    bool ordered = true;
    for (int i = 0; i < kCalls; ++i) {
        const Duration due{random() % 1000000};
        ids.push_back(queue.add(
            due,
            [&, due] {
                ordered = ordered && due >= last;
                last = due;
                ++count;
            },
            std::source_location::current()));
    }
    for (int i = 0; i < kCalls; ++i) {
        if (i % 100 != 0) {
            queue.cancel(ids[static_cast<std::size_t>(i)]);
        }
    }
    EXPECT_EQ(queue.size(), 10000U);
    runAt(1s);
    EXPECT_EQ(count, 10000);
    EXPECT_TRUE(ordered);
    EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace marline::detail
