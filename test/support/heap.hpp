// What a program does on the heap, and a heap that refuses. Link heap.cpp, which replaces operator
// new, into a test program of its own.
#pragma once

#include <cstddef>

namespace marline::test::heap {

/// The blocks that operator new gave this thread and that were not given back.
long live() noexcept;

/// Refuses this thread's n-th allocation while it lives, with std::bad_alloc, and with `onwards`
/// all that follow it; n = 0 refuses nothing. One at a time.
class Refusing {
public:
    explicit Refusing(long n, bool onwards = false) noexcept;
    Refusing(const Refusing&) = delete;
    Refusing& operator=(const Refusing&) = delete;
    ~Refusing();
};

/// The allocations that this thread asked for while the last Refusing lived, the refused ones too.
long asked() noexcept;

}  // namespace marline::test::heap
