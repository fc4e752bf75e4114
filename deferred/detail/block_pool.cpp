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

/// The blocks of one size that this thread keeps.
class FreeList {
public:
    explicit FreeList(std::size_t size) noexcept : size_(size) {}
    ~FreeList() {
        closed_ = true;
        while (void* block = pop()) {
            ::operator delete(block, size_);
        }
    }

    std::size_t size() const noexcept { return size_; }

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
    std::size_t size_;
    FreeBlock* head_ = nullptr;
    std::size_t count_ = 0;
    // Chains may still die after this thread's list did, during the thread's last destructors.
    bool closed_ = false;
};

// Small ones for errors and short coroutines.
thread_local FreeList smallBlocks(256);
thread_local FreeList blocks(kBlockSize);

/// Where blocks for `size` bytes come from; null when it is too large.
FreeList* listFor(std::size_t size) noexcept {
    if (kMaxFree == 0) {
        return nullptr;
    }
    return size <= smallBlocks.size() ? &smallBlocks : size <= kBlockSize ? &blocks : nullptr;
}

}  // namespace

void* allocateBlock(std::size_t size) {
    FreeList* list = listFor(size);
    if (list == nullptr) {
        return ::operator new(size);
    }
    void* block = list->pop();
    return block != nullptr ? block : ::operator new(list->size());
}

void freeBlock(void* block, std::size_t size) noexcept {
    FreeList* list = listFor(size);
    if (list == nullptr) {
        ::operator delete(block, size);
    } else if (!list->push(block)) {
        ::operator delete(block, list->size());
    }
}

}  // namespace marline::detail
