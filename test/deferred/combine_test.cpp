// DeferredList: area DL.
#include <marline/deferred/combine.hpp>

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/unhandled.hpp"

namespace {

using marline::Deferred;
using marline::DeferredList;
using marline::Failure;
using marline::FirstError;
using marline::Result;
using marline::TimeoutError;
using testing::ElementsAre;

template <class T>
std::vector<std::string> describe(const std::vector<Result<T>>& outcomes) {
    std::vector<std::string> all;
    for (const auto& outcome : outcomes) {
        all.push_back(outcome.ok() ? "ok" : outcome.failure().message());
    }
    return all;
}

// DL-1: it fires with all outcomes, in the inputs' order.
TEST(DeferredList, firesWithAllOutcomesInOrder) {
    marline::test::CatchUnhandled unhandled;
    std::vector<std::string> seen;
    {
        Deferred<int> a;
        Deferred<int> b;
        auto list = DeferredList(std::vector{a, b});
        list.addCallback([&](const std::vector<Result<int>>& all) { seen = describe(all); });
        b.errback(TimeoutError("late"));
        EXPECT_TRUE(seen.empty());
        a.callback(1);
    }
    EXPECT_THAT(seen, ElementsAre("ok", "late"));
    // DL-6: the input keeps its Failure, which is still to be handled there.
    EXPECT_THAT(unhandled.take(), ElementsAre("late"));
}

// DL-2: an empty one fires at once.
TEST(DeferredList, emptyFiresAtOnce) {
    EXPECT_TRUE(DeferredList(std::vector<Deferred<>>{}).called());
}

// DL-4: with fireOnOneErrback the first failure ends it.
TEST(DeferredList, fireOnOneErrbackFailsAtTheFirst) {
    Deferred<int> a;
    Deferred<int> b;
    std::size_t index = 9;
    DeferredList(std::vector{a, b}, {.fireOnOneErrback = true, .consumeErrors = true})
        .addCallback([](const std::vector<Result<int>>&) {})
        .addErrback<FirstError>([&](const FirstError& first) { index = first.index; });
    b.errback(TimeoutError("late"));
    EXPECT_EQ(index, 1U);
    a.callback(1);
}

// DL-6: with consumeErrors nothing is left in the inputs.
TEST(DeferredList, consumeErrorsTakesThemAway) {
    marline::test::CatchUnhandled unhandled;
    {
        Deferred<> a;
        auto list = DeferredList(std::vector{a}, {.consumeErrors = true});
        a.errback(TimeoutError("late"));
    }
    EXPECT_TRUE(unhandled.take().empty());
}

// DL-7: links added to an input afterwards see its own value.
TEST(DeferredList, inputsStayUsable) {
    Deferred<int> a;
    auto list = DeferredList(std::vector{a});
    int seen = 0;
    a.addCallback([&](int x) { seen = x; });
    a.callback(4);
    EXPECT_EQ(seen, 4);
}

// Values that cannot be copied move to the list.
TEST(DeferredList, takesMoveOnlyValues) {
    Deferred<std::unique_ptr<int>> a;
    int seen = 0;
    DeferredList(std::vector{a}).addCallback([&](std::vector<Result<std::unique_ptr<int>>> all) {
        seen = *all[0].value();
    });
    a.callback(std::make_unique<int>(3));
    EXPECT_EQ(seen, 3);
}

// DL-8, DL-9: cancelling cancels the inputs, and the list fires as they do.
TEST(DeferredList, cancellingCancelsTheInputs) {
    Deferred<int> a;
    Deferred<int> b([](Deferred<int> self) { self.callback(2); });
    std::vector<std::string> seen;
    auto list = DeferredList(std::vector{a, b}, {.consumeErrors = true});
    Deferred<std::vector<Result<int>>> view = list;
    list.addCallback([&](const std::vector<Result<int>>& all) { seen = describe(all); });
    view.cancel();
    EXPECT_THAT(seen, ElementsAre("cancelled", "ok"));
}

// Inputs that go unfired tell the list, which does not leak.
TEST(DeferredList, inputsThatGoTellIt) {
    std::string why;
    auto list = [] {
        std::vector<Deferred<int>> inputs(3);
        return DeferredList(inputs);
    }();
    list.addErrback([&](const Failure& f) {
        why = f.typeName();
        return std::vector<Result<int>>{};
    });
    EXPECT_EQ(why, "marline::DeferredLost");
}

// firstFailure makes one outcome of many.
TEST(DeferredList, firstFailureFindsIt) {
    EXPECT_TRUE(marline::firstFailure(std::vector<Result<int>>{1, 2}).ok());
    const auto bad =
        marline::firstFailure(std::vector<Result<int>>{1, Failure::make<TimeoutError>("x"), 3});
    EXPECT_EQ(bad.failure().message(), "x");
}

}  // namespace
