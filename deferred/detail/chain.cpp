#include <marline/deferred/detail/chain.hpp>

#include <algorithm>
#include <string>

#include <marline/deferred/detail/block_pool.hpp>
#include <marline/deferred/errors.hpp>
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

// How far a circle of Deferreds that wait for each other is looked for. Longer ones wait for ever,
// as in Twisted; looking further would make building a long chain quadratic.
constexpr int kCircleDepth = 8;

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

std::string where(const std::source_location& site) {
    return std::string(site.file_name()) + ":" + std::to_string(site.line());
}

/// `T` out of GCC's and clang's `const char* … [with T = int]` and `… [T = int]`.
std::string readable(const TypeOps& type) {
    const std::string name = type.name();
    const std::size_t start = name.find("T = ");
    const std::size_t end = name.find_last_of(']');
    return start == std::string::npos ? name : name.substr(start + 4, end - start - 4);
}

std::uint8_t bit(State state) noexcept { return static_cast<std::uint8_t>(state); }

bool hasResult(State state) noexcept {
    return (bit(state) & (bit(State::Value) | bit(State::Failed))) != 0;
}

}  // namespace

Chain::Chain(const TypeOps& source, std::uint32_t size, std::size_t room,
             const std::source_location& where) noexcept
    : size_(size), sourceType_(&source), tailType_(&source),
      head_(reinterpret_cast<char*>(this + 1) + room), tail_(head_),
      end_(reinterpret_cast<char*>(this) + size - sizeof(Jump)), created_(where) {}

Chain* Chain::create(const TypeOps& source, std::size_t room, const std::source_location& where) {
    const std::size_t rounded = (room + 15) & ~std::size_t{15};
    const std::size_t size = std::max(kBlockSize, sizeof(Chain) + rounded + sizeof(Jump));
    return ::new (allocateBlock(size))
        Chain(source, static_cast<std::uint32_t>(size), rounded, where);
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
        reportUnhandled(moveFailure(), created_);
    }
}

void Chain::dropCanceller() noexcept {
    if (Canceller* canceller = std::exchange(canceller_, nullptr)) {
        canceller->~Canceller();
    }
}

// Firing and running.

void Chain::fireValue() noexcept {
    setValue(sourceSlot(), *sourceType_);
    dropCanceller();
    run(this);
}

void Chain::fireFailure(Failure failure) noexcept {
    failure_ = failure.releaseState();
    state_ = State::Failed;
    dropCanceller();
    run(this);
}

void Chain::run(Chain* chain) noexcept {
    while (chain != nullptr) {
        chain->runLinks();
        Chain* next = nullptr;
        if (chain->state_ == State::Waiting) {
            chain->splice();
        } else if (chain->terminal_ != nullptr && chain->idle()) {
            next = std::exchange(chain->terminal_, nullptr)->take(*chain);
        }
        chain->release();
        chain = next;
    }
}

void Chain::runLinks() noexcept {
    if (running_) {
        return;
    }
    running_ = true;
    while (head_ != tail_ && hasResult(state_) && pauses_ == 0) {
        Link& link = *reinterpret_cast<Link*>(head_);
        const LinkOps& ops = *link.ops;
        if (ops.run == nullptr) {
            enterNextBlock();
            continue;
        }
        head_ += ops.size;
        if ((ops.handles & bit(state_)) != 0) {
            ops.run(link, *this);
            continue;
        }
        if (state_ == State::Failed) {
            failure_->passed(link.site);
        }
        if (ops.drop != nullptr) {
            ops.drop(link);
        }
    }
    running_ = false;
}

/// True when there is a result and nothing more to do with it.
bool Chain::idle() const noexcept {
    return hasResult(state_) && head_ == tail_ && pauses_ == 0 && !running_;
}

void Chain::unpause() {
    if (pauses_ == 0) {
        throw std::logic_error("unpause() on a Deferred that is not paused, made at " +
                               where(created_));
    }
    if (--pauses_ == 0 && hasResult(state_) && !running_) {
        retain();
        run(this);
    }
}

void Chain::setFailure(Failure failure, const std::source_location& site) noexcept {
    failure_ = failure.releaseState();
    failure_->passed(site);
    state_ = State::Failed;
}

// Waiting for another chain.

void Chain::waitFor(Chain* inner, void* slot, const std::source_location& site) noexcept {
    if (wouldWaitForItself(*inner)) {
        setFailure(Failure::make<DeferredTypeError>(
                       "a callback returned the Deferred that it is attached to, or one that "
                       "waits for it: neither could ever go on"),
                   site);
    } else if (inner->claimed()) {
        setFailure(Failure::make<DeferredTypeError>(
                       "a callback returned a Deferred whose result goes to another one already; "
                       "a result has one taker"),
                   site);
    } else if (inner->idle()) {
        if (inner->state_ == State::Value) {
            const TypeOps& type = *inner->valueType_;
            inner->moveValueTo(slot);
            setValue(slot, type);
        } else {
            setFailure(inner->moveFailure(), site);
        }
    } else {
        state_ = State::Waiting;
        value_ = slot;
        waitingOn_ = inner;
        retain();
        inner->terminal_ = this;
    }
    inner->release();
}

bool Chain::wouldWaitForItself(const Chain& inner) const noexcept {
    const Chain* next = &inner;
    for (int depth = 0; next != nullptr && depth < kCircleDepth; ++depth) {
        if (next == this) {
            return true;
        }
        next = next->waitingOn_;
    }
    return false;
}

Chain* Chain::take(Chain& from) noexcept {
    waitingOn_ = nullptr;
    if (from.state_ == State::Value) {
        void* slot = value_;
        const TypeOps& type = *from.valueType_;
        from.moveValueTo(slot);
        setValue(slot, type);
    } else {
        failure_ = from.moveFailure().releaseState();
        state_ = State::Failed;
    }
    return this;
}

void Chain::abandoned() noexcept {
    waitingOn_ = nullptr;
    release();
}

void Chain::moveValueTo(void* slot) noexcept {
    valueType_->relocate(value_, slot);
    state_ = State::Moved;
}

Failure Chain::moveFailure() noexcept {
    state_ = State::Moved;
    return Failure::adopt(failure_);
}

/// The chain that this one does nothing for but hand its result on, when nobody else could tell
/// whether this one exists: besides the one that it waits for, `otherReferences` are known of.
Chain* Chain::forwardsTo(std::uint32_t otherReferences) const noexcept {
    const bool unseen = refs_ == 1 + otherReferences;
    return unseen && head_ == tail_ && pauses_ == 0 && terminal_ != nullptr ? terminal_->asChain()
                                                                            : nullptr;
}

/// Leaves the line between `source`, which this waits for, and `target`, which waits for this.
void Chain::leave(Chain& target, Chain& source) noexcept {
    source.terminal_ = std::exchange(terminal_, nullptr);
    target.waitingOn_ = &source;
    waitingOn_ = nullptr;
    state_ = State::Moved;
    release();
}

/// Takes chains that only forward out of the line, so that a loop written as recursion keeps a
/// line of constant length.
void Chain::splice() noexcept {
    Chain* source = waitingOn_;
    if (source == nullptr) {
        return;
    }
    while (terminal_ != nullptr) {
        Chain* above = terminal_->asChain();
        Chain* target = above != nullptr ? above->forwardsTo(0) : nullptr;
        if (target == nullptr) {
            break;
        }
        above->leave(*target, *this);
    }
    if (Chain* target = forwardsTo(1)) {
        leave(*target, *source);
    }
}

void Chain::setTerminal(Terminal& terminal, const TypeOps& expected) {
    if (tailType_ != &expected || claimed()) {
        refuseLink(expected);
    }
    terminal_ = &terminal;
    if (idle()) {
        retain();
        run(this);
    }
}

// Cancelling.

void Chain::cancel() {
    Chain* chain = this;
    while (chain->state_ == State::Waiting && chain->waitingOn_ != nullptr) {
        chain = chain->waitingOn_;
    }
    chain->retain();
    if (chain->state_ == State::Waiting) {
        // What it waited for died unfired.
        chain->fireFailure(Failure::make<CancelledError>());
        return;
    }
    if (chain->state_ == State::Unfired) {
        if (chain->canceller_ != nullptr) {
            try {
                chain->callCanceller();
            } catch (...) {
                chain->release();
                throw;
            }
        } else {
            chain->swallowNext_ = true;
        }
        if (chain->state_ == State::Unfired) {
            chain->fireFailure(Failure::make<CancelledError>());
            return;
        }
    }
    chain->release();
}

void Chain::callCanceller() {
    // Firing drops the canceller, which must not happen to the one that runs.
    Canceller* canceller = std::exchange(canceller_, nullptr);
    try {
        (*canceller)(*this);
    } catch (...) {
        if (state_ == State::Unfired) {
            canceller_ = canceller;
        } else {
            canceller->~Canceller();
        }
        throw;
    }
    canceller->~Canceller();
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

// Misuse.

void Chain::refuseLink(const TypeOps& expected) const {
    if (claimed()) {
        throw DeferredTypeError(
            "this Deferred's result goes to another Deferred or coroutine "
            "already; add to that one. Made at " +
            where(created_));
    }
    throw DeferredTypeError("this Deferred yields " + readable(*tailType_) + " now, not " +
                            readable(expected) +
                            ": use what the last addCallback returned. Made at " + where(created_));
}

void Chain::refuseFiring() {
    if (swallowNext_) {
        swallowNext_ = false;
        return;
    }
    throw AlreadyCalledError("callback() or errback() on a Deferred that has fired, made at " +
                             where(created_));
}

}  // namespace marline::detail
