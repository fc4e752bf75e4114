#include <marline/deferred/detail/block_pool.hpp>

#include <new>

namespace marline::detail {
namespace {

// Under AddressSanitizer nothing is recycled, so that it sees every use after free.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kMaxFree = 0;
#else
constexpr std::size_t kMaxFree = 4096;
#endif

struct FreeBlock {
    FreeBlock* next;
};

/// The blocks that this thread keeps for its next chains.
class FreeList {
public:
    ~FreeList() {
        closed_ = true;
        while (void* block = pop()) {
            ::operator delete(block, kBlockSize);
        }
    }

    void* pop() noexcept {
        FreeBlock* block = head_;
        if (block != nullptr) {
            head_ = block->next;
            --count_;
        }
        return block;
    }

    bool push(void* block) noexcept {
        if (count_ >= kMaxFree || closed_) {
            return false;
        }
        head_ = ::new (block) FreeBlock{head_};
        ++count_;
        return true;
    }

private:
    FreeBlock* head_ = nullptr;
    std::size_t count_ = 0;
    // Chains may still die after this thread's list did, during the thread's last destructors.
    bool closed_ = false;
};

thread_local FreeList freeList;

}  // namespace

void* allocateBlock(std::size_t size) {
    if (size == kBlockSize) {
        if (void* block = freeList.pop()) {
            return block;
        }
    }
    return ::operator new(size);
}

void freeBlock(void* block, std::size_t size) noexcept {
    if (size != kBlockSize || !freeList.push(block)) {
        ::operator delete(block, size);
    }
}

}  // namespace marline::detail
