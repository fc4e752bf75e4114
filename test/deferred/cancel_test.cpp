// cancel() where nothing can answer it: circles, running coroutines, its own canceller. Area DX.
#include <marline/deferred/deferred.hpp>

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/describe.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>

#include "test/support/unhandled.hpp"

namespace {

using marline::AlreadyCalledError;
using marline::CancelledError;
using marline::Deferred;
using marline::DeferredSource;
using marline::DeferredTypeError;
using marline::Failure;
using marline::succeed;
using marline::test::CatchUnhandled;

/// Deferreds of which each waits for the next one, and the last one for the first.
std::vector<Deferred<>> circleOf(std::size_t length) {
    std::vector<Deferred<>> all(length);
    std::vector<Deferred<>> next(all.begin() + 1, all.end());
    next.push_back(all.front());
    for (std::size_t i = 0; i < length; ++i) {
        all[i].addCallback([d = next[i]] { return d; });
    }
    for (const Deferred<>& d : all) {
        d.callback();
    }
    return all;
}

// DC-13: one too long to be seen when it closes is opened by cancel().
TEST(Cancel, opensACircle) {
    for (const std::size_t length : {9U, 12U, 101U}) {
        const CatchUnhandled unhandled;
        const std::vector<Deferred<>> all = circleOf(length);
        all[length / 2].cancel();
        std::size_t failed = 0;
        for (const Deferred<>& d : all) {
            failed += marline::describe(d).find("waiting") == std::string::npos ? 1U : 0U;
        }
        EXPECT_EQ(failed, length);
    }
}

// CO-11: what cancels the body from within goes to what it has to wait for next, past what is
// there already.
TEST(Cancel, ofARunningCoroutineGoesToWhatItWaitsFor) {
    DeferredSource<> go;
    DeferredSource<> more;
    Deferred<std::string> self;
    const auto body = [&](Deferred<> start) -> Deferred<std::string> {
        co_await std::move(start);
        self.cancel();
        co_await succeed();
        const auto outcome = co_await more.deferred().asResult();
        co_return outcome.ok() ? "value" : outcome.failure().typeName();
    };
    self = body(go.deferred());
    go.callback();
    std::string seen;
    self.addCallback([&](const std::string& text) { seen = text; });
    EXPECT_EQ(seen, "marline::CancelledError");
}

// DX-6: a firing after a cancel() is refused when there was a canceller, even if that cancelled.
TEST(Cancel, byItsOwnCancellerCounts) {
    Deferred<int> d([](const Deferred<int>& self) { self.cancel(); });
    std::string why;
    d.addErrback([&](const Failure& failure) {
        why = failure.typeName();
        return 0;
    });
    d.cancel();
    EXPECT_EQ(why, "marline::CancelledError");
    EXPECT_THROW(d.callback(1), AlreadyCalledError);
}

// D-24: pauses count beyond 65,535.
TEST(Cancel, pausesCountFar) {
    const Deferred<> d;
    for (int i = 0; i < 65536; ++i) {
        d.pause();
    }
    EXPECT_TRUE(d.paused());
    for (int i = 0; i < 65536; ++i) {
        d.unpause();
    }
    EXPECT_FALSE(d.paused());
}

// A view is a handle: a lambda that is not mutable can use the one that it captured.
TEST(Cancel, goesThroughAConstView) {
    const Deferred<int> d;
    bool cancelled = false;
    d.addErrback<CancelledError>([&](const CancelledError&) {
        cancelled = true;
        return 0;
    });
    const auto stop = [d] { d.cancel(); };
    stop();
    EXPECT_TRUE(cancelled);
}

}  // namespace
