// DeferredQueue: objects and those who wait for them. Area LK.
#include <marline/deferred/queue.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/errors.hpp>

namespace {

using marline::Deferred;
using marline::DeferredQueue;
using marline::Failure;
using marline::QueueOverflow;
using marline::QueueUnderflow;
using testing::ElementsAre;
using testing::HasSubstr;

/// Gets `count` times; `seen` hears of each.
void collect(DeferredQueue<int>& queue, int count, std::vector<int>& seen) {
    for (int i = 0; i < count; ++i) {
        queue.get().addCallback([&](int object) { seen.push_back(object); });
    }
}

// LK-9: an object goes to the oldest waiter.
TEST(DeferredQueue, theOldestWaiterGetsIt) {
    DeferredQueue<int> queue;
    std::vector<std::string> seen;
    queue.get().addCallback([&](int object) { seen.push_back("a" + std::to_string(object)); });
    queue.get().addCallback([&](int object) { seen.push_back("b" + std::to_string(object)); });
    EXPECT_EQ(queue.waiting(), 2U);
    queue.put(1);
    EXPECT_THAT(seen, ElementsAre("a1"));
    queue.put(2);
    EXPECT_THAT(seen, ElementsAre("a1", "b2"));
    EXPECT_EQ(queue.pending(), 0U);
}

// LK-9, LK-10: without waiters objects are kept, and the oldest is given first, at once.
TEST(DeferredQueue, theOldestObjectIsGivenFirst) {
    DeferredQueue<int> queue;
    for (int i = 0; i < 20; ++i) {
        queue.put(i);
    }
    EXPECT_EQ(queue.pending(), 20U);
    std::vector<int> seen;
    collect(queue, 2, seen);
    EXPECT_THAT(seen, ElementsAre(0, 1));
}

// LK-9, LK-10: the order holds while the queue fills and empties, however often it wraps.
TEST(DeferredQueue, theOrderHoldsAsItWraps) {
    DeferredQueue<int> queue;
    std::vector<int> seen;
    int next = 0;
    for (int round = 0; round < 50; ++round) {
        for (int i = 0; i < 1 + round % 7; ++i) {
            queue.put(next++);
        }
        collect(queue, 1 + round % 5, seen);
        collect(queue, static_cast<int>(queue.pending()) / 2, seen);
    }
    collect(queue, static_cast<int>(queue.pending()), seen);
    while (queue.waiting() != 0) {
        queue.put(next++);
    }
    ASSERT_EQ(seen.size(), static_cast<std::size_t>(next));
    for (std::size_t i = 0; i < seen.size(); ++i) {
        ASSERT_EQ(seen[i], static_cast<int>(i));
    }
}

// LK-9: beyond its size it refuses, and the message names the knob.
TEST(DeferredQueue, overflows) {
    DeferredQueue<int> queue({.size = 2});
    queue.put(1);
    queue.put(2);
    try {
        queue.put(3);
        FAIL() << "took a third one";
    } catch (const QueueOverflow& overflow) {
        EXPECT_THAT(overflow.what(), HasSubstr("holds 2 objects, which is its .size"));
    }
    std::vector<int> seen;
    collect(queue, 1, seen);
    queue.put(3);
    collect(queue, 2, seen);
    EXPECT_THAT(seen, ElementsAre(1, 2, 3));
}

// LK-9: a size of zero takes an object only for somebody who waits.
TEST(DeferredQueue, aSizeOfZeroKeepsNothing) {
    DeferredQueue<int> queue({.size = 0});
    EXPECT_THROW(queue.put(1), QueueOverflow);
    std::vector<int> seen;
    collect(queue, 1, seen);
    queue.put(2);
    EXPECT_THAT(seen, ElementsAre(2));
}

// LK-9: what was refused still belongs to the caller.
TEST(DeferredQueue, aRefusedObjectStays) {
    DeferredQueue<std::unique_ptr<int>> queue({.size = 0});
    auto object = std::make_unique<int>(7);
    EXPECT_THROW(queue.put(std::move(object)), QueueOverflow);
    EXPECT_EQ(*object, 7);  // NOLINT(bugprone-use-after-move): it was not moved
}

// LK-10: beyond its backlog it refuses, and the message names the knob.
TEST(DeferredQueue, underflows) {
    DeferredQueue<int> queue({.backlog = 1});
    std::vector<int> seen;
    collect(queue, 1, seen);
    try {
        static_cast<void>(queue.get());
        FAIL() << "let a second one wait";
    } catch (const QueueUnderflow& underflow) {
        EXPECT_THAT(underflow.what(), HasSubstr("1 waiters, which is its .backlog"));
    }
    queue.put(1);
    collect(queue, 1, seen);
    EXPECT_EQ(queue.waiting(), 1U);
    queue.put(2);
    EXPECT_THAT(seen, ElementsAre(1, 2));
}

// LK-10: a backlog of zero gives what is there, and lets nobody wait.
TEST(DeferredQueue, aBacklogOfZeroLetsNobodyWait) {
    DeferredQueue<int> queue({.backlog = 0});
    EXPECT_THROW(static_cast<void>(queue.get()), QueueUnderflow);
    queue.put(4);
    std::vector<int> seen;
    collect(queue, 1, seen);
    EXPECT_THAT(seen, ElementsAre(4));
}

// LK-11: a cancelled get() leaves the line; the next object goes to the next waiter.
TEST(DeferredQueue, aCancelledGetLosesNothing) {
    DeferredQueue<int> queue;
    std::string why;
    Deferred<int> impatient = queue.get();
    impatient.addErrback([&](const Failure& failure) {
        why = failure.typeName();
        return 0;
    });
    std::vector<int> seen;
    collect(queue, 1, seen);
    impatient.cancel();
    EXPECT_EQ(why, "marline::CancelledError");
    EXPECT_EQ(queue.waiting(), 1U);
    queue.put(5);
    queue.put(6);
    EXPECT_THAT(seen, ElementsAre(5));
    EXPECT_EQ(queue.pending(), 1U);
}

// LK-11: a cancelled waiter makes room in the backlog.
TEST(DeferredQueue, aCancelledGetMakesRoom) {
    DeferredQueue<int> queue({.backlog = 1});
    Deferred<int> impatient = queue.get();
    impatient.addErrback([](const Failure&) { return 0; });
    impatient.cancel();
    std::vector<int> seen;
    collect(queue, 1, seen);
    queue.put(8);
    EXPECT_THAT(seen, ElementsAre(8));
}

// LK-11: once it has its object, cancel() does nothing.
TEST(DeferredQueue, cancellingAfterwardsKeepsTheObject) {
    DeferredQueue<int> queue;
    Deferred<int> later = queue.get();
    queue.put(1);
    later.cancel();
    queue.put(2);
    Deferred<int> atOnce = queue.get();
    atOnce.cancel();
    std::vector<int> seen;
    later.addCallback([&](int object) { seen.push_back(object); });
    atOnce.addCallback([&](int object) { seen.push_back(object); });
    EXPECT_THAT(seen, ElementsAre(1, 2));
}

// A consumer may ask again inside its callback, and a producer put from there.
TEST(DeferredQueue, callbacksMayUseTheQueue) {
    DeferredQueue<int> queue;
    std::vector<int> seen;
    queue.get().addCallback([&](int object) {
        seen.push_back(object);
        queue.put(object + 1);
        collect(queue, 1, seen);
    });
    queue.put(1);
    EXPECT_THAT(seen, ElementsAre(1, 2));
}

// When the queue goes, its waiters learn it, and its objects go with it.
TEST(DeferredQueue, goesWithWaitersAndObjects) {
    std::vector<std::string> why;
    auto object = std::make_shared<int>(1);
    {
        DeferredQueue<int> empty;
        for (int i = 0; i < 2; ++i) {
            empty.get().addErrback([&](const Failure& failure) {
                why.push_back(failure.typeName());
                return 0;
            });
        }
        DeferredQueue<std::shared_ptr<int>> full;
        full.put(object);
        EXPECT_EQ(object.use_count(), 2);
    }
    EXPECT_THAT(why, ElementsAre("marline::DeferredLost", "marline::DeferredLost"));
    EXPECT_EQ(object.use_count(), 1);
}

/// Throws when it is copied.
struct Uncopiable {
    Uncopiable() = default;
    Uncopiable(const Uncopiable&) { throw std::runtime_error("no copy"); }
    Uncopiable(Uncopiable&&) noexcept = default;
    Uncopiable& operator=(const Uncopiable&) = delete;
};

// An object that cannot be copied costs no waiter its place, and leaves no hole.
TEST(DeferredQueue, aFailedCopyChangesNothing) {
    DeferredQueue<Uncopiable> queue;
    const Uncopiable object;
    EXPECT_THROW(queue.put(object), std::runtime_error);
    EXPECT_EQ(queue.pending(), 0U);
    bool got = false;
    queue.get().addCallback([&](const Uncopiable&) { got = true; });
    EXPECT_THROW(queue.put(object), std::runtime_error);
    EXPECT_EQ(queue.waiting(), 1U);
    queue.put(Uncopiable());
    EXPECT_TRUE(got);
}

// A get() of which nobody could tell what becomes of it gets nothing; the next one does.
TEST(DeferredQueue, aGetThatWasDroppedCostsNoObject) {
    DeferredQueue<std::unique_ptr<int>> queue;
    queue.get();
    int seen = 0;
    queue.get().addCallback([&](const std::unique_ptr<int>& object) { seen = *object; });
    queue.get();
    queue.put(std::make_unique<int>(1));
    EXPECT_EQ(seen, 1);
    queue.put(std::make_unique<int>(2));
    EXPECT_EQ(queue.pending(), 1U);
    EXPECT_EQ(queue.waiting(), 0U);
}

// A get() for which there is a view gets its object, whether anything was added or not.
TEST(DeferredQueue, aGetThatSomebodyHoldsGetsItsObject) {
    DeferredQueue<int> queue;
    const Deferred<int> held = queue.get();
    queue.put(1);
    EXPECT_TRUE(held.called());
}

// Who asks again when the queue goes is refused, and so comes to an end.
TEST(DeferredQueue, aLoopEndsWhenTheQueueGoes) {
    std::vector<std::string> ends;
    {
        DeferredQueue<int> queue;
        queue.get()
            .addErrback([&](const Failure& why) {
                ends.push_back(why.typeName());
                return queue.get();
            })
            .addErrback([&](const Failure& why) {
                ends.push_back(why.typeName());
                return 0;
            });
    }
    EXPECT_THAT(ends, ElementsAre("marline::DeferredLost", "std::logic_error"));
}

}  // namespace
