#include <marline/protocols/http/detail/head_block.hpp>

#include <utility>

namespace marline::http::detail {

namespace {

// What one thread keeps at most: enough that a server's connections find a block, small enough
// that a burst of large heads leaves nothing behind.
constexpr std::size_t kMostFreeBlocks = 32;
constexpr std::size_t kMostKeptBytes = 16 * 1024;
constexpr std::size_t kMostKeptFields = 256;
constexpr std::size_t kUsualFields = 32;

struct FreeBlocks {
    HeadBlock* first = nullptr;
    std::size_t count = 0;

    ~FreeBlocks();
};

// A parser with static storage outlives the thread's list; it then frees its block itself.
thread_local bool freeBlocksGone = false;
thread_local FreeBlocks freeBlocks;

FreeBlocks::~FreeBlocks() {
    freeBlocksGone = true;
    while (first != nullptr)
        delete std::exchange(first, first->nextFree);
}

}  // namespace

void HeadBlock::restart() noexcept {
    fieldBytes = 0;
    startLineRead = false;
    fields.clear();
    facts = {};
}

void ReturnHeadBlock::operator()(HeadBlock* block) const noexcept {
    if (freeBlocksGone || freeBlocks.count == kMostFreeBlocks ||
        block->bytes.capacity() > kMostKeptBytes || block->fields.capacity() > kMostKeptFields) {
        delete block;
        return;
    }
    block->bytes.clear();
    block->lineStart = 0;
    block->restart();
    block->nextFree = std::exchange(freeBlocks.first, block);
    ++freeBlocks.count;
}

HeadBlockPtr takeHeadBlock() {
    if (!freeBlocksGone && freeBlocks.first != nullptr) {
        HeadBlockPtr block(freeBlocks.first);
        freeBlocks.first = block->nextFree;
        --freeBlocks.count;
        return block;
    }
    HeadBlockPtr block(new HeadBlock);
    block->fields.reserve(kUsualFields);
    return block;
}

}  // namespace marline::http::detail
