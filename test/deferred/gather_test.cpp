// gatherResults: area DL.
#include <marline/deferred/gather.hpp>

#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/errors.hpp>

#include "test/support/unhandled.hpp"

namespace {

using marline::Deferred;
using marline::Failure;
using marline::FirstError;
using marline::gatherResults;
using marline::TimeoutError;
using marline::Unit;
using testing::ElementsAre;

/// `index message` of a FirstError.
std::string brief(const FirstError& first) {
    return std::to_string(first.index) + " " + first.subFailure.message();
}

// DL-11: it fires with the plain values in the inputs' order.
TEST(GatherResults, givesTheValuesInOrder) {
    Deferred<int> a;
    Deferred<int> b;
    std::vector<int> seen;
    gatherResults(std::vector{a, b}).addCallback([&](std::vector<int> all) {
        seen = std::move(all);
    });
    b.callback(2);
    EXPECT_TRUE(seen.empty());
    a.callback(1);
    EXPECT_THAT(seen, ElementsAre(1, 2));
}

// DL-11: nothing to wait for gives no values, at once.
TEST(GatherResults, ofNothingFiresAtOnce) {
    bool fired = false;
    gatherResults(std::vector<Deferred<int>>{}).addCallback([&](const std::vector<int>& all) {
        fired = all.empty();
    });
    EXPECT_TRUE(fired);
}

// DL-11: it fails with FirstError at the first failure, and the others go on.
TEST(GatherResults, failsAtTheFirstFailure) {
    marline::test::CatchUnhandled unhandled;
    std::string why;
    int late = 0;
    {
        Deferred<int> a;
        Deferred<int> b;
        gatherResults(std::vector{a, b})
            .addCallback([](const std::vector<int>&) {})
            .addErrback<FirstError>([&](const FirstError& first) { why = brief(first); });
        b.errback(TimeoutError("late"));
        EXPECT_EQ(why, "1 late");
        a.addCallback([&](int value) { late = value; });
        a.callback(5);
    }
    EXPECT_EQ(late, 5);
    EXPECT_THAT(unhandled.take(), ElementsAre("late"));
}

// DL-11: with consumeErrors the inputs' failures are taken away.
TEST(GatherResults, consumeErrorsTakesThemAway) {
    marline::test::CatchUnhandled unhandled;
    std::string why;
    {
        Deferred<int> a;
        gatherResults(std::vector{a}, {.consumeErrors = true})
            .addCallback([](const std::vector<int>&) {})
            .addErrback([&](const Failure& failure) { why = failure.typeName(); });
        a.errback(TimeoutError("late"));
    }
    EXPECT_EQ(why, "marline::FirstError");
    EXPECT_TRUE(unhandled.take().empty());
}

// DL-12: cancelling cancels the inputs.
TEST(GatherResults, cancellingCancelsTheInputs) {
    int cancelled = 0;
    const auto count = [&](Deferred<int>) { ++cancelled; };
    const std::vector inputs{Deferred<int>(count), Deferred<int>(count)};
    std::string why;
    Deferred<> heard =
        gatherResults(inputs, {.consumeErrors = true}).addCallback([](const std::vector<int>&) {});
    heard.addErrback<FirstError>([&](const FirstError& first) { why = brief(first); });
    heard.cancel();
    EXPECT_EQ(cancelled, 2);
    EXPECT_EQ(why, "0 cancelled");
}

// DL-12: when all answer the cancel with values, it succeeds.
TEST(GatherResults, cancelledItMaySucceed) {
    const auto answer = [](Deferred<int> self) { self.callback(7); };
    const std::vector inputs{Deferred<int>(answer), Deferred<int>(answer)};
    std::vector<int> seen;
    Deferred<> heard =
        gatherResults(inputs).addCallback([&](std::vector<int> all) { seen = std::move(all); });
    heard.cancel();
    EXPECT_THAT(seen, ElementsAre(7, 7));
}

// Deferreds without a value gather to one without; values that only move are moved.
TEST(GatherResults, takesAnyType) {
    bool done = false;
    Deferred<> nothing;
    Deferred<> gathered = gatherResults(std::vector{nothing});
    gathered.addCallback([&] { done = true; });
    nothing.callback();
    EXPECT_TRUE(done);

    Deferred<std::unique_ptr<int>> a;
    int seen = 0;
    gatherResults(std::vector{a}).addCallback([&](const std::vector<std::unique_ptr<int>>& all) {
        seen = *all[0];
    });
    a.callback(std::make_unique<int>(3));
    EXPECT_EQ(seen, 3);
}

// DL-11: different types gather to a tuple.
TEST(GatherResults, givesATuple) {
    Deferred<int> a;
    Deferred<std::unique_ptr<int>> b;
    Deferred<> c;
    auto all = gatherResults(a, b, c);
    static_assert(
        std::is_same_v<decltype(all), Deferred<std::tuple<int, std::unique_ptr<int>, Unit>>>);
    int sum = 0;
    all.addCallback([&](const std::tuple<int, std::unique_ptr<int>, Unit>& values) {
        sum = std::get<0>(values) + *std::get<1>(values);
    });
    c.callback();
    b.callback(std::make_unique<int>(40));
    EXPECT_EQ(sum, 0);
    a.callback(2);
    EXPECT_EQ(sum, 42);
}

// DL-11: a tuple fails at the first failure, and the others go on.
TEST(GatherResults, aTupleFailsAtTheFirstFailure) {
    Deferred<int> a;
    Deferred<std::string> b;
    std::string why;
    std::string late;
    gatherResults(std::tuple{a, b}, {.consumeErrors = false})
        .addCallback([](const std::tuple<int, std::string>&) {})
        .addErrback<FirstError>([&](const FirstError& first) { why = brief(first); });
    a.errback(TimeoutError("late"));
    EXPECT_EQ(why, "0 late");
    a.addErrback([](const Failure&) { return 0; });
    b.addCallback([&](const std::string& text) { late = text; });
    b.callback("on");
    EXPECT_EQ(late, "on");
}

// DL-11: and takes the failures away when it is told to.
TEST(GatherResults, aTupleConsumesErrors) {
    marline::test::CatchUnhandled unhandled;
    std::vector<std::string> why;
    {
        Deferred<int> a;
        Deferred<std::string> b;
        gatherResults(std::tuple{a, b}, {.consumeErrors = true})
            .addCallback([](const std::tuple<int, std::string>&) {})
            .addErrback<FirstError>([&](const FirstError& first) { why.push_back(brief(first)); });
        b.errback(TimeoutError("late"));
        a.errback(TimeoutError("later"));
    }
    EXPECT_THAT(why, ElementsAre("1 late"));
    EXPECT_TRUE(unhandled.take().empty());
}

// DL-12: cancelling a tuple cancels its inputs, which may answer with values.
TEST(GatherResults, cancellingATupleCancelsItsInputs) {
    Deferred<int> a([](Deferred<int> self) { self.callback(4); });
    Deferred<std::string> b([](Deferred<std::string> self) { self.callback("four"); });
    std::string seen;
    Deferred<> heard =
        gatherResults(a, b).addCallback([&](const std::tuple<int, std::string>& both) {
            seen = std::get<1>(both) + std::to_string(std::get<0>(both));
        });
    heard.cancel();
    EXPECT_EQ(seen, "four4");
}

// A tuple whose inputs go unfired fails with DeferredLost.
TEST(GatherResults, aLostTupleFails) {
    std::string why;
    auto whole = [] {
        Deferred<int> a;
        Deferred<> b;
        Deferred<> c;
        Deferred<> d;
        return gatherResults(a, b, c, d);
    }();
    whole.addCallback([](const auto&) {}).addErrback([&](const Failure& failure) {
        why = failure.typeName();
    });
    EXPECT_EQ(why, "marline::DeferredLost");
}

}  // namespace
