// DeferredList: area DL.
#include <marline/deferred/combine.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>

#include "test/support/unhandled.hpp"

namespace {

using marline::Deferred;
using marline::DeferredList;
using marline::DeferredSource;
using marline::Failure;
using marline::FirstError;
using marline::Result;
using marline::TimeoutError;
using testing::ElementsAre;

template <class T>
std::vector<std::string> describe(const std::vector<Result<T>>& outcomes) {
    std::vector<std::string> all;
    all.reserve(outcomes.size());
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

// DL-1: inputs that have fired before count as well.
TEST(DeferredList, takesFiredInputs) {
    Deferred<int> a;
    a.callback(1);
    Deferred<int> b = marline::fail<int>(TimeoutError("early"));
    std::vector<std::string> seen;
    DeferredList(std::vector{a, b}, {.consumeErrors = true})
        .addCallback([&](const std::vector<Result<int>>& all) { seen = describe(all); });
    EXPECT_THAT(seen, ElementsAre("ok", "early"));
}

// DL-4: an input that failed before ends it at once.
TEST(DeferredList, fireOnOneErrbackTakesFiredInputs) {
    Deferred<int> a;
    Deferred<int> b = marline::fail<int>(TimeoutError("early"));
    std::string why;
    DeferredList(std::vector{a, b}, {.fireOnOneErrback = true, .consumeErrors = true})
        .addCallback([](const std::vector<Result<int>>&) {})
        .addErrback<FirstError>([&](const FirstError& first) {
            why = first.subFailure.message() + " / " + first.what();
        });
    EXPECT_EQ(why, "early / Deferred 1 of the list failed: marline::TimeoutError: early");
    a.callback(1);
}

// DL-5: FirstErrors are equal exactly when index and failure are.
TEST(DeferredList, firstErrorsCompare) {
    const Failure late = TimeoutError("late");
    const Failure later = TimeoutError("late");
    EXPECT_EQ(FirstError(late, 1), FirstError(late, 1));
    EXPECT_FALSE(FirstError(late, 1) == FirstError(late, 2));
    EXPECT_FALSE(FirstError(late, 1) == FirstError(later, 1));
}

// DL-8: inputs are cancelled in order, and what a canceller throws is reported and stops nothing.
TEST(DeferredList, aThrowingCancellerStopsNothing) {
    marline::test::CatchUnhandled unhandled;
    std::vector<int> order;
    Deferred<int> a([&](Deferred<int>) { order.push_back(0); });
    Deferred<int> b([&](Deferred<int>) {
        order.push_back(1);
        throw std::runtime_error("cannot stop");
    });
    Deferred<int> c([&](Deferred<int>) { order.push_back(2); });
    std::vector<std::string> seen;
    auto list = DeferredList(std::vector{a, b, c}, {.consumeErrors = true});
    Deferred<> heard =
        list.addCallback([&](const std::vector<Result<int>>& all) { seen = describe(all); });
    heard.cancel();
    EXPECT_THAT(order, ElementsAre(0, 1, 2));
    EXPECT_THAT(unhandled.take(), ElementsAre("cannot stop"));
    EXPECT_TRUE(seen.empty());
    b.callback(1);
    EXPECT_THAT(seen, ElementsAre("cancelled", "ok", "cancelled"));
}

// DL-8: inputs with a result are not touched.
TEST(DeferredList, cancellingLeavesWhatHasFired) {
    bool cancelled = false;
    Deferred<int> a([&](Deferred<int>) { cancelled = true; });
    Deferred<int> b;
    std::vector<std::string> seen;
    auto heard =
        DeferredList(std::vector{a, b}, {.consumeErrors = true})
            .addCallback([&](const std::vector<Result<int>>& all) { seen = describe(all); });
    a.callback(1);
    heard.cancel();
    EXPECT_FALSE(cancelled);
    EXPECT_THAT(seen, ElementsAre("ok", "cancelled"));
}

// DL-9: an input that takes its time to end keeps the list waiting, also through a second cancel.
TEST(DeferredList, waitsForInputsThatEndLater) {
    DeferredSource<int> cleanup;
    Deferred<int> a;
    a.addErrback([d = cleanup.deferred()](const Failure&) { return d; });
    DeferredSource<int> lastWord;
    Deferred<int> shielded;
    shielded.addErrback([d = lastWord.deferred()](const Failure&) { return d; });
    Deferred<int> b;
    b.addErrback([shielded](const Failure&) { return shielded; });
    std::vector<std::string> seen;
    std::string why;
    auto list = DeferredList(std::vector{a, b}, {.consumeErrors = true});
    Deferred<> heard =
        list.addCallback([&](const std::vector<Result<int>>& all) { seen = describe(all); });
    heard.addErrback([&](const Failure& failure) { why = failure.message(); });
    heard.cancel();
    EXPECT_TRUE(seen.empty());
    cleanup.callback(1);
    EXPECT_TRUE(seen.empty());
    heard.cancel();
    EXPECT_TRUE(seen.empty());
    lastWord.callback(2);
    EXPECT_THAT(seen, ElementsAre("ok", "ok"));
    EXPECT_EQ(why, "");
}

// DL-9: with fireOnOneErrback a cancelled list fails with FirstError.
TEST(DeferredList, cancelledItFailsWithFirstError) {
    Deferred<int> a;
    Deferred<int> b;
    std::string why;
    Deferred<> heard =
        DeferredList(std::vector{a, b}, {.fireOnOneErrback = true, .consumeErrors = true})
            .addCallback([](const std::vector<Result<int>>&) {});
    heard.addErrback<FirstError>([&](const FirstError& first) {
        why = std::to_string(first.index) + " " + first.subFailure.message();
    });
    heard.cancel();
    EXPECT_EQ(why, "0 cancelled");
}

// DL-9: and fires with the values when all inputs answer a cancel with one.
TEST(DeferredList, cancelledItMaySucceed) {
    const auto answer = [](Deferred<int> self) { self.callback(7); };
    const std::vector inputs{Deferred<int>(answer), Deferred<int>(answer)};
    std::vector<std::string> seen;
    Deferred<> heard =
        DeferredList(inputs, {.fireOnOneErrback = true})
            .addCallback([&](const std::vector<Result<int>>& all) { seen = describe(all); });
    heard.cancel();
    EXPECT_THAT(seen, ElementsAre("ok", "ok"));
}

// DL-10: a list that has fired leaves the other inputs alone.
TEST(DeferredList, cancellingAFiredListDoesNothing) {
    bool cancelled = false;
    Deferred<int> a([&](Deferred<int>) { cancelled = true; });
    Deferred<int> b;
    auto list = DeferredList(std::vector{a, b}, {.fireOnOneErrback = true, .consumeErrors = true});
    list.addErrback([](const Failure&) { return std::vector<Result<int>>{}; });
    b.errback(TimeoutError("late"));
    list.cancel();
    EXPECT_FALSE(cancelled);
    a.callback(1);
}

// A paused list keeps its outcomes while the inputs go.
TEST(DeferredList, pausedItOutlivesItsInputs) {
    std::vector<std::string> seen;
    std::optional<Deferred<std::vector<Result<int>>>> list;
    {
        Deferred<int> a;
        list = DeferredList(std::vector{a});
        list->pause();
        a.callback(1);
    }
    list->addCallback([&](const std::vector<Result<int>>& all) { seen = describe(all); });
    EXPECT_TRUE(seen.empty());
    list->unpause();
    EXPECT_THAT(seen, ElementsAre("ok"));
}

// Nor does a cancel while it is paused lose anything.
TEST(DeferredList, pausedItMayBeCancelled) {
    std::vector<std::string> seen;
    std::optional<Deferred<std::vector<Result<int>>>> list;
    {
        DeferredSource<int> cleanup;
        Deferred<int> a;
        a.addErrback([d = cleanup.deferred()](const Failure&) { return d; });
        list = DeferredList(std::vector{a});
        list->pause();
        list->cancel();
        cleanup.callback(1);
    }
    list->addCallback([&](const std::vector<Result<int>>& all) { seen = describe(all); });
    list->unpause();
    EXPECT_THAT(seen, ElementsAre("ok"));
}

// One input may stand in the list twice.
TEST(DeferredList, takesOneInputTwice) {
    Deferred<int> a;
    std::vector<std::string> seen;
    DeferredList(std::vector{a, a}).addCallback([&](const std::vector<Result<int>>& all) {
        seen = describe(all);
    });
    a.callback(1);
    EXPECT_THAT(seen, ElementsAre("ok", "ok"));
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
