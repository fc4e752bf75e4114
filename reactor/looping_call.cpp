#include <marline/reactor/looping_call.hpp>

#include <marline/deferred/errors.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/unhandled.hpp>

#include <stdexcept>
#include <string>

namespace marline {

/// What the handles share. The pending call, or the link on the Deferred that is waited for, owns
/// it while it runs.
class LoopingCall::Loop final : public RefCounted {
public:
    Loop(IReactorTime& clock, Counting counting, Call call)
        : clock_(clock), call_(std::move(call)), counting_(counting == Counting::Yes) {}

    bool running() const noexcept { return running_; }
    Duration interval() const noexcept { return interval_; }

    Deferred<> start(Duration interval, bool now, const std::source_location& where);
    void stop();
    void reset();
    Deferred<> deferred() const;

private:
    void schedule(Duration now);
    void call();
    std::optional<Deferred<>> callWithCount();
    /// How many instants of the grid lie between its start and `time`. A call comes after the
    /// start, and the one before it does not: so no count is zero.
    std::int64_t intervalAt(Duration time) const noexcept { return (time - start_) / interval_; }
    void callEnded();
    void failed(const Failure& why);
    void cancelled();
    void cancelNext() {
        if (next_.active()) {
            next_.cancel();
        }
    }
    void requireRunning(const char* what) const {
        if (!running_) {
            throw std::logic_error(std::string("LoopingCall::") + what +
                                   " on a loop that does not run");
        }
    }

    IReactorTime& clock_;
    Call call_;
    bool counting_;
    bool running_ = false;
    bool calling_ = false;
    Duration interval_{};
    Duration start_{};
    Duration lastCount_{};  // when the count was last told
    std::source_location where_;
    DelayedCall next_;
    std::optional<DeferredSource<>> end_;  // until the loop has ended
};

Deferred<> LoopingCall::Loop::start(Duration interval, bool now,
                                    const std::source_location& where) {
    if (interval < Duration::zero()) {
        throw std::invalid_argument("LoopingCall::start() with a negative interval");
    }
    if (end_ || calling_) {
        throw std::logic_error(running_ ? "LoopingCall::start() on a loop that runs"
                                        : "LoopingCall::start() before the last call is over");
    }
    running_ = true;
    interval_ = interval;
    where_ = where;
    start_ = clock_.seconds();
    lastCount_ = now ? start_ - interval : start_;
    // The source's chain does not own the loop: it is the loop that owns the source.
    end_.emplace([this](Deferred<>) { cancelled(); }, where);
    Deferred<> result = end_->deferred();
    if (now) {
        call();
    } else {
        schedule(start_);
    }
    return result;
}

void LoopingCall::Loop::stop() {
    requireRunning("stop()");
    running_ = false;
    if (!calling_) {
        const Ref<Loop> self(this);
        cancelNext();
        std::exchange(end_, std::nullopt)->callback();
    }
}

void LoopingCall::Loop::reset() {
    requireRunning("reset()");
    start_ = clock_.seconds();
    if (!calling_) {
        next_.reset(interval_);
    }
}

Deferred<> LoopingCall::Loop::deferred() const {
    if (!end_) {
        throw std::logic_error("LoopingCall::deferred() on a loop that has ended");
    }
    return end_->deferred();
}

/// Plans the first instant of the grid after `now`.
void LoopingCall::Loop::schedule(Duration now) {
    const Duration wait =
        interval_ == Duration::zero() ? Duration::zero() : interval_ - (now - start_) % interval_;
    next_ = clock_.callLater(wait, [self = Ref<Loop>(this)] { self->call(); }, where_);
}

void LoopingCall::Loop::call() {
    calling_ = true;
    const Ref<Loop> self(this);
    std::optional<Deferred<>> slow;
    try {
        slow = callWithCount();
    } catch (...) {
        failed(Failure::current());
        return;
    }
    if (!slow) {
        callEnded();
        return;
    }
    slow->addCallbacks([self] { self->callEnded(); },
                       [self](const Failure& why) { self->failed(why); });
}

std::optional<Deferred<>> LoopingCall::Loop::callWithCount() {
    if (!counting_ || interval_ == Duration::zero()) {
        return call_(1);
    }
    const Duration now = clock_.seconds();
    const std::int64_t count = intervalAt(now) - intervalAt(lastCount_);
    lastCount_ = now;
    return call_(count);
}

void LoopingCall::Loop::callEnded() {
    calling_ = false;
    if (running_) {
        schedule(clock_.seconds());
    } else if (end_) {
        std::exchange(end_, std::nullopt)->callback();
    }
}

void LoopingCall::Loop::failed(const Failure& why) {
    calling_ = false;
    running_ = false;
    if (end_) {
        std::exchange(end_, std::nullopt)->errback(why);
    } else {
        // start()'s Deferred was cancelled meanwhile, so nobody else would hear of it.
        reportUnhandled(why, where_);
    }
}

void LoopingCall::Loop::cancelled() {
    running_ = false;
    const Ref<Loop> self(this);
    std::exchange(end_, std::nullopt)->errback(Failure::make<CancelledError>());
    cancelNext();
}

// The handle.

LoopingCall::LoopingCall(IReactorTime& clock, Counting counting, Call call)
    : loop_(makeRef<Loop>(clock, counting, std::move(call))) {}

LoopingCall::LoopingCall(const LoopingCall&) noexcept = default;
LoopingCall::LoopingCall(LoopingCall&&) noexcept = default;
LoopingCall& LoopingCall::operator=(const LoopingCall&) noexcept = default;
LoopingCall& LoopingCall::operator=(LoopingCall&&) noexcept = default;
LoopingCall::~LoopingCall() = default;

Deferred<> LoopingCall::start(Duration interval, bool now, std::source_location where) {
    return loop_->start(interval, now, where);
}
void LoopingCall::stop() { loop_->stop(); }
void LoopingCall::reset() { loop_->reset(); }
bool LoopingCall::running() const noexcept { return loop_->running(); }
Duration LoopingCall::interval() const noexcept { return loop_->interval(); }
Deferred<> LoopingCall::deferred() const { return loop_->deferred(); }

}  // namespace marline
