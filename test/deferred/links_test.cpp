// What a link may do, in the corners of area D.
#include <marline/deferred/deferred.hpp>

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/succeed.hpp>

#include "test/support/unhandled.hpp"

namespace {

using marline::AlreadyCalledError;
using marline::Deferred;
using marline::Failure;
using marline::Result;
using marline::succeed;
using marline::TimeoutError;
using testing::ElementsAre;
using testing::HasSubstr;

// D-7: a callback alone lets a Failure pass, and halves without extra arguments get the result
// only.
TEST(Links, aMissingErrbackLetsTheFailurePass) {
    std::vector<std::string> seen;
    marline::fail<int>(TimeoutError("late"))
        .addCallback([](int x) { return x; })
        .addCallbacks([](int x) { return x; },
                      [&](const Failure& why) {
                          seen.push_back(why.message());
                          return 7;
                      })
        .addCallbacks([&](int x) { seen.push_back(std::to_string(x)); }, [](const Failure&) {});
    EXPECT_THAT(seen, ElementsAre("late", "7"));
}

// D-9: every add gives a view of the same chain.
TEST(Links, everyAddGivesTheSameChain) {
    Deferred<int> d;
    const auto* chain = &d.chain();
    const auto same = [](int x) { return x; };
    const auto zero = [](const Failure&) { return 0; };
    EXPECT_EQ(&d.addCallback(same).chain(), chain);
    EXPECT_EQ(&d.addErrback(zero).chain(), chain);
    EXPECT_EQ(&d.addErrback<TimeoutError>(zero).chain(), chain);
    EXPECT_EQ(&d.addCallbacks(same, zero).chain(), chain);
    EXPECT_EQ(&d.addBoth([](Result<int> outcome) { return outcome; }).chain(), chain);
    EXPECT_EQ(&d.addCallback([](int x) { return std::to_string(x); }).chain(), chain);
}

// D-11: a function that returns nothing but a Failure leaves the type as it is, in every add.
TEST(Links, whatOnlyFailsLeavesTheType) {
    const auto fails = [] { return Failure::make<TimeoutError>("always"); };
    int seen = 0;
    const auto count = [&](const Failure& why) {
        EXPECT_EQ(why.message(), "always");
        return ++seen;
    };
    succeed(1).addCallback([&](int) { return fails(); }).addErrback(count);
    succeed(1).addBoth([&](const Result<int>&) { return fails(); }).addErrback(count);
    succeed(1)
        .addCallbacks([&](int) { return fails(); }, [&](const Failure&) { return fails(); })
        .addErrback(count);
    EXPECT_EQ(seen, 3);
}

// D-13: errback takes an exception as it is, or the one in flight as Failure::current(), which
// says so when there is none.
TEST(Links, errbackTakesAnExceptionOrTheOneInFlight) {
    std::vector<std::string> seen;
    const auto note = [&](const Failure& why) {
        seen.push_back(why.brief());
        return 0;
    };
    Deferred<int> bare;
    bare.errback(TimeoutError("late"));
    bare.addErrback(note);
    Deferred<int> caught;
    try {
        throw TimeoutError("in flight");
    } catch (const TimeoutError&) {
        caught.errback(Failure::current());
    }
    caught.addErrback(note);
    Deferred<int> none;
    none.errback(Failure::current());
    none.addErrback(note);
    EXPECT_THAT(seen, ElementsAre("marline::TimeoutError: late", "marline::TimeoutError: in flight",
                                  HasSubstr("std::logic_error: ")));
}

// D-16: a link that a running link added may fail, and the next errback sees it.
TEST(Links, aLinkAddedByALinkMayFail) {
    std::string why;
    Deferred<int> d;
    d.addCallback([&](int x) {
        d.addCallback([](int) -> int { throw TimeoutError("added"); });
        d.addErrback([&](const Failure& f) {
            why = f.message();
            return 0;
        });
        return x;
    });
    d.callback(1);
    EXPECT_EQ(why, "added");
}

// D-17: a link runs once, however often the chain stops and goes on.
TEST(Links, aLinkThatRanIsGone) {
    int first = 0;
    int second = 0;
    Deferred<int> inner;
    Deferred<int> d;
    d.addCallback([&](int x) {
        ++first;
        d.pause();
        return x;
    });
    d.addCallback([&](int) {
        ++second;
        return inner;
    });
    d.callback(1);
    EXPECT_EQ(second, 0);
    d.unpause();
    inner.callback(2);
    d.pause();
    d.unpause();
    d.addCallback([](int x) { return x; });
    EXPECT_EQ(first, 1);
    EXPECT_EQ(second, 1);
}

// D-18: succeed() and fail() give what firing by hand gives.
TEST(Links, succeedAndFailAreOrdinaryFiredDeferreds) {
    Deferred<int> ready = succeed(3);
    EXPECT_TRUE(ready.called());
    EXPECT_FALSE(ready.paused());
    EXPECT_THROW(ready.callback(4), AlreadyCalledError);
    Deferred<int> failed = marline::fail<int>(TimeoutError("late"));
    EXPECT_TRUE(failed.called());
    EXPECT_THROW(failed.callback(4), AlreadyCalledError);
    int seen = 0;
    ready.addCallback([&](int x) { seen = x; });
    failed.addErrback([&](const Failure& why) {
        seen += static_cast<int>(why.message().size());
        return 0;
    });
    EXPECT_EQ(seen, 7);
}

// D-20: all four combinations of a first and a second firing.
TEST(Links, everySecondFiringThrows) {
    const marline::test::CatchUnhandled unhandled;
    for (const bool failFirst : {false, true}) {
        Deferred<int> d = failFirst ? marline::fail<int>(TimeoutError("late")) : succeed(1);
        EXPECT_THROW(d.callback(2), AlreadyCalledError) << failFirst;
        EXPECT_THROW(d.errback(TimeoutError("again")), AlreadyCalledError) << failFirst;
    }
}

// D-24: what fires while paused is kept, a Failure as well as a value, and later links wait too.
TEST(Links, firingWhilePausedKeepsTheResult) {
    std::string why;
    Deferred<int> d;
    d.pause();
    d.errback(TimeoutError("late"));
    EXPECT_TRUE(d.called());
    EXPECT_TRUE(d.paused());
    d.addErrback([&](const Failure& f) {
        why = f.message();
        return 0;
    });
    EXPECT_EQ(why, "");
    d.unpause();
    EXPECT_EQ(why, "late");
    EXPECT_FALSE(d.paused());
}

}  // namespace
