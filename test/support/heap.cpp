#include "test/support/heap.hpp"

#include <cstdlib>
#include <new>

namespace marline::test::heap {
namespace {

thread_local long liveBlocks = 0;
thread_local long askedBlocks = 0;
thread_local long refused = 0;
thread_local bool refusedOnwards = false;
thread_local bool counting = false;

}  // namespace

long live() noexcept { return liveBlocks; }
long asked() noexcept { return askedBlocks; }

Refusing::Refusing(long n, bool onwards) noexcept {
    askedBlocks = 0;
    refused = n;
    refusedOnwards = onwards;
    counting = true;
}

Refusing::~Refusing() { counting = false; }

namespace {

void* allocate(std::size_t size) noexcept {
    if (counting) {
        ++askedBlocks;
        if (askedBlocks == refused || (refused != 0 && refusedOnwards && askedBlocks > refused)) {
            return nullptr;
        }
    }
    void* memory = std::malloc(size);
    liveBlocks += memory != nullptr ? 1 : 0;
    return memory;
}

void release(void* memory) noexcept {
    liveBlocks -= memory != nullptr ? 1 : 0;
    std::free(memory);
}

}  // namespace
}  // namespace marline::test::heap

// Not inlined, or g++ would take free() for the counterpart of another operator new and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
    if (void* memory = marline::test::heap::allocate(size)) {
        return memory;
    }
    throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return marline::test::heap::allocate(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    marline::test::heap::release(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    marline::test::heap::release(memory);
}
[[gnu::noinline]] void operator delete(void* memory, const std::nothrow_t&) noexcept {
    marline::test::heap::release(memory);
}
