// The life of a reactor: area R, and what it refuses.
#include <marline/reactor/reactor.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/errors.hpp>

#include "test/reactor/life_fixture.hpp"
#include "test/support/deferred_outcome.hpp"

namespace marline::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// run() brings the startup, serves, and returns when the shutdown is complete.
TEST_F(ReactorLifeTest, runReturnsAfterTheShutdown) {
    Deferred<> shutDown;
    noteOn(Phase::Before, SystemEvent::Startup, "startup");
    reactor().addSystemEventTrigger(Phase::Before, SystemEvent::Shutdown, [&] {
        order.emplace_back("shutdown");
        reactor().callLater(0s, [&] {
            order.emplace_back("served");
            shutDown.callback();
        });
        return shutDown;
    });
    noteOn(Phase::After, SystemEvent::Shutdown, "shut down");
    runOnce();
    EXPECT_THAT(order, ElementsAre("startup", "shutdown", "served", "shut down"));
}

// running() is true from the triggers of the startup until those of the shutdown.
TEST_F(ReactorLifeTest, runningFollowsThePhases) {
    std::vector<bool> seen;
    for (const SystemEvent event : {SystemEvent::Startup, SystemEvent::Shutdown}) {
        for (const Phase phase : {Phase::Before, Phase::During, Phase::After}) {
            on(phase, event, [&] { seen.push_back(reactor().running()); });
        }
    }
    EXPECT_FALSE(reactor().running());
    runOnce();
    EXPECT_THAT(seen, ElementsAre(false, true, true, true, false, false));
    EXPECT_FALSE(reactor().running());
}

// unlike Twisted's, signals stop a reactor from run() on, also while its startup takes time.
TEST_F(ReactorLifeTest, signalsStopItDuringTheStartup) {
    const Deferred<> never;
    reactor().addSystemEventTrigger(Phase::Before, SystemEvent::Startup, [&] {
        std::raise(SIGTERM);
        return never;
    });
    noteOn(Phase::During, SystemEvent::Startup, "started");
    noteOn(Phase::During, SystemEvent::Shutdown, "shut down");
    run();
    EXPECT_EQ(reactor().stoppedBySignal(), SIGTERM);
    EXPECT_THAT(order, ElementsAre("shut down"));
}

// run() inside of run() or iterate() is refused; after stop(), unlike in Twisted, it is not.
TEST_F(ReactorLifeTest, runsOneAtATimeAndAgain) {
    for (int i = 0; i < 3; ++i) {
        reactor().callWhenRunning([&] {
            EXPECT_THROW(reactor().run(), ReactorAlreadyRunning);
            EXPECT_THROW(reactor().iterate(), ReactorAlreadyRunning);
            reactor().stop();
        });
        run();
    }
    bool ran = false;
    reactor().callLater(0s, [&] {
        EXPECT_THROW(reactor().run(), ReactorAlreadyRunning);
        EXPECT_THROW(reactor().iterate(), ReactorAlreadyRunning);
        ran = true;
    });
    reactor().iterate();
    EXPECT_TRUE(ran);
}

// after a shutdown the reactor listens, connects and serves again.
TEST_F(ReactorLifeTest, servesAgainAfterAShutdown) {
    for (int i = 0; i < 3; ++i) {
        factory = makeRef<RecordingFactory>([&](RecordingProtocol& protocol) {
            protocol.onMade = [](RecordingProtocol& self) { self.transport->write("x"); };
            protocol.onData = [&](RecordingProtocol&, std::string_view) {
                order.emplace_back("served");
                if (order.size() % 2 == 0) {
                    reactor().stop();
                }
            };
        });
        port = reactor().listenTcp(0, factory, {.interface = "127.0.0.1"});
        Outcome<Ref<IProtocol>> made(reactor().connectTcp(port->getHost(), factory));
        run();
        EXPECT_TRUE(made.ok()) << made.message();
        EXPECT_EQ(port->connections(), 0U);
    }
    EXPECT_EQ(order.size(), 6U);
    EXPECT_THAT(factory->built, ::testing::SizeIs(2));
}

// crash() leaves run() after this turn, with nothing shut down; run() goes on from
// there.
TEST_F(ReactorLifeTest, crashLeavesEverythingAsItIs) {
    connect();
    noteOn(Phase::Before, SystemEvent::Shutdown, "before");
    noteOn(Phase::During, SystemEvent::Shutdown, "during");
    noteOn(Phase::After, SystemEvent::Shutdown, "after");
    reactor().callWhenRunning([&] { reactor().crash(); });
    reactor().callLater(1h, [] {});
    run();
    EXPECT_FALSE(reactor().running());
    EXPECT_THAT(order, IsEmpty());
    EXPECT_EQ(reactor().pendingCalls(), 1U);
    EXPECT_EQ(factory->built[0]->losses + factory->built[1]->losses, 0);
    factory->built[0]->transport->write("still here");
    factory->built[1]->onData = [&](RecordingProtocol&, std::string_view) { reactor().stop(); };
    factory->built[0]->onData = factory->built[1]->onData;
    run();
    EXPECT_THAT(order, ElementsAre("before", "during", "after"));
}

// stop() is refused when the reactor does not run, and when it is stopping already.
TEST_F(ReactorLifeTest, stopsOnce) {
    EXPECT_THROW(reactor().stop(), ReactorNotRunning);
    const auto refused = [&] { EXPECT_THROW(reactor().stop(), ReactorNotRunning); };
    for (const Phase phase : {Phase::Before, Phase::During, Phase::After}) {
        on(phase, SystemEvent::Shutdown, refused);
    }
    reactor().callWhenRunning([&] {
        reactor().stop();
        refused();
    });
    run();
    EXPECT_THROW(reactor().stop(), ReactorNotRunning);
}

// stop() only marks: no trigger of the shutdown runs inside of it.
TEST_F(ReactorLifeTest, stopOnlyMarks) {
    noteOn(Phase::Before, SystemEvent::Shutdown, "shutdown");
    reactor().callWhenRunning([&] {
        reactor().stop();
        EXPECT_THAT(order, IsEmpty());
        EXPECT_TRUE(reactor().running());
    });
    run();
    EXPECT_THAT(order, ElementsAre("shutdown"));
}

// connections, calls and threads are served while the shutdown waits for a Deferred.
TEST_F(ReactorLifeTest, servesWhileTheShutdownWaits) {
    connect();
    Deferred<> wait;
    factory->built[1]->onData = [&](RecordingProtocol&, std::string_view) {
        EXPECT_TRUE(reactor().running());
        reactor().callLater(1ms, [&] { wait.callback(); });
    };
    factory->built[0]->onData = factory->built[1]->onData;
    std::thread other;
    reactor().addSystemEventTrigger(Phase::Before, SystemEvent::Shutdown, [&] {
        other = std::thread(
            [&] { reactor().callFromThread([&] { factory->built[0]->transport->write("now"); }); });
        return wait;
    });
    runOnce();
    other.join();
    EXPECT_TRUE(wait.called());
}

// the shutdown closes every transport with ConnectionLost, then runs the other triggers.
TEST_F(ReactorLifeTest, closesTransportsFirst) {
    connect();
    for (const auto& protocol : factory->built) {
        protocol->onLost = [&](RecordingProtocol& self) {
            EXPECT_FALSE(reactor().running());
            order.emplace_back(self.lostWith<ConnectionLost>() ? "lost" : self.lost->message());
        };
    }
    noteOn(Phase::Before, SystemEvent::Shutdown, "before");
    noteOn(Phase::During, SystemEvent::Shutdown, "during");
    runOnce();
    EXPECT_THAT(order, ElementsAre("before", "lost", "lost", "during"));
}

// a connectionLost() that throws is logged, and the other connections are told all the same.
TEST_F(ReactorLifeTest, aThrowingConnectionLostDoesNotStopTheShutdown) {
    connect();
    for (const auto& protocol : factory->built) {
        protocol->onLost = [](RecordingProtocol&) {
            throw std::runtime_error("in connectionLost");
        };
    }
    runOnce();
    EXPECT_EQ(factory->built[0]->losses, 1);
    EXPECT_EQ(factory->built[1]->losses, 1);
    EXPECT_EQ(logged().count("in connectionLost"), 2U);
    logged().clear();
}

// calls that are pending at the shutdown are not run, stay listed, and run in the next run().
TEST_F(ReactorLifeTest, pendingCallsStay) {
    DelayedCall call = reactor().callLater(1h, [&] {
        order.emplace_back("called");
        reactor().stop();
    });
    runOnce();
    EXPECT_THAT(order, IsEmpty());
    ASSERT_EQ(reactor().getDelayedCalls().size(), 1U);
    call.reset(0s);
    run();
    EXPECT_THAT(order, ElementsAre("called"));
}

// iterate() runs what is due and what came from threads, polls once, and does not wait.
TEST_F(ReactorLifeTest, iterateIsOneTurn) {
    connect();
    reactor().callLater(1h, [] { FAIL() << "it waited"; });
    reactor().iterate();
    reactor().callLater(0s, [&] { order.emplace_back("call"); });
    reactor().callFromThread([&] { order.emplace_back("thread"); });
    factory->built[0]->transport->write("x");
    reactor().iterate();
    EXPECT_THAT(order, ElementsAre("thread", "call"));
    runUntil([&] { return factory->built[0]->received + factory->built[1]->received == "x"; });
    reactor().iterate(1ns);
    EXPECT_FALSE(reactor().running());
}

// callWhenRunning() keeps the order, calls after the startup's triggers, and at once when the
// reactor runs.
TEST_F(ReactorLifeTest, callWhenRunningKeepsTheOrder) {
    reactor().callWhenRunning([&] {
        order.emplace_back("first");
        reactor().callWhenRunning([&] { order.emplace_back("nested"); });
        order.emplace_back("first ends");
    });
    reactor().callWhenRunning([&] { order.emplace_back("second"); });
    noteOn(Phase::Before, SystemEvent::Startup, "before");
    noteOn(Phase::During, SystemEvent::Startup, "during");
    runOnce();
    EXPECT_THAT(order, ElementsAre("before", "during", "first", "nested", "first ends", "second"));
}

// callWhenRunning() names a trigger only when it made one, and that can be removed.
TEST_F(ReactorLifeTest, callWhenRunningGivesItsTrigger) {
    const auto id = reactor().callWhenRunning([&] { order.emplace_back("removed"); });
    ASSERT_TRUE(id.has_value());
    reactor().removeSystemEventTrigger(*id);
    reactor().callWhenRunning([&] {
        const auto none = reactor().callWhenRunning([&] { order.emplace_back("at once"); });
        EXPECT_FALSE(none.has_value());
    });
    runOnce();
    EXPECT_THAT(order, ElementsAre("at once"));
}

// SIGTERM and SIGINT stop the reactor in order, and it remembers which it was.
TEST_F(ReactorLifeTest, signalsStopIt) {
    for (const int signal : {SIGTERM, SIGINT}) {
        order.clear();
        noteOn(Phase::Before, SystemEvent::Shutdown, "shutdown");
        reactor().callWhenRunning([signal] { std::raise(signal); });
        run();
        EXPECT_EQ(reactor().stoppedBySignal(), signal);
        EXPECT_THAT(order, ElementsAre("shutdown"));
    }
    runOnce();
    EXPECT_EQ(reactor().stoppedBySignal(), 0);
}

/// Puts a handler in place while it lives.
class OwnHandler {
public:
    explicit OwnHandler(int signal) : signal_(signal) {
        caught() = 0;
        struct sigaction own{};
        own.sa_handler = [](int number) { caught() = number; };
        sigaction(signal_, &own, &before_);
    }
    OwnHandler(const OwnHandler&) = delete;
    OwnHandler& operator=(const OwnHandler&) = delete;
    ~OwnHandler() { sigaction(signal_, &before_, nullptr); }

    /// The signal that came.
    static std::atomic<int>& caught() {
        static std::atomic<int> one;
        return one;
    }

private:
    int signal_;
    struct sigaction before_{};
};

// SIGINT is left to a program that handles it, and what was there comes back afterwards.
TEST_F(ReactorLifeTest, leavesSigintToTheProgram) {
    const OwnHandler own(SIGINT);
    reactor().callWhenRunning([&] {
        std::raise(SIGINT);
        reactor().callLater(0s, [&] {
            EXPECT_EQ(reactor().stoppedBySignal(), 0);
            reactor().stop();
        });
    });
    run();
    EXPECT_EQ(OwnHandler::caught(), SIGINT);
    EXPECT_EQ(reactor().stoppedBySignal(), 0);
    OwnHandler::caught() = 0;
    std::raise(SIGINT);
    EXPECT_EQ(OwnHandler::caught(), SIGINT);
}

// the handler that a signal had before is back after run(), but not over a newer one.
TEST_F(ReactorLifeTest, givesSignalsBack) {
    {
        const OwnHandler own(SIGTERM);
        runOnce();
        std::raise(SIGTERM);
        EXPECT_EQ(OwnHandler::caught(), SIGTERM);
    }
    std::optional<OwnHandler> newer;
    reactor().callWhenRunning([&] { newer.emplace(SIGTERM); });
    runOnce();
    std::raise(SIGTERM);
    EXPECT_EQ(OwnHandler::caught(), SIGTERM);
    // It had replaced the reactor's own handler, which nobody wants back.
    newer.reset();
    std::signal(SIGTERM, SIG_DFL);
}

// what any call of the loop throws is logged, and the loop goes on.
TEST_F(ReactorLifeTest, exceptionsAreLogged) {
    connect();
    reactor().callWhenRunning([] { throw std::runtime_error("thrown 1"); });
    reactor().callLater(0s, [] { throw std::runtime_error("thrown 2"); });
    reactor().callFromThread([] { throw std::runtime_error("thrown 3"); });
    for (const auto& protocol : factory->built) {
        protocol->onData = [](RecordingProtocol&, std::string_view) {
            throw std::runtime_error("thrown 4");
        };
        protocol->onLost = [&](RecordingProtocol&) {
            if (reactor().running()) {
                reactor().stop();
            }
        };
    }
    factory->built[0]->transport->write("x");
    run();
    for (const char* what : {"thrown 1", "thrown 2", "thrown 3", "thrown 4"}) {
        EXPECT_EQ(logged().count(what), 1U) << what;
    }
    logged().clear();
}

// there is no reactor of the process: one thread may have several, and run them in turn or
// one inside of another.
TEST_F(ReactorLifeTest, severalInOneThread) {
    Reactor other;
    other.callWhenRunning([&] {
        order.emplace_back("inner");
        EXPECT_FALSE(reactor().getDelayedCalls().empty());
        other.stop();
    });
    reactor().callWhenRunning([&] {
        order.emplace_back("outer");
        other.run();
        order.emplace_back("outer again");
        EXPECT_TRUE(reactor().running());
        EXPECT_FALSE(other.running());
        reactor().stop();
    });
    run();
    EXPECT_THAT(order, ElementsAre("outer", "inner", "outer again"));
}

// Several threads have a reactor each, and talk to each other through callFromThread().
TEST_F(ReactorLifeTest, oneInEachOfSeveralThreads) {
    constexpr int kThreads = 4;
    int answers = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&] {
            Reactor own;
            own.callLater(1ms, [&] {
                reactor().callFromThread([&] {
                    if (++answers == kThreads) {
                        reactor().stop();
                    }
                });
                own.stop();
            });
            own.run();
        });
    }
    run();
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(answers, kThreads);
}

// A reactor made in one thread belongs to the one that runs it, from then on.
TEST_F(ReactorLifeTest, belongsToTheThreadThatRunsIt) {
    reactor().callLater(0s, [&] { reactor().stop(); });
    std::thread([&] {
        EXPECT_THROW(reactor().iterate(), WrongThread);
        EXPECT_THROW(reactor().getDelayedCalls(), WrongThread);
        reactor().run();
        EXPECT_TRUE(reactor().getDelayedCalls().empty());
    }).join();
    EXPECT_THROW(reactor().iterate(), WrongThread);
}

// An empty function is refused where it is given, not when the loop would call it.
TEST_F(ReactorLifeTest, refusesEmptyFunctions) {
    EXPECT_THROW(reactor().callWhenRunning(nullptr), std::invalid_argument);
    EXPECT_THROW(reactor().callFromThread(nullptr), std::invalid_argument);
    EXPECT_THROW(reactor().addSystemEventTrigger(Phase::After, SystemEvent::Shutdown, nullptr),
                 std::invalid_argument);
    EXPECT_THROW(reactor().callLater(0s, nullptr), std::invalid_argument);
    turn();
    reactor().callWhenRunning([&] { reactor().stop(); });
    run();
}

// A negative time to connect in is misuse, and names the knob.
TEST_F(ReactorLifeTest, refusesANegativeTimeToConnect) {
    try {
        reactor().connectTcp({}, nullptr, {.timeout = -1ns});
        FAIL() << "it was taken";
    } catch (const std::invalid_argument& error) {
        EXPECT_THAT(error.what(), HasSubstr("ConnectOptions::timeout"));
    }
}

}  // namespace
}  // namespace marline::testing
