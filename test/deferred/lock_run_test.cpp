// DeferredLock::run and DeferredSemaphore::run: a function for the time of a turn. Area LK.
#include <marline/deferred/lock.hpp>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/errors.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>

namespace {

using marline::Deferred;
using marline::DeferredLock;
using marline::DeferredSemaphore;
using marline::DeferredSource;
using marline::Failure;
using marline::LockGuard;
using marline::Result;
using testing::ElementsAre;

// LK-4: a value passes through, and the lock is free when the next callback runs.
TEST(LockRun, passesAValueThrough) {
    DeferredLock lock;
    int seen = 0;
    lock.run([&] {
            EXPECT_TRUE(lock.locked());
            return 7;
        })
        .addCallback([&](int value) {
            seen = value;
            EXPECT_FALSE(lock.locked());
        });
    EXPECT_EQ(seen, 7);
}

// LK-4: a function may return nothing.
TEST(LockRun, passesNothingThrough) {
    DeferredLock lock;
    bool done = false;
    Deferred<> ran = lock.run([] {});
    ran.addCallback([&] { done = true; });
    EXPECT_TRUE(done);
    EXPECT_FALSE(lock.locked());
}

// LK-4: the lock is held until the Deferred that the function returned has fired.
TEST(LockRun, holdsUntilTheDeferredFires) {
    DeferredLock lock;
    DeferredSource<std::string> source;
    std::string seen;
    lock.run([d = source.deferred()] { return d; }).addCallback([&](const std::string& text) {
        seen = text;
        EXPECT_FALSE(lock.locked());
    });
    EXPECT_TRUE(lock.locked());
    source.callback("done");
    EXPECT_EQ(seen, "done");
}

// LK-4: what the function throws, and what its Deferred fails with, release the lock as well.
TEST(LockRun, failuresRelease) {
    DeferredLock lock;
    std::vector<std::string> seen;
    const auto note = [&](const Failure& failure) {
        seen.push_back(failure.message());
        EXPECT_FALSE(lock.locked());
    };
    lock.run([]() -> void { throw std::runtime_error("thrown"); }).addErrback(note);
    lock.run([] { return marline::fail(marline::TimeoutError("failed")); }).addErrback(note);
    lock.run([] { return Result<>(marline::TimeoutError("returned")); }).addErrback(note);
    EXPECT_THAT(seen, ElementsAre("thrown", "failed", "returned"));
}

// LK-4: the function is called when the turn comes, not before.
TEST(LockRun, waitsForItsTurn) {
    DeferredSemaphore semaphore(2);
    std::vector<DeferredSource<>> jobs;
    std::vector<int> done;
    for (int i = 0; i < 3; ++i) {
        semaphore
            .run([&] {
                jobs.emplace_back();
                return jobs.back().deferred();
            })
            .addCallback([&done, i] { done.push_back(i); });
    }
    EXPECT_EQ(jobs.size(), 2U);
    jobs[1].callback();
    EXPECT_EQ(jobs.size(), 3U);
    jobs[2].callback();
    jobs[0].callback();
    EXPECT_THAT(done, ElementsAre(1, 2, 0));
    EXPECT_EQ(semaphore.tokens(), 2U);
}

// LK-4, LK-5: cancelling it cancels the wait, and the function is never called.
TEST(LockRun, cancelledBeforeItsTurnItIsNotCalled) {
    DeferredLock lock;
    bool called = false;
    std::string why;
    Deferred<LockGuard> held = lock.acquire();
    Deferred<> ran = lock.run([&] { called = true; });
    ran.addErrback([&](const Failure& failure) { why = failure.typeName(); });
    ran.cancel();
    EXPECT_EQ(why, "marline::CancelledError");
    held.addCallback([](const LockGuard&) {});
    EXPECT_FALSE(called);
    EXPECT_FALSE(lock.locked());
}

// Cancelling it later cancels what the function returned, and the lock is free then.
TEST(LockRun, cancelReachesTheFunctionsDeferred) {
    DeferredLock lock;
    bool cancelled = false;
    std::string why;
    DeferredSource<> source([&](Deferred<>) { cancelled = true; });
    Deferred<> ran = lock.run([d = source.deferred()] { return d; });
    ran.addErrback([&](const Failure& failure) { why = failure.typeName(); });
    ran.cancel();
    EXPECT_TRUE(cancelled);
    EXPECT_EQ(why, "marline::CancelledError");
    EXPECT_FALSE(lock.locked());
}

/// Knows where it was called, and how many of its kind there are.
struct Counted {
    explicit Counted(Deferred<> result) : d(result) { ++alive; }
    Counted(Counted&& other) noexcept : d(other.d) { ++alive; }
    Counted& operator=(Counted&&) = delete;
    ~Counted() {
        --alive;
        if (this == called) {
            called = nullptr;
        }
    }
    Deferred<> operator()() {
        called = this;
        return d;
    }

    Deferred<> d;
    static inline int alive = 0;
    static inline const Counted* called = nullptr;
};

// The function stays where it was called until its Deferred has fired: a coroutine needs that.
TEST(LockRun, theFunctionStaysUntilItsDeferredHasFired) {
    for (const bool waits : {false, true}) {
        DeferredLock lock;
        LockGuard held;
        if (waits) {
            lock.acquire().addCallback([&](LockGuard guard) { held = std::move(guard); });
        }
        DeferredSource<> source;
        bool done = false;
        lock.run(Counted(source.deferred())).addCallback([&] { done = true; });
        if (waits) {
            EXPECT_EQ(Counted::called, nullptr);
            held.release();
        }
        EXPECT_NE(Counted::called, nullptr);
        EXPECT_EQ(Counted::alive, 1);
        source.callback();
        EXPECT_TRUE(done);
        EXPECT_EQ(Counted::alive, 0);
        EXPECT_EQ(Counted::called, nullptr);
    }
}

// A run() that nobody holds any more still runs, and what it holds goes with it.
TEST(LockRun, anUnwatchedOneRuns) {
    DeferredLock lock;
    int ran = 0;
    {
        LockGuard held;
        lock.acquire().addCallback([&](LockGuard guard) { held = std::move(guard); });
        lock.run([&] { ++ran; });
        EXPECT_EQ(ran, 0);
    }
    EXPECT_EQ(ran, 1);
    EXPECT_FALSE(lock.locked());
}

// A Deferred that nobody will fire does not keep the lock.
TEST(LockRun, aLostDeferredReleases) {
    DeferredLock lock;
    std::string why;
    lock.run([] {
            DeferredSource<> lost;
            return lost.deferred();
        })
        .addErrback([&](const Failure& failure) { why = failure.typeName(); });
    EXPECT_EQ(why, "marline::DeferredLost");
    EXPECT_FALSE(lock.locked());
}

}  // namespace
