// Cooperator and its tasks: area CP.
#include <marline/reactor/cooperator.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/errors.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/testing/clock.hpp>

#include "test/support/deferred_outcome.hpp"
#include "test/support/unhandled.hpp"

namespace marline::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CooperatorTest : public ::testing::Test {
protected:
    /// A cooperator that takes `steps` steps in a turn.
    Cooperator cooperatorOf(std::size_t steps) {
        return Cooperator(clock, {.enough = [steps](std::size_t taken) { return taken >= steps; }});
    }
    /// Work of `steps` steps, each of which notes `name`.
    auto noting(char name, int steps) {
        return [this, name, left = steps]() mutable {
            seen += name;
            return --left > 0;
        };
    }
    /// Work that never ends.
    auto endless(char name) {
        return [this, name] {
            seen += name;
            return true;
        };
    }
    /// The loop's next turn.
    void turn() { clock.advance(10ns); }

    NoUnhandled noUnhandled;
    Clock clock;
    std::string seen;
};

// CP-1: tasks take one step each, in turn, and a task that is done leaves the others theirs.
TEST_F(CooperatorTest, takesTurns) {
    Cooperator cooperator = cooperatorOf(100);
    cooperator.cooperate(noting('a', 2));
    cooperator.cooperate(noting('b', 4));
    cooperator.cooperate(noting('c', 3));
    EXPECT_EQ(seen, "") << "no step before the first turn";
    turn();
    EXPECT_EQ(seen, "abcabcbcb");
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// CP-1: the predicate ends a turn of the loop; the next one goes on where this one ended.
TEST_F(CooperatorTest, thePredicateEndsATurn) {
    Cooperator cooperator = cooperatorOf(2);
    cooperator.cooperate(endless('a'));
    cooperator.cooperate(endless('b'));
    cooperator.cooperate(endless('c'));
    turn();
    EXPECT_EQ(seen, "ab");
    EXPECT_EQ(clock.pendingCalls(), 1U);
    turn();
    turn();
    EXPECT_EQ(seen, "abcabc");
}

// CP-1: a task that is paused or stopped just before its turn loses it, and the others keep theirs.
TEST_F(CooperatorTest, mayLoseItsTurn) {
    Cooperator cooperator = cooperatorOf(5);
    std::vector<CooperativeTask> tasks;
    cooperator.cooperate([&] {
        seen += 'a';
        if (seen.size() == 1) {
            tasks[0].pause();
        } else if (seen == "acda") {
            tasks[1].stop();
        }
        return true;
    });
    for (const char name : {'b', 'c', 'd'}) {
        tasks.push_back(cooperator.cooperate(endless(name)));
    }
    turn();
    EXPECT_EQ(seen, "acdad");
    tasks[0].resume();
    turn();
    EXPECT_EQ(seen, "acdadadbad") << "it is behind the others, whose turns go on";
    tasks[2].stop();
    tasks[0].pause();
    turn();
    EXPECT_EQ(seen, "acdadadbadaaaaa");
}

// CP-1: without a predicate a turn takes steps for 10 ms, and one at least.
TEST_F(CooperatorTest, aTurnTakesTenMilliseconds) {
    Cooperator cooperator(clock);
    cooperator.cooperate([&] {
        seen += 'a';
        clock.advance(3ms);
        return true;
    });
    turn();
    EXPECT_EQ(seen, "aaaa");
    Cooperator hurried(clock, {.slice = 0ms});
    hurried.cooperate(endless('b'));
    cooperator.stop();
    turn();
    EXPECT_EQ(seen, "aaaab");
}

// CP-1: on a reactor other work is done between two turns of an endless task.
TEST_F(CooperatorTest, leavesTheReactorItsTurns) {
    Reactor reactor;
    int steps = 0;
    int stepsBefore = -1;
    CooperativeTask task = cooperate(reactor, [&] { return ++steps > 0; });
    reactor.callLater(20ms, [&] {
        stepsBefore = steps;
        reactor.stop();
    });
    reactor.run();
    EXPECT_GT(stepsBefore, 1);
    task.stop();
}

// CP-2: a Deferred from a step pauses its task, and only that, until it fires.
TEST_F(CooperatorTest, aDeferredPausesItsTask) {
    Cooperator cooperator = cooperatorOf(4);
    Deferred<std::string> slow;
    cooperator.cooperate([&, first = true]() mutable -> Step {
        seen += 'a';
        return std::exchange(first, false) ? Step(slow) : Step::done();
    });
    cooperator.cooperate(noting('b', 2));
    turn();
    EXPECT_EQ(seen, "abb");
    EXPECT_EQ(clock.pendingCalls(), 0U) << "nothing to do but to wait";
    slow.callback("value");
    EXPECT_EQ(seen, "abb") << "the step comes in a turn of its own";
    turn();
    EXPECT_EQ(seen, "abba");
}

// CP-2: a Deferred that has its result already costs its task no more than its turn.
TEST_F(CooperatorTest, aFiredDeferredDoesNotPause) {
    Cooperator cooperator = cooperatorOf(100);
    int left = 3;
    Outcome<> end(cooperator.coiterate(
        [&]() -> Step { return --left > 0 ? Step(succeed(left)) : Step::done(); }));
    turn();
    EXPECT_TRUE(end.ok());
}

// CP-2: a Deferred that fails ends its task with that failure, now or later.
TEST_F(CooperatorTest, aFailedDeferredEndsItsTask) {
    Cooperator cooperator = cooperatorOf(100);
    Deferred<int> slow;
    Outcome<> later(cooperator.coiterate([&]() -> Step { return slow; }));
    Outcome<> now(
        cooperator.coiterate([]() -> Step { return fail<int>(std::out_of_range("at once")); }));
    turn();
    EXPECT_NE(now.failed<std::out_of_range>(), nullptr);
    EXPECT_FALSE(later.fired());
    slow.errback(std::out_of_range("later"));
    EXPECT_NE(later.failed<std::out_of_range>(), nullptr);
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// CP-3: whenDone() gives a Deferred of its own each time, before the end and after it.
TEST_F(CooperatorTest, whenDoneGivesAFreshDeferred) {
    Cooperator cooperator = cooperatorOf(100);
    CooperativeTask task = cooperator.cooperate(noting('a', 1));
    Outcome<int> first(task.whenDone().addCallback([] { return 1; }));
    Outcome<int> second(task.whenDone().addCallback([] { return 2; }));
    EXPECT_FALSE(first.fired());
    turn();
    EXPECT_EQ(first.value(), 1);
    EXPECT_EQ(second.value(), 2);
    Outcome<> third(task.whenDone());
    EXPECT_TRUE(third.ok());
}

// CP-3: what a step throws is the Failure of every one of them.
TEST_F(CooperatorTest, whenDoneFailsWithTheException) {
    Cooperator cooperator = cooperatorOf(100);
    CooperativeTask task =
        cooperator.cooperate([]() -> bool { throw std::out_of_range("in a step"); });
    Outcome<> before(task.whenDone());
    turn();
    Outcome<> after(task.whenDone());
    EXPECT_NE(before.failed<std::out_of_range>(), nullptr);
    EXPECT_NE(after.failed<std::out_of_range>(), nullptr);
}

// CP-3: stopping it gives TaskStopped, and no step follows.
TEST_F(CooperatorTest, whenDoneFailsWithTaskStopped) {
    Cooperator cooperator = cooperatorOf(1);
    CooperativeTask task = cooperator.cooperate(endless('a'));
    Outcome<> before(task.whenDone());
    turn();
    task.stop();
    EXPECT_NE(before.failed<TaskStopped>(), nullptr);
    Outcome<> after(task.whenDone());
    EXPECT_NE(after.failed<TaskStopped>(), nullptr);
    turn();
    EXPECT_EQ(seen, "a");
}

// CP-4: pauses are counted, and the task goes on after as many resume().
TEST_F(CooperatorTest, pausesNest) {
    Cooperator cooperator = cooperatorOf(1);
    CooperativeTask task = cooperator.cooperate(endless('a'));
    EXPECT_THROW(task.resume(), NotPaused);
    task.pause();
    task.pause();
    turn();
    EXPECT_EQ(seen, "");
    task.resume();
    turn();
    EXPECT_EQ(seen, "");
    task.resume();
    turn();
    EXPECT_EQ(seen, "a");
    EXPECT_THROW(task.resume(), NotPaused);
}

// CP-4: a pause and the wait for a Deferred are two reasons: the task goes on when both are over.
TEST_F(CooperatorTest, pausedWhileItWaits) {
    Cooperator cooperator = cooperatorOf(1);
    Deferred<> slow;
    CooperativeTask task = cooperator.cooperate([&]() -> Step {
        seen += 'a';
        slow = Deferred<>();
        return slow;
    });
    turn();
    EXPECT_THROW(task.resume(), NotPaused) << "the wait is not the caller's to end";
    task.pause();
    slow.callback();
    turn();
    EXPECT_EQ(seen, "a");
    task.resume();
    turn();
    EXPECT_EQ(seen, "aa");
    task.pause();
    task.resume();
    turn();
    EXPECT_EQ(seen, "aa") << "it waits again";
    slow.callback();
    turn();
    EXPECT_EQ(seen, "aaa");
    task.stop();
    slow.callback();
}

// CP-4: a task may pause itself in a step.
TEST_F(CooperatorTest, pausesItself) {
    Cooperator cooperator = cooperatorOf(100);
    std::optional<CooperativeTask> task;
    task.emplace(cooperator.cooperate([&] {
        seen += 'a';
        task->pause();
        return seen.size() < 3;
    }));
    Outcome<> end(task->whenDone());
    turn();
    EXPECT_EQ(seen, "a");
    EXPECT_EQ(clock.pendingCalls(), 0U);
    task->resume();
    turn();
    task->resume();
    turn();
    EXPECT_EQ(seen, "aaa");
    EXPECT_TRUE(end.ok()) << "the last step said that this was all";
}

// CP-5: a task that is over refuses stop() and pause(), and says how it ended.
TEST_F(CooperatorTest, aFinishedTaskRefuses) {
    Cooperator cooperator = cooperatorOf(100);
    CooperativeTask done = cooperator.cooperate(noting('a', 1));
    CooperativeTask failed = cooperator.cooperate([]() -> bool { throw std::out_of_range("no"); });
    CooperativeTask stopped = cooperator.cooperate(endless('b'));
    Outcome<> failure(failed.whenDone());
    stopped.stop();
    turn();
    EXPECT_THROW(done.stop(), TaskDone);
    EXPECT_THROW(done.pause(), TaskDone);
    EXPECT_THROW(failed.stop(), TaskFailed);
    EXPECT_THROW(failed.pause(), TaskFailed);
    EXPECT_THROW(stopped.stop(), TaskStopped);
    EXPECT_THROW(stopped.pause(), TaskStopped);
    EXPECT_THROW(done.stop(), TaskFinished);
    EXPECT_THROW(done.resume(), NotPaused);
}

// CP-6: resuming a task that was stopped while it was paused does nothing.
TEST_F(CooperatorTest, resumingAStoppedTaskDoesNothing) {
    Cooperator cooperator = cooperatorOf(1);
    CooperativeTask task = cooperator.cooperate(endless('a'));
    task.pause();
    task.stop();
    task.resume();
    turn();
    EXPECT_EQ(seen, "");
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// CP-6: nor does the Deferred that a stopped task had waited for; its failure is not lost.
TEST_F(CooperatorTest, aDeferredOfAStoppedTaskDoesNothing) {
    test::CatchUnhandled unhandled;
    Cooperator cooperator = cooperatorOf(100);
    Deferred<> succeeding;
    std::optional<Deferred<>> failing(std::in_place);
    CooperativeTask first = cooperator.cooperate([&]() -> Step { return succeeding; });
    CooperativeTask second = cooperator.cooperate([&]() -> Step { return *failing; });
    turn();
    first.stop();
    second.stop();
    succeeding.callback();
    failing->errback(std::out_of_range("nobody waits"));
    failing.reset();
    EXPECT_THAT(unhandled.take(), ElementsAre("nobody waits"));
    EXPECT_EQ(clock.pendingCalls(), 0U);
    Outcome<> end(second.whenDone());
    EXPECT_NE(end.failed<TaskStopped>(), nullptr);
}

// CP-7: stopping the cooperator ends every task: ready, waiting or paused.
TEST_F(CooperatorTest, stoppingEndsAllTasks) {
    Cooperator cooperator = cooperatorOf(100);
    Deferred<> slow;
    CooperativeTask waiting = cooperator.cooperate([&]() -> Step { return slow; });
    turn();
    CooperativeTask paused = cooperator.cooperate(endless('a'));
    paused.pause();
    CooperativeTask ready = cooperator.cooperate(endless('b'));
    Outcome<> ends[] = {Outcome<>(waiting.whenDone()), Outcome<>(paused.whenDone()),
                        Outcome<>(ready.whenDone())};
    cooperator.stop();
    for (const Outcome<>& end : ends) {
        EXPECT_NE(end.failed<SchedulerStopped>(), nullptr);
    }
    EXPECT_EQ(clock.pendingCalls(), 0U);
    EXPECT_THROW(ready.stop(), TaskStopped);
    paused.resume();
    slow.callback();
    EXPECT_EQ(clock.pendingCalls(), 0U);
    EXPECT_EQ(seen, "");
}

// CP-7: a stopped cooperator refuses tasks in the same way, and takes them again after start().
TEST_F(CooperatorTest, aStoppedCooperatorRefusesTasks) {
    Cooperator cooperator = cooperatorOf(100);
    cooperator.stop();
    Outcome<> refused(cooperator.coiterate(noting('a', 1)));
    EXPECT_NE(refused.failed<SchedulerStopped>(), nullptr);
    cooperator.start();
    Outcome<> taken(cooperator.coiterate(noting('b', 1)));
    turn();
    EXPECT_TRUE(taken.ok());
    EXPECT_EQ(seen, "b");
}

// CP-7: destroying the cooperator is stopping it, and so is destroying a reactor for its own.
TEST_F(CooperatorTest, goingIsStopping) {
    std::optional<Cooperator> cooperator(cooperatorOf(1));
    Outcome<> end(cooperator->coiterate(endless('a')));
    cooperator.reset();
    EXPECT_NE(end.failed<SchedulerStopped>(), nullptr);
    EXPECT_EQ(clock.pendingCalls(), 0U);

    std::optional<Reactor> reactor(std::in_place);
    Outcome<> ofReactor(coiterate(*reactor, endless('b')));
    reactor.reset();
    EXPECT_NE(ofReactor.failed<SchedulerStopped>(), nullptr);
}

// CP-8: when the last task leaves, its turn is taken from the clock.
TEST_F(CooperatorTest, theLastTaskTakesTheTurnAlong) {
    Cooperator cooperator = cooperatorOf(1);
    CooperativeTask first = cooperator.cooperate(endless('a'));
    CooperativeTask second = cooperator.cooperate(endless('b'));
    EXPECT_EQ(clock.pendingCalls(), 1U) << "one turn for both";
    first.stop();
    EXPECT_EQ(clock.pendingCalls(), 1U);
    second.pause();
    EXPECT_EQ(clock.pendingCalls(), 0U);
    second.resume();
    EXPECT_EQ(clock.pendingCalls(), 1U);
    second.stop();
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// CP-9: a task begun by the end of another one runs, and no turn is planned beyond what is needed.
TEST_F(CooperatorTest, aFinishingCallbackMayBeginATask) {
    Cooperator cooperator = cooperatorOf(1);
    std::optional<Outcome<>> second;
    Outcome<> first(cooperator.coiterate(noting('a', 1)).addCallback([&] {
        second.emplace(cooperator.coiterate(noting('b', 2)));
    }));
    turn();
    EXPECT_TRUE(first.ok());
    EXPECT_EQ(clock.pendingCalls(), 1U);
    turn();
    EXPECT_EQ(clock.pendingCalls(), 1U);
    turn();
    EXPECT_TRUE(second->ok());
    EXPECT_EQ(seen, "abb");
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// CP-10: the end of a task may stop the cooperator, in the middle of a turn.
TEST_F(CooperatorTest, aFinishingCallbackMayStopTheCooperator) {
    Cooperator cooperator = cooperatorOf(100);
    Outcome<> first(cooperator.coiterate(noting('a', 1)).addCallback([&] { cooperator.stop(); }));
    Outcome<> second(cooperator.coiterate(endless('b')));
    turn();
    EXPECT_TRUE(first.ok());
    EXPECT_NE(second.failed<SchedulerStopped>(), nullptr);
    EXPECT_EQ(seen, "a");
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// CP-10: or destroy it, also while it is being stopped.
TEST_F(CooperatorTest, aFinishingCallbackMayDestroyTheCooperator) {
    std::optional<Cooperator> cooperator(cooperatorOf(100));
    Outcome<> first(cooperator->coiterate(noting('a', 1)).addCallback([&] { cooperator.reset(); }));
    Outcome<> second(cooperator->coiterate(endless('b')));
    turn();
    EXPECT_NE(second.failed<SchedulerStopped>(), nullptr);

    cooperator.emplace(cooperatorOf(100));
    Outcome<> third(cooperator->coiterate(endless('c')).addErrback([&](const Failure& why) {
        cooperator.reset();
        return why;
    }));
    Outcome<> fourth(cooperator->coiterate(endless('d')));
    cooperator->stop();
    EXPECT_NE(third.failed<SchedulerStopped>(), nullptr);
    EXPECT_NE(fourth.failed<SchedulerStopped>(), nullptr);
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// CP-10: or stop other tasks, of which none is told twice.
TEST_F(CooperatorTest, aFinishingCallbackMayStopOtherTasks) {
    Cooperator cooperator = cooperatorOf(100);
    std::optional<CooperativeTask> other;
    Outcome<> first(cooperator.coiterate(endless('a')).addErrback([&](const Failure& why) {
        other->stop();
        return why;
    }));
    other.emplace(cooperator.cooperate(endless('b')));
    Outcome<> second(other->whenDone());
    cooperator.stop();
    EXPECT_NE(first.failed<SchedulerStopped>(), nullptr);
    EXPECT_NE(second.failed<TaskStopped>(), nullptr);
}

// CP-11: a cooperator may be made unstarted; running() tells.
TEST_F(CooperatorTest, mayBeMadeUnstarted) {
    Cooperator cooperator(clock, {.started = false});
    EXPECT_FALSE(cooperator.running());
    Outcome<> end(cooperator.coiterate(noting('a', 1)));
    EXPECT_EQ(clock.pendingCalls(), 0U);
    cooperator.start();
    EXPECT_TRUE(cooperator.running());
    turn();
    EXPECT_TRUE(end.ok());
    cooperator.stop();
    EXPECT_FALSE(cooperator.running());
    cooperator.start();
    EXPECT_TRUE(cooperator.running());
    EXPECT_TRUE(Cooperator(clock).running());
}

// A range is work as well: each element of a lazy one is a step.
TEST_F(CooperatorTest, takesRanges) {
    Cooperator cooperator = cooperatorOf(2);
    Outcome<> end(cooperator.coiterate(std::views::iota(1, 4) | std::views::transform([&](int i) {
                                           seen += std::to_string(i);
                                           return i;
                                       })));
    turn();
    EXPECT_EQ(seen, "12");
    turn();
    EXPECT_EQ(seen, "123");
    EXPECT_TRUE(end.ok());
    Outcome<> empty(cooperator.coiterate(std::views::empty<int>));
    turn();
    EXPECT_TRUE(empty.ok());
}

// A range of Deferreds, here one that it owns and one that it refers to, is waited for one by one.
TEST_F(CooperatorTest, waitsForTheElementsOfARange) {
    Cooperator cooperator = cooperatorOf(100);
    std::vector<Deferred<>> slow(2);
    Outcome<> referring(cooperator.coiterate(slow));
    std::vector<Deferred<int>> failing(2);
    Deferred<int> last = failing.back();
    failing.front().callback(1);
    Outcome<> owning(cooperator.coiterate(std::move(failing)));
    turn();
    EXPECT_FALSE(referring.fired());
    slow[1].callback();
    slow[0].callback();
    turn();
    EXPECT_TRUE(referring.ok());
    EXPECT_FALSE(owning.fired());
    last.errback(std::out_of_range("the second one"));
    EXPECT_NE(owning.failed<std::out_of_range>(), nullptr);
}

// An element that cannot be made, or that is a Failure, ends the task.
TEST_F(CooperatorTest, aRangeMayFail) {
    Cooperator cooperator = cooperatorOf(100);
    Outcome<> thrown(
        cooperator.coiterate(std::views::iota(1, 4) | std::views::transform([&](int i) -> int {
                                 seen += std::to_string(i);
                                 return i == 2 ? throw std::out_of_range("the second one") : i;
                             })));
    std::vector<Failure> failures{Failure::make<std::out_of_range>("the only one")};
    Outcome<> given(cooperator.coiterate(failures));
    turn();
    EXPECT_NE(thrown.failed<std::out_of_range>(), nullptr);
    EXPECT_NE(given.failed<std::out_of_range>(), nullptr);
    EXPECT_EQ(seen, "12");
}

// A task may stop itself; what else that step says has no weight.
TEST_F(CooperatorTest, stopsItself) {
    test::CatchUnhandled unhandled;
    Cooperator cooperator = cooperatorOf(100);
    const auto captured = std::make_shared<int>();
    std::optional<CooperativeTask> task;
    task.emplace(cooperator.cooperate([&, captured] {
        task->stop();
        return true;
    }));
    Outcome<> end(task->whenDone());
    turn();
    EXPECT_NE(end.failed<TaskStopped>(), nullptr);
    EXPECT_EQ(captured.use_count(), 1) << "the work is destroyed when its step is over";

    task.emplace(cooperator.cooperate([&]() -> bool {
        task->stop();
        throw std::out_of_range("and throws");
    }));
    Outcome<> throwing(task->whenDone());
    turn();
    EXPECT_NE(throwing.failed<TaskStopped>(), nullptr);
    EXPECT_THAT(unhandled.take(), ElementsAre("and throws"));
}

// What the work captured goes with the end of the task, not with its last handle.
TEST_F(CooperatorTest, theWorkGoesWithTheEnd) {
    Cooperator cooperator = cooperatorOf(100);
    const auto captured = std::make_shared<int>();
    CooperativeTask done = cooperator.cooperate([captured] { return false; });
    CooperativeTask stopped = cooperator.cooperate([captured] { return true; });
    EXPECT_EQ(captured.use_count(), 3);
    stopped.stop();
    EXPECT_EQ(captured.use_count(), 2);
    turn();
    EXPECT_EQ(captured.use_count(), 1);
}

// A failure that nobody asked for is reported, once, when the task goes.
TEST_F(CooperatorTest, anUnreadFailureIsReported) {
    test::CatchUnhandled unhandled;
    Cooperator cooperator = cooperatorOf(100);
    {
        const CooperativeTask task =
            cooperator.cooperate([]() -> bool { throw std::out_of_range("unread"); });
        turn();
        EXPECT_THAT(unhandled.take(), IsEmpty());
    }
    EXPECT_THAT(unhandled.take(), ElementsAre("unread"));
}

// Cancelling coiterate()'s Deferred stops the task; cancelling one of whenDone() only looks away.
TEST_F(CooperatorTest, cancelling) {
    Cooperator cooperator = cooperatorOf(1);
    Outcome<> cancelled(cooperator.coiterate(endless('a')));
    cancelled.cancel();
    EXPECT_NE(cancelled.failed<CancelledError>(), nullptr);
    EXPECT_EQ(clock.pendingCalls(), 0U);

    CooperativeTask task = cooperator.cooperate(noting('b', 1));
    Outcome<> looksAway(task.whenDone());
    Outcome<> waits(task.whenDone());
    looksAway.cancel();
    EXPECT_NE(looksAway.failed<CancelledError>(), nullptr);
    turn();
    EXPECT_TRUE(waits.ok());
    EXPECT_EQ(seen, "b");
}

// Many tasks at once are as good as one.
TEST_F(CooperatorTest, manyTasksEnd) {
    Cooperator cooperator(clock);
    int steps = 0;
    for (int i = 0; i < 10'000; ++i) {
        cooperator.cooperate([&, left = 10]() mutable {
            ++steps;
            return --left > 0;
        });
    }
    turn();
    EXPECT_EQ(steps, 100'000);
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

}  // namespace
}  // namespace marline::testing
