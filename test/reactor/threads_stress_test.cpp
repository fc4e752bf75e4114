// Many threads and one reactor at once, for ThreadSanitizer to look at: area TH.
#include <atomic>
#include <cstddef>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <marline/deferred/combine.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/future.hpp>
#include <marline/reactor/threads.hpp>

#include "test/support/reactor_fixture.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;

class ThreadsStress : public marline::testing::ReactorFixture {};

// TH-1, TH-12, TH-14: every kind of call at once, with every outcome counted.
TEST_F(ThreadsStress, everyKindOfCallAtOnce) {
    constexpr int kThreads = 4;
    constexpr int kCalls = 200;
    int posted = 0;  // these three in the reactor's thread only
    int deferred = 0;
    int failed = 0;
    std::atomic<int> blocking = 0;
    const auto finished = [&] {
        return posted == kThreads * kCalls && deferred + failed == kThreads * kCalls &&
               blocking == kThreads * kCalls;
    };
    reactor().threadPool().start();
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < kCalls; ++i) {
                reactor().callFromThread([&, i] {
                    ++posted;
                    deferToThread(reactor(),
                                  [i, text = std::string(40, 'x')] {
                                      if (i % 4 == 0) {
                                          throw std::runtime_error(text);
                                      }
                                      return text + std::to_string(i);
                                  })
                        .addCallbacks([&](const std::string&) { ++deferred; },
                                      [&](const Failure&) { ++failed; });
                });
                const int sent = t * kCalls + i;
                const int echoed = blockingCallFromThread(
                    reactor(), [&] { return deferToThread(reactor(), [sent] { return sent; }); });
                blocking += echoed == sent ? 1 : 0;
            }
            reactor().callFromThread([] {});
        });
    }
    runUntil(finished);
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(posted, kThreads * kCalls);
    EXPECT_EQ(failed, kThreads * kCalls / 4);
    EXPECT_EQ(deferred, kThreads * kCalls * 3 / 4);
    EXPECT_EQ(blocking, kThreads * kCalls);
}

// TH-13: cancelling races with threads that begin calls; a cancelled call that was taken back never
// runs, and each Deferred has exactly one outcome.
TEST_F(ThreadsStress, cancellingRacesWithRunning) {
    constexpr int kCalls = 2000;
    reactor().suggestThreadPoolSize(3);
    reactor().threadPool().start();
    std::atomic<int> ran = 0;
    int cancelled = 0;
    int done = 0;
    std::vector<Deferred<>> calls;
    for (int i = 0; i < kCalls; ++i) {
        auto d = deferToThread(reactor(), [&ran, held = std::make_shared<int>(1)] { ran += *held; })
                     .addCallbacks([&] { ++done; },
                                   [&](const Failure& why) {
                                       EXPECT_NE(why.check<CancelledError>(), nullptr);
                                       ++cancelled;
                                   });
        calls.push_back(d);
        if (i % 2 == 0) {
            calls[static_cast<std::size_t>(i) / 2].cancel();
        }
    }
    runUntil([&] { return done + cancelled == kCalls; });
    reactor().threadPool().stop();
    EXPECT_GE(ran, done);
    EXPECT_LE(ran, kCalls);
    EXPECT_EQ(reactor().threadPool().statistics().queued, 0U);
}

// The pool grows, shrinks, stops and starts under load, and every call it took runs once.
TEST_F(ThreadsStress, poolChangesUnderLoad) {
    constexpr int kProducers = 3;
    constexpr int kCalls = 1000;
    ThreadPool pool({.maxThreads = 4, .maxQueued = 0, .idleTimeout = 0ns});
    pool.start();
    std::atomic<int> ran = 0;
    std::vector<std::thread> producers;
    for (int t = 0; t < kProducers; ++t) {
        producers.emplace_back([&] {
            for (int i = 0; i < kCalls; ++i) {
                pool.callInThread([&ran] { ++ran; });
            }
        });
    }
    for (std::size_t i = 0; i < 100; ++i) {
        pool.adjustPoolsize(i % 3, 3 + i % 5);
    }
    for (std::thread& producer : producers) {
        producer.join();
    }
    pool.stop();
    EXPECT_EQ(ran, kProducers * kCalls);
    pool.start();
    pool.callInThread([&ran] { ++ran; });
    pool.stop();
    EXPECT_EQ(ran, kProducers * kCalls + 1);
    EXPECT_EQ(pool.statistics().threads, 0U);
}

// TH-7, TH-14: threads keep asking a reactor that stops; each gets its answer or ReactorStopped.
TEST_F(ThreadsStress, stoppingWhileThreadsAsk) {
    constexpr int kThreads = 4;
    for (int round = 0; round < 20; ++round) {
        std::atomic<int> answered = 0;
        std::atomic<int> refused = 0;
        int asked = 0;
        for (int t = 0; t < kThreads; ++t) {
            reactor().callWhenRunning([&] {
                reactor().callInThread([&] {
                    try {
                        for (;;) {
                            blockingCallFromThread(reactor(), [&] {
                                if (++asked == 50) {
                                    reactor().stop();
                                }
                            });
                            ++answered;
                        }
                    } catch (const ReactorStopped&) {
                        ++refused;
                    }
                });
            });
        }
        run();
        EXPECT_EQ(refused, kThreads);
        // One that was refused has not run, and will not in the next round.
        EXPECT_EQ(answered, asked);
        EXPECT_GE(asked, 50);
    }
}

// TH-8: a pool stops while calls come from threads and from a reactor: each call runs or is
// dropped, exactly once, and each Deferred has its outcome.
TEST_F(ThreadsStress, poolStopsWhileCallsCome) {
    constexpr int kProducers = 2;
    constexpr int kCalls = 100;
    /// Counts the calls that died, whether they ran or not.
    struct Dying {
        std::atomic<int>* died;
        explicit Dying(std::atomic<int>& count) : died(&count) {}
        Dying(Dying&& other) noexcept : died(std::exchange(other.died, nullptr)) {}
        Dying& operator=(Dying&&) = delete;
        ~Dying() {
            if (died != nullptr) {
                ++*died;
            }
        }
    };
    for (std::size_t round = 0; round < 20; ++round) {
        ThreadPool pool({.maxThreads = 1 + round % 3});
        pool.start();
        std::atomic<int> ran = 0;
        std::atomic<int> died = 0;
        int values = 0;
        int stopped = 0;
        std::latch begun(kProducers + 2);
        std::vector<std::thread> threads;
        for (int t = 0; t < kProducers; ++t) {
            threads.emplace_back([&] {
                begun.arrive_and_wait();
                for (int i = 0; i < kCalls; ++i) {
                    pool.callInThread([&ran, dying = Dying(died)] { ++ran; });
                }
            });
        }
        threads.emplace_back([&] {
            begun.arrive_and_wait();
            pool.stop();
        });
        begun.arrive_and_wait();
        for (int i = 0; i < kCalls; ++i) {
            deferToThreadPool(reactor(), pool, [&ran, dying = Dying(died)] { return ++ran; })
                .addCallbacks([&](int) { ++values; },
                              [&](const Failure& why) {
                                  EXPECT_NE(why.check<ThreadPoolStopped>(), nullptr);
                                  ++stopped;
                              });
        }
        runUntil([&] { return values + stopped == kCalls; });
        for (std::thread& thread : threads) {
            thread.join();
        }
        EXPECT_EQ(died, (kProducers + 1) * kCalls);
        EXPECT_GE(ran, values);
        EXPECT_EQ(pool.statistics().queued, 0U);
    }
}

// Threads give many lists of calls to the reactor's pool: each list runs in order, up to its end or
// to what throws, and all of it is destroyed.
TEST_F(ThreadsStress, listsOfCallsFromManyThreads) {
    constexpr int kThreads = 3;
    constexpr int kLists = 100;
    constexpr int kCalls = 4;
    std::atomic<int> ran = 0;
    std::atomic<int> disordered = 0;
    const auto held = std::make_shared<int>(0);
    reactor().threadPool().start();
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            for (int list = 0; list < kLists; ++list) {
                const auto last = std::make_shared<int>(-1);  // no atomic: one thread has the list
                std::vector<UniqueFunction<void()>> calls;
                for (int i = 0; i < kCalls; ++i) {
                    calls.emplace_back([&, held, last, list, i] {
                        disordered += std::exchange(*last, i) == i - 1 ? 0 : 1;
                        ++ran;
                        if (list % 10 == 0 && i == kCalls - 2) {
                            throw std::runtime_error("ends its list");
                        }
                    });
                }
                callMultipleInThread(reactor(), std::move(calls));
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    reactor().threadPool().stop();
    constexpr int kCut = kThreads * kLists / 10;
    EXPECT_EQ(ran, kThreads * kLists * kCalls - kCut);
    EXPECT_EQ(disordered, 0);
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_EQ(logged().count("ends its list"), std::size_t{kCut});
    logged().clear();
}

// CO-20, CO-21: futures are kept in threads, or cancelled meanwhile: each has one outcome.
TEST_F(ThreadsStress, futuresAreKeptInThreads) {
    constexpr int kFutures = 200;
    reactor().threadPool().start();
    std::vector<std::promise<std::string>> promises(kFutures);
    int values = 0;
    int errors = 0;
    int cancelled = 0;
    std::vector<Deferred<>> ends;
    for (std::promise<std::string>& promise : promises) {
        ends.push_back(fromFuture(reactor(), promise.get_future())
                           .addCallbacks([&](const std::string&) { ++values; },
                                         [&](const Failure& why) {
                                             const bool mine =
                                                 why.check<std::runtime_error>() != nullptr &&
                                                 why.message() == "kept badly";
                                             ++(mine ? errors : cancelled);
                                         }));
    }
    std::thread keeper([&] {
        for (std::size_t i = 0; i < promises.size(); ++i) {
            if (i % 5 == 0) {
                promises[i].set_exception(
                    std::make_exception_ptr(std::runtime_error("kept badly")));
            } else {
                promises[i].set_value(std::string(40, 'x'));
            }
        }
    });
    for (std::size_t i = 0; i < ends.size(); i += 2) {
        ends[i].cancel();
    }
    runUntil([&] { return values + errors + cancelled == kFutures; });
    keeper.join();
    // Those with odd numbers were not cancelled.
    EXPECT_GE(values, kFutures / 2 * 4 / 5);
    EXPECT_GE(errors, kFutures / 2 / 5);
    EXPECT_LE(cancelled, kFutures / 2);
}

// Reactors are destroyed while threads of a pool that outlives them still work for them.
TEST_F(ThreadsStress, reactorsGoWhileThreadsWork) {
    ThreadPool pool({.maxThreads = 3});
    pool.start();
    std::atomic<int> ran = 0;
    int outcomes = 0;
    constexpr int kReactors = 50;
    constexpr int kCalls = 20;
    for (int i = 0; i < kReactors; ++i) {
        Reactor brief;
        for (int k = 0; k < kCalls; ++k) {
            deferToThreadPool(brief, pool, [&ran] {
                return std::to_string(++ran);
            }).addBoth([&](const Result<std::string>&) { ++outcomes; });
        }
        brief.iterate();
    }
    pool.stop();
    EXPECT_EQ(outcomes, kReactors * kCalls);
    EXPECT_EQ(ran, kReactors * kCalls);
}

}  // namespace
