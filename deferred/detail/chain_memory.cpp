// Where chains lie in memory, and how they die.
#include <algorithm>

#include <marline/deferred/debug.hpp>
#include <marline/deferred/detail/block_pool.hpp>
#include <marline/deferred/detail/chain.hpp>
#include <marline/deferred/detail/debug_info.hpp>
#include <marline/deferred/unhandled.hpp>

namespace marline::detail {

/// A further block of links.
struct alignas(16) Chain::Block {
    Block* next;
    std::size_t size;

    char* begin() noexcept { return reinterpret_cast<char*>(this + 1); }
    bool holds(const void* address) const noexcept {
        const auto* at = static_cast<const char*>(address);
        const auto* start = reinterpret_cast<const char*>(this);
        return at >= start && at < start + size;
    }
};

namespace {

/// The last link of a block that is full.
struct Jump : Link {
    char* next;
};

constexpr LinkOps kJumpOps{nullptr, nullptr, sizeof(Jump), 0};

/// The chains that died while another one was being destroyed: destroying them one after another,
/// not inside each other, is what lets a chain of any length die in constant stack.
class Graveyard {
public:
    bool busy() const noexcept { return busy_; }
    void setBusy(bool busy) noexcept { busy_ = busy; }

    void bury(Chain& chain, Chain*& next) noexcept {
        next = dying_;
        dying_ = &chain;
    }
    Chain* dying() const noexcept { return dying_; }
    void setDying(Chain* chain) noexcept { dying_ = chain; }

private:
    Chain* dying_ = nullptr;
    bool busy_ = false;
};

thread_local Graveyard graveyard;

}  // namespace

Chain::Chain(const TypeOps& source, std::uint32_t size, std::size_t room,
             const std::source_location& where) noexcept
    : size_(size), sourceType_(&source), tailType_(&source),
      head_(reinterpret_cast<char*>(this + 1) + room), tail_(head_),
      end_(reinterpret_cast<char*>(this) + size - sizeof(Jump)), created_(where) {}

Chain* Chain::create(const TypeOps& source, std::size_t room, const std::source_location& where) {
    const std::size_t rounded = (room + 15) & ~std::size_t{15};
    const std::size_t size = std::max(kBlockSize, sizeof(Chain) + rounded + sizeof(Jump));
    auto* chain =
        ::new (allocateBlock(size)) Chain(source, static_cast<std::uint32_t>(size), rounded, where);
    if (getDebugging()) [[unlikely]] {
        chain->debug(&DebugInfo::madeHere);
    }
    return chain;
}

Chain::~Chain() {
    dropLinks();
    dropCanceller();
    dropResult();
    if (terminal_ != nullptr) {
        terminal_->abandoned();
    }
    while (Block* block = blocks_) {
        blocks_ = block->next;
        freeBlock(block, block->size);
    }
}

void Chain::dispose(Chain& chain) noexcept {
    chain.refs_ = kDying;
    if (graveyard.busy()) {
        graveyard.bury(chain, chain.nextDying_);
        return;
    }
    graveyard.setBusy(true);
    graveyard.bury(chain, chain.nextDying_);
    while (Chain* dying = graveyard.dying()) {
        graveyard.setDying(dying->nextDying_);
        const std::size_t size = dying->size_;
        dying->~Chain();
        freeBlock(dying, size);
    }
    graveyard.setBusy(false);
}

void Chain::dropLinks() noexcept {
    while (head_ != tail_) {
        Link& link = *reinterpret_cast<Link*>(head_);
        if (link.ops->run == nullptr) {
            head_ = static_cast<Jump&>(link).next;
            continue;
        }
        head_ += link.ops->size;
        if (link.ops->drop != nullptr) {
            link.ops->drop(link);
        }
    }
}

void Chain::dropResult() noexcept {
    if (state_ == State::Value && valueType_->destroy != nullptr) {
        valueType_->destroy(value_);
    } else if (state_ == State::Failed) {
        reportUnhandled({moveFailure(), created_, stacks()});
    }
}

void Chain::dropCanceller() noexcept {
    if (Canceller* canceller = std::exchange(canceller_, nullptr)) {
        canceller->~Canceller();
    }
}

// Memory for links.

void Chain::grow(std::size_t size) {
    const std::size_t needed = sizeof(Block) + size + sizeof(Jump);
    const std::size_t blockSize = std::max(kBlockSize, (needed + 15) & ~std::size_t{15});
    auto* block = ::new (allocateBlock(blockSize)) Block{nullptr, blockSize};
    (blocks_ == nullptr ? blocks_ : lastBlock_->next) = block;
    lastBlock_ = block;
    const bool empty = head_ == tail_;
    auto* jump = ::new (static_cast<void*>(tail_)) Jump{};
    jump->ops = &kJumpOps;
    jump->next = block->begin();
    tail_ = block->begin();
    end_ = reinterpret_cast<char*>(block) + blockSize - sizeof(Jump);
    // If making the link throws, no jump is to be left in an idle chain. Not while a link runs or
    // the chain waits: that link's block must stay.
    if (empty && !running_ && state_ != State::Waiting) {
        enterNextBlock();
    }
}

/// Goes on in the next block, and frees the ones before it that hold nothing any more.
void Chain::enterNextBlock() noexcept {
    head_ = reinterpret_cast<Jump*>(head_)->next;
    const void* live = state_ == State::Value ? value_ : nullptr;
    Block** at = &blocks_;
    while (!(*at)->holds(head_)) {
        Block* block = *at;
        if (block->holds(live)) {
            at = &block->next;
        } else {
            *at = block->next;
            freeBlock(block, block->size);
        }
    }
}

}  // namespace marline::detail
