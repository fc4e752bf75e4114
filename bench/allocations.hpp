// Counts every heap allocation of a program: include it in exactly one file of a bench.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace marline::bench {

/// The allocations made by operator new since the start. Single-threaded benches only.
inline std::uint64_t allocations = 0;

}  // namespace marline::bench

// Not inlined, or g++ would take free() for the counterpart of another operator new and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
    ++marline::bench::allocations;
    if (void* memory = std::malloc(size)) {
        return memory;
    }
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
