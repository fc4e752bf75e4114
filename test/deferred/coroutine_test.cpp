// Coroutines that return Deferreds: area CO.
#include <marline/deferred/coroutine.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>

#include "test/support/unhandled.hpp"

namespace {

using marline::AlreadyCalledError;
using marline::CancelledError;
using marline::Deferred;
using marline::DeferredLost;
using marline::DeferredSource;
using marline::DeferredTypeError;
using marline::Failure;
using marline::maybeDeferred;
using marline::Result;
using marline::spawn;
using marline::succeed;
using marline::TimeoutError;
using testing::ElementsAre;

template <class T>
std::string outcomeOf(Deferred<T> d) {
    std::string text = "pending";
    d.addBoth(
        [&](Result<T> outcome) { text = outcome.ok() ? "value" : outcome.failure().typeName(); });
    return text;
}

Deferred<int> plusOne(Deferred<int> d) { co_return co_await std::move(d) + 1; }

// CO-1: the body runs at once, up to the first wait for a result that is not there.
TEST(Coroutine, runsAtOnceUpToTheFirstWait) {
    std::vector<std::string> steps;
    DeferredSource<int> source;
    const auto body = [&](Deferred<int> d) -> Deferred<int> {
        steps.emplace_back("begun");
        const int x = co_await std::move(d);
        steps.emplace_back("resumed");
        co_return x * 2;
    };
    Deferred<int> d = body(source.deferred());
    steps.emplace_back("returned");
    int seen = 0;
    d.addCallback([&](int x) { seen = x; });
    source.callback(21);
    EXPECT_THAT(steps, ElementsAre("begun", "returned", "resumed"));
    EXPECT_EQ(seen, 42);
}

// CO-2: results that are there are taken without suspending, in constant stack.
TEST(Coroutine, readyDeferredsDoNotSuspend) {
    const auto sum = [](int count) -> Deferred<long> {
        long all = 0;
        for (int i = 0; i < count; ++i) {
            all += co_await succeed(i);
        }
        co_return all;
    };
    long seen = 0;
    sum(1'000'000).addCallback([&](long x) { seen = x; });
    EXPECT_EQ(seen, 499'999'500'000);
}

// CO-3, F-11: a Failure is thrown at the co_await: the very object, to be caught by its type.
TEST(Coroutine, aFailureIsThrownWhereItIsAwaited) {
    const Failure late = Failure::make<TimeoutError>("late");
    const auto body = [&]() -> Deferred<std::string> {
        try {
            co_await marline::fail<int>(late);
        } catch (const TimeoutError& error) {
            EXPECT_EQ(std::current_exception(), late.exception());
            co_return error.what();
        }
        co_return "nothing was thrown";
    };
    std::string seen;
    body().addCallback([&](const std::string& text) { seen = text; });
    EXPECT_EQ(seen, "late");
}

// CO-4: what leaves the body becomes the Failure, what it returns the value; a Deferred<> needs
// neither.
TEST(Coroutine, theBodysEndIsTheResult) {
    const auto throws = []() -> Deferred<int> {
        co_await succeed();
        throw std::out_of_range("far");
    };
    bool ended = false;
    const auto fallsOff = [&]() -> Deferred<> {
        co_await succeed();
        ended = true;
    };
    EXPECT_EQ(outcomeOf(throws()), "std::out_of_range");
    EXPECT_EQ(outcomeOf(fallsOff()), "value");
    EXPECT_TRUE(ended);
    EXPECT_EQ(outcomeOf(plusOne(succeed(1))), "value");
}

// CO-4: a Failure or a Result is returned without a throw.
TEST(Coroutine, mayReturnAFailureOrAResult) {
    const auto body = [](bool good) -> Deferred<int> {
        if (!good) {
            co_return Failure::make<TimeoutError>("late");
        }
        co_return Result<int>(3);
    };
    EXPECT_EQ(outcomeOf(body(false)), "marline::TimeoutError");
    EXPECT_EQ(outcomeOf(body(true)), "value");
}

// CO-5: a coroutine is awaited as the Deferred that it gives; move-only values come through.
TEST(Coroutine, coroutinesAwaitCoroutines) {
    const auto make = []() -> Deferred<std::unique_ptr<int>> {
        co_return std::make_unique<int>(5);
    };
    const auto body = [&]() -> Deferred<int> {
        const std::unique_ptr<int> made = co_await make();
        co_return *made;
    };
    int seen = 0;
    body().addCallback([&](int x) { seen = x; });
    EXPECT_EQ(seen, 5);
}

// CO-6: a Deferred that waits for another one, or is paused, gives its result in the end.
TEST(Coroutine, awaitsChainedAndPausedDeferreds) {
    Deferred<int> inner;
    Deferred<int> chained = succeed(0).addCallback([&](int) { return inner; });
    Deferred<int> paused = succeed(5);
    paused.pause();
    std::vector<int> seen;
    plusOne(std::move(chained)).addCallback([&](int x) { seen.push_back(x); });
    Deferred<int> other = paused;
    plusOne(std::move(other)).addCallback([&](int x) { seen.push_back(x); });
    EXPECT_TRUE(seen.empty());
    inner.callback(1);
    paused.unpause();
    EXPECT_THAT(seen, ElementsAre(2, 6));
}

// CO-7: links that were added to a child before it is awaited run before the parent goes on.
TEST(Coroutine, linksOfTheAwaitedRunFirst) {
    DeferredSource<int> source;
    std::vector<int> seen;
    const auto body = [&]() -> Deferred<> {
        Deferred<int> child = plusOne(source.deferred());
        child.addCallback([&](int x) {
            seen.push_back(x);
            return x + 1;
        });
        seen.push_back(co_await std::move(child));
    };
    Deferred<> d = body();
    source.callback(1);
    EXPECT_THAT(seen, ElementsAre(2, 3));
}

// CO-8: nested coroutines go on from the inside out, in constant stack however many there are.
TEST(Coroutine, nestedCoroutinesEndInConstantStack) {
    DeferredSource<int> source;
    Deferred<int> d = source.deferred();
    for (int i = 0; i < 200'000; ++i) {
        d = plusOne(std::move(d));
    }
    int seen = 0;
    d.addCallback([&](int x) { seen = x; });
    source.callback(0);
    EXPECT_EQ(seen, 200'000);
}

// CO-9, CO-10: cancelling reaches what the innermost one waits for, and comes back as its result.
TEST(Coroutine, cancelReachesTheInnermostWait) {
    int cancelled = 0;
    DeferredSource<int> source([&](Deferred<int>) { ++cancelled; });
    Deferred<int> d = plusOne(plusOne(plusOne(source.deferred())));
    d.cancel();
    EXPECT_EQ(cancelled, 1);
    EXPECT_EQ(outcomeOf(d), "marline::CancelledError");
}

// CO-11: the canceller of what is awaited decides what is thrown, and the body may throw another
// error for it.
TEST(Coroutine, theBodyMayTranslateACancellation) {
    DeferredSource<int> source([](Deferred<int> d) { d.errback(std::out_of_range("stopped")); });
    const auto body = [](Deferred<int> awaited) -> Deferred<int> {
        try {
            co_return co_await std::move(awaited);
        } catch (const std::out_of_range& error) {
            throw TimeoutError(error.what());
        }
    };
    Deferred<int> d = body(source.deferred());
    d.cancel();
    EXPECT_EQ(outcomeOf(d), "marline::TimeoutError");
}

// CO-12: a body that answers a cancellation with a value succeeds.
TEST(Coroutine, theBodyMayEndACancellationWell) {
    DeferredSource<int> source;
    const auto body = [](Deferred<int> awaited) -> Deferred<int> {
        const Result<int> outcome = co_await awaited.asResult();
        co_return outcome.ok() ? outcome.value() : -1;
    };
    Deferred<int> d = body(source.deferred());
    d.cancel();
    int seen = 0;
    d.addCallback([&](int x) { seen = x; });
    EXPECT_EQ(seen, -1);
}

// CO-13, CO-15: while the cancelled wait goes on, the outer Deferred stays pending; its links run
// when the body has cleaned up.
TEST(Coroutine, staysPendingUntilTheCancelledWaitEnds) {
    std::vector<std::string> steps;
    struct AtEnd {
        std::vector<std::string>& steps;
        ~AtEnd() { steps.emplace_back("cleaned up"); }
    };
    Deferred<int> closing;
    DeferredSource<int> source;
    Deferred<int> awaited = source.deferred().addErrback([&](const Failure&) { return closing; });
    const auto body = [&](Deferred<int> waited) -> Deferred<int> {
        const AtEnd end{steps};
        co_return co_await std::move(waited);
    };
    Deferred<int> d = body(std::move(awaited));
    d.addBoth([&](const Result<int>&) { steps.emplace_back("link"); });
    d.cancel();
    EXPECT_TRUE(steps.empty());
    closing.callback(1);
    EXPECT_THAT(steps, ElementsAre("cleaned up", "link"));
}

// CO-14: a body that goes on after a cancellation can be cancelled again.
TEST(Coroutine, canBeCancelledAgain) {
    DeferredSource<int> first;
    DeferredSource<int> second;
    const auto body = [](Deferred<int> one, Deferred<int> two) -> Deferred<int> {
        co_await one.asResult();
        co_return co_await std::move(two);
    };
    Deferred<int> d = body(first.deferred(), second.deferred());
    d.cancel();
    EXPECT_TRUE(second.pending());
    EXPECT_FALSE(d.called());
    d.cancel();
    EXPECT_FALSE(second.pending());
    EXPECT_EQ(outcomeOf(d), "marline::CancelledError");
}

// A cancel() from inside the body goes to what it awaits next.
TEST(Coroutine, aCancelWhileTheBodyRunsEndsTheNextWait) {
    DeferredSource<int> first;
    DeferredSource<int> second;
    std::optional<Deferred<int>> self;
    const auto body = [&]() -> Deferred<int> {
        co_await first.deferred();
        self->cancel();
        co_return co_await second.deferred();
    };
    self = body();
    first.callback(1);
    EXPECT_FALSE(second.pending());
    EXPECT_EQ(outcomeOf(*self), "marline::CancelledError");
}

// CO-16: a Deferred that a function gives is used as it is, be it a coroutine's or not.
TEST(Coroutine, maybeDeferredTakesCoroutines) {
    EXPECT_EQ(outcomeOf(maybeDeferred(plusOne, succeed(1))), "value");
}

// CO-17: nothing of the frame is kept after the end: not its variables, not its arguments.
TEST(Coroutine, keepsNothingAfterItsEnd) {
    const auto held = std::make_shared<int>(1);
    const auto body = [](std::shared_ptr<int> argument) -> Deferred<int> {
        const std::shared_ptr<int> local = argument;
        co_return co_await succeed(*local);
    };
    Deferred<int> d = body(held);
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_EQ(outcomeOf(d), "value");
}

// CO-17: nor of one that never had to wait, nor of one that failed.
TEST(Coroutine, keepsNothingHoweverItEnds) {
    const auto held = std::make_shared<int>(1);
    const auto atOnce = [](std::shared_ptr<int> argument) -> Deferred<int> { co_return *argument; };
    Deferred<int> done = atOnce(held);
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_EQ(outcomeOf(done), "value");

    DeferredSource<int> source;
    const auto fails = [](std::shared_ptr<int> argument, Deferred<int> wait) -> Deferred<int> {
        const int more = co_await std::move(wait);
        co_return more + *argument;
    };
    Deferred<int> failed = fails(held, source.deferred());
    EXPECT_EQ(held.use_count(), 2);
    source.errback(TimeoutError("late"));
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_EQ(outcomeOf(failed), "marline::TimeoutError");
}

// CO-19: the path of a Failure names each place in the bodies that it passed, and only those.
TEST(Coroutine, failuresNameEachPlaceTheyPassed) {
    DeferredSource<int> source;
    Deferred<int> d = plusOne(plusOne(source.deferred()));
    source.errback(TimeoutError("late"));
    std::string path;
    d.addErrback([&](const Failure& why) {
        path = why.describe();
        return 0;
    });
    EXPECT_EQ(std::count(path.begin(), path.end(), '\n'), 2) << path;
    EXPECT_THAT(path, testing::HasSubstr("coroutine_test.cpp:"));
    EXPECT_THAT(path, testing::HasSubstr("plusOne"));
    EXPECT_THAT(path, testing::Not(testing::HasSubstr("Frame")));
}

// A Failure that crossed five links and two coroutines names each place, the innermost first; also
// when an errback looked at it and threw it on.
TEST(Coroutine, aLongPathNamesEachPlace) {
    DeferredSource<int> source;
    const auto pass = [](int x) { return x; };
    std::vector<unsigned> lines;
    const auto nextLine = [&](unsigned line = std::source_location::current().line()) {
        lines.push_back(line + 1);
    };
    const auto first = [&](Deferred<int> d) -> Deferred<int> {
        nextLine();
        co_return co_await std::move(d);
    };
    const auto second = [&](Deferred<int> d) -> Deferred<int> {
        nextLine();
        co_return co_await std::move(d);
    };
    Deferred<int> inner = source.deferred();
    nextLine();
    inner.addCallback(pass);
    nextLine();
    inner.addErrback([](const Failure& why) -> int { why.raise(); });
    Deferred<int> outer = first(std::move(inner));
    nextLine();
    outer.addCallback(pass);
    nextLine();
    outer.addCallback(pass);
    Deferred<int> whole = second(std::move(outer));
    nextLine();
    whole.addCallback(pass);
    source.errback(TimeoutError("late"));
    std::string path;
    whole.addErrback([&](const Failure& why) {
        path = why.describe();
        return 0;
    });
    std::vector<unsigned> found;
    for (std::size_t at = path.find(".cpp:"); at != std::string::npos;
         at = path.find(".cpp:", at + 1)) {
        found.push_back(static_cast<unsigned>(std::stoul(path.substr(at + 5))));
    }
    EXPECT_THAT(found, testing::ElementsAreArray(lines)) << path;
}

// An error that the body throws itself is said to come from the body.
TEST(Coroutine, aThrownErrorNamesTheBody) {
    const auto body = []() -> Deferred<int> {
        co_await succeed();
        throw std::out_of_range("far");
    };
    std::string path;
    body().addErrback([&](const Failure& why) {
        path = why.describe();
        return 0;
    });
    EXPECT_THAT(path, testing::MatchesRegex("std::out_of_range: far\n    .*coroutine_test.cpp:.*"));
}

// DE-5: awaiting a failed Deferred handles its Failure; a body that nobody awaits reports its own.
TEST(Coroutine, anUnreadFailureIsReportedOnce) {
    marline::test::CatchUnhandled unhandled;
    {
        const auto body = []() -> Deferred<> { co_await marline::fail<int>(TimeoutError("late")); };
        body();
    }
    EXPECT_THAT(unhandled.take(), ElementsAre("late"));
}

// A Deferred that can never fire throws DeferredLost where it is awaited, so that the body ends.
TEST(Coroutine, anAbandonedDeferredIsLost) {
    EXPECT_EQ(outcomeOf(plusOne(Deferred<int>())), "marline::DeferredLost");
    std::optional<DeferredSource<int>> source(std::in_place);
    Deferred<int> d = plusOne(source->deferred());
    source.reset();
    EXPECT_EQ(outcomeOf(d), "marline::DeferredLost");
}

// Only the coroutine fires its Deferred, and only one taker awaits a result.
TEST(Coroutine, misuseIsRefused) {
    DeferredSource<int> source;
    Deferred<int> d = plusOne(source.deferred());
    EXPECT_FALSE(d.called());
    EXPECT_THROW(d.callback(1), AlreadyCalledError);
    EXPECT_EQ(outcomeOf(plusOne(source.deferred())), "marline::DeferredTypeError");
    Deferred<int> stale = succeed(1);
    stale.addCallback([](int) { return std::string("text"); });
    EXPECT_EQ(outcomeOf(plusOne(stale)), "marline::DeferredTypeError");
    source.callback(1);
    EXPECT_EQ(outcomeOf(d), "value");
}

// A body that awaits its own Deferred would wait for ever: it is told so.
TEST(Coroutine, cannotAwaitItself) {
    DeferredSource<> start;
    std::optional<Deferred<int>> self;
    const auto body = [&]() -> Deferred<int> {
        co_await start.deferred();
        co_return co_await Deferred<int>(*self);
    };
    self = body();
    start.callback();
    EXPECT_EQ(outcomeOf(*self), "marline::DeferredTypeError");
}

// What a destructor throws after the co_return replaces the value.
TEST(Coroutine, aThrowAfterTheReturnIsTheResult) {
    struct Thrower {
        Thrower() = default;
        ~Thrower() noexcept(false) { throw std::out_of_range("at the end"); }
    };
    const auto body = []() -> Deferred<std::shared_ptr<int>> {
        const Thrower thrower;
        co_return std::make_shared<int>(1);
    };
    EXPECT_EQ(outcomeOf(body()), "std::out_of_range");
}

// spawn() keeps a lambda's captures until its body has ended.
TEST(Coroutine, spawnKeepsTheCaptures) {
    DeferredSource<int> source;
    std::weak_ptr<int> watched;
    Deferred<int> d = [&] {
        const auto held = std::make_shared<int>(2);
        watched = held;
        return spawn(
            [held](Deferred<int> awaited, int factor) -> Deferred<int> {
                const int x = co_await std::move(awaited);
                co_return x** held* factor;
            },
            source.deferred(), 10);
    }();
    EXPECT_FALSE(watched.expired());
    source.callback(3);
    EXPECT_TRUE(watched.expired());
    int seen = 0;
    d.addCallback([&](int x) { seen = x; });
    EXPECT_EQ(seen, 60);
}

}  // namespace
