// ProcessPool: many programs, a bounded number at a time.
#include <marline/reactor/process_pool.hpp>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>

#include "test/reactor/process/process_bed.hpp"

namespace marline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ProcessPoolTest : public ProcessBed {
protected:
    using Outcome = std::optional<Result<ProcessOutput>>;

    /// Where the outcome of `d` will be.
    static std::shared_ptr<Outcome> seen(Deferred<ProcessOutput> d) {
        auto outcome = std::make_shared<Outcome>();
        d.addBoth([outcome](Result<ProcessOutput> result) { outcome->emplace(std::move(result)); });
        return outcome;
    }
    template <class E>
    static bool failedWith(const std::shared_ptr<Outcome>& outcome) {
        return *outcome && !(*outcome)->ok() && (*outcome)->failure().check<E>() != nullptr;
    }
};

// All are run, never more at a time than allowed, in the order they came.
TEST_F(ProcessPoolTest, runsSoManyAtATime) {
    ProcessPool pool(reactor(), {.maxProcesses = 3});
    EXPECT_EQ(pool.maxProcesses(), 3U);
    std::size_t most = 0;
    int done = 0;
    for (int i = 0; i < 20; ++i) {
        pool.run("/bin/sh", {"-c", "exit " + std::to_string(i)})
            .addCallback([&, i](const ProcessOutput& output) {
                EXPECT_EQ(output.code, i);
                most = std::max(most, pool.running());
                ++done;
            });
    }
    EXPECT_EQ(pool.running(), 3U);
    EXPECT_EQ(pool.waiting(), 17U);
    runUntil([&] { return done == 20; });
    EXPECT_LE(most, 3U);
    EXPECT_EQ(pool.running(), 0U);
    EXPECT_EQ(pool.waiting(), 0U);
}

// One at a time: first come, first served, also for what comes while one ends.
TEST_F(ProcessPoolTest, servesInOrder) {
    ProcessPool pool(reactor(), {.maxProcesses = 1});
    std::vector<std::string> order;
    const auto add = [&](const std::string& name) {
        return pool.run("/bin/echo", {name}).addCallback([&order](const ProcessOutput& output) {
            order.push_back(output.out);
        });
    };
    add("one").addCallback([&] { add("late"); });
    add("two");
    add("three");
    runUntil([&] { return order.size() == 4; });
    EXPECT_THAT(order, ElementsAre("one\n", "two\n", "three\n", "late\n"));
}

// Without a number it is one a processor.
TEST_F(ProcessPoolTest, usesTheProcessors) {
    const ProcessPool pool(reactor());
    EXPECT_EQ(pool.maxProcesses(), std::max(std::thread::hardware_concurrency(), 1U));
}

// Programs that cannot be started fail, however many in a row, and the others run.
TEST_F(ProcessPoolTest, failuresMakeRoom) {
    ProcessPool pool(reactor(), {.maxProcesses = 1});
    const auto first = seen(pool.run("/bin/true"));
    std::vector<std::shared_ptr<Outcome>> bad;
    for (int i = 0; i < 500; ++i) {
        bad.push_back(seen(pool.run("/no/such/program")));
    }
    const auto misused = seen(pool.run("/bin/true", {std::string("a\0b", 3)}));
    const auto last = seen(pool.run("/bin/true"));
    runUntil([&] { return last->has_value(); });
    EXPECT_TRUE((*first)->ok() && (*last)->ok());
    for (const auto& outcome : bad) {
        EXPECT_TRUE(failedWith<SpawnError>(outcome));
    }
    EXPECT_TRUE(failedWith<std::invalid_argument>(misused));
}

// maxWaiting: one more than may wait fails, and the message names the knob.
TEST_F(ProcessPoolTest, refusesMoreThanMayWait) {
    ProcessPool pool(reactor(), {.maxProcesses = 1, .maxWaiting = 2});
    std::vector<std::shared_ptr<Outcome>> taken;
    for (int i = 0; i < 3; ++i) {
        taken.push_back(seen(pool.run("/bin/true")));
    }
    const auto refused = seen(pool.run("/bin/true"));
    ASSERT_TRUE(failedWith<ProcessPoolFull>(refused));
    EXPECT_EQ((*refused)->failure().message(),
              "cannot run /bin/true: 2 programs wait already (ProcessPoolOptions::maxWaiting)");
    runUntil([&] { return taken.back()->has_value(); });
    EXPECT_TRUE((*taken.back())->ok());
}

// Cancelling one that waits takes it out of the queue; one that runs is killed, and makes room.
TEST_F(ProcessPoolTest, cancellingMakesRoom) {
    ProcessPool pool(reactor(), {.maxProcesses = 1});
    Deferred<ProcessOutput> endless = pool.run("/bin/sh", {"-c", "while :; do :; done"});
    Deferred<ProcessOutput> waits = pool.run("/no/such/program");
    const auto first = seen(endless);
    const auto second = seen(waits);
    const auto third = seen(pool.run("/bin/echo", {"third"}));
    waits.cancel();
    EXPECT_TRUE(failedWith<CancelledError>(second));
    EXPECT_EQ(pool.waiting(), 1U);
    endless.cancel();
    EXPECT_TRUE(failedWith<CancelledError>(first));
    runUntil([&] { return third->has_value() && !hasChildren(); });
    EXPECT_EQ((*third)->value().out, "third\n");
    turn(2);
}

// A pool is a handle: what runs and what waits does not need it, and copies share it.
TEST_F(ProcessPoolTest, isAHandle) {
    std::optional<ProcessPool> pool;
    pool.emplace(reactor(), ProcessPoolOptions{.maxProcesses = 1});
    std::optional<ProcessPool> copy(*pool);
    const auto runs = seen(pool->run("/bin/echo", {"ran"}));
    const auto waits = seen(copy->run("/bin/echo", {"waited"}));
    EXPECT_EQ(pool->waiting(), 1U);
    pool.reset();
    copy.reset();
    runUntil([&] { return waits->has_value(); });
    EXPECT_EQ((*runs)->value().out, "ran\n");
    EXPECT_EQ((*waits)->value().out, "waited\n");
}

// The end of the reactor fails what runs and what waits: nothing more is started.
TEST_F(ProcessPoolTest, aStoppedReactorFailsAll) {
    ProcessPool pool(reactor(), {.maxProcesses = 1});
    const auto runs = seen(pool.run("/bin/sh", {"-c", "while :; do echo; done"}, {.maxOutput = 0}));
    const auto waits = seen(pool.run("/bin/echo", {"never"}));
    reactor().callWhenRunning([this] { reactor().stop(); });
    run();
    EXPECT_TRUE(failedWith<ConnectionLost>(runs));
    EXPECT_TRUE(failedWith<ReactorNotRunning>(waits));
    EXPECT_EQ(pool.running() + pool.waiting(), 0U);
    // Nobody reads it any more: it ends by itself, if it has not been so quick as to be reaped.
    siginfo_t info{};
    ASSERT_TRUE(::waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0 || errno == ECHILD);
    const auto next = seen(pool.run("/bin/echo", {"again"}));
    runUntil([&] { return next->has_value(); });
    EXPECT_EQ((*next)->value().out, "again\n");
}

// What asks for output while the reactor closes is refused by a Failure, too.
TEST_F(ProcessPoolTest, outputIsNotHadFromAClosingReactor) {
    const auto runs = seen(getProcessOutputAndValue(reactor(), "/usr/bin/yes", {}, {.maxOutput = 0})
                               .addErrback([this](const Failure&) {
                                   return getProcessOutputAndValue(reactor(), "/bin/true");
                               }));
    reactor().callWhenRunning([this] { reactor().stop(); });
    run();
    EXPECT_TRUE(failedWith<ReactorNotRunning>(runs));
    // Nobody reads it any more: it ends by itself, if it has not been so quick as to be reaped.
    siginfo_t info{};
    ASSERT_TRUE(::waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0 || errno == ECHILD);
    const auto next = seen(getProcessOutputAndValue(reactor(), "/bin/true"));
    runUntil([&] { return next->has_value(); });
}

}  // namespace
}  // namespace marline::testing
