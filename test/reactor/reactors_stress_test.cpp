// Several reactors in several threads, signals and watchdogs, for ThreadSanitizer to look at.
#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <functional>
#include <latch>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>

#include <gtest/gtest.h>

#include <marline/protocols/protocol.hpp>
#include <marline/reactor/endpoint_strings.hpp>
#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/threads.hpp>

#include "test/support/reactor_fixture.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;

class ReactorsStress : public marline::testing::ReactorFixture {};

/// Answers what it gets, and goes.
class Echo : public Protocol {
public:
    void dataReceived(std::span<const std::byte> data) override {
        transport()->write(data);
        transport()->loseConnection();
    }
};

/// Says something, and counts what comes back until the end.
class Caller : public Protocol {
public:
    explicit Caller(std::function<void(std::size_t)> ended) : ended_(std::move(ended)) {}
    void connectionMade() override { transport()->write("hello"); }
    void dataReceived(std::span<const std::byte> data) override { got_ += data.size(); }
    void connectionLost(const Failure& why) override {
        Protocol::connectionLost(why);
        ended_(got_);
    }

private:
    std::function<void(std::size_t)> ended_;
    std::size_t got_ = 0;
};

// R-27, TH-1, TH-12, TH-14: reactors in threads of their own ask each other in every way at once.
TEST_F(ReactorsStress, reactorsAskEachOther) {
    constexpr std::size_t kReactors = 3;
    constexpr int kCalls = 100;
    std::array<Reactor, kReactors> reactors;
    std::array<int, kReactors> posted{};  // each in its reactor's thread only
    std::array<int, kReactors> deferred{};
    std::atomic<int> answered = 0;
    std::atomic<std::size_t> done = 0;
    // Each asks the next one, from a thread of its pool.
    const auto ask = [&](std::size_t i) {
        const std::size_t next = (i + 1) % kReactors;
        for (int k = 0; k < kCalls; ++k) {
            reactors[next].callFromThread([&, next] {
                ++posted[next];
                deferToThread(reactors[next], [] { return 1; }).addCallback([&, next](int one) {
                    deferred[next] += one;
                });
            });
            answered += blockingCallFromThread(reactors[next], [&, next] {
                return deferToThread(reactors[next], [] { return 1; });
            });
        }
        while (blockingCallFromThread(reactors[next], [&, next] { return deferred[next]; }) <
               kCalls) {
        }
        if (++done == kReactors) {
            for (Reactor& one : reactors) {
                one.callFromThread([&] { one.stop(); });
            }
        }
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kReactors; ++i) {
        reactors[i].callWhenRunning([&, i] { reactors[i].callInThread([&ask, i] { ask(i); }); });
        threads.emplace_back([&, i] { reactors[i].run(); });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(answered, static_cast<int>(kReactors) * kCalls);
    for (std::size_t i = 0; i < kReactors; ++i) {
        EXPECT_EQ(posted[i], kCalls);
        EXPECT_EQ(deferred[i], kCalls);
    }
}

// reactors in several threads share nothing that they do not lock: each listens, connects by
// name and by string, resolves, and ends, while the others do.
TEST_F(ReactorsStress, reactorsServeEachOnItsOwn) {
    constexpr int kThreads = 3;
    constexpr int kRounds = 5;
    std::atomic<std::size_t> echoed = 0;
    std::latch begun(kThreads);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            begun.arrive_and_wait();
            for (int round = 0; round < kRounds; ++round) {
                Reactor own;
                auto listening = serverFromString(own, "tcp:port=0:interface=127.0.0.1")
                                     ->listen(makeFactory<Echo>());
                listening.addCallback([&](const Ref<IListeningPort>& port) {
                    const std::string where =
                        "tcp:host=localhost:port=" + std::to_string(port->getHost().port);
                    clientFromString(own, where)
                        ->connect(makeFactory<Caller>([&](std::size_t got) {
                            echoed += got;
                            own.stop();
                        }))
                        .addErrback([&](const Failure& why) {
                            ADD_FAILURE() << why.message();
                            own.stop();
                            return Ref<IProtocol>();
                        });
                });
                own.run();
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(echoed, std::size_t{kThreads * kRounds * 5});
}

// A reactor's watchdog begins and ends, and tells, while callbacks run and threads post.
TEST_F(ReactorsStress, watchdogsComeAndGo) {
    constexpr int kCalls = 50;
    int ran = 0;
    constexpr int kPosts = 1000;
    int arrived = 0;
    std::thread poster([&] {
        for (int i = 0; i < kPosts; ++i) {
            reactor().callFromThread([&] { ++arrived; });
            std::this_thread::yield();
        }
    });
    for (int i = 0; i < kCalls; ++i) {
        reactor().watchHealth({.slowCallback = 1ns, .watchdog = true});
        reactor().callFromThread([&] {
            ++ran;
            if (ran % 3 == 0) {
                reactor().ignoreHealth();
            }
        });
        reactor().callLater(0ms, [&] { ++ran; });
        turn(2);
        reactor().ignoreHealth();
    }
    poster.join();
    turn();
    EXPECT_EQ(ran, 2 * kCalls);
    EXPECT_EQ(arrived, kPosts);
    EXPECT_GE(logged().count("blocked the loop"), 1U);
    logged().clear();
}

// signals that other threads take stop the reactor, each time anew.
TEST_F(ReactorsStress, signalsToOtherThreads) {
    constexpr int kRounds = 30;
    for (int round = 0; round < kRounds; ++round) {
        reactor().callWhenRunning(
            [&] { reactor().callInThread([] { pthread_kill(pthread_self(), SIGTERM); }); });
        run();
        EXPECT_EQ(reactor().stoppedBySignal(), SIGTERM);
    }
}

// Signals that ask for a dump come all the time, to another thread, while reactors begin and end to
// listen for them and go, and their descriptors with them.
TEST_F(ReactorsStress, dumpSignalsComeAllTheTime) {
    constexpr int kRounds = 50;
    const auto before = std::signal(SIGUSR2, SIG_IGN);
    std::atomic<bool> over = false;
    std::latch begun(1);
    std::thread asking([&] {
        begun.count_down();
        while (!over) {
            pthread_kill(pthread_self(), SIGUSR2);
        }
    });
    begun.wait();
    for (int round = 0; round < kRounds; ++round) {
        Reactor brief;
        brief.watchHealth({.slowCallback = 0s, .dumpSignal = SIGUSR2});
        const std::size_t dumps = logged().count("health: ");
        while (logged().count("health: ") == dumps) {
            brief.iterate(1h);
        }
        logged().clear();
    }
    over = true;
    asking.join();
    std::signal(SIGUSR2, before);
}

}  // namespace
