// Deferreds with a deadline: area DT.
#include <marline/deferred/deferred.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/function.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>

namespace {

using marline::CancelledError;
using marline::Deferred;
using marline::DeferredSource;
using marline::Failure;
using marline::Result;
using marline::succeed;
using marline::TimeoutError;
using marline::UniqueFunction;
using std::chrono::nanoseconds;
using testing::HasSubstr;
using namespace std::chrono_literals;

/// A clock with one timer, which a test lets pass by hand.
class OneTimer {
public:
    class Call {
    public:
        explicit Call(OneTimer& clock) noexcept : clock_(&clock) {}
        void cancel() { clock_->call_.reset(); }

    private:
        OneTimer* clock_;
    };

    Call callLater(nanoseconds delay, UniqueFunction<void()> call) {
        asked = delay;
        call_ = std::move(call);
        return Call(*this);
    }
    bool pending() const { return call_.has_value(); }
    void expire() {
        UniqueFunction<void()> call = *std::exchange(call_, std::nullopt);
        call();
    }

    nanoseconds asked{};

private:
    std::optional<UniqueFunction<void()>> call_;
};

class TimeoutTest : public ::testing::Test {
protected:
    /// How `d` ends; to be asked for when it has.
    template <class T>
    void watch(Deferred<T> d) {
        d.addBoth([this](Result<T> result) {
            outcome = result.ok() ? "value" : result.failure().typeName();
            message = result.ok() ? "" : result.failure().message();
        });
    }

    OneTimer clock;
    std::string outcome = "pending";
    std::string message;
};

// DT-1: one timer, and the same chain back.
TEST_F(TimeoutTest, startsOneTimer) {
    DeferredSource<int> source;
    Deferred<int> d = source.deferred();
    Deferred<int> same = d.addTimeout(5s, clock);
    EXPECT_EQ(&same.chain(), &d.chain());
    EXPECT_EQ(clock.asked, 5s);
    EXPECT_TRUE(clock.pending());
    watch(same);
    source.callback(1);
}

// DT-2: what comes in time, value or Failure, cancels the timer.
TEST_F(TimeoutTest, aResultInTimeEndsTheTimer) {
    DeferredSource<int> good;
    watch(good.deferred().addTimeout(5s, clock));
    good.callback(1);
    EXPECT_EQ(outcome, "value");
    EXPECT_FALSE(clock.pending());

    DeferredSource<int> bad;
    watch(bad.deferred().addTimeout(5s, clock));
    bad.errback(std::out_of_range("far"));
    EXPECT_EQ(outcome, "std::out_of_range");
    EXPECT_FALSE(clock.pending());
}

// DT-2: nor is what the Deferred waits for cancelled when the time passes after its end.
TEST_F(TimeoutTest, nothingInsideIsCancelledAfterTheEnd) {
    int cancelled = 0;
    DeferredSource<int> first;
    DeferredSource<int> inner([&](Deferred<int>) { ++cancelled; });
    Deferred<int> d = first.deferred().addTimeout(5s, clock);
    watch(d.addCallback([&](int) { return inner.deferred(); }));
    first.callback(1);
    EXPECT_FALSE(clock.pending());
    EXPECT_EQ(cancelled, 0);
    inner.callback(2);
    EXPECT_EQ(outcome, "value");
    EXPECT_EQ(cancelled, 0);
}

// DT-3: what comes too late is cancelled, and the error says what took how long.
TEST_F(TimeoutTest, whatIsLateIsCancelled) {
    int cancelled = 0;
    DeferredSource<int> source([&](Deferred<int>) { ++cancelled; });
    watch(source.deferred().addTimeout(1500ms, clock));
    clock.expire();
    EXPECT_EQ(cancelled, 1);
    EXPECT_EQ(outcome, "marline::TimeoutError");
    EXPECT_THAT(message, HasSubstr("timeout_test.cpp:"));
    EXPECT_THAT(message, HasSubstr("no result after 1.5 s"));
}

// DT-4, DT-5: what the canceller fires stands: a value, or another error.
TEST_F(TimeoutTest, theCancellersOutcomeStands) {
    DeferredSource<int> good([](Deferred<int> d) { d.callback(2); });
    watch(good.deferred().addTimeout(1s, clock));
    clock.expire();
    EXPECT_EQ(outcome, "value");

    DeferredSource<int> bad([](Deferred<int> d) { d.errback(std::out_of_range("far")); });
    watch(bad.deferred().addTimeout(1s, clock));
    clock.expire();
    EXPECT_EQ(outcome, "std::out_of_range");
}

// DT-6: a cancel() before the deadline stays a CancelledError; nobody translates it.
TEST_F(TimeoutTest, anEarlierCancelStays) {
    DeferredSource<int> source;
    int translated = 0;
    Deferred<int> d = source.deferred().addTimeout(1s, clock, [&](Result<int> late, nanoseconds) {
        ++translated;
        return late;
    });
    d.cancel();
    watch(d);
    EXPECT_EQ(outcome, "marline::CancelledError");
    EXPECT_EQ(translated, 0);
    EXPECT_FALSE(clock.pending());
}

// DT-7: links before it see the CancelledError, links behind it the TimeoutError.
TEST_F(TimeoutTest, translatesWhereItWasAdded) {
    DeferredSource<int> source;
    std::string before;
    Deferred<int> d = source.deferred().addErrback([&](const Failure& why) {
        before = why.typeName();
        return why;
    });
    watch(d.addTimeout(1s, clock));
    clock.expire();
    EXPECT_EQ(before, "marline::CancelledError");
    EXPECT_EQ(outcome, "marline::TimeoutError");
}

// DT-8: an earlier link that takes the cancellation makes it a success.
TEST_F(TimeoutTest, anEarlierLinkMaySave) {
    DeferredSource<int> source;
    watch(source.deferred()
              .addErrback<CancelledError>([](const CancelledError&) { return 3; })
              .addTimeout(1s, clock));
    clock.expire();
    EXPECT_EQ(outcome, "value");
}

// DT-9: onTimeoutCancel makes the outcome of what was late, of a success too.
TEST_F(TimeoutTest, onTimeoutCancelMakesTheOutcome) {
    DeferredSource<int> source;
    int seen = 0;
    source.deferred()
        .addTimeout(2s, clock,
                    [](const Result<int>& late, nanoseconds after) {
                        return late.ok() ? 0 : static_cast<int>(after / 1s);
                    })
        .addCallback([&](int x) { seen = x; });
    clock.expire();
    EXPECT_EQ(seen, 2);

    DeferredSource<int> saved([](Deferred<int> d) { d.callback(7); });
    watch(saved.deferred().addTimeout(2s, clock, [](const Result<int>& late, nanoseconds) {
        return late.ok() ? Failure(TimeoutError("late, but there")) : late.failure();
    }));
    clock.expire();
    EXPECT_EQ(message, "late, but there");
}

// DT-9: it may take its time, too.
TEST_F(TimeoutTest, onTimeoutCancelMayGiveADeferred) {
    DeferredSource<int> source;
    DeferredSource<int> fallback;
    watch(source.deferred().addTimeout(
        2s, clock, [&](const Result<int>&, nanoseconds) { return fallback.deferred(); }));
    clock.expire();
    EXPECT_EQ(outcome, "pending");
    fallback.callback(1);
    EXPECT_EQ(outcome, "value");
}

// DT-10: it is not called for what comes in time.
TEST_F(TimeoutTest, onTimeoutCancelIsForLateOnes) {
    int called = 0;
    const auto late = [&](const Result<>&, nanoseconds) { ++called; };
    DeferredSource<> source;
    watch(source.deferred().addTimeout(1s, clock, late));
    source.callback();
    EXPECT_EQ(outcome, "value");
    DeferredSource<> bad;
    watch(bad.deferred().addTimeout(1s, clock, late));
    bad.errback(std::out_of_range("far"));
    EXPECT_EQ(outcome, "std::out_of_range");
    EXPECT_EQ(called, 0);
}

// DT-11: on a Deferred that waits for an inner one the deadline cancels the inner one.
TEST_F(TimeoutTest, reachesTheInnerDeferred) {
    DeferredSource<int> inner;
    watch(succeed(1).addCallback([&](int) { return inner.deferred(); }).addTimeout(1s, clock));
    clock.expire();
    EXPECT_FALSE(inner.pending());
    EXPECT_EQ(outcome, "marline::TimeoutError");
}

// A Deferred that goes without a result takes its timer with it.
TEST_F(TimeoutTest, goesWithItsDeferred) {
    {
        Deferred<int> d;
        d.addTimeout(1s, clock);
        EXPECT_TRUE(clock.pending());
    }
    EXPECT_FALSE(clock.pending());
}

// The clock may go first.
TEST_F(TimeoutTest, outlivesItsClock) {
    DeferredSource<int> source;
    {
        auto shortLived = std::make_unique<OneTimer>();
        watch(source.deferred().addTimeout(1s, *shortLived));
    }
    source.callback(1);
    EXPECT_EQ(outcome, "value");
}

// What a canceller throws at the deadline goes to the clock's caller; the chain is still there.
TEST_F(TimeoutTest, aCancellerMayThrow) {
    Deferred<int> d([](Deferred<int>) { throw std::out_of_range("no"); });
    d.addTimeout(1s, clock);
    EXPECT_THROW(clock.expire(), std::out_of_range);
    EXPECT_FALSE(d.called());
    watch(d);
    d.callback(1);
    EXPECT_EQ(outcome, "value");
}

// A deadline that has passed ends it at once, not with an exception.
TEST_F(TimeoutTest, aNegativeTimeIsOver) {
    const Deferred<int> d;
    watch(d.addTimeout(-5s, clock));
    EXPECT_EQ(clock.asked, 0s);
    clock.expire();
    EXPECT_EQ(outcome, "marline::TimeoutError");
}

}  // namespace
