// The life of a reactor: area R, and what it refuses.
#include <marline/reactor/reactor.hpp>

#include <chrono>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/succeed.hpp>

#include "test/support/reactor_fixture.hpp"
#include "test/support/recording_protocol.hpp"

namespace marline::testing {
namespace {

using namespace std::chrono_literals;

class ReactorLifeTest : public ReactorFixture {};

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
        EXPECT_THAT(error.what(), ::testing::HasSubstr("ConnectOptions::timeout"));
    }
}

}  // namespace
}  // namespace marline::testing
