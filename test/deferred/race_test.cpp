// race and firstCallback: area DL.
#include <marline/deferred/race.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/errors.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>

#include "test/support/unhandled.hpp"

namespace {

using marline::Deferred;
using marline::DeferredSource;
using marline::Failure;
using marline::FailureGroup;
using marline::firstCallback;
using marline::race;
using marline::TimeoutError;
using marline::Winner;
using testing::ElementsAre;

/// What came of a race, in words.
struct Seen {
    template <class T>
    explicit Seen(Deferred<Winner<T>> d)
        : deferred_(d.addCallbacks(
              [this](const Winner<T>& winner) {
                  words =
                      std::to_string(winner.index) + " won with " + std::to_string(winner.value);
              },
              [this](const Failure& failure) { words = failure.brief(); })) {}
    Seen(const Seen&) = delete;
    Seen& operator=(const Seen&) = delete;
    void cancel() { deferred_.cancel(); }

    std::string words;

private:
    Deferred<> deferred_;
};

// DL-13: the first success wins, and the others are cancelled before it is told.
TEST(Race, theFirstWinsAndTheOthersAreCancelled) {
    std::vector<std::string> order;
    Deferred<int> a([&](Deferred<int>) { order.emplace_back("a cancelled"); });
    Deferred<int> b;
    Deferred<int> c([&](Deferred<int>) { order.emplace_back("c cancelled"); });
    race(std::vector{a, b, c}).addCallback([&](const Winner<int>& winner) {
        order.push_back(std::to_string(winner.index) + " won with " + std::to_string(winner.value));
    });
    b.callback(7);
    EXPECT_THAT(order, ElementsAre("a cancelled", "c cancelled", "1 won with 7"));
}

// DL-13: a failure before it does not end the race.
TEST(Race, aFailureDoesNotEndIt) {
    Deferred<int> a;
    Deferred<int> b;
    Seen seen(race(std::vector{a, b}));
    a.errback(TimeoutError("late"));
    EXPECT_EQ(seen.words, "");
    b.callback(7);
    EXPECT_EQ(seen.words, "1 won with 7");
}

// DL-13: one that has fired before wins, and those behind it are cancelled as well.
TEST(Race, oneThatHasFiredWins) {
    int cancelled = 0;
    const auto count = [&](Deferred<int>) { ++cancelled; };
    Seen seen(race(std::vector{Deferred<int>(count), marline::succeed(7), Deferred<int>(count)}));
    EXPECT_EQ(seen.words, "1 won with 7");
    EXPECT_EQ(cancelled, 2);
}

// DL-14: it fails when all failed, with their failures by index.
TEST(Race, failsWhenAllFailed) {
    marline::test::CatchUnhandled unhandled;
    std::vector<std::string> failures;
    {
        Deferred<int> a;
        Deferred<int> b;
        race(std::vector{a, b})
            .addCallback([](const Winner<int>&) {})
            .addErrback<FailureGroup>([&](const FailureGroup& group) {
                for (const Failure& failure : group.failures) {
                    failures.push_back(failure.message());
                }
                failures.emplace_back(group.what());
            });
        b.errback(TimeoutError("b"));
        EXPECT_TRUE(failures.empty());
        a.errback(TimeoutError("a"));
    }
    EXPECT_THAT(failures, ElementsAre("a", "b",
                                      "all 2 Deferreds failed: [0] marline::TimeoutError: a; "
                                      "[1] marline::TimeoutError: b"));
    EXPECT_TRUE(unhandled.take().empty());
}

// DL-15: what a loser yields after the race is ignored, and so is what its canceller fires.
TEST(Race, losersAreIgnored) {
    marline::test::CatchUnhandled unhandled;
    {
        Deferred<int> a;
        Deferred<int> b;
        Deferred<int> c([](Deferred<int> self) { self.callback(3); });
        Deferred<int> d([](Deferred<int> self) { self.errback(TimeoutError("d")); });
        Seen seen(race(std::vector{a, b, c, d}));
        a.callback(1);
        b.callback(2);
        EXPECT_EQ(seen.words, "0 won with 1");
    }
    EXPECT_TRUE(unhandled.take().empty());
}

// DL-15: a canceller that throws is reported, and the winner is told.
TEST(Race, aThrowingCancellerStopsNothing) {
    marline::test::CatchUnhandled unhandled;
    Deferred<int> a;
    Deferred<int> b([](Deferred<int>) { throw std::runtime_error("cannot stop"); });
    Seen seen(race(std::vector{a, b}));
    a.callback(1);
    EXPECT_EQ(seen.words, "0 won with 1");
    EXPECT_THAT(unhandled.take(), ElementsAre("cannot stop"));
    b.callback(2);
}

// DL-16: cancelling the race cancels all inputs.
TEST(Race, cancellingCancelsTheInputs) {
    int cancelled = 0;
    const auto count = [&](Deferred<int>) { ++cancelled; };
    const std::vector inputs{Deferred<int>(count), Deferred<int>(count)};
    Seen seen(race(inputs));
    seen.cancel();
    EXPECT_EQ(cancelled, 2);
    EXPECT_THAT(seen.words, testing::StartsWith("marline::FailureGroup: all 2 Deferreds failed"));
}

// DL-16: one that answers the cancel with a value wins.
TEST(Race, cancelledItMayBeWon) {
    Deferred<int> a;
    Deferred<int> b([](Deferred<int> self) { self.callback(5); });
    Seen seen(race(std::vector{a, b}));
    seen.cancel();
    EXPECT_EQ(seen.words, "1 won with 5");
}

// DL-16: in place of waiting for ever, an empty race fails.
TEST(Race, anEmptyOneFails) {
    Seen seen(race(std::vector<Deferred<int>>{}));
    EXPECT_EQ(seen.words, "marline::FailureGroup: no Deferred to wait for: the list is empty");
}

// Values that only move, and Deferreds without a value, race as well.
TEST(Race, takesAnyType) {
    Deferred<std::unique_ptr<int>> a;
    int seen = 0;
    race(std::vector{a}).addCallback([&](const Winner<std::unique_ptr<int>>& winner) {
        seen = *winner.value;
    });
    a.callback(std::make_unique<int>(3));
    EXPECT_EQ(seen, 3);
    std::size_t index = 9;
    Deferred<> b;
    Deferred<> c;
    race(std::vector{b, c}).addCallback([&](const Winner<void>& winner) { index = winner.index; });
    c.callback();
    EXPECT_EQ(index, 1U);
}

// Inputs that go unfired tell the race.
TEST(Race, aLostRaceFails) {
    Seen seen([] {
        std::vector<Deferred<int>> inputs(2);
        return race(inputs);
    }());
    EXPECT_THAT(seen.words, testing::StartsWith("marline::DeferredLost"));
}

// DL-3: it fires with the first success; later results are ignored and the inputs go on.
TEST(FirstCallback, firesWithTheFirst) {
    bool cancelled = false;
    Deferred<int> a([&](Deferred<int>) { cancelled = true; });
    Deferred<int> b;
    Seen seen(firstCallback(std::vector{a, b}));
    int late = 0;
    a.addCallback([&](int value) { late = value; });
    b.callback(2);
    EXPECT_EQ(seen.words, "1 won with 2");
    EXPECT_FALSE(cancelled);
    a.callback(1);
    EXPECT_EQ(late, 1);
    EXPECT_EQ(seen.words, "1 won with 2");
}

// DL-2: in place of waiting for ever, one of nothing fails.
TEST(FirstCallback, ofNothingFails) {
    Seen seen(firstCallback(std::vector<Deferred<int>>{}));
    EXPECT_EQ(seen.words, "marline::FailureGroup: no Deferred to wait for: the list is empty");
}

// DL-3, DL-6: when nobody succeeds it fails, and each input keeps its own failure.
TEST(FirstCallback, failsWhenAllFailed) {
    marline::test::CatchUnhandled unhandled;
    for (const bool consume : {false, true}) {
        {
            Deferred<int> a;
            Seen seen(firstCallback(std::vector{a}, {.consumeErrors = consume}));
            a.errback(TimeoutError("a"));
            EXPECT_EQ(
                seen.words,
                "marline::FailureGroup: all 1 Deferreds failed: [0] marline::TimeoutError: a");
        }
        EXPECT_EQ(unhandled.take().size(), consume ? 0U : 1U);
    }
}

// DL-3, DL-4: both rules together: whatever comes first.
TEST(FirstCallback, mayFailAtTheFirstFailure) {
    Deferred<int> a;
    Deferred<int> b;
    Seen seen(firstCallback(std::vector{a, b}, {.fireOnOneErrback = true, .consumeErrors = true}));
    b.errback(TimeoutError("b"));
    EXPECT_EQ(seen.words,
              "marline::FirstError: Deferred 1 of the list failed: marline::TimeoutError: b");
    a.callback(1);
}

// DL-9: cancelled, it fires with the first value that an input answers with, also later.
TEST(FirstCallback, cancelledItFiresByItsRule) {
    DeferredSource<int> cleanup;
    Deferred<int> a;
    Deferred<int> b;
    b.addErrback([d = cleanup.deferred()](const Failure&) { return d; });
    Seen seen(firstCallback(std::vector{a, b}, {.consumeErrors = true}));
    seen.cancel();
    EXPECT_EQ(seen.words, "");
    cleanup.callback(4);
    EXPECT_EQ(seen.words, "1 won with 4");
}

// DL-10: when it has fired, cancel() leaves the other inputs alone.
TEST(FirstCallback, cancellingAFiredOneDoesNothing) {
    bool cancelled = false;
    Deferred<int> a([&](Deferred<int>) { cancelled = true; });
    Deferred<int> b;
    Deferred<Winner<int>> first = firstCallback(std::vector{a, b});
    b.callback(1);
    first.cancel();
    EXPECT_FALSE(cancelled);
    a.callback(1);
}

}  // namespace
