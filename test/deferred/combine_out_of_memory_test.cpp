// Combinations when there is no memory: the n-th allocation of each fails, for every n.
#include <marline/deferred/combine.hpp>

#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/gather.hpp>
#include <marline/deferred/race.hpp>

#include "test/support/every_allocation.hpp"
#include "test/support/heap.hpp"
#include "test/support/unhandled.hpp"

namespace {

using marline::Deferred;
using marline::DeferredList;
using marline::Failure;
using marline::FailureGroup;
using marline::firstCallback;
using marline::FirstError;
using marline::gatherResults;
using marline::race;
using marline::TimeoutError;
using marline::test::CatchUnhandled;
using marline::test::forEveryAllocation;
namespace heap = marline::test::heap;

/// Fails the one input of what `combine` makes, while there is too little memory for `Expected`:
/// the combination fails all the same, and the input keeps its own failure if it keeps any.
template <class Expected, class Combine>
void failsAnyway(Combine combine, bool keeps) {
    const long refused = forEveryAllocation([&](long n) {
        const CatchUnhandled unhandled;
        const char* seen = "pending";
        bool kept = false;
        Deferred<int> input;
        combine(input).addBoth([&](const auto& outcome) {
            seen = outcome.ok()                                                    ? "value"
                   : outcome.failure().template check<Expected>() != nullptr       ? "expected"
                   : outcome.failure().template check<std::bad_alloc>() != nullptr ? "memory"
                                                                                   : "else";
        });
        if (keeps) {
            input.addErrback<TimeoutError>([&](const TimeoutError&) {
                kept = true;
                return 0;
            });
        }
        const Failure late = Failure::make<TimeoutError>("late, and said in more than few words");
        {
            const heap::Refusing refusing(n);
            input.errback(late);
        }
        EXPECT_STREQ(seen, n == 0 || heap::asked() < n ? "expected" : "memory") << n;
        EXPECT_EQ(kept, keeps) << n;
    });
    EXPECT_GE(refused, 2);
}

// FirstError is made where nothing can throw into the input.
TEST(CombineOutOfMemory, whatFailsAtTheFirstFailureFailsAnyway) {
    failsAnyway<FirstError>([](auto d) { return gatherResults(std::tuple{d}); }, true);
    failsAnyway<FirstError>([](auto d) { return gatherResults(std::vector{d}); }, true);
    failsAnyway<FirstError>(
        [](auto d) { return firstCallback(std::vector{d}, {.fireOnOneErrback = true}); }, true);
    failsAnyway<FirstError>(
        [](auto d) { return DeferredList(std::vector{d}, {.fireOnOneErrback = true}); }, true);
}

// So is FailureGroup.
TEST(CombineOutOfMemory, whatFailsWhenAllHaveFailedFailsAnyway) {
    failsAnyway<FailureGroup>([](auto d) { return firstCallback(std::vector{d}); }, true);
    failsAnyway<FailureGroup>([](auto d) { return race(std::vector{d}); }, false);
}

/// Makes a combination of three inputs: either that throws, and the inputs are as they were, or
/// the combination is there.
template <class Combine>
void throwsAndLeavesTheInputs(Combine combine) {
    const long refused = forEveryAllocation([&](long n) {
        const CatchUnhandled unhandled;
        std::vector<Deferred<int>> inputs(3);
        inputs[0].addCallback([](int x) { return x; });
        bool made = false;
        try {
            const heap::Refusing refusing(n);
            combine(inputs);
            made = true;
        } catch (const std::bad_alloc&) {
            EXPECT_EQ(heap::asked(), n);
        }
        int sum = 0;
        for (const Deferred<int>& input : inputs) {
            if (!made) {
                input.addCallback([&](int x) { sum += x; });
            }
            input.callback(2);
        }
        EXPECT_EQ(sum, made ? 0 : 6) << n;
    });
    EXPECT_GE(refused, 3);
}

// One that takes the outcomes and cannot be made has taken none.
TEST(CombineOutOfMemory, whatCannotBeMadeLeavesItsInputs) {
    throwsAndLeavesTheInputs([](const auto& all) { race(all); });
    throwsAndLeavesTheInputs([](const auto& all) { DeferredList(all, {.consumeErrors = true}); });
    throwsAndLeavesTheInputs([](const auto& all) {
        gatherResults(std::tuple{all[0], all[1], all[2]}, {.consumeErrors = true});
    });
}

}  // namespace
