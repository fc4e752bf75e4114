// The pool of threads: area TH.
#include <marline/reactor/thread_pool.hpp>

#include <algorithm>
#include <atomic>
#include <latch>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include "test/support/reactor_fixture.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;
using marline::testing::CaughtLog;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A started pool.
class StartedPool : public ThreadPool {
public:
    explicit StartedPool(const ThreadPoolOptions& options = {}) : ThreadPool(options) { start(); }
};

/// Calls that hold `count` threads until release().
class Occupied {
public:
    Occupied(ThreadPool& pool, std::ptrdiff_t count) : gates_(std::make_shared<Gates>(count)) {
        for (std::ptrdiff_t i = 0; i < count; ++i) {
            pool.callInThread([gates = gates_] {
                gates->begun.count_down();
                gates->end.wait();
            });
        }
        gates_->begun.wait();
    }
    Occupied(const Occupied&) = delete;
    Occupied& operator=(const Occupied&) = delete;
    ~Occupied() { release(); }

    void release() {
        if (!std::exchange(released_, true)) {
            gates_->end.count_down();
        }
    }

private:
    struct Gates {
        explicit Gates(std::ptrdiff_t count) : begun(count) {}
        std::latch begun;
        std::latch end{1};
    };
    std::shared_ptr<Gates> gates_;
    bool released_ = false;
};

/// Counts down when the thread that called here() ends.
class ThreadEnd {
public:
    explicit ThreadEnd(std::ptrdiff_t threads) : ended_(threads) {}
    void here() {
        static thread_local Last last;
        last.ended = &ended_;
    }
    void wait() { ended_.wait(); }

private:
    struct Last {
        std::latch* ended = nullptr;
        ~Last() {
            if (ended != nullptr) {
                ended->count_down();
            }
        }
    };
    std::latch ended_;
};

// A call runs, in another thread, which has the pool's name.
TEST(ThreadPool, runsACallInAnotherThread) {
    std::thread::id where;
    std::string name(16, '\0');
    {
        StartedPool pool({.name = "a name that is too long for a thread"});
        pool.callInThread([&] {
            where = std::this_thread::get_id();
            pthread_getname_np(pthread_self(), name.data(), name.size());
        });
    }
    EXPECT_NE(where, std::thread::id());
    EXPECT_NE(where, std::this_thread::get_id());
    EXPECT_STREQ(name.c_str(), "a name that is ");
}

// TH-7: at most ten threads unless said otherwise, and none before they are needed.
TEST(ThreadPool, hasTenThreadsOnDemandByDefault) {
    StartedPool pool;
    EXPECT_EQ(pool.minThreads(), 0U);
    EXPECT_EQ(pool.maxThreads(), 10U);
    EXPECT_EQ(pool.statistics().threads, 0U);
    Occupied one(pool, 1);
    EXPECT_EQ(pool.statistics().threads, 1U);
    Occupied nine(pool, 9);
    pool.callInThread([] {});
    EXPECT_EQ(pool.statistics().threads, 10U);
    EXPECT_EQ(pool.statistics().busy, 10U);
    EXPECT_EQ(pool.statistics().queued, 1U);
}

// An idle thread takes the next call, no second one is started for it.
TEST(ThreadPool, reusesIdleThreads) {
    std::latch first(1);
    std::latch second(1);
    StartedPool pool({.minThreads = 1, .maxThreads = 8});
    std::vector<std::thread::id> threads(2);
    pool.callInThread([&] {
        threads[0] = std::this_thread::get_id();
        first.count_down();
    });
    first.wait();
    while (pool.statistics().busy != 0) {
        std::this_thread::yield();
    }
    pool.callInThread([&] {
        threads[1] = std::this_thread::get_id();
        second.count_down();
    });
    second.wait();
    EXPECT_EQ(threads[0], threads[1]);
    EXPECT_EQ(pool.statistics().threads, 1U);
}

// minThreads are there from the start on.
TEST(ThreadPool, minThreadsStartAtOnce) {
    StartedPool pool({.minThreads = 3, .maxThreads = 5});
    EXPECT_EQ(pool.statistics().threads, 3U);
}

// Calls begin in the order they were made.
TEST(ThreadPool, keepsTheOrder) {
    std::vector<int> order;
    {
        StartedPool pool({.maxThreads = 1});
        for (int i = 0; i < 100; ++i) {
            pool.callInThread([&order, i] { order.push_back(i); });
        }
    }
    ASSERT_EQ(order.size(), 100U);
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

// TH-8: calls made before the start wait for it, however many, and run in order.
TEST(ThreadPool, callsBeforeTheStartWaitForIt) {
    ThreadPool pool({.maxThreads = 1});
    std::vector<int> order;
    for (int i = 0; i < 50; ++i) {
        pool.callInThread([&order, i] { order.push_back(i); });
    }
    EXPECT_EQ(pool.statistics().threads, 0U);
    EXPECT_EQ(pool.statistics().queued, 50U);
    EXPECT_FALSE(pool.started());
    pool.start();
    EXPECT_TRUE(pool.started());
    pool.stop();
    EXPECT_EQ(order.size(), 50U);
}

// TH-8: calls made after the stop are dropped, and destroyed by who made them.
TEST(ThreadPool, callsAfterTheStopAreDropped) {
    StartedPool pool;
    pool.stop();
    EXPECT_FALSE(pool.started());
    const auto captured = std::make_shared<bool>(false);
    pool.callInThread([captured] { *captured = true; });
    EXPECT_EQ(captured.use_count(), 1);
    EXPECT_FALSE(*captured);
}

// TH-8: a pool that was never started drops what it has when it stops.
TEST(ThreadPool, neverStartedPoolDropsItsCalls) {
    const auto captured = std::make_shared<bool>(false);
    {
        ThreadPool pool;
        pool.callInThread([captured] { *captured = true; });
    }
    EXPECT_EQ(captured.use_count(), 1);
    EXPECT_FALSE(*captured);
}

// stop() lets the running call end, and runs what is queued before it returns.
TEST(ThreadPool, stopRunsWhatIsQueued) {
    StartedPool pool({.maxThreads = 1});
    std::atomic<int> ran = 0;
    Occupied held(pool, 1);
    for (int i = 0; i < 10; ++i) {
        pool.callInThread([&ran] { ++ran; });
    }
    EXPECT_EQ(ran, 0);
    held.release();
    pool.stop();
    EXPECT_EQ(ran, 10);
    EXPECT_EQ(pool.statistics().threads, 0U);
}

// A pool that was stopped starts again.
TEST(ThreadPool, startsAgain) {
    std::latch ran(1);
    StartedPool pool;
    pool.stop();
    pool.start();
    pool.callInThread([&] { ran.count_down(); });
    ran.wait();
}

// stop() in a thread of the pool would wait for itself, and says so.
TEST(ThreadPool, refusesToStopItselfFromWithin) {
    std::latch done(1);
    StartedPool pool;
    std::string said;
    pool.callInThread([&] {
        try {
            pool.stop();
        } catch (const std::logic_error& error) {
            said = error.what();
        }
        done.count_down();
    });
    done.wait();
    EXPECT_THAT(said, HasSubstr("wait for itself"));
}

// The queue has a bound, and crossing it names the knob; room there is again when a call begins.
TEST(ThreadPool, fullQueueRefuses) {
    StartedPool pool({.maxThreads = 1, .maxQueued = 2, .name = "small"});
    Occupied held(pool, 1);
    pool.callInThread([] {});
    pool.callInThread([] {});
    const auto captured = std::make_shared<int>();
    try {
        pool.callInThread([captured] {});
        ADD_FAILURE() << "a third call was taken";
    } catch (const ThreadPoolFull& full) {
        EXPECT_THAT(full.what(), HasSubstr("small"));
        EXPECT_THAT(full.what(), HasSubstr("2 calls"));
        EXPECT_THAT(full.what(), HasSubstr("ThreadPoolOptions::maxQueued"));
    }
    EXPECT_EQ(captured.use_count(), 1);
    EXPECT_EQ(pool.statistics().queued, 2U);
    held.release();
    while (pool.statistics().queued != 0) {
        std::this_thread::yield();
    }
    pool.callInThread([] {});
}

// A bound of 0 is none.
TEST(ThreadPool, zeroIsNoBound) {
    std::atomic<int> ran = 0;
    {
        ThreadPool pool({.maxQueued = 0});
        for (int i = 0; i < 20'000; ++i) {
            pool.callInThread([&ran] { ++ran; });
        }
        pool.start();
    }
    EXPECT_EQ(ran, 20'000);
}

// The default bound is 10,000.
TEST(ThreadPool, tenThousandWaitByDefault) {
    ThreadPool pool;
    for (int i = 0; i < 10'000; ++i) {
        pool.callInThread([] {});
    }
    EXPECT_THROW(pool.callInThread([] {}), ThreadPoolFull);
}

// A thread beyond minThreads ends when it has had nothing to do for idleTimeout.
TEST(ThreadPool, idleThreadsEnd) {
    ThreadEnd end(3);
    std::latch all(4);
    StartedPool pool({.minThreads = 1, .maxThreads = 4, .idleTimeout = 0ns});
    std::atomic<int> marked = 0;
    for (int i = 0; i < 4; ++i) {
        pool.callInThread([&] {
            if (marked++ < 3) {
                end.here();
            }
            all.arrive_and_wait();
        });
    }
    all.wait();
    // The three that go and the one that stays, once it has nothing to do either.
    while (pool.statistics().threads != 1 || pool.statistics().busy != 0) {
        std::this_thread::yield();
    }
    pool.stop();
    end.wait();
}

// With a long idleTimeout they stay.
TEST(ThreadPool, idleThreadsStayMeanwhile) {
    StartedPool pool({.maxThreads = 2, .idleTimeout = Duration::max()});
    {
        Occupied two(pool, 2);
    }
    while (pool.statistics().busy != 0) {
        std::this_thread::yield();
    }
    EXPECT_EQ(pool.statistics().threads, 2U);
}

// TH-7: adjustPoolsize grows the pool for what waits, and at least to the new minimum.
TEST(ThreadPool, adjustPoolsizeGrows) {
    std::latch ran(2);
    StartedPool pool({.maxThreads = 1});
    Occupied held(pool, 1);
    pool.callInThread([&] { ran.arrive_and_wait(); });
    pool.callInThread([&] { ran.arrive_and_wait(); });
    EXPECT_EQ(pool.statistics().queued, 2U);
    pool.adjustPoolsize(4, 5);
    ran.wait();
    EXPECT_EQ(pool.statistics().threads, 4U);
    EXPECT_EQ(pool.minThreads(), 4U);
    EXPECT_EQ(pool.maxThreads(), 5U);
}

// TH-7: adjustPoolsize ends idle threads at once, and busy ones when their call is over.
TEST(ThreadPool, adjustPoolsizeShrinks) {
    std::latch ran(1);
    StartedPool pool({.minThreads = 4, .maxThreads = 4});
    Occupied held(pool, 2);
    pool.adjustPoolsize(0, 1);
    while (pool.statistics().threads != 2) {
        std::this_thread::yield();
    }
    EXPECT_EQ(pool.statistics().busy, 2U);
    held.release();
    while (pool.statistics().threads != 1) {
        std::this_thread::yield();
    }
    pool.callInThread([&] { ran.count_down(); });
    ran.wait();
}

// Sizes that make no sense are misuse.
TEST(ThreadPool, refusesSenselessSizes) {
    EXPECT_THROW(ThreadPool({.minThreads = 5, .maxThreads = 4}), std::invalid_argument);
    EXPECT_THROW(ThreadPool({.maxThreads = 0}), std::invalid_argument);
    ThreadPool pool;
    EXPECT_THROW(pool.adjustPoolsize(2, 1), std::invalid_argument);
    EXPECT_THROW(pool.adjustPoolsize(0, 0), std::invalid_argument);
    EXPECT_EQ(pool.maxThreads(), 10U);
    EXPECT_THROW(pool.callInThread({}), std::invalid_argument);
}

// TH-10: what a call throws is logged, and the thread goes on.
TEST(ThreadPool, exceptionsAreLogged) {
    CaughtLog log;
    {
        std::latch ran(1);
        StartedPool pool({.maxThreads = 1});
        pool.callInThread([] { throw std::runtime_error("bad work"); });
        pool.callInThread([] { throw 5; });
        pool.callInThread([&] { ran.count_down(); });
        ran.wait();
        EXPECT_EQ(pool.statistics().threads, 1U);
    }
    EXPECT_EQ(log.count("bad work"), 1U);
    EXPECT_EQ(log.count("int"), 1U);
}

// TH-9: onResult gets the value in the thread that made it.
TEST(ThreadPool, callbackGetsTheValueInThatThread) {
    std::thread::id ran;
    std::thread::id told;
    int value = 0;
    {
        StartedPool pool;
        pool.callInThreadWithCallback(
            [&](const Result<int>& result) {
                told = std::this_thread::get_id();
                value = result.value();
            },
            [&](int a, int b) {
                ran = std::this_thread::get_id();
                return a + b;
            },
            2, 3);
    }
    EXPECT_EQ(value, 5);
    EXPECT_EQ(ran, told);
    EXPECT_NE(ran, std::this_thread::get_id());
}

// TH-9: onResult gets a Failure for what the function threw; functions may give nothing or a
// Result.
TEST(ThreadPool, callbackGetsFailures) {
    std::vector<std::string> outcomes;
    {
        StartedPool pool({.maxThreads = 1});
        const auto note = [&](const Result<>& result) {
            outcomes.push_back(result.ok() ? "ok" : result.failure().message());
        };
        pool.callInThreadWithCallback(note, [] { throw std::runtime_error("thrown"); });
        pool.callInThreadWithCallback(note, [] { return Result<>(TimeoutError("returned")); });
        pool.callInThreadWithCallback(note, [] {});
    }
    EXPECT_THAT(outcomes, ElementsAre("thrown", "returned", "ok"));
}

// TH-10: what onResult throws is logged.
TEST(ThreadPool, exceptionsOfTheCallbackAreLogged) {
    CaughtLog log;
    {
        StartedPool pool;
        pool.callInThreadWithCallback(
            [](const Result<int>&) { throw std::runtime_error("bad onResult"); }, [] { return 1; });
    }
    EXPECT_EQ(log.count("bad onResult"), 1U);
}

// TH-11: when a call is over nothing of it is left: not the function, nor arguments, nor result.
TEST(ThreadPool, keepsNothingOfACall) {
    const auto function = std::make_shared<int>();
    const auto argument = std::make_shared<int>();
    const auto onResult = std::make_shared<int>();
    std::latch next(1);
    StartedPool pool({.minThreads = 1, .maxThreads = 1});
    std::weak_ptr<int> result;
    pool.callInThreadWithCallback(
        [&result, onResult](const Result<std::shared_ptr<int>>& made) { result = made.value(); },
        [function](const std::shared_ptr<int>&) { return std::make_shared<int>(); }, argument);
    // The next call of the one thread begins when the one before it is gone.
    pool.callInThread([&] {
        EXPECT_TRUE(result.expired());
        EXPECT_EQ(function.use_count(), 1);
        EXPECT_EQ(argument.use_count(), 1);
        EXPECT_EQ(onResult.use_count(), 1);
        next.count_down();
    });
    next.wait();
    EXPECT_EQ(pool.statistics().threads, 1U);
}

// A call is destroyed in the thread that ran it.
TEST(ThreadPool, destroysACallWhereItRan) {
    struct Noting {
        std::thread::id* died;
        explicit Noting(std::thread::id* where) : died(where) {}
        Noting(Noting&& other) noexcept : died(std::exchange(other.died, nullptr)) {}
        Noting& operator=(Noting&&) = delete;
        ~Noting() {
            if (died != nullptr) {
                *died = std::this_thread::get_id();
            }
        }
    };
    std::thread::id ran;
    std::thread::id died;
    {
        StartedPool pool;
        pool.callInThread([&ran, noting = Noting(&died)] { ran = std::this_thread::get_id(); });
    }
    EXPECT_EQ(ran, died);
}

std::atomic<int> threadsLeft = 0;
std::thread scarceThread(UniqueFunction<void()> body) {
    if (threadsLeft-- <= 0) {
        throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    }
    return std::thread(std::move(body));
}

// No thread to be had: the call is refused where none is there at all.
TEST(ThreadPool, callIsRefusedWithoutAnyThread) {
    threadsLeft = 0;
    std::latch ran(1);
    StartedPool pool({.threadFactory = &scarceThread});
    const auto captured = std::make_shared<int>();
    EXPECT_THROW(pool.callInThread([captured] {}), std::system_error);
    EXPECT_EQ(captured.use_count(), 1);
    EXPECT_EQ(pool.statistics().queued, 0U);
    EXPECT_EQ(pool.statistics().threads, 0U);
    threadsLeft = 1;
    pool.callInThread([&] { ran.count_down(); });
    ran.wait();
}

// No thread to be had: what waits is left to those that are there, and that is logged once.
TEST(ThreadPool, goesOnWithFewerThreads) {
    CaughtLog log;
    threadsLeft = 1;
    std::latch ran(2);
    StartedPool pool({.name = "scarce", .threadFactory = &scarceThread});
    Occupied held(pool, 1);
    pool.callInThread([&] { ran.count_down(); });
    pool.callInThread([&] { ran.count_down(); });
    EXPECT_EQ(pool.statistics().threads, 1U);
    EXPECT_EQ(log.count("'scarce' goes on with 1 threads"), 1U);
    held.release();
    ran.wait();
}

std::atomic<ThreadPool*> askedPool = nullptr;
std::atomic<std::size_t> askedThreads = 0;

// What hears that may use the pool: it is told when the pool's lock is free.
TEST(ThreadPool, observersMayUseThePool) {
    threadsLeft = 1;
    StartedPool pool({.threadFactory = &scarceThread});
    Occupied held(pool, 1);
    askedPool = &pool;
    const LogObserver before = setLogObserver([](LogLevel, std::string_view) noexcept {
        askedThreads = askedPool.load()->statistics().threads;
    });
    pool.callInThread([] {});
    setLogObserver(before);
    EXPECT_EQ(askedThreads, 1U);
}

}  // namespace
