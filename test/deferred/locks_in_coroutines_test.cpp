// Locks, semaphores and queues in coroutines. Area LK.
#include <marline/deferred/lock.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/coroutine.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/queue.hpp>
#include <marline/deferred/source.hpp>

namespace {

using marline::CancelledError;
using marline::Deferred;
using marline::DeferredLock;
using marline::DeferredQueue;
using marline::DeferredSemaphore;
using marline::DeferredSource;
using marline::Failure;
using marline::LockGuard;
using testing::ElementsAre;

/// Holds the lock until `end` fires.
Deferred<> holdUntil(DeferredLock& lock, Deferred<> end, std::vector<std::string>& seen,
                     std::string name) {
    const LockGuard guard = co_await lock.acquire();
    seen.push_back(name + " in");
    co_await std::move(end);
    seen.push_back(name + " out");
}

// LK-6: a guard in a coroutine releases at the end of its scope.
TEST(LockInACoroutine, aScopeReleases) {
    DeferredLock lock;
    DeferredSource<> endOfA;
    DeferredSource<> endOfB;
    std::vector<std::string> seen;
    Deferred<> a = holdUntil(lock, endOfA.deferred(), seen, "a");
    Deferred<> b = holdUntil(lock, endOfB.deferred(), seen, "b");
    EXPECT_THAT(seen, ElementsAre("a in"));
    endOfA.callback();
    EXPECT_THAT(seen, ElementsAre("a in", "a out", "b in"));
    EXPECT_TRUE(lock.locked());
    endOfB.callback();
    EXPECT_FALSE(lock.locked());
}

// LK-6: so it does when an exception leaves the scope, which goes on.
TEST(LockInACoroutine, anExceptionReleases) {
    DeferredLock lock;
    DeferredSource<> end;
    std::vector<std::string> seen;
    std::string why;
    Deferred<> a = holdUntil(lock, end.deferred(), seen, "a");
    a.addErrback([&](const Failure& failure) {
        EXPECT_FALSE(lock.locked());
        why = failure.message();
    });
    end.errback(std::runtime_error("in the scope"));
    EXPECT_EQ(why, "in the scope");
    EXPECT_THAT(seen, ElementsAre("a in"));
}

// LK-5: a cancelled coroutine leaves the line.
TEST(LockInACoroutine, cancellingItLeavesTheLine) {
    DeferredLock lock;
    DeferredSource<> end;
    std::vector<std::string> seen;
    std::string why;
    Deferred<> a = holdUntil(lock, end.deferred(), seen, "a");
    Deferred<> b = holdUntil(lock, end.deferred(), seen, "b");
    b.addErrback([&](const Failure& failure) { why = failure.typeName(); });
    b.cancel();
    EXPECT_EQ(why, "marline::CancelledError");
    EXPECT_EQ(lock.waiting(), 0U);
    end.callback();
    EXPECT_FALSE(lock.locked());
}

// LK-4: run() takes a coroutine, and keeps its captures as long as it runs.
TEST(LockInACoroutine, runTakesACoroutineWithCaptures) {
    for (const bool waits : {false, true}) {
        DeferredSemaphore semaphore(1);
        LockGuard held;
        if (waits) {
            semaphore.acquire().addCallback([&](LockGuard guard) { held = std::move(guard); });
        }
        DeferredSource<int> answer;
        std::string seen;
        semaphore
            .run([text = std::make_unique<std::string>("the answer is "),
                  d = answer.deferred()]() mutable -> Deferred<std::string> {
                const int number = co_await std::move(d);
                co_return *text + std::to_string(number);
            })
            .addCallback([&](const std::string& text) {
                seen = text;
                EXPECT_EQ(semaphore.tokens(), 1U);
            });
        if (waits) {
            held.release();
        }
        answer.callback(42);
        EXPECT_EQ(seen, "the answer is 42");
    }
}

Deferred<> consume(DeferredQueue<int>& queue, std::vector<int>& seen) {
    while (true) {
        const int object = co_await queue.get();
        if (object < 0) {
            co_return;
        }
        seen.push_back(object);
    }
}

// LK-9, LK-10: a coroutine may take from a queue for as long as it likes, in one stack.
TEST(QueueInACoroutine, aLoopTakesWhatComes) {
    DeferredQueue<int> queue;
    for (int i = 0; i < 100'000; ++i) {
        queue.put(i);
    }
    std::vector<int> seen;
    Deferred<> consumer = consume(queue, seen);
    EXPECT_EQ(seen.size(), 100'000U);
    queue.put(7);
    EXPECT_EQ(seen.back(), 7);
    queue.put(-1);
    EXPECT_TRUE(consumer.called());
    EXPECT_EQ(queue.waiting(), 0U);
}

// LK-11: cancelling the consumer leaves its objects to the next one.
TEST(QueueInACoroutine, cancellingTheConsumerLosesNothing) {
    DeferredQueue<int> queue;
    std::vector<int> seen;
    bool cancelled = false;
    Deferred<> consumer = consume(queue, seen);
    consumer.addErrback<CancelledError>([&](const CancelledError&) { cancelled = true; });
    queue.put(1);
    consumer.cancel();
    queue.put(2);
    EXPECT_TRUE(cancelled);
    EXPECT_THAT(seen, ElementsAre(1));
    EXPECT_EQ(queue.pending(), 1U);
}

}  // namespace
