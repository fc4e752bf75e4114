// The loop itself: areas R, T, TH and RX.
#include <marline/reactor/reactor.hpp>

#include <atomic>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/react.hpp>

#include "test/support/running.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

// run() runs until stop(), and can be called again.
TEST(Reactor, runsAgainAfterItStopped) {
    Reactor reactor;
    for (int i = 0; i < 3; ++i) {
        bool ran = false;
        reactor.callWhenRunning([&] {
            ran = reactor.running();
            reactor.stop();
        });
        reactor.run();
        EXPECT_TRUE(ran);
        EXPECT_FALSE(reactor.running());
    }
}

// misuse is told at the call.
TEST(Reactor, misuseThrows) {
    Reactor reactor;
    EXPECT_THROW(reactor.stop(), ReactorNotRunning);
    reactor.callWhenRunning([&] {
        EXPECT_THROW(reactor.run(), ReactorAlreadyRunning);
        reactor.stop();
        EXPECT_THROW(reactor.stop(), ReactorNotRunning);
    });
    reactor.run();
    EXPECT_THROW(reactor.callLater(-1ms, [] {}), std::invalid_argument);
}

// callWhenRunning keeps the order, and calls at once when the reactor runs.
TEST(Reactor, callWhenRunningKeepsTheOrder) {
    Reactor reactor;
    std::vector<int> order;
    reactor.callWhenRunning([&] {
        order.push_back(1);
        reactor.callWhenRunning([&] { order.push_back(2); });
    });
    reactor.callWhenRunning([&] {
        order.push_back(3);
        reactor.stop();
    });
    reactor.run();
    EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

// crash() leaves at once, without triggers.
TEST(Reactor, crashLeavesWithoutAShutdown) {
    Reactor reactor;
    bool shutDown = false;
    reactor.addSystemEventTrigger(Phase::Before, SystemEvent::Shutdown, [&] {
        shutDown = true;
        return succeed();
    });
    reactor.callWhenRunning([&] { reactor.crash(); });
    reactor.run();
    EXPECT_FALSE(shutDown);
}

// the shutdown waits for what its first phase returned, and the loop serves on.
TEST(Reactor, shutdownWaitsForBeforeTriggers) {
    Reactor reactor;
    std::vector<std::string> order;
    reactor.addSystemEventTrigger(Phase::After, SystemEvent::Shutdown, [&] {
        order.emplace_back("after");
        return succeed();
    });
    reactor.addSystemEventTrigger(Phase::Before, SystemEvent::Shutdown, [&] {
        order.emplace_back("before");
        DeferredSource<> source;
        Deferred<> wait = source.deferred();
        reactor.callLater(1ms, [&, source = std::move(source)]() mutable {
            order.emplace_back("still served");
            source.callback();
        });
        return wait;
    });
    reactor.callWhenRunning([&] { reactor.stop(); });
    reactor.run();
    EXPECT_THAT(order, ElementsAre("before", "still served", "after"));
}

// a trigger that throws is logged, and the others run.
TEST(Reactor, throwingTriggerIsLogged) {
    test::CatchLog log;
    Reactor reactor;
    reactor.addSystemEventTrigger(Phase::Before, SystemEvent::Shutdown,
                                  []() -> Deferred<> { throw std::runtime_error("bad trigger"); });
    reactor.callWhenRunning([&] { reactor.stop(); });
    reactor.run();
    EXPECT_THAT(log.take(), ElementsAre(HasSubstr("bad trigger")));
}

// SIGTERM stops the reactor, in order.
TEST(Reactor, sigtermStopsIt) {
    Reactor reactor;
    reactor.callWhenRunning([] { std::raise(SIGTERM); });
    reactor.run();
    EXPECT_EQ(reactor.stoppedBySignal(), SIGTERM);
}

// T-2, T-3, T-4: calls run in a later turn, by their time, and equal times in their order.
TEST(CallLater, runsByTimeThenByOrder) {
    Reactor reactor;
    std::vector<int> order;
    reactor.callLater(2ms, [&] {
        order.push_back(4);
        reactor.stop();
    });
    reactor.callLater(0ms, [&] {
        order.push_back(1);
        reactor.callLater(0ms, [&] { order.push_back(3); });
    });
    reactor.callLater(0ms, [&] { order.push_back(2); });
    EXPECT_TRUE(order.empty());
    reactor.run();
    EXPECT_THAT(order, ElementsAre(1, 2, 3, 4));
    EXPECT_EQ(reactor.pendingCalls(), 0U);
}

// T-6, T-8, T-9: a handle says whether its call is to come, and refuses what comes too late.
TEST(CallLater, handleCancelsOnce) {
    Reactor reactor;
    DelayedCall none;
    EXPECT_FALSE(none.active());
    EXPECT_THROW(none.cancel(), DelayedCallNotActive);
    const auto captured = std::make_shared<int>(1);
    DelayedCall call = reactor.callLater(1h, [captured] {});
    EXPECT_TRUE(call.active());
    call.cancel();
    EXPECT_EQ(captured.use_count(), 1);
    EXPECT_THROW(call.cancel(), DelayedCallNotActive);
    EXPECT_THROW(call.reset(1s), DelayedCallNotActive);
    DelayedCall fresh = reactor.callLater(1h, [] {});
    EXPECT_FALSE(call.active());
    EXPECT_TRUE(fresh.active());
}

// T-7: reset counts from now, delay from where it was.
TEST(CallLater, resetAndDelayMoveIt) {
    Reactor reactor;
    std::vector<int> order;
    DelayedCall late = reactor.callLater(1h, [&] { order.push_back(1); });
    DelayedCall early = reactor.callLater(0ms, [&] {
        order.push_back(2);
        reactor.stop();
    });
    late.reset(0ms);
    early.delay(2ms);
    EXPECT_GT(early.getTime(), late.getTime());
    reactor.run();
    EXPECT_THAT(order, ElementsAre(1, 2));
}

// T-11: what a call throws is logged, and the loop goes on.
TEST(CallLater, exceptionsAreLogged) {
    test::CatchLog log;
    Reactor reactor;
    reactor.callLater(0ms, [] { throw std::runtime_error("bad call"); });
    reactor.callLater(0ms, [&] { reactor.stop(); });
    reactor.run();
    EXPECT_THAT(log.take(), ElementsAre(HasSubstr("bad call")));
}

// Most timers are cancelled: 100,000 of them leave nothing behind.
TEST(CallLater, manyCancelledCallsLeaveNothing) {
    Reactor reactor;
    std::vector<DelayedCall> calls;
    int ran = 0;
    for (int i = 0; i < 100'000; ++i) {
        calls.push_back(reactor.callLater(std::chrono::microseconds(i % 1000), [&] { ++ran; }));
    }
    for (std::size_t i = 0; i < calls.size(); ++i) {
        if (i % 100 != 0) {
            calls[i].cancel();
        }
    }
    EXPECT_EQ(reactor.pendingCalls(), 1000U);
    test::runUntil(reactor, [&] { return ran == 1000; });
    EXPECT_EQ(ran, 1000);
}

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

// Reactors in several threads do not know of each other.
TEST(Reactor, eachThreadMayHaveItsOwn) {
    std::atomic<int> stopped = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            Reactor reactor;
            reactor.callLater(1ms, [&] { reactor.stop(); });
            reactor.run();
            ++stopped;
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(stopped, 4);
}

// RX-2, RX-3: react gives 0 for a value, 1 for a failure, which is logged, or SystemExit's status.
TEST(React, givesTheExitStatus) {
    test::CatchLog log;
    EXPECT_EQ(react([](Reactor&) { return succeed(5); }), 0);
    EXPECT_TRUE(log.take().empty());
    EXPECT_EQ(react([](Reactor&) { return fail<>(TimeoutError("too late")); }), 1);
    EXPECT_THAT(log.take(), ElementsAre(HasSubstr("too late")));
    EXPECT_EQ(react([](Reactor&) { return fail<>(SystemExit(7)); }), 7);
    EXPECT_TRUE(log.take().empty());
}

// RX-1: main gets the arguments, at once, and its result may come later.
TEST(React, waitsForMain) {
    EXPECT_EQ(react(
                  [](Reactor& reactor, int status) {
                      DeferredSource<> source;
                      Deferred<> result = source.deferred();
                      reactor.callLater(1ms, [status, source = std::move(source)]() mutable {
                          source.errback(SystemExit(status));
                      });
                      return result;
                  },
                  3),
              3);
}

// RX-6: a reactor that is stopped before main is over exits with 0.
TEST(React, stoppedEarlyIsZero) {
    Deferred<> never;
    EXPECT_EQ(react([&](Reactor& reactor) {
                  reactor.callLater(0ms, [&reactor] { reactor.stop(); });
                  return never;
              }),
              0);
    never.callback();
}

// RX-7: what main throws leaves react().
TEST(React, exceptionsOfMainEscape) {
    EXPECT_THROW(react([](Reactor&) -> Deferred<> { throw TimeoutError("no"); }), TimeoutError);
}

}  // namespace
