// Internal: memory for chains, links, coroutines and errors, recycled in each thread.
#pragma once

#include <cstddef>

#include <marline/deferred/api.hpp>

namespace marline::detail {

/// What holds a chain with its first links.
inline constexpr std::size_t kBlockSize = 640;

/// Memory of `size` bytes or more, 16-byte aligned. Blocks of up to kBlockSize come from the
/// thread's free lists when there is one; other sizes from operator new. Throws std::bad_alloc.
MARLINE_API void* allocateBlock(std::size_t size);

/// Takes back what allocateBlock(size) gave.
MARLINE_API void freeBlock(void* block, std::size_t size) noexcept;

/// Objects of classes derived from it lie in such blocks.
struct Recycled {
    static void* operator new(std::size_t size) { return allocateBlock(size); }
    static void operator delete(void* block, std::size_t size) noexcept { freeBlock(block, size); }
};

}  // namespace marline::detail
