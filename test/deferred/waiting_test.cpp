// Deferreds that wait for Deferreds, in the corners of areas DC, DX and DE.
#include <marline/deferred/deferred.hpp>

#include <memory>
#include <optional>
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

/// A callback that notes `name` and passes the value on.
auto note(std::vector<std::string>& path, std::string name) {
    return [&path, name = std::move(name)](int x) {
        path.push_back(name);
        return x;
    };
}

// DC-6: what the inner Deferred had before it was returned runs first; afterwards nothing more may
// be added to it, because its result is gone.
TEST(Waiting, theWaitingChainComesBehindTheLinksOfTheInner) {
    std::vector<std::string> path;
    Deferred<int> inner;
    inner.addCallback(note(path, "first"));
    inner.addCallback(note(path, "second"));
    auto outer = succeed().addCallback([&] { return inner; });
    outer.addCallback(note(path, "outer"));
    EXPECT_THROW(inner.addCallback(note(path, "after")), DeferredTypeError);
    inner.callback(1);
    EXPECT_THAT(path, ElementsAre("first", "second", "outer"));
    EXPECT_THROW(inner.addCallback(note(path, "after")), DeferredTypeError);
}

// DC-8: firing the innermost one finishes all of them in one go, each with its own links.
TEST(Waiting, innermostFinishesAll) {
    std::vector<std::string> path;
    Deferred<int> a;
    Deferred<int> b;
    Deferred<int> c;
    a.addCallback(note(path, "a"));
    b.addCallback([&](int) { return a; }).addCallback(note(path, "b"));
    c.addCallback([&](int) { return b; }).addCallback(note(path, "c"));
    c.callback(3);
    b.callback(2);
    EXPECT_TRUE(path.empty());
    a.callback(1);
    EXPECT_THAT(path, ElementsAre("a", "b", "c"));
}

// DC-9: a Deferred that waits still takes links, which run when what it waits for fires.
TEST(Waiting, linksOnAWaitingDeferredRun) {
    std::vector<std::string> path;
    Deferred<int> innermost;
    Deferred<int> middle = succeed(1).addCallback([&](int) { return innermost; });
    middle.addCallback(note(path, "early"));
    Deferred<int> outer = succeed(2);
    outer.addCallback([&](int) {
        middle.addCallback(note(path, "late"));
        return middle;
    });
    outer.addCallback(note(path, "outer"));
    innermost.callback(1);
    EXPECT_THAT(path, ElementsAre("early", "late", "outer"));
}

// DC-12: a paused Deferred in the line stops itself and what depends on it, and nothing else.
TEST(Waiting, aPauseInTheLineStopsWhatDependsOnIt) {
    std::vector<std::string> path;
    Deferred<int> innermost;
    innermost.addCallback(note(path, "innermost"));
    Deferred<int> middle = succeed(1).addCallback([&](int) { return innermost; });
    middle.addCallback(note(path, "middle"));
    Deferred<int> outer = succeed(1).addCallback([&](int) { return middle; });
    outer.addCallback(note(path, "outer"));
    middle.pause();
    innermost.callback(5);
    EXPECT_THAT(path, ElementsAre("innermost"));
    middle.unpause();
    EXPECT_THAT(path, ElementsAre("innermost", "middle", "outer"));
}

// DC-12: also when nobody has a view of it any more, and it does nothing but hand its result on.
TEST(Waiting, aPauseThatNobodyCanEndHolds) {
    std::vector<std::string> path;
    Deferred<int> innermost;
    Deferred<int> inner;
    inner.addCallback([&](int) { return innermost; });
    std::optional<Deferred<int>> middle(std::in_place);
    middle->addCallback([&](int) { return inner; });
    Deferred<int> outer = succeed(1).addCallback([&](int) { return *middle; });
    outer.addCallback(note(path, "outer"));
    middle->callback(1);
    middle->pause();
    middle.reset();
    inner.callback(1);
    innermost.callback(1);
    EXPECT_TRUE(path.empty());
    EXPECT_TRUE(outer.called());
}

// DC-16: whom a chain waits for is known from when it begins to wait until the result comes.
TEST(Waiting, whomItWaitsForIsKnown) {
    Deferred<int> inner;
    Deferred<int> outer;
    outer.addCallback([&](int) { return inner; });
    EXPECT_EQ(outer.chain().waitingOn(), nullptr);
    outer.callback(1);
    EXPECT_EQ(outer.chain().waitingOn(), &inner.chain());
    inner.callback(2);
    EXPECT_EQ(outer.chain().waitingOn(), nullptr);
}

// DC-16: chainDeferred() only hands the outcome over: nobody waits, so nothing is known.
TEST(Waiting, chainDeferredWaitsForNothing) {
    Deferred<int> from;
    const Deferred<int> to;
    from.chainDeferred(to);
    EXPECT_EQ(to.chain().waitingOn(), nullptr);
    EXPECT_EQ(from.chain().waitingOn(), nullptr);
    from.callback(1);
    EXPECT_TRUE(to.called());
    EXPECT_EQ(to.chain().waitingOn(), nullptr);
}

struct OwnDeferred : Deferred<int> {
    using Deferred<int>::Deferred;
};

// DC-18: what derives from Deferred is waited for, and so is one returned by reference.
TEST(Waiting, whatDerivesFromDeferredIsWaitedFor) {
    OwnDeferred own;
    Deferred<int> referred;
    int seen = 0;
    succeed()
        .addCallback([&] { return own; })
        .addCallback([&](int x) {
            seen = x;
            return x;
        })
        .addCallback([&](int) -> Deferred<int>& { return referred; })
        .addCallback([&](int x) { seen += x; });
    own.callback(4);
    EXPECT_EQ(seen, 4);
    referred.callback(3);
    EXPECT_EQ(seen, 7);
}

// DX-3: the firing that is ignored changes nothing, after any number of cancels.
TEST(Waiting, theIgnoredFiringChangesNothing) {
    std::vector<std::string> seen;
    Deferred<int> d;
    d.cancel();
    d.cancel();
    d.errback(TimeoutError("ignored"));
    d.cancel();
    EXPECT_THROW(d.errback(TimeoutError("again")), AlreadyCalledError);
    d.addErrback([&](const Failure& why) {
        seen.push_back(why.typeName());
        return 0;
    });
    EXPECT_THAT(seen, ElementsAre("marline::CancelledError"));
}

// DX-12: an errback may answer a cancellation with a value, or with another Deferred that delays
// the end and can be cancelled in its turn.
TEST(Waiting, anErrbackMayAnswerACancellation) {
    int seen = 0;
    Deferred<int> d;
    d.addErrback<CancelledError>([](const CancelledError&) { return 5; }).addCallback([&](int x) {
        seen = x;
    });
    d.cancel();
    EXPECT_EQ(seen, 5);

    std::string why;
    Deferred<int> cleanUp;
    Deferred<int> slow;
    slow.addErrback([&](const Failure&) { return cleanUp; });
    slow.addErrback([&](const Failure& f) {
        why = f.typeName();
        return 0;
    });
    slow.cancel();
    EXPECT_EQ(why, "");
    slow.cancel();
    EXPECT_EQ(why, "marline::CancelledError");
    EXPECT_TRUE(cleanUp.called());
}

// DE-2: it is reported when the last owner goes, be it an object or a link of the chain itself.
TEST(Waiting, reportedWhenTheLastOwnerGoes) {
    marline::test::CatchUnhandled unhandled;
    {
        auto owner = std::make_unique<Deferred<int>>(marline::fail<int>(TimeoutError("owned")));
        const Deferred<int> second = *owner;
        owner.reset();
        EXPECT_TRUE(unhandled.take().empty());
    }
    EXPECT_THAT(unhandled.take(), ElementsAre("owned"));
    {
        Deferred<int> d;
        d.addCallback([d](int x) { return x; });
        d.errback(TimeoutError("of a circle"));
    }
    EXPECT_THAT(unhandled.take(), ElementsAre("of a circle"));
}

// DE-3: the report says where the Deferred was made, the error in one line, and its way; a source
// position costs nothing, so there is no debug mode to switch on for it.
TEST(Waiting, theReportTellsTheErrorAndItsWay) {
    testing::internal::CaptureStderr();
    succeed(1).addCallback([](int) -> int { throw TimeoutError("late"); });
    const std::string line = std::to_string(__LINE__ - 1);
    const std::string text = testing::internal::GetCapturedStderr();
    EXPECT_THAT(text, HasSubstr("Unhandled error in Deferred made at"));
    EXPECT_THAT(text, HasSubstr("\nmarline::TimeoutError: late\n"));
    EXPECT_THAT(text, HasSubstr("waiting_test.cpp:" + line));
}

}  // namespace
