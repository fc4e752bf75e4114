// The n-th allocation of each operation on a chain fails, for every n. A program of its own: it
// replaces operator new.
#include <marline/deferred/deferred.hpp>

#include <array>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/combine.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>

#include "test/support/every_allocation.hpp"
#include "test/support/heap.hpp"
#include "test/support/unhandled.hpp"

namespace {

using marline::Deferred;
using marline::DeferredList;
using marline::DeferredSource;
using marline::Failure;
using marline::Result;
using marline::TimeoutError;
using marline::test::CatchUnhandled;
using marline::test::forEveryAllocation;
namespace heap = marline::test::heap;
using testing::ElementsAre;

/// A value that no recycled block has room for, so that its Deferred asks for memory.
struct Large {
    std::array<char, 1000> room{};
};

/// A callable that is larger than what is left of a chain's first block.
auto large(const std::shared_ptr<int>& counted) {
    return [counted, room = std::array<char, 1000>()](int x) { return x + room[0] + 1; };
}

// Making a Deferred either makes it or throws.
TEST(OutOfMemory, creatingThrows) {
    const long refused = forEveryAllocation([](long n) {
        bool made = false;
        try {
            const heap::Refusing refusing(n);
            const Deferred<Large> d;
            made = true;
        } catch (const std::bad_alloc&) {
            EXPECT_EQ(heap::asked(), n);
        }
        EXPECT_EQ(made, n == 0 || heap::asked() < n);
    });
    EXPECT_EQ(refused, 1);
}

// A canceller that cannot be moved in leaves nothing behind.
TEST(OutOfMemory, aCancellerThatCannotBeKeptThrows) {
    const std::string text(100, 'x');
    const long refused = forEveryAllocation([&](long n) {
        bool made = false;
        // What was captured from a const string is copied by every move.
        auto canceller = [text](const Deferred<Large>&) {};
        try {
            const heap::Refusing refusing(n);
            const Deferred<Large> d(std::move(canceller));
            made = true;
        } catch (const std::bad_alloc&) {
            EXPECT_EQ(heap::asked(), n);
        }
        EXPECT_EQ(made, n == 0 || heap::asked() < n);
    });
    EXPECT_GE(refused, 3);
}

// addCallback that finds no memory throws, the chain is as it was, and what was captured is freed.
TEST(OutOfMemory, addingALinkLeavesTheChainAsItWas) {
    const auto counted = std::make_shared<int>(0);
    long failures = 0;
    const long refused = forEveryAllocation([&](long n) {
        int seen = 0;
        Deferred<int> d;
        d.addCallback([](int x) { return x + 10; });
        bool added = false;
        try {
            auto callback = large(counted);
            const heap::Refusing refusing(n);
            d.addCallback(std::move(callback));
            added = true;
        } catch (const std::bad_alloc&) {
            ++failures;
        }
        EXPECT_EQ(counted.use_count(), added ? 2 : 1);
        // A link that needs no further memory still fits, and everything runs in order.
        d.addCallback([&](int x) { seen = x; });
        d.callback(1);
        EXPECT_EQ(seen, added ? 12 : 11);
    });
    EXPECT_EQ(refused, 1);
    EXPECT_GE(failures, 1);
    EXPECT_EQ(counted.use_count(), 1);
}

// A callable whose copy throws leaves the chain as it was, too.
TEST(OutOfMemory, aCallableThatCannotBeCopiedLeavesTheChainAsItWas) {
    const long refused = forEveryAllocation([](long n) {
        std::string text(100, 'x');
        std::string seen;
        Deferred<int> d;
        const auto callback = [text](int x) { return x + static_cast<int>(text.size()); };
        bool added = false;
        try {
            const heap::Refusing refusing(n);
            d.addCallback(callback);
            d.addErrback([text](const Failure&) { return 0; });
            added = true;
        } catch (const std::bad_alloc&) {
            EXPECT_NE(n, 0);
        }
        d.addCallback([&](int x) { seen = std::to_string(x); });
        d.callback(1);
        EXPECT_TRUE(seen == "101" || (!added && seen == "1")) << seen;
    });
    EXPECT_EQ(refused, 2);
}

// The same when the chain had got more room for it and was idle: it is idle still, and whoever
// waits for it gets its value at once.
TEST(OutOfMemory, aLargeCallableThatCannotBeCopiedLeavesTheChainIdle) {
    const std::string text(100, 'x');
    const long refused = forEveryAllocation([&](long n) {
        int seen = 0;
        Deferred<int> d = marline::succeed(1);
        const auto callback = [text, room = std::array<char, 1000>()](int x) {
            return x + room[0] + static_cast<int>(text.size());
        };
        bool added = false;
        try {
            const heap::Refusing refusing(n);
            d.addCallback(callback);
            added = true;
        } catch (const std::bad_alloc&) {
            EXPECT_EQ(heap::asked(), n);
        }
        marline::succeed().addCallback([&] { return d; }).addCallback([&](int x) { seen = x; });
        EXPECT_EQ(seen, added ? 101 : 1);
    });
    EXPECT_EQ(refused, 2);
}

// Firing needs no memory, and a Failure that finds none holds std::bad_alloc instead: nobody who
// waits is left without an answer.
TEST(OutOfMemory, failingAlwaysFails) {
    CatchUnhandled unhandled;
    const long refused = forEveryAllocation([](long n) {
        bool late = false;
        bool outOfMemory = false;
        Deferred<int> d;
        d.addErrback([&](const Failure& why) {
            late = why.check<TimeoutError>() != nullptr;
            outOfMemory = why.check<std::bad_alloc>() != nullptr;
            return 0;
        });
        {
            const heap::Refusing refusing(n, true);
            d.errback(Failure::make<TimeoutError>("late"));
        }
        EXPECT_TRUE(n == 0 || heap::asked() < n ? late : outOfMemory) << n;
    });
    EXPECT_GE(refused, 1);  // the error's text; the error itself lies in recycled memory
    EXPECT_TRUE(unhandled.take().empty());
}

// A callback that runs out of memory fails the chain with std::bad_alloc, and one that throws
// something else keeps it or gets bad_alloc in its place.
TEST(OutOfMemory, whatACallbackThrowsIsNotLost) {
    CatchUnhandled unhandled;
    const long refused = forEveryAllocation([](long n) {
        std::string seen;
        Deferred<int> d;
        d.addCallback([](int) -> int { throw TimeoutError("late"); });
        d.addErrback([&](const Failure& why) {
            seen = why.check<TimeoutError>() != nullptr     ? "late"
                   : why.check<std::bad_alloc>() != nullptr ? "memory"
                                                            : "else";
            return 0;
        });
        {
            const heap::Refusing refusing(n, true);
            d.callback(1);
        }
        EXPECT_EQ(seen, n == 0 || heap::asked() < n ? "late" : "memory") << n;
    });
    EXPECT_GE(refused, 1);
    EXPECT_TRUE(unhandled.take().empty());
}

// Waiting for a returned Deferred and going on asks for nothing at all.
TEST(OutOfMemory, chainingAsksForNothing) {
    Deferred<int> inner;
    Deferred<int> outer;
    int seen = 0;
    outer.addCallback([&](int) { return inner; }).addCallback([&](int x) { seen = x; });
    const heap::Refusing refusing(1, true);
    outer.callback(1);
    outer.pause();
    outer.unpause();
    inner.callback(7);
    EXPECT_EQ(seen, 7);
    EXPECT_EQ(heap::asked(), 0);
}

// cancel() always ends the operation, be it with std::bad_alloc in the place of CancelledError.
TEST(OutOfMemory, cancellingAlwaysEnds) {
    const long refused = forEveryAllocation([](long n) {
        std::string seen = "pending";
        Deferred<int> inner;
        Deferred<int> outer;
        outer.addCallback([&](int) { return inner; }).addErrback([&](const Failure& why) {
            seen = why.check<std::bad_alloc>() != nullptr ? "memory" : "cancelled";
            return 0;
        });
        outer.callback(1);
        {
            const heap::Refusing refusing(n, true);
            outer.cancel();
        }
        EXPECT_EQ(seen, n == 0 || heap::asked() < n ? "cancelled" : "memory");
    });
    EXPECT_GE(refused, 1);
}

// A source that is lost says so without memory, too.
TEST(OutOfMemory, losingASourceIsTold) {
    const long refused = forEveryAllocation([](long n) {
        std::string seen = "pending";
        auto source = std::make_unique<DeferredSource<int>>();
        source->deferred().addErrback([&](const Failure& why) {
            seen = why.check<std::bad_alloc>() != nullptr ? "memory" : "lost";
            return 0;
        });
        {
            const heap::Refusing refusing(n, true);
            source.reset();
        }
        EXPECT_EQ(seen, n == 0 || heap::asked() < n ? "lost" : "memory");
    });
    EXPECT_GE(refused, 1);
}

// A Failure that no memory could be had for is reported like any other, and so is one that there
// is no memory to describe.
TEST(OutOfMemory, theReportComesAnyway) {
    testing::internal::CaptureStderr();
    {
        const heap::Refusing refusing(1, true);
        marline::reportUnhandled(Failure::make<TimeoutError>("late"),
                                 std::source_location::current());
    }
    EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("Unhandled error"));
}

/// Makes a list of three inputs with the n-th allocation refused, and says what came of it and of
/// the inputs once they fire.
std::vector<std::string> tryList(long n, bool consume) {
    std::vector<std::string> seen(4, "pending");
    std::vector<Deferred<int>> inputs(3);
    try {
        const heap::Refusing refusing(n);
        auto list = DeferredList(inputs, {.consumeErrors = consume});
        list.addBoth([&](const Result<std::vector<Result<int>>>& all) {
            seen[3] = all.ok() ? "list" : all.failure().typeName();
        });
    } catch (const std::bad_alloc&) {
        seen[3] = "thrown";
    }
    for (std::size_t i = 0; i < 3; ++i) {
        Deferred<int> input = inputs[i];
        const auto note = [&seen, i](const Result<int>& outcome) {
            seen[i] = outcome.ok() ? std::to_string(outcome.value()) : "failed";
        };
        if (!consume) {
            input.addBoth(note);
        }
        if (i == 1) {
            input.errback(TimeoutError("late"));
        } else {
            input.callback(static_cast<int>(i));
        }
    }
    return seen;
}

// A DeferredList that cannot be made throws, and its inputs go on without it.
TEST(OutOfMemory, aListThatCannotBeMadeLeavesItsInputsUsable) {
    for (const bool consume : {false, true}) {
        const long refused = forEveryAllocation([&](long n) {
            // An input that the list did not get to reports its own Failure.
            const CatchUnhandled unhandled;
            const auto seen = tryList(n, consume);
            const std::string last = seen[3];
            EXPECT_TRUE(last == "list" || last == "thrown") << last;
            if (!consume) {
                EXPECT_THAT(seen, ElementsAre("0", "failed", "2", last));
            }
        });
        EXPECT_GE(refused, 3);
    }
}

// A DeferredList that has been made fires whatever happens to the memory then.
TEST(OutOfMemory, aListNeedsNoMemoryToFire) {
    bool fired = false;
    std::vector<Deferred<int>> inputs(3);
    DeferredList(inputs).addCallback([&](const std::vector<Result<int>>&) { fired = true; });
    const heap::Refusing refusing(1, true);
    for (Deferred<int>& input : inputs) {
        input.callback(1);
    }
    EXPECT_TRUE(fired);
    EXPECT_EQ(heap::asked(), 0);
}

// An outcome that cannot be copied to the list is a Failure there, and stays in its input.
TEST(OutOfMemory, aListWhoseCopyFailsHasAFailureInItsPlace) {
    const std::string text(100, 'x');
    const long refused = forEveryAllocation([&](long n) {
        std::size_t listed = 0;
        std::size_t own = 0;
        Deferred<std::string> input;
        DeferredList(std::vector{input})
            .addCallback([&](const std::vector<Result<std::string>>& all) {
                listed = all[0].ok() ? all[0].value().size() : 1;
            });
        input.addCallback([&](const std::string& value) { own = value.size(); });
        std::string value = text;
        {
            const heap::Refusing refusing(n);
            input.callback(std::move(value));
        }
        EXPECT_EQ(listed, n == 0 || heap::asked() < n ? 100U : 1U) << n;
        EXPECT_EQ(own, 100U) << n;
    });
    EXPECT_EQ(refused, 1);
}

// FirstError says which input failed, or is std::bad_alloc; the list fails either way.
TEST(OutOfMemory, aListFailsAtTheFirstFailureAnyway) {
    const long refused = forEveryAllocation([](long n) {
        const char* seen = "pending";
        std::vector<Deferred<int>> inputs(2);
        DeferredList(inputs, {.fireOnOneErrback = true, .consumeErrors = true})
            .addBoth([&](const Result<std::vector<Result<int>>>& all) {
                seen = all.ok()                                           ? "list"
                       : all.failure().check<std::bad_alloc>() != nullptr ? "memory"
                                                                          : "first";
            });
        const Failure late = Failure::make<TimeoutError>("late");
        {
            const heap::Refusing refusing(n);
            inputs[1].errback(late);
        }
        EXPECT_STREQ(seen, n == 0 || heap::asked() < n ? "first" : "memory") << n;
    });
    EXPECT_GE(refused, 2);
}

}  // namespace
