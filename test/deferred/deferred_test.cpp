// Firing and the callback chain: area D.
#include <marline/deferred/deferred.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/succeed.hpp>

#include "test/support/unhandled.hpp"

namespace {

using marline::AlreadyCalledError;
using marline::CancelledError;
using marline::Deferred;
using marline::DeferredTypeError;
using marline::Failure;
using marline::Result;
using marline::succeed;
using marline::TimeoutError;
using testing::ElementsAre;
using testing::HasSubstr;

// D-1: nothing runs before the first firing.
TEST(Deferred, runsNothingBeforeItFires) {
    Deferred<int> d;
    bool ran = false;
    d.addCallback([&](int) { ran = true; });
    EXPECT_FALSE(ran);
    EXPECT_FALSE(d.called());
    d.callback(1);
    EXPECT_TRUE(ran);
}

// D-2: links run in order, each on what the one before gave.
TEST(Deferred, linksRunInOrderOnWhatTheOneBeforeGave) {
    Deferred<int> d;
    std::vector<int> seen;
    d.addCallback([&](int x) {
        seen.push_back(x);
        return x + 1;
    });
    d.addCallback([&](int x) {
        seen.push_back(x);
        return x * 10;
    });
    d.addCallback([&](int x) {
        seen.push_back(x);
        return x;
    });
    d.callback(1);
    EXPECT_THAT(seen, ElementsAre(1, 2, 20));
}

// D-3: a link added to a fired Deferred runs before addCallback returns.
TEST(Deferred, linkOnAFiredDeferredRunsAtOnce) {
    int seen = 0;
    succeed(5).addCallback([&](int x) { seen = x; });
    EXPECT_EQ(seen, 5);
}

// D-4: arguments given with a callback come after the result.
TEST(Deferred, extraArgumentsComeBehindTheResult) {
    std::string seen;
    succeed(1).addCallback(
        [&](int x, int y, const std::string& z) { seen = std::to_string(x + y) + z; }, 2,
        std::string("!"));
    EXPECT_EQ(seen, "3!");
}

// D-5, D-12: a Failure passes callbacks by, a value passes errbacks by, and what an errback
// returns puts the chain back on its way.
TEST(Deferred, failuresPassCallbacksAndValuesPassErrbacks) {
    std::vector<std::string> path;
    Deferred<int> d;
    d.addErrback([&](const Failure&) {
        path.push_back("wrong");
        return 0;
    });
    d.addCallback([&](int) -> int { throw TimeoutError("late"); });
    d.addCallback([&](int x) {
        path.push_back("skipped");
        return x;
    });
    d.addErrback([&](const Failure& why) {
        path.push_back(why.message());
        return 7;
    });
    d.addCallback([&](int x) {
        path.push_back(std::to_string(x));
        return x;
    });
    d.callback(1);
    EXPECT_THAT(path, ElementsAre("late", "7"));
}

// D-6: the errback of a pair does not see what its own callback throws.
TEST(Deferred, pairRunsOneHalfOnly) {
    marline::test::CatchUnhandled unhandled;
    std::vector<std::string> path;
    {
        Deferred<int> d = succeed(1);
        auto after = d.addCallbacks([](int) -> int { throw TimeoutError("mine"); },
                                    [&](const Failure&) {
                                        path.push_back("same link");
                                        return 0;
                                    });
        after.addErrback([&](const Failure& why) {
            path.push_back(why.message());
            return 0;
        });
    }
    EXPECT_THAT(path, ElementsAre("mine"));
    EXPECT_TRUE(unhandled.take().empty());
}

// D-8: addBoth sees either outcome, and what it returns decides.
TEST(Deferred, addBothSeesEitherOutcome) {
    std::vector<std::string> seen;
    const auto note = [&](Result<int> outcome) {
        seen.push_back(outcome.ok() ? std::to_string(outcome.value())
                                    : outcome.failure().message());
        return std::string("done");
    };
    succeed(3).addBoth(note).addCallback([&](const std::string& s) { seen.push_back(s); });
    marline::fail<int>(TimeoutError("no")).addBoth(note);
    EXPECT_THAT(seen, ElementsAre("3", "done", "no"));
}

// D-10, D-11: throwing and returning a Failure both fail the chain.
TEST(Deferred, aCallbackFailsByThrowingOrByReturningAFailure) {
    std::vector<std::string> seen;
    const auto note = [&](const Failure& why) {
        seen.push_back(why.brief());
        return 0;
    };
    succeed(1).addCallback([](int) -> int { throw std::runtime_error("thrown"); }).addErrback(note);
    succeed(1)
        .addCallback([](int) { return Failure::make<TimeoutError>("returned"); })
        .addErrback(note);
    succeed(1)
        .addCallback([](int) { return Result<int>(Failure::make<TimeoutError>("result")); })
        .addErrback(note);
    EXPECT_THAT(seen, ElementsAre(HasSubstr("thrown"), HasSubstr("returned"), HasSubstr("result")));
}

// What is thrown need not be a std::exception.
TEST(Deferred, anythingCanBeThrown) {
    int caught = 0;
    succeed(1).addCallback([](int) -> int { throw 42; }).addErrback([&](const Failure& why) {
        caught = *why.check<int>();
        return 0;
    });
    EXPECT_EQ(caught, 42);
}

// Only the named type of error is seen by a typed errback, as itself or as the Failure.
TEST(Deferred, typedErrbackSeesOnlyItsError) {
    std::vector<std::string> seen;
    marline::fail<int>(TimeoutError("late"))
        .addErrback<CancelledError>([&](const CancelledError&) {
            seen.push_back("no");
            return 1;
        })
        .addErrback<TimeoutError>([&](const TimeoutError& e) {
            seen.push_back(e.what());
            return 2;
        })
        .addCallback([&](int x) { seen.push_back(std::to_string(x)); });
    EXPECT_THAT(seen, ElementsAre("late", "2"));
}

// D-15: a link added by a running link waits for its turn.
TEST(Deferred, linkAddedByALinkRunsAfterIt) {
    std::vector<std::string> path;
    Deferred<int> d;
    d.addCallback([&](int x) {
        d.addCallback([&](int y) {
            path.push_back("added");
            return y;
        });
        path.push_back("first");
        return x;
    });
    d.callback(1);
    EXPECT_THAT(path, ElementsAre("first", "added"));
}

// D-20: the second firing throws, whichever way.
TEST(Deferred, firesOnce) {
    Deferred<int> d;
    d.callback(1);
    EXPECT_THROW(d.callback(2), AlreadyCalledError);
    EXPECT_THROW(d.errback(TimeoutError("late")), AlreadyCalledError);
}

// D-22: the canceller goes as soon as the Deferred has fired.
TEST(Deferred, cancellerGoesWhenItFires) {
    auto held = std::make_shared<int>(1);
    const std::weak_ptr<int> watch = held;
    Deferred<int> d([held = std::move(held)](const Deferred<int>&) {});
    EXPECT_FALSE(watch.expired());
    d.callback(1);
    EXPECT_TRUE(watch.expired());
}

// D-22: also when it fails, and when the canceller owns its Deferred.
TEST(Deferred, cancellerThatOwnsItsDeferredGoes) {
    auto held = std::make_shared<int>(1);
    const std::weak_ptr<int> watch = held;
    auto own = std::make_shared<Deferred<int>>();
    *own = Deferred<int>([own, held = std::move(held)](const Deferred<int>&) {});
    std::weak_ptr<Deferred<int>> owned = own;
    own.reset();
    EXPECT_FALSE(watch.expired());
    std::string error;
    owned.lock()->addErrback([&](const Failure& why) {
        error = why.message();
        return 0;
    });
    owned.lock()->errback(TimeoutError("late"));
    EXPECT_EQ(error, "late");
    EXPECT_TRUE(watch.expired());
    EXPECT_TRUE(owned.expired());
}

// D-24: links wait for as many unpause() as pause().
TEST(Deferred, pauseCounts) {
    Deferred<int> d;
    int seen = 0;
    d.addCallback([&](int x) {
        seen = x;
        return x;
    });
    d.pause();
    d.pause();
    d.callback(9);
    d.unpause();
    EXPECT_EQ(seen, 0);
    d.unpause();
    EXPECT_EQ(seen, 9);
    EXPECT_THROW(d.unpause(), std::logic_error);
}

// A view whose type is no longer the tail's says so at the call.
TEST(Deferred, staleViewIsRefused) {
    Deferred<int> d;
    d.addCallback([](int x) { return std::to_string(x); });
    EXPECT_THROW(d.addCallback([](int) {}), DeferredTypeError);
    d.callback(1);
}

// The link may drop the last view of its chain, even the one that it is being added through.
TEST(Deferred, linkMayDropTheViewItIsAddedThrough) {
    auto d = std::make_unique<Deferred<int>>(succeed(1));
    Deferred<int>& view = *d;
    view.addCallback([&](int x) {
        d.reset();
        return x;
    });
    EXPECT_EQ(d, nullptr);
}

// Values need not be copyable, and may be larger than a block.
TEST(Deferred, carriesMoveOnlyAndLargeValues) {
    struct Large {
        char bytes[4000];
    };
    int seen = 0;
    Deferred<std::unique_ptr<int>> d;
    d.addCallback([](std::unique_ptr<int> p) {
         Large large{};
         large.bytes[3999] = static_cast<char>(*p);
         return large;
     }).addCallback([&](const Large& large) { seen = large.bytes[3999]; });
    d.callback(std::make_unique<int>(5));
    EXPECT_EQ(seen, 5);
}

// What a callback captured is destroyed once, whether it ran, was passed by or never got its turn.
TEST(Deferred, capturesAreDestroyedOnce) {
    const auto counted = std::make_shared<int>(0);
    {
        Deferred<int> never;
        never.addCallback([counted](int x) { return x; });
        Deferred<int> d;
        d.addCallback([counted](int x) { return x; });
        d.addErrback([counted](const Failure&) { return 0; });
        EXPECT_EQ(counted.use_count(), 4);
        d.callback(1);
        EXPECT_EQ(counted.use_count(), 2);
    }
    EXPECT_EQ(counted.use_count(), 1);
}

// A chain of many links crosses its blocks, and one that gets links for ever frees the old ones.
TEST(Deferred, longChainsRun) {
    Deferred<int> d;
    for (int i = 0; i < 1000; ++i) {
        d.addCallback([](int x) { return x + 1; });
    }
    int seen = 0;
    d.addCallback([&](int x) {
        seen = x;
        return x;
    });
    d.callback(0);
    EXPECT_EQ(seen, 1000);
    for (int i = 0; i < 1000; ++i) {
        d.addCallback([&](int x) {
            seen = x;
            return x + 1;
        });
    }
    EXPECT_EQ(seen, 1999);
}

// DL-17, DL-18: maybeDeferred makes a Deferred of any outcome, and gives a Deferred itself.
TEST(Deferred, maybeDeferredMakesOneOfAnyOutcome) {
    int seen = 0;
    marline::maybeDeferred([](int x) { return x; }, 3).addCallback([&](int x) { seen = x; });
    EXPECT_EQ(seen, 3);
    std::string why;
    marline::maybeDeferred([]() -> int {
        throw TimeoutError("late");
    }).addErrback([&](const Failure& f) {
        why = f.message();
        return 0;
    });
    EXPECT_EQ(why, "late");
    Deferred<int> inner;
    Deferred<int> same = marline::maybeDeferred([&] { return inner; });
    inner.callback(4);
    same.addCallback([&](int x) { seen = x; });
    EXPECT_EQ(seen, 4);
}

}  // namespace
