// react(): area RX.
#include <marline/reactor/react.hpp>

#include <chrono>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <marline/deferred/errors.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/defer_later.hpp>

#include "test/support/deferred_outcome.hpp"
#include "test/support/reactor_fixture.hpp"

namespace marline::testing {
namespace {

using namespace std::chrono_literals;

class ReactTest : public ::testing::Test {
protected:
    void TearDown() override {
        EXPECT_TRUE(logged.empty()) << "logged, and not expected: " << logged.all();
    }

    CaughtLog logged;
    NoUnhandled noUnhandled;
};

// RX-1: main is called at once, with the reactor, which does not run yet, and the arguments.
TEST_F(ReactTest, callsMainAtOnceWithItsArguments) {
    std::string seen;
    const int status = react(
        [&](Reactor& reactor, const std::string& name, std::unique_ptr<int> value) {
            EXPECT_FALSE(reactor.running());
            seen = name + std::to_string(*value);
            return succeed();
        },
        "argument", std::make_unique<int>(5));
    EXPECT_EQ(status, 0);
    EXPECT_EQ(seen, "argument5");
}

// RX-2: a result that is there before the loop runs lets it start, and stops it then.
TEST_F(ReactTest, aResultAtOnceLetsTheReactorStart) {
    bool started = false;
    bool stopped = false;
    EXPECT_EQ(react([&](Reactor& reactor) {
                  reactor.callWhenRunning([&] { started = reactor.running(); });
                  reactor.addSystemEventTrigger(Phase::During, SystemEvent::Shutdown, [&] {
                      stopped = true;
                      return succeed();
                  });
                  return succeed();
              }),
              0);
    EXPECT_TRUE(started);
    EXPECT_TRUE(stopped);
}

// RX-2: a result that comes later stops the reactor when it comes, a value as well as a failure.
TEST_F(ReactTest, aResultLaterStopsTheReactor) {
    EXPECT_EQ(react([](Reactor& reactor) { return deferLater(reactor, 1ms, [] { return 7; }); }),
              0);
    EXPECT_EQ(react([](Reactor& reactor) {
                  return deferLater(reactor, 1ms, [] { throw std::runtime_error("later"); });
              }),
              1);
    EXPECT_EQ(logged.count("later"), 1U);
    logged.clear();
}

// RX-3: 0 for a value of any type, 1 for a failure, which is logged, or what SystemExit says.
TEST_F(ReactTest, givesTheExitStatus) {
    EXPECT_EQ(react([](Reactor&) { return succeed(std::make_unique<int>(5)); }), 0);
    EXPECT_EQ(react([](Reactor&) { return fail<>(SystemExit(0)); }), 0);
    EXPECT_EQ(react([](Reactor&) { return fail<int>(SystemExit(7)); }), 7);
    EXPECT_TRUE(logged.empty()) << "a SystemExit is nobody's failure";
    EXPECT_EQ(react([](Reactor&) { return fail<>(TimeoutError("too late")); }), 1);
    EXPECT_EQ(logged.count("main function failed"), 1U);
    EXPECT_EQ(logged.count("too late"), 1U);
    logged.clear();
}

// RX-4: unlike Twisted's it returns the status, for main() to return: destructors run.
TEST_F(ReactTest, returnsAndLeavesNothing) {
    const auto captured = std::make_shared<int>();
    EXPECT_EQ(react(
                  [](Reactor& reactor, const std::shared_ptr<int>& held) {
                      reactor.callLater(1h, [held] {});
                      return succeed();
                  },
                  captured),
              0);
    EXPECT_EQ(captured.use_count(), 1);
}

// RX-5: a reactor that somebody else has stopped is not stopped again, and a result that comes
// during the shutdown still counts.
TEST_F(ReactTest, aResultDuringTheShutdownCounts) {
    for (const bool fails : {false, true}) {
        DeferredSource<> source;
        Deferred<> result = source.deferred();
        const int status = react([&](Reactor& reactor) {
            reactor.addSystemEventTrigger(Phase::Before, SystemEvent::Shutdown, [&] {
                return deferLater(reactor, 0s, [&] {
                    fails ? source.errback(SystemExit(4)) : source.callback();
                });
            });
            reactor.callWhenRunning([&] { reactor.stop(); });
            return result;
        });
        EXPECT_EQ(status, fails ? 4 : 0);
    }
}

// RX-5: main may stop the reactor as its result comes.
TEST_F(ReactTest, mainMayStopTheReactorItself) {
    EXPECT_EQ(react([](Reactor& reactor) {
                  return deferLater(reactor, 0s, [&reactor] { reactor.stop(); });
              }),
              0);
}

// RX-6: a reactor that stops before main is over gives 0; what comes after that is not looked at.
TEST_F(ReactTest, aStopBeforeTheResultIsZero) {
    Deferred<> never;
    EXPECT_EQ(react([&](Reactor& reactor) {
                  reactor.callWhenRunning([&reactor] { reactor.stop(); });
                  return never;
              }),
              0);
    never.errback(std::runtime_error("nobody listens"));
}

// RX-6: so do SIGINT and SIGTERM.
TEST_F(ReactTest, aSignalIsZero) {
    for (const int signal : {SIGINT, SIGTERM}) {
        const Deferred<> never;
        bool shutDown = false;
        EXPECT_EQ(react([&](Reactor& reactor) {
                      reactor.addSystemEventTrigger(Phase::During, SystemEvent::Shutdown, [&] {
                          shutDown = true;
                          return succeed();
                      });
                      reactor.callWhenRunning([signal] { std::raise(signal); });
                      return never;
                  }),
                  0);
        EXPECT_TRUE(shutDown);
    }
}

// RX-7: what main throws leaves react() before the reactor runs.
TEST_F(ReactTest, exceptionsOfMainEscape) {
    bool started = false;
    const auto main = [&](Reactor& reactor) -> Deferred<> {
        reactor.callWhenRunning([&] { started = true; });
        throw std::out_of_range("in main");
    };
    EXPECT_THROW(react(main), std::out_of_range);
    EXPECT_FALSE(started);
}

// RX-8: without a reactor given there is one for this call; a given one is used, and can be again.
TEST_F(ReactTest, usesTheReactorThatItIsGiven) {
    Reactor given;
    Reactor* seen = nullptr;
    const auto main = [&](Reactor& reactor, int status) {
        seen = &reactor;
        return fail<>(SystemExit(status));
    };
    EXPECT_EQ(react(given, main, 1), 1);
    EXPECT_EQ(seen, &given);
    EXPECT_EQ(react(given, main, 2), 2);
    EXPECT_EQ(react(main, 3), 3);
    EXPECT_NE(seen, &given);
}

// A run that crashes ends react() too.
TEST_F(ReactTest, aCrashEndsIt) {
    const Deferred<> never;
    EXPECT_EQ(react([&](Reactor& reactor) {
                  reactor.callWhenRunning([&reactor] { reactor.crash(); });
                  return never;
              }),
              0);
}

}  // namespace
}  // namespace marline::testing
