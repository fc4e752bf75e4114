// TimerService: V-15.
#include <marline/reactor/timer_service.hpp>

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/source.hpp>
#include <marline/reactor/testing/clock.hpp>

#include "test/support/running.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;
using marline::testing::Clock;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Timer : public ::testing::Test {
protected:
    void stop() {
        service->stopService().addCallback([this] { ++stopped; });
    }

    Clock clock;
    int calls = 0;
    int stopped = 0;
    Ref<TimerService> service = makeRef<TimerService>(clock, 10s, [this] { ++calls; });
};

// V-15: the first call is made at the start, the others an interval apart, until the stop.
TEST_F(Timer, callsAtOnceAndThenAgain) {
    service->startService();
    EXPECT_TRUE(service->running());
    EXPECT_EQ(calls, 1);
    clock.pump({10s, 10s, 5s});
    EXPECT_EQ(calls, 3);
    stop();
    EXPECT_EQ(stopped, 1);
    EXPECT_FALSE(service->running());
    clock.advance(100s);
    EXPECT_EQ(calls, 3);
    EXPECT_EQ(clock.pendingCalls(), 0U);
    service->startService();
    EXPECT_EQ(calls, 4) << "it can be started again";
}

// V-15: a stop waits for the call in progress, and so must the next start.
TEST_F(Timer, stopWaitsForTheCall) {
    DeferredSource<> call;
    service = makeRef<TimerService>(clock, 10s, [&] { return call.deferred(); });
    service->startService();
    stop();
    EXPECT_EQ(stopped, 0);
    EXPECT_THROW(service->startService(), std::logic_error);
    EXPECT_FALSE(service->running());
    call.callback();
    EXPECT_EQ(stopped, 1);
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// V-15: a call that fails is logged and ends the calls; the stop succeeds all the same.
TEST_F(Timer, failuresAreLogged) {
    service = makeRef<TimerService>(clock, 10s, [this] {
        if (++calls == 2) {
            throw std::runtime_error("out of luck");
        }
    });
    service->startService();
    test::CatchLog logged;
    clock.advance(100s);
    EXPECT_EQ(calls, 2);
    EXPECT_THAT(logged.take(), ElementsAre(HasSubstr("out of luck")));
    stop();
    EXPECT_EQ(stopped, 1);
}

// Stopping one that never started is done at once, and dropping one ends its calls.
TEST_F(Timer, nothingIsLeftOfOneThatGoes) {
    stop();
    EXPECT_EQ(stopped, 1);
    service->startService();
    service.reset();
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

}  // namespace
