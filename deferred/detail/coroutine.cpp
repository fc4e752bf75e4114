#include <marline/deferred/detail/coroutine.hpp>

#include <marline/deferred/errors.hpp>

namespace marline::detail {

CoroutineFrame::CoroutineFrame(const TypeOps& type, std::size_t room)
    : chain_(Chain::create(type, room, std::source_location())) {
    chain_->beginCoroutine();
}

void CoroutineFrame::failed(Failure failure) noexcept {
    failure.passed(made_);
    failure_ = std::move(failure);
    outcome_ = Outcome::Failure;
}

void CoroutineFrame::unhandled_exception() noexcept {
    const TypeOps& type = *chain_->sourceType();
    if (outcome_ == Outcome::Value && type.destroy != nullptr) {
        // A local variable's destructor has thrown after the co_return.
        type.destroy(chain_->sourceSlot());
    }
    Failure leaving = failure_.holdsError() ? Failure::current(failure_) : Failure::current();
    if (failure_.holdsError() && leaving == failure_) {
        outcome_ = Outcome::Failure;  // it has the place of the co_await already
    } else {
        failed(std::move(leaving));
    }
}

/// The body has ended and its variables are gone; the frame follows.
void CoroutineFrame::finish() noexcept {
    if (outcome_ == Outcome::Value) {
        chain_->setValue(chain_->sourceSlot(), *chain_->sourceType());
    } else {
        chain_->setFailure(std::move(failure_));
    }
    if (ended_ != nullptr) {
        *ended_ = chain_;
    } else {
        chain_->release();
    }
}

AwaiterState::~AwaiterState() {
    if (awaited_ != nullptr) {
        awaited_->release();
    }
}

void AwaiterState::receive(Chain& from) noexcept {
    if (from.state() == State::Value) {
        from.moveValueTo(slot_);
        hasValue_ = true;
    } else {
        failure_ = from.moveFailure();
    }
}

/// Goes on with the coroutine. Gives its chain, with a reference, when it ended.
Chain* AwaiterState::resume() noexcept {
    Chain* ended = nullptr;
    frame_.resumedBy(ended);
    coroutine_.resume();  // *this may be gone afterwards
    return ended;
}

Chain* AwaiterState::take(Chain& from) noexcept {
    receive(from);
    return resume();
}

void AwaiterState::abandoned() noexcept {
    failure_ = Failure::make<DeferredLost>();
    if (Chain* ended = resume()) {
        Chain::run(ended);
    }
}

Failure AwaiterState::takeFailure() noexcept { return std::move(failure_); }

void AwaiterState::raise() {
    const Failure failure = takeFailure();
    failure.passed(site_);
    frame_.noteThrown(failure);
    failure.raise();
}

}  // namespace marline::detail
