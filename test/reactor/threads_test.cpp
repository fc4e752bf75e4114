// Calls between the reactor and threads: area TH.
#include <marline/reactor/threads.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/detail/reactor_parts.hpp>

#include "test/support/reactor_fixture.hpp"
#include "test/support/unhandled.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Notes the thread it dies in.
class Mortal {
public:
    explicit Mortal(std::thread::id& died) : died_(&died) {}
    Mortal(Mortal&& other) noexcept : died_(std::exchange(other.died_, nullptr)) {}
    Mortal& operator=(Mortal&&) = delete;
    ~Mortal() {
        if (died_ != nullptr) {
            *died_ = std::this_thread::get_id();
        }
    }

private:
    std::thread::id* died_;
};

class Threads : public marline::testing::ReactorFixture {
protected:
    /// Turns the reactor until `d` has its result; the pool is started.
    template <class T>
    Result<T> outcomeOf(Deferred<T> d) {
        reactor().threadPool().start();
        auto result = std::make_shared<std::optional<Result<T>>>();
        d.addBoth([result](Result<T> outcome) { result->emplace(std::move(outcome)); });
        runUntil([&] { return result->has_value(); });
        return result->has_value() ? std::move(**result) : Failure::make<std::logic_error>("none");
    }
    /// Runs `body` in a thread of its own, and turns the reactor until it is over.
    void inThread(const std::function<void()>& body) {
        std::atomic<bool> over = false;
        std::thread thread([&] {
            body();
            over = true;
            reactor().callFromThread([] {});
        });
        runUntil([&] { return over.load(); });
        thread.join();
    }

    const std::thread::id home_ = std::this_thread::get_id();
};

// callFromThread.

// TH-1: the call never runs inside callFromThread(), not even in the reactor's own thread.
TEST_F(Threads, callFromThreadNeverCallsAtOnce) {
    std::vector<int> order;
    reactor().callFromThread([&] {
        reactor().callFromThread([&] { order.push_back(3); });
        order.push_back(2);
    });
    order.push_back(1);
    runUntil([&] { return order.size() == 3; });
    EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

// TH-1: a call from another thread wakes a reactor that waits for nothing else.
TEST_F(Threads, callFromThreadWakesTheReactor) {
    reactor().callWhenRunning([&] {
        reactor().callInThread([&] { reactor().callFromThread([&] { reactor().stop(); }); });
    });
    run();
}

// TH-2: a call that queues itself again does not keep timers from running.
TEST_F(Threads, requeueingDoesNotStarveTimers) {
    bool timer = false;
    std::function<void()> again = [&] {
        if (!timer) {
            reactor().callFromThread([&] { again(); });
        }
    };
    again();
    reactor().callLater(1ms, [&] { timer = true; });
    runUntil([&] { return timer; });
    turn();
}

// TH-3: queued calls run before the timers of their turn, and what a timer queues in the next one.
TEST_F(Threads, queuedCallsRunBeforeTimers) {
    std::vector<int> order;
    reactor().callLater(0ms, [&] {
        order.push_back(2);
        reactor().callFromThread([&] { order.push_back(3); });
    });
    reactor().callFromThread([&] { order.push_back(1); });
    turn();
    EXPECT_THAT(order, ElementsAre(1, 2));
    reactor().iterate(1h);
    EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

// TH-4: calls made before run() wait for it.
TEST_F(Threads, callsBeforeRunWait) {
    bool ran = false;
    reactor().callFromThread([&] {
        ran = true;
        reactor().callLater(0ms, [&] { reactor().stop(); });
    });
    EXPECT_FALSE(ran);
    run();
    EXPECT_TRUE(ran);
}

// TH-5: what a call throws is logged, and the ones after it run.
TEST_F(Threads, exceptionsOfCallsAreLogged) {
    bool after = false;
    reactor().callFromThread([] { throw std::runtime_error("bad call"); });
    reactor().callFromThread([&] { after = true; });
    turn();
    EXPECT_TRUE(after);
    EXPECT_EQ(logged().count("bad call"), 1U);
    logged().clear();
}

// TH-6: 100,000 calls that nobody takes do not block who makes them.
TEST_F(Threads, manyCallsDoNotBlock) {
    constexpr int kCalls = 100'000;
    int ran = 0;
    for (int i = 0; i < kCalls; ++i) {
        reactor().callFromThread([&ran] { ++ran; });
    }
    turn();
    EXPECT_EQ(ran, kCalls);
}

// TH-16: isInIoThread() is true in the reactor's thread only, the one that runs it.
TEST_F(Threads, isInIoThreadKnowsTheReactorsThread) {
    EXPECT_TRUE(reactor().isInIoThread());
    bool inWorker = true;
    bool inRunner = false;
    reactor().callWhenRunning([&] {
        inRunner = reactor().isInIoThread();
        reactor().callInThread([&] {
            inWorker = reactor().isInIoThread();
            reactor().callFromThread([&] { reactor().stop(); });
        });
    });
    std::thread runner([&] { reactor().run(); });
    runner.join();
    EXPECT_TRUE(inRunner);
    EXPECT_FALSE(inWorker);
    EXPECT_FALSE(reactor().isInIoThread());
}

// The reactor's pool.

// TH-7: the reactor's pool has ten threads at most, starts with run(), and ends in the shutdown.
TEST_F(Threads, poolLivesWithTheReactor) {
    ThreadPool& pool = reactor().threadPool();
    EXPECT_EQ(pool.minThreads(), 0U);
    EXPECT_EQ(pool.maxThreads(), 10U);
    EXPECT_FALSE(pool.started());
    bool startedWhenRunning = false;
    std::optional<ThreadPoolStatistics> after;
    reactor().addSystemEventTrigger(Phase::After, SystemEvent::Shutdown, [&] {
        after = pool.statistics();
        return succeed();
    });
    reactor().callWhenRunning([&] {
        startedWhenRunning = pool.started();
        reactor().callInThread([] {});
        reactor().stop();
    });
    run();
    EXPECT_TRUE(startedWhenRunning);
    ASSERT_TRUE(after);
    EXPECT_EQ(after->threads, 0U);
    EXPECT_FALSE(pool.started());
}

// TH-7: suggestThreadPoolSize() sets the maximum.
TEST_F(Threads, suggestThreadPoolSizeSetsTheMaximum) {
    reactor().suggestThreadPoolSize(34);
    EXPECT_EQ(reactor().threadPool().maxThreads(), 34U);
    reactor().threadPool().adjustPoolsize(5, 6);
    reactor().suggestThreadPoolSize(2);
    EXPECT_EQ(reactor().threadPool().minThreads(), 2U);
    EXPECT_EQ(reactor().threadPool().maxThreads(), 2U);
    EXPECT_THROW(reactor().suggestThreadPoolSize(0), std::invalid_argument);
}

// TH-8: a call made before run() runs then; TH-7: the shutdown waits for calls that run.
TEST_F(Threads, callsInThreadsBeforeRunRunThen) {
    std::atomic<int> ran = 0;
    reactor().callInThread([&] { ++ran; });
    EXPECT_EQ(reactor().threadPool().statistics().queued, 1U);
    reactor().callWhenRunning([&] { reactor().stop(); });
    run();
    EXPECT_EQ(ran, 1);
}

// TH-8: a reactor that never runs drops its calls.
TEST_F(Threads, callsOfAReactorThatNeverRunsAreDropped) {
    const auto captured = std::make_shared<bool>(false);
    reactor().callInThread([captured] { *captured = true; });
    dropReactor();
    EXPECT_EQ(captured.use_count(), 1);
    EXPECT_FALSE(*captured);
}

// The pool starts again with the reactor.
TEST_F(Threads, poolStartsAgainWithTheReactor) {
    int ran = 0;
    for (int i = 0; i < 2; ++i) {
        reactor().callWhenRunning([&] {
            deferToThread(reactor(), [] { return 1; }).addCallback([&](int one) {
                ran += one;
                reactor().stop();
            });
        });
        run();
    }
    EXPECT_EQ(ran, 2);
}

std::thread noThread(UniqueFunction<void()>) {
    throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
}

// deferToThread.

// TH-12: the value arrives in the reactor's thread.
TEST_F(Threads, deferToThreadGivesTheValue) {
    reactor().threadPool().start();
    std::thread::id ran;
    std::thread::id told;
    auto d = deferToThread(
                 reactor(),
                 [&](std::string a, const std::string& b) {
                     ran = std::this_thread::get_id();
                     return std::move(a) + b;
                 },
                 "x", std::string("y"))
                 .addCallback([&](const std::string& value) {
                     told = std::this_thread::get_id();
                     return value;
                 });
    EXPECT_EQ(outcomeOf(d).value(), "xy");
    EXPECT_NE(ran, home_);
    EXPECT_EQ(told, home_);
}

// TH-12: nothing, move-only values, references and Results arrive as well.
TEST_F(Threads, deferToThreadTakesAnyFunction) {
    EXPECT_TRUE(outcomeOf(deferToThread(reactor(), [] {})).ok());
    EXPECT_EQ(*outcomeOf(deferToThread(
                             reactor(), [](std::unique_ptr<int> p) { return p; },
                             std::make_unique<int>(4)))
                   .value(),
              4);
    int counted = 0;
    const auto count = [](int& counter) { return ++counter; };
    EXPECT_EQ(outcomeOf(deferToThread(reactor(), count, std::ref(counted))).value(), 1);
    EXPECT_EQ(counted, 1);
    EXPECT_EQ(outcomeOf(deferToThread(reactor(), [] { return Result<int>(7); })).value(), 7);
}

// TH-12: what the function throws is the Failure, which knows where deferToThread() was called.
TEST_F(Threads, deferToThreadGivesTheFailureWithItsSite) {
    const auto line = std::to_string(__LINE__ + 1);
    auto result = outcomeOf(deferToThread(reactor(), []() -> int { throw TimeoutError("slow"); }));
    ASSERT_FALSE(result.ok());
    EXPECT_NE(result.failure().check<TimeoutError>(), nullptr);
    EXPECT_THAT(result.failure().describe(), HasSubstr("threads_test.cpp:" + line));
}

// TH-12: a Result's Failure, and what is no std::exception, arrive too.
TEST_F(Threads, deferToThreadGivesOtherFailures) {
    auto returned = outcomeOf(deferToThread(
        reactor(), [] { return Result<int>(Failure::make<TimeoutError>("returned")); }));
    EXPECT_EQ(returned.failure().message(), "returned");
    auto foreign = outcomeOf(deferToThread(reactor(), []() -> int { throw 5; }));
    ASSERT_NE(foreign.failure().check<int>(), nullptr);
    EXPECT_EQ(*foreign.failure().check<int>(), 5);
}

// TH-12: a failure follows a success of the same thread.
TEST_F(Threads, deferToThreadFailsAfterASuccess) {
    reactor().suggestThreadPoolSize(1);
    EXPECT_TRUE(outcomeOf(deferToThread(reactor(), [] {})).ok());
    EXPECT_FALSE(outcomeOf(deferToThread(reactor(), [] { throw TimeoutError("t"); })).ok());
}

// TH-11: the function and its arguments die in the worker, before the Deferred fires; the value in
// the reactor's thread.
TEST_F(Threads, whatACallHoldsDiesWhereItShould) {
    std::thread::id ran;
    std::thread::id functionDied;
    std::thread::id argumentDied;
    std::thread::id valueDied;
    auto d = deferToThread(
                 reactor(),
                 [&, mortal = Mortal(functionDied)](const Mortal&) {
                     ran = std::this_thread::get_id();
                     return Mortal(valueDied);
                 },
                 Mortal(argumentDied))
                 .addCallback([&](Mortal) {
                     EXPECT_EQ(functionDied, ran);
                     EXPECT_EQ(argumentDied, ran);
                     EXPECT_EQ(valueDied, std::thread::id());
                 });
    EXPECT_TRUE(outcomeOf(d).ok());
    EXPECT_NE(ran, home_);
    EXPECT_EQ(valueDied, home_);
}

// TH-13 (ours goes further): a cancelled call that no thread has begun never runs, and is
// destroyed.
TEST_F(Threads, cancellingAQueuedCallTakesItBack) {
    const auto captured = std::make_shared<bool>(false);
    auto d = deferToThread(reactor(), [captured] { *captured = true; });
    EXPECT_EQ(reactor().threadPool().statistics().queued, 1U);
    d.cancel();
    EXPECT_EQ(reactor().threadPool().statistics().queued, 0U);
    EXPECT_EQ(captured.use_count(), 1);
    EXPECT_NE(outcomeOf(d).failure().check<CancelledError>(), nullptr);
    turn(2);
    EXPECT_FALSE(*captured);
}

// TH-13: cancelling one that runs gives CancelledError at once, and swallows what comes of it.
TEST_F(Threads, cancellingARunningCallLetsItRun) {
    reactor().threadPool().start();
    std::latch begun(1);
    std::latch cancelled(1);
    std::atomic<bool> ranOn = false;
    auto d = deferToThread(reactor(), [&] {
        begun.count_down();
        cancelled.wait();
        ranOn = true;
        throw std::runtime_error("nobody hears this");
    });
    begun.wait();
    std::optional<Result<>> result;
    d.addBoth([&](Result<> outcome) { result = std::move(outcome); });
    d.cancel();
    ASSERT_TRUE(result.has_value());
    EXPECT_NE(result->failure().check<CancelledError>(), nullptr);
    EXPECT_FALSE(ranOn);
    cancelled.count_down();
    reactor().threadPool().stop();
    turn(2);
    EXPECT_TRUE(ranOn);
}

// Cancelling after the pool has gone is no more than that.
TEST_F(Threads, cancellingAfterThePoolHasGone) {
    auto pool = std::make_unique<ThreadPool>();
    auto d = deferToThreadPool(reactor(), *pool, [] {});
    pool.reset();
    d.cancel();
    EXPECT_NE(outcomeOf(d).failure().check<CancelledError>(), nullptr);
}

// deferToThreadPool() uses the pool it is given.
TEST_F(Threads, deferToThreadPoolUsesThatPool) {
    ThreadPool pool({.minThreads = 1, .maxThreads = 1});
    pool.start();
    std::thread::id thread;
    std::latch known(1);
    pool.callInThread([&] {
        thread = std::this_thread::get_id();
        known.count_down();
    });
    known.wait();
    EXPECT_EQ(
        outcomeOf(deferToThreadPool(reactor(), pool, [] { return std::this_thread::get_id(); }))
            .value(),
        thread);
}

// A full queue fails the Deferred, and names the knob; the call is destroyed.
TEST_F(Threads, deferToThreadFailsWhenTheQueueIsFull) {
    ThreadPool pool({.maxQueued = 1});
    pool.callInThread([] {});
    const auto captured = std::make_shared<int>();
    auto result = outcomeOf(deferToThreadPool(reactor(), pool, [captured] { return *captured; }));
    EXPECT_NE(result.failure().check<ThreadPoolFull>(), nullptr);
    EXPECT_THAT(result.failure().message(), HasSubstr("ThreadPoolOptions::maxQueued"));
    EXPECT_THAT(result.failure().describe(), HasSubstr("threads_test.cpp"));
    EXPECT_EQ(captured.use_count(), 1);
}

// Without any thread the Deferred fails with what the system said.
TEST_F(Threads, deferToThreadFailsWithoutThreads) {
    ThreadPool pool({.threadFactory = &noThread});
    pool.start();
    auto result = outcomeOf(deferToThreadPool(reactor(), pool, [] {}));
    EXPECT_NE(result.failure().check<std::system_error>(), nullptr);
}

// TH-8: what the pool drops fails with ThreadPoolStopped, whether it was queued or came too late.
TEST_F(Threads, deferToThreadFailsWhenThePoolStops) {
    ThreadPool pool;
    auto queued = deferToThreadPool(reactor(), pool, [] {});
    pool.stop();
    auto late = deferToThreadPool(reactor(), pool, [] {});
    EXPECT_NE(outcomeOf(queued).failure().check<ThreadPoolStopped>(), nullptr);
    EXPECT_NE(outcomeOf(late).failure().check<ThreadPoolStopped>(), nullptr);
}

// A Deferred whose reactor goes fails with DeferredLost, though the thread runs on.
TEST_F(Threads, deferredsFailWhenTheReactorGoes) {
    ThreadPool pool;
    pool.start();
    std::latch begun(1);
    std::latch gone(1);
    auto d = deferToThreadPool(reactor(), pool, [&] {
        begun.count_down();
        gone.wait();
        return std::string("too late");
    });
    begun.wait();
    std::optional<Result<std::string>> result;
    d.addBoth([&](Result<std::string> outcome) { result = std::move(outcome); });
    dropReactor();
    ASSERT_TRUE(result.has_value());
    EXPECT_NE(result->failure().check<DeferredLost>(), nullptr);
    gone.count_down();
    pool.stop();
}

// A callback that calls deferToThread() again while the reactor goes does not keep it.
TEST_F(Threads, deferToThreadWhileTheReactorGoes) {
    Reactor& dying = reactor();
    int lost = 0;
    deferToThread(dying, [] {}).addErrback([&](const Failure&) {
        ++lost;
        if (lost < 3) {
            deferToThread(dying, [] {}).addErrback([&](const Failure&) { ++lost; });
        }
    });
    dropReactor();
    EXPECT_EQ(lost, 2);
}

// Other threads may not touch Deferreds.
TEST_F(Threads, deferToThreadRefusesOtherThreads) {
    std::thread([&] { EXPECT_THROW(deferToThread(reactor(), [] {}), WrongThread); }).join();
}

// TH-10: what nobody handles is reported in the reactor's thread.
TEST_F(Threads, unhandledFailuresAreReported) {
    test::CatchUnhandled unhandled;
    reactor().callWhenRunning([&] {
        deferToThread(reactor(), [] { throw TimeoutError("unread"); });
        reactor().callInThread([&] { reactor().callFromThread([&] { reactor().stop(); }); });
    });
    reactor().suggestThreadPoolSize(1);
    run();
    EXPECT_THAT(unhandled.take(), ElementsAre("unread"));
}

// callMultipleInThread.

// The calls run in order in one thread.
TEST_F(Threads, callMultipleRunsThemInOneThread) {
    std::vector<std::thread::id> threads;
    std::vector<int> order;
    std::vector<UniqueFunction<void()>> calls;
    for (int i = 0; i < 5; ++i) {
        calls.emplace_back([&, i] {
            threads.push_back(std::this_thread::get_id());
            order.push_back(i);
        });
    }
    callMultipleInThread(reactor(), std::move(calls));
    reactor().callWhenRunning([&] { reactor().stop(); });
    run();
    EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4));
    EXPECT_EQ(std::count(threads.begin(), threads.end(), threads.front()), 5);
    EXPECT_NE(threads.front(), home_);
}

// The first that throws is the last, and it is logged.
TEST_F(Threads, callMultipleEndsWithTheFirstThatThrows) {
    std::vector<int> order;
    std::vector<UniqueFunction<void()>> calls;
    calls.emplace_back([&] { order.push_back(1); });
    calls.emplace_back([] { throw std::runtime_error("bad second"); });
    calls.emplace_back([&] { order.push_back(3); });
    callMultipleInThread(reactor(), std::move(calls));
    reactor().callWhenRunning([&] { reactor().stop(); });
    run();
    EXPECT_THAT(order, ElementsAre(1));
    EXPECT_EQ(logged().count("bad second"), 1U);
    logged().clear();
}

// blockingCallFromThread.

// TH-14: it waits for the value, which the reactor's thread made.
TEST_F(Threads, blockingCallGivesTheValue) {
    int value = 0;
    std::thread::id ran;
    inThread([&] {
        value = blockingCallFromThread(
            reactor(),
            [&](int a, int b) {
                ran = std::this_thread::get_id();
                return a * b;
            },
            6, 7);
        blockingCallFromThread(reactor(), [&] { ++value; });
    });
    EXPECT_EQ(value, 43);
    EXPECT_EQ(ran, home_);
}

// TH-14: it waits for a Deferred's final result.
TEST_F(Threads, blockingCallWaitsForADeferred) {
    std::string value;
    bool none = false;
    inThread([&] {
        value = blockingCallFromThread(reactor(), [&] {
            DeferredSource<std::string> source;
            Deferred<std::string> d = source.deferred();
            reactor().callLater(
                1ms, [source = std::move(source)]() mutable { source.callback("late"); });
            return d;
        });
        blockingCallFromThread(reactor(), [] { return succeed(); });
        none = true;
    });
    EXPECT_EQ(value, "late");
    EXPECT_TRUE(none);
}

// TH-14: what the function throws, or its Deferred or Result fails with, is thrown by the call.
TEST_F(Threads, blockingCallThrowsFailures) {
    inThread([&] {
        EXPECT_THROW(blockingCallFromThread(reactor(), []() -> int { throw TimeoutError("a"); }),
                     TimeoutError);
        EXPECT_THROW(
            blockingCallFromThread(reactor(), []() -> Deferred<int> { throw TimeoutError("b"); }),
            TimeoutError);
        EXPECT_THROW(blockingCallFromThread(reactor(), [] { return fail<int>(TimeoutError("c")); }),
                     TimeoutError);
        EXPECT_THROW(blockingCallFromThread(reactor(),
                                            [] { return Result<int>(Failure(TimeoutError("d"))); }),
                     TimeoutError);
        EXPECT_THROW(blockingCallFromThread(reactor(), [] { throw 5; }), int);
    });
}

// A Deferred that is forgotten unfired ends the wait.
TEST_F(Threads, blockingCallNoticesALostDeferred) {
    inThread([&] {
        EXPECT_THROW(blockingCallFromThread(reactor(), [] { return Deferred<int>(); }),
                     DeferredLost);
    });
}

// The function and arguments die in the reactor's thread before the caller goes on, the value in
// the caller's.
TEST_F(Threads, whatABlockingCallHoldsDiesWhereItShould) {
    std::thread::id functionDied;
    std::thread::id argumentDied;
    std::thread::id valueDied;
    std::thread::id caller;
    inThread([&] {
        caller = std::this_thread::get_id();
        const Mortal value = blockingCallFromThread(
            reactor(),
            [&valueDied, mortal = Mortal(functionDied)](const Mortal&) {
                return Mortal(valueDied);
            },
            Mortal(argumentDied));
        EXPECT_EQ(functionDied, home_);
        EXPECT_EQ(argumentDied, home_);
        EXPECT_EQ(valueDied, std::thread::id());
    });
    EXPECT_EQ(valueDied, caller);
}

// In the reactor's own thread it would wait for itself, and says so.
TEST_F(Threads, blockingCallRefusesTheReactorsThread) {
    try {
        blockingCallFromThread(reactor(), [] {});
        ADD_FAILURE() << "did not throw";
    } catch (const WrongThread& error) {
        EXPECT_THAT(error.what(), HasSubstr("would wait for itself"));
    }
}

// A call made before run() waits for it.
TEST_F(Threads, blockingCallWaitsForTheStart) {
    std::thread thread([&] {
        EXPECT_EQ(blockingCallFromThread(reactor(), [] { return 5; }), 5);
        reactor().callFromThread([&] { reactor().stop(); });
    });
    run();
    thread.join();
}

// A reactor that stops meanwhile fails those that wait, and so its shutdown can join its pool.
TEST_F(Threads, blockingCallsFailWhenTheReactorStops) {
    std::atomic<int> failed = 0;
    std::vector<Deferred<int>> never(3);
    std::size_t waiting = 0;
    const auto wait = [&] {
        try {
            blockingCallFromThread(reactor(), [&] {
                if (waiting == 2) {
                    reactor().stop();
                }
                return never.at(waiting++);
            });
        } catch (const ReactorStopped&) {
            ++failed;
        }
    };
    for (int i = 0; i < 3; ++i) {
        reactor().callInThread(wait);
    }
    run();
    EXPECT_EQ(failed, 3);
    // What comes after the end is refused: nobody would answer.
    std::thread(wait).join();
    EXPECT_EQ(failed, 4);
    EXPECT_EQ(waiting, 3U);
    for (Deferred<int>& d : never) {
        d.callback(1);
    }
}

// So does one that crashes.
TEST_F(Threads, blockingCallsFailWhenTheReactorCrashes) {
    Deferred<int> never;
    std::thread thread([&] {
        EXPECT_THROW(blockingCallFromThread(reactor(),
                                            [&] {
                                                reactor().crash();
                                                return never;
                                            }),
                     ReactorStopped);
    });
    run();
    thread.join();
    never.callback(1);
}

// A call that was refused by a reactor that stopped is not made in the next run() either: what it
// refers to is gone.
TEST_F(Threads, refusedBlockingCallsNeverRun) {
    bool ran = false;
    std::latch refused(1);
    reactor().callWhenRunning([&] {
        reactor().callInThread([&] {
            EXPECT_THROW(blockingCallFromThread(reactor(), [&] { ran = true; }), ReactorStopped);
            refused.count_down();
        });
        // Until the call waits: from here on the reactor takes no turn.
        while (reactor().parts().threads.empty()) {
            std::this_thread::yield();
        }
        reactor().crash();
    });
    run();
    refused.wait();
    reactor().callLater(0ms, [&] { reactor().stop(); });
    run();
    EXPECT_FALSE(ran);
}

// After a stop the next run() answers again.
TEST_F(Threads, blockingCallsWorkInTheNextRun) {
    reactor().callWhenRunning([&] { reactor().stop(); });
    run();
    std::atomic<int> answer = 0;
    reactor().callWhenRunning([&] {
        reactor().callInThread([&] {
            answer = blockingCallFromThread(reactor(), [] { return 5; });
            reactor().callFromThread([&] { reactor().stop(); });
        });
    });
    run();
    EXPECT_EQ(answer, 5);
}

// A thread that waits when the reactor is destroyed gets its error, and touches nothing of it.
TEST_F(Threads, blockingCallsFailWhenTheReactorGoes) {
    Deferred<int> never;
    bool asked = false;
    std::thread thread([&] {
        EXPECT_THROW(blockingCallFromThread(reactor(),
                                            [&] {
                                                asked = true;
                                                return never;
                                            }),
                     ReactorStopped);
    });
    runUntil([&] { return asked; });
    dropReactor();
    thread.join();
    never.callback(1);
}

}  // namespace
