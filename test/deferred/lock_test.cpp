// DeferredLock and DeferredSemaphore: whose turn it is. Area LK.
#include <marline/deferred/lock.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/result.hpp>
#include <marline/deferred/source.hpp>

namespace {

using marline::Deferred;
using marline::DeferredLock;
using marline::DeferredSemaphore;
using marline::DeferredSource;
using marline::Failure;
using marline::LockGuard;
using marline::Result;
using testing::ElementsAre;
using testing::HasSubstr;

static_assert(!std::is_copy_constructible_v<LockGuard>);
static_assert(std::is_nothrow_move_constructible_v<LockGuard>);
static_assert(sizeof(LockGuard) == sizeof(void*));

/// Keeps the guard that `turn` yields, or why there was none.
struct Holder {
    explicit Holder(Deferred<LockGuard> turn) : turn_(turn) {
        turn.addCallbacks([this](LockGuard got) { guard = std::move(got); },
                          [this](const Failure& failure) { why = failure.typeName(); });
    }
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;

    void cancel() { turn_.cancel(); }
    bool holds() const { return static_cast<bool>(guard); }

    LockGuard guard;
    std::string why;

private:
    Deferred<LockGuard> turn_;
};

// LK-1: a free lock is acquired at once; later ones wait in line.
TEST(DeferredLock, firstComesFirst) {
    DeferredLock lock;
    EXPECT_FALSE(lock.locked());
    Holder first(lock.acquire());
    EXPECT_TRUE(first.holds());
    EXPECT_TRUE(lock.locked());
    Holder second(lock.acquire());
    Holder third(lock.acquire());
    EXPECT_FALSE(second.holds());
    EXPECT_EQ(lock.waiting(), 2U);
    first.guard.release();
    EXPECT_TRUE(second.holds());
    EXPECT_FALSE(third.holds());
    second.guard.release();
    EXPECT_TRUE(third.holds());
    third.guard.release();
    EXPECT_FALSE(lock.locked());
}

// LK-2: the lock passes from hand to hand; nobody sees it free in between.
TEST(DeferredLock, isNeverFreeInBetween) {
    DeferredLock lock;
    Holder first(lock.acquire());
    std::vector<bool> seen;
    Holder second(lock.acquire().addCallback([&](LockGuard guard) {
        seen.push_back(lock.locked());
        return guard;
    }));
    first.guard.release();
    seen.push_back(lock.locked());
    EXPECT_THAT(seen, ElementsAre(true, true));
}

// LK-2: a turn given back inside the next one's callback is not free while somebody waits.
TEST(DeferredLock, nobodyOvertakesTheWaiters) {
    DeferredLock lock;
    std::vector<int> order;
    Holder first(lock.acquire());
    std::optional<Holder> late;
    lock.acquire().addCallback([&](LockGuard guard) {
        guard.release();
        EXPECT_TRUE(lock.locked());
        lock.acquire().addCallback([&](const LockGuard&) { order.push_back(3); });
        order.push_back(1);
    });
    lock.acquire().addCallback([&](const LockGuard&) { order.push_back(2); });
    first.guard.release();
    EXPECT_THAT(order, ElementsAre(1, 2, 3));
    EXPECT_FALSE(lock.locked());
}

// LK-3: releasing what is not held is misuse.
TEST(DeferredLock, releasingTwiceThrows) {
    DeferredLock lock;
    Holder holder(lock.acquire());
    holder.guard.release();
    try {
        holder.guard.release();
        FAIL() << "released twice";
    } catch (const std::logic_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("holds nothing"));
    }
    EXPECT_THROW(LockGuard().release(), std::logic_error);
    EXPECT_FALSE(lock.locked());
}

// LK-5: a waiter that is cancelled leaves the line.
TEST(DeferredLock, cancellingAWaiterTakesItOut) {
    DeferredLock lock;
    Holder first(lock.acquire());
    Holder second(lock.acquire());
    Holder third(lock.acquire());
    second.cancel();
    EXPECT_EQ(second.why, "marline::CancelledError");
    EXPECT_EQ(lock.waiting(), 1U);
    first.guard.release();
    EXPECT_TRUE(third.holds());
}

// LK-5: whichever place in the line it has.
TEST(DeferredLock, anyWaiterMayBeCancelled) {
    for (std::size_t cancelled = 0; cancelled < 3; ++cancelled) {
        DeferredLock lock;
        Holder first(lock.acquire());
        std::vector<std::unique_ptr<Holder>> waiters;
        waiters.reserve(3);
        for (int i = 0; i < 3; ++i) {
            waiters.push_back(std::make_unique<Holder>(lock.acquire()));
        }
        waiters[cancelled]->cancel();
        first.guard.release();
        for (std::size_t i = 0; i < 3; ++i) {
            EXPECT_EQ(waiters[i]->holds(), i != cancelled) << i;
            if (waiters[i]->holds()) {
                waiters[i]->guard.release();
            }
        }
        EXPECT_FALSE(lock.locked());
    }
}

// LK-5: after the acquisition cancel() does nothing, and the lock stays held.
TEST(DeferredLock, cancellingAfterwardsKeepsIt) {
    DeferredLock lock;
    Deferred<LockGuard> turn = lock.acquire();
    turn.cancel();
    EXPECT_TRUE(lock.locked());
    Holder holder(turn);
    EXPECT_TRUE(holder.holds());
}

// LK-6: a guard releases at the end of its scope, however that is left.
TEST(DeferredLock, aScopeReleases) {
    DeferredLock lock;
    lock.acquire().addCallback([&](const LockGuard&) { EXPECT_TRUE(lock.locked()); });
    EXPECT_FALSE(lock.locked());
    std::string why;
    lock.acquire()
        .addCallback([](const LockGuard&) { throw std::runtime_error("in the scope"); })
        .addErrback([&](const Failure& failure) { why = failure.message(); });
    EXPECT_EQ(why, "in the scope");
    EXPECT_FALSE(lock.locked());
}

// A guard that moves on keeps the turn until it goes.
TEST(DeferredLock, aGuardMayOutliveItsCallback) {
    DeferredLock lock;
    DeferredSource<> saving;
    bool free = false;
    lock.acquire()
        .addCallback([d = saving.deferred()](LockGuard guard) mutable {
            return d.addBoth([guard = std::move(guard)](Result<> saved) { return saved; });
        })
        .addCallback([&] { free = !lock.locked(); });
    EXPECT_TRUE(lock.locked());
    saving.callback();
    EXPECT_TRUE(free);
}

// A guard that nobody took is not lost: it is released with its Deferred.
TEST(DeferredLock, anUnwantedTurnGoesOn) {
    DeferredLock lock;
    Holder first(lock.acquire());
    static_cast<void>(lock.acquire());
    Holder third(lock.acquire());
    first.guard.release();
    EXPECT_TRUE(third.holds());
}

// A guard moves, and gives up what it held before.
TEST(DeferredLock, guardsMove) {
    DeferredLock one;
    DeferredLock other;
    Holder a(one.acquire());
    Holder b(other.acquire());
    a.guard = std::move(b.guard);
    EXPECT_FALSE(one.locked());
    EXPECT_TRUE(other.locked());
    EXPECT_FALSE(b.holds());
    LockGuard& same = a.guard;
    a.guard = std::move(same);
    EXPECT_TRUE(other.locked());
}

// The lock may go before its guards do: who waits still gets the turn.
TEST(DeferredLock, guardsOutliveTheirLock) {
    auto lock = std::make_unique<DeferredLock>();
    Holder first(lock->acquire());
    Holder second(lock->acquire());
    lock.reset();
    first.guard.release();
    EXPECT_TRUE(second.holds());
}

// A line of any length is served in one stack, also when each turn ends in its own callback.
TEST(DeferredLock, aLongLineNeedsOneStack) {
    DeferredLock lock;
    Holder first(lock.acquire());
    int served = 0;
    for (int i = 0; i < 200'000; ++i) {
        lock.acquire().addCallback([&](const LockGuard&) { ++served; });
    }
    first.guard.release();
    EXPECT_EQ(served, 200'000);
    EXPECT_FALSE(lock.locked());
}

// LK-7: as many as there are tokens hold it; the next one waits.
TEST(DeferredSemaphore, letsSoManyIn) {
    DeferredSemaphore semaphore(2);
    EXPECT_EQ(semaphore.limit(), 2U);
    Holder first(semaphore.acquire());
    EXPECT_EQ(semaphore.tokens(), 1U);
    Holder second(semaphore.acquire());
    Holder third(semaphore.acquire());
    EXPECT_TRUE(second.holds());
    EXPECT_FALSE(third.holds());
    EXPECT_EQ(semaphore.tokens(), 0U);
    second.guard.release();
    EXPECT_TRUE(third.holds());
    EXPECT_EQ(semaphore.tokens(), 0U);
    first.guard.release();
    third.guard.release();
    EXPECT_EQ(semaphore.tokens(), 2U);
}

// LK-7: a semaphore without tokens is misuse, and so is releasing more than was acquired.
TEST(DeferredSemaphore, refusesNonsense) {
    EXPECT_THROW(DeferredSemaphore(0), std::invalid_argument);
    DeferredSemaphore semaphore(2);
    Holder holder(semaphore.acquire());
    holder.guard.release();
    EXPECT_THROW(holder.guard.release(), std::logic_error);
    EXPECT_EQ(semaphore.tokens(), 2U);
}

// LK-8: its waiters are cancelled as a lock's are, before and after.
TEST(DeferredSemaphore, waitersCancel) {
    DeferredSemaphore semaphore(1);
    Deferred<LockGuard> turn = semaphore.acquire();
    turn.cancel();
    EXPECT_EQ(semaphore.tokens(), 0U);
    Holder second(semaphore.acquire());
    second.cancel();
    EXPECT_EQ(second.why, "marline::CancelledError");
    EXPECT_EQ(semaphore.waiting(), 0U);
}

}  // namespace
