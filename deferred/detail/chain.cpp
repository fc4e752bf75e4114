#include <marline/deferred/detail/chain.hpp>

#include <string>

#include <marline/deferred/debug.hpp>
#include <marline/deferred/detail/debug_info.hpp>
#include <marline/deferred/detail/sites.hpp>
#include <marline/deferred/errors.hpp>

namespace marline::detail {

namespace {

// How far a circle of Deferreds that wait for each other is looked for. Longer ones wait for ever,
// as in Twisted, until somebody cancels; looking further would make building a long chain
// quadratic.
constexpr int kCircleDepth = 8;

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

/// Records where something happens. Without memory for that there is no record.
void Chain::debug(void (DebugInfo::*event)() noexcept) noexcept {
    if (debug_ == nullptr) {
        debug_.reset(new (std::nothrow) DebugInfo);
    }
    if (debug_ != nullptr) {
        (debug_.get()->*event)();
    }
}

std::string Chain::stacks() const noexcept {
    try {
        return debug_ != nullptr ? debug_->describe() : std::string();
    } catch (const std::bad_alloc&) {
        return {};
    }
}

// Firing and running.

void Chain::fireValue() noexcept {
    setValue(sourceSlot(), *sourceType_);
    fired();
}

void Chain::fireFailure(Failure failure) noexcept {
    setFailure(std::move(failure));
    fired();
}

void Chain::fired() noexcept {
    if (getDebugging()) [[unlikely]] {
        debug(&DebugInfo::firedHere);
    }
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
                               fileAndLine(created_));
    }
    if (--pauses_ == 0 && hasResult(state_) && !running_) {
        retain();
        run(this);
    }
}

// Waiting for another chain.

void Chain::waitFor(Chain* inner, const TypeOps& expected, void* slot,
                    const std::source_location& site) noexcept {
    if (const char* why = whyNotWait(*inner)) [[unlikely]] {
        setFailure(Failure::make<DeferredTypeError>(why), site);
    } else if (inner->tailType_ != &expected) [[unlikely]] {
        setFailure(inner->returnedStale(expected), site);
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

/// What speaks against waiting for `inner`, null when nothing does.
const char* Chain::whyNotWait(const Chain& inner) const noexcept {
    if (wouldWaitForItself(inner)) {
        return "a callback returned the Deferred that it is attached to, or one that waits for it: "
               "neither could ever go on";
    }
    return inner.claimed() ? "a callback returned a Deferred whose result goes to another one "
                             "already; a result has one taker"
                           : nullptr;
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
        setFailure(from.moveFailure());
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
        if (target == nullptr || above == source) {  // the latter in a circle
            break;
        }
        above->leave(*target, *this);
    }
    if (Chain* target = forwardsTo(1)) {
        leave(*target, *source);
    }
}

void Chain::checkTakeable(const Chain& other, const TypeOps& expected) const {
    if (other.tailType_ != &expected || other.claimed()) {
        other.refuseLink(expected);
    }
    if (wouldWaitForItself(other)) {
        throw DeferredTypeError("a coroutine awaits its own Deferred, or one that waits for it");
    }
}

bool Chain::mayTakeFrom(Chain& other, const TypeOps& expected) {
    checkTakeable(other, expected);
    if (cancelNext_ && !other.idle()) {
        cancelNext_ = false;
        other.cancel();
        checkTakeable(other, expected);  // a canceller may have done anything
    }
    return other.idle();
}

// Cancelling.

/// The end of the line of chains that wait for each other: the last one that still lives. In a
/// circle, one of those that make it up.
Chain& Chain::awaitedLast(bool& circle) noexcept {
    Chain* chain = this;
    const Chain* behind = this;  // at half the speed: in a circle it is caught up with
    for (bool odd = true; chain->waitingOn_ != nullptr && !chain->waitingOn_->dying(); odd = !odd) {
        chain = chain->waitingOn_;
        behind = odd ? behind : behind->waitingOn_;
        if (chain == behind) {
            circle = true;
            break;
        }
    }
    return *chain;
}

/// Waits no longer, and goes on with `failure`.
void Chain::stopWaiting(Failure failure) noexcept {
    if (Chain* awaited = std::exchange(waitingOn_, nullptr)) {
        awaited->terminal_ = nullptr;  // its reference to this is the one that firing takes
    } else {
        retain();
    }
    fireFailure(std::move(failure));
}

void Chain::cancel() {
    if (dying()) {
        return;
    }
    bool circle = false;
    Chain& chain = awaitedLast(circle);
    if (circle) {
        chain.leaveCircle();
    } else if (chain.state_ == State::Waiting) {
        // What it waited for dies, or has died, unfired.
        chain.stopWaiting(Failure::make<CancelledError>());
    } else if (chain.state_ == State::Coroutine) {
        chain.cancelNext_ = chain.waitingOn_ == nullptr;
    } else if (chain.state_ == State::Unfired) {
        chain.cancelUnfired();
    }
}

void Chain::leaveCircle() noexcept {
    if (state_ == State::Waiting) {
        stopWaiting(Failure::make<DeferredTypeError>(
            "cancelled in a circle of Deferreds that wait for each other: none could ever go on"));
    } else {
        std::exchange(waitingOn_->terminal_, nullptr)
            ->abandoned();  // a coroutine, with DeferredLost
    }
}

void Chain::cancelUnfired() {
    retain();
    if (canceller_ != nullptr) {
        try {
            callCanceller();
        } catch (...) {
            release();
            throw;
        }
    } else {
        swallowNext_ = true;
    }
    if (state_ == State::Unfired && !answersLater_) {
        fireFailure(Failure::make<CancelledError>());
    } else {
        release();
    }
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
    if (state_ == State::Unfired && answersLater_) {
        canceller_ = canceller;
    } else {
        canceller->~Canceller();
    }
}

// Descriptions.

std::string Chain::tailTypeName() const { return readable(*tailType_); }

Failure Chain::failure() const noexcept {
    failure_->retain();
    return Failure::adopt(failure_);
}

// Misuse.

void Chain::refuseLink(const TypeOps& expected) const {
    if (claimed()) {
        throw DeferredTypeError(
            "this Deferred's result goes to another Deferred or coroutine "
            "already; add to that one. Made at " +
            fileAndLine(created_));
    }
    throw DeferredTypeError(staleView(expected));
}

std::string Chain::staleView(const TypeOps& expected) const {
    return "this Deferred yields " + readable(*tailType_) + " now, not " + readable(expected) +
           ": use what the last addCallback returned. Made at " + fileAndLine(created_);
}

/// The Failure of a callback that returned a view of this that was no longer good.
Failure Chain::returnedStale(const TypeOps& expected) const noexcept {
    try {
        return Failure::make<DeferredTypeError>("returned from a callback: " + staleView(expected));
    } catch (const std::bad_alloc&) {
        return Failure::current();
    }
}

void Chain::refuseFiring() {
    if (swallowNext_) {
        swallowNext_ = false;
        return;
    }
    throw AlreadyCalledError(std::string("callback() or errback() on a Deferred that ") +
                             (state_ == State::Coroutine ? "a coroutine fires" : "has fired") +
                             ", made at " + fileAndLine(created_) + stacks());
}

}  // namespace marline::detail
