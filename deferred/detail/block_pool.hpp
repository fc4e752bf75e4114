// Internal: recycled memory for chains.
#pragma once

#include <cstddef>

#include <marline/deferred/api.hpp>

namespace marline::detail {

/// The size of a block: a chain's header, its first value and about a dozen small links.
inline constexpr std::size_t kBlockSize = 640;

/// Gives `size` bytes, aligned for any object. Blocks of kBlockSize come from this thread's free
/// list when it has one. Throws std::bad_alloc.
MARLINE_API void* allocateBlock(std::size_t size);

/// Takes back what allocateBlock(size) gave, from the same thread or another one.
MARLINE_API void freeBlock(void* block, std::size_t size) noexcept;

}  // namespace marline::detail
