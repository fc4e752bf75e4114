// Lets each allocation of an operation fail in turn. For test programs with heap.cpp.
#pragma once

#include <concepts>

#include <gtest/gtest.h>

#include "test/support/heap.hpp"

namespace marline::test {

// More than any operation here asks for, so that a loop that never gets through ends.
inline constexpr long kMostAllocations = 200;

/// Calls `operation` again and again, with its first, second … allocation refused, until it asks
/// for no more than it got. It gets a heap::Refusing to hold while it does what is looked at, and
/// must have left nothing behind when it returns. Gives how many allocations were refused.
template <std::invocable<long> F>
long forEveryAllocation(F operation) {
    // What is made once and kept, as the thread's free blocks and a Failure for bad_alloc, is
    // made here.
    operation(0);
    operation(1);
    for (long n = 1; n < kMostAllocations; ++n) {
        const long before = heap::live();
        operation(n);
        const long asked = heap::asked();
        EXPECT_EQ(heap::live(), before) << "left behind when allocation " << n << " failed";
        if (asked < n) {
            return n - 1;
        }
    }
    ADD_FAILURE() << "no end of allocations";
    return kMostAllocations;
}

}  // namespace marline::test
