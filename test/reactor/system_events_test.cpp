// The triggers of startup and shutdown.
#include <marline/reactor/reactor.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/succeed.hpp>

#include "test/reactor/life_fixture.hpp"

namespace marline::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

// the phases of an event run in their order, each in the order its triggers were added.
TEST_F(ReactorLifeTest, phasesRunInTheirOrder) {
    const Deferred<> never;
    for (const char* name : {"1", "2"}) {
        for (const Phase phase : {Phase::After, Phase::During, Phase::Before}) {
            const char* phases[] = {"before", "during", "after"};
            const auto what = std::string(phases[static_cast<int>(phase)]) + name;
            reactor().addSystemEventTrigger(phase, SystemEvent::Shutdown, [&, phase, what] {
                order.push_back(what);
                // What the later phases give is not waited for.
                return phase == Phase::Before ? succeed() : never;
            });
        }
    }
    runOnce();
    EXPECT_THAT(order, ElementsAre("before1", "before2", "during1", "during2", "after1", "after2"));
}

// the next phase waits for all Deferreds of the first one, whether they succeed or fail.
TEST_F(ReactorLifeTest, waitsForAllBeforeTriggers) {
    Deferred<> succeeding;
    Deferred<> failing;
    reactor().addSystemEventTrigger(Phase::Before, SystemEvent::Shutdown, [&] { return failing; });
    reactor().addSystemEventTrigger(Phase::Before, SystemEvent::Shutdown,
                                    [&] { return succeeding; });
    on(Phase::Before, SystemEvent::Shutdown, [&] {
        reactor().callLater(0s, [&] {
            order.emplace_back("failing");
            failing.errback(std::runtime_error("not shut down well"));
            reactor().callLater(0s, [&] {
                order.emplace_back("succeeding");
                succeeding.callback();
            });
        });
    });
    noteOn(Phase::During, SystemEvent::Shutdown, "during");
    runOnce();
    EXPECT_THAT(order, ElementsAre("failing", "succeeding", "during"));
    EXPECT_EQ(logged().count("not shut down well"), 1U);
    logged().clear();
}

// Deferreds that are gone unfired, as nobody can fire them, hold nothing up.
TEST_F(ReactorLifeTest, doesNotWaitForLostDeferreds) {
    Deferred<> wait;
    reactor().addSystemEventTrigger(Phase::Before, SystemEvent::Shutdown,
                                    [] { return Deferred<>(); });
    reactor().addSystemEventTrigger(Phase::Before, SystemEvent::Shutdown, [&] {
        reactor().callLater(0s, [&] {
            order.emplace_back("waited");
            wait.callback();
        });
        return wait;
    });
    noteOn(Phase::During, SystemEvent::Shutdown, "during");
    runOnce();
    EXPECT_THAT(order, ElementsAre("waited", "during"));
}

// a trigger may fire the Deferred of an earlier one; the others run, and count, as well.
TEST_F(ReactorLifeTest, aTriggerMayFireAnEarlierOnesDeferred) {
    Deferred<> first;
    Deferred<> third;
    reactor().addSystemEventTrigger(Phase::Before, SystemEvent::Shutdown, [&] { return first; });
    on(Phase::Before, SystemEvent::Shutdown, [&] { first.callback(); });
    reactor().addSystemEventTrigger(Phase::Before, SystemEvent::Shutdown, [&] {
        order.emplace_back("third");
        reactor().callLater(0s, [&] {
            order.emplace_back("third is over");
            third.callback();
        });
        return third;
    });
    noteOn(Phase::During, SystemEvent::Shutdown, "during");
    runOnce();
    EXPECT_THAT(order, ElementsAre("third", "third is over", "during"));
}

// a trigger that throws is logged, whatever its phase, and the others run.
TEST_F(ReactorLifeTest, aThrowingTriggerIsLogged) {
    for (const SystemEvent event : {SystemEvent::Startup, SystemEvent::Shutdown}) {
        for (const Phase phase : {Phase::Before, Phase::During, Phase::After}) {
            on(phase, event, [] { throw std::runtime_error("in a trigger"); });
            noteOn(phase, event, "ran");
        }
    }
    runOnce();
    EXPECT_EQ(order.size(), 6U);
    EXPECT_EQ(logged().count("in a trigger"), 6U);
    logged().clear();
}

// triggers run once: another run() does not repeat them.
TEST_F(ReactorLifeTest, triggersRunOnce) {
    noteOn(Phase::Before, SystemEvent::Startup, "startup");
    noteOn(Phase::During, SystemEvent::Shutdown, "shutdown");
    runOnce();
    runOnce();
    EXPECT_THAT(order, ElementsAre("startup", "shutdown"));
}

// a trigger may remove another one that has not run yet, of its phase and of a later one.
TEST_F(ReactorLifeTest, aTriggerMayRemoveLaterOnes) {
    std::vector<TriggerId> ids;
    on(Phase::Before, SystemEvent::Shutdown, [&] {
        reactor().removeSystemEventTrigger(ids[0]);
        reactor().removeSystemEventTrigger(ids[1]);
    });
    ids.push_back(noteOn(Phase::Before, SystemEvent::Shutdown, "removed"));
    ids.push_back(noteOn(Phase::During, SystemEvent::Shutdown, "removed"));
    on(Phase::During, SystemEvent::Shutdown, [&] { reactor().removeSystemEventTrigger(ids[2]); });
    ids.push_back(noteOn(Phase::During, SystemEvent::Shutdown, "removed"));
    noteOn(Phase::After, SystemEvent::Shutdown, "kept");
    runOnce();
    EXPECT_THAT(order, ElementsAre("kept"));
}

// also while the Deferreds of the first phase are waited for, when others may be added too.
TEST_F(ReactorLifeTest, triggersMayBeChangedWhileTheShutdownWaits) {
    Deferred<> wait;
    const TriggerId removed = noteOn(Phase::During, SystemEvent::Shutdown, "removed");
    reactor().addSystemEventTrigger(Phase::Before, SystemEvent::Shutdown, [&] {
        reactor().callLater(0s, [&] {
            reactor().removeSystemEventTrigger(removed);
            noteOn(Phase::During, SystemEvent::Shutdown, "added");
            wait.callback();
        });
        return wait;
    });
    runOnce();
    EXPECT_THAT(order, ElementsAre("added"));
}

// removing what was removed, has run, or never was is refused.
TEST_F(ReactorLifeTest, removesWhatIsThereOnly) {
    EXPECT_THROW(reactor().removeSystemEventTrigger(TriggerId{4711}), std::invalid_argument);
    const TriggerId removed = noteOn(Phase::During, SystemEvent::Shutdown, "removed");
    reactor().removeSystemEventTrigger(removed);
    EXPECT_THROW(reactor().removeSystemEventTrigger(removed), std::invalid_argument);
    const TriggerId ran = noteOn(Phase::Before, SystemEvent::Startup, "ran");
    runOnce();
    EXPECT_THROW(reactor().removeSystemEventTrigger(ran), std::invalid_argument);
    EXPECT_THAT(order, ElementsAre("ran"));
}

// the events have nothing to do with each other.
TEST_F(ReactorLifeTest, eventsDoNotMix) {
    noteOn(Phase::Before, SystemEvent::Shutdown, "shutdown");
    on(Phase::After, SystemEvent::Startup, [&] { EXPECT_THAT(order, ElementsAre("startup")); });
    noteOn(Phase::Before, SystemEvent::Startup, "startup");
    runOnce();
    EXPECT_THAT(order, ElementsAre("startup", "shutdown"));
}

// a Deferred before the startup delays it, while the loop turns already.
TEST_F(ReactorLifeTest, theStartupMayTakeTime) {
    Deferred<> wait;
    reactor().addSystemEventTrigger(Phase::Before, SystemEvent::Startup, [&] {
        reactor().callLater(0s, [&] {
            order.emplace_back("turns");
            EXPECT_FALSE(reactor().running());
            wait.callback();
            EXPECT_TRUE(reactor().running());
        });
        return wait;
    });
    noteOn(Phase::During, SystemEvent::Startup, "started");
    runOnce();
    EXPECT_THAT(order, ElementsAre("turns", "started"));
}

// stop() works before the startup is complete, which it then never is, in this run or later.
TEST_F(ReactorLifeTest, stopsBeforeItHasStarted) {
    Deferred<> wait;
    reactor().addSystemEventTrigger(Phase::Before, SystemEvent::Startup, [&] {
        reactor().callLater(0s, [&] { reactor().stop(); });
        return wait;
    });
    noteOn(Phase::During, SystemEvent::Startup, "started");
    noteOn(Phase::During, SystemEvent::Shutdown, "shut down");
    run();
    EXPECT_THAT(order, ElementsAre("shut down"));
    wait.callback();
    EXPECT_FALSE(reactor().running());
    runOnce();
    EXPECT_THAT(order, ElementsAre("shut down", "started"));
}

}  // namespace
}  // namespace marline::testing
