// Cancelling chains.
#include <utility>

#include <marline/deferred/detail/chain.hpp>
#include <marline/deferred/errors.hpp>

namespace marline::detail {

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
    Chain* last = this;
    while (last->waitingOn_ != nullptr && !last->waitingOn_->dying()) {
        last = last->waitingOn_;
        if (last == this) {
            leaveCircle();
            return;
        }
    }
    Chain& chain = *last;
    if (chain.state_ == State::Waiting) {
        // What it waited for dies, or has died, unfired.
        chain.stopWaiting(Failure::make<CancelledError>());
    } else if (chain.state_ == State::Coroutine) {
        chain.cancelNext_ = chain.waitingOn_ == nullptr;
    } else if (chain.state_ == State::Unfired) {
        chain.cancelUnfired();
    }
}

/// Ends the wait of one of a circle of chains, each of which waits for the next one.
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
    } else if (!hadCanceller_) {
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

}  // namespace marline::detail
