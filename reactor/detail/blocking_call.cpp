#include <marline/reactor/detail/blocking_call.hpp>

#include <utility>

#include <marline/reactor/detail/reactor_parts.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/threads.hpp>

namespace marline::detail {
namespace {

std::exception_ptr reactorStopped() {
    return std::make_exception_ptr(ReactorStopped(
        "blockingCallFromThread() has no answer: the reactor has stopped, or is gone"));
}

}  // namespace

/// What the reactor's queue holds: runs the call.
class BlockingCall::Post {
public:
    explicit Post(std::shared_ptr<BlockingCall> call) noexcept : duty_(std::move(call)) {}
    Post(Post&& other) noexcept = default;
    Post& operator=(Post&& other) = delete;
    ~Post() {
        if (const auto call = duty_.release()) {
            call->fail(reactorStopped());
        }
    }

    void operator()() {
        // Who has given up has perhaps left what the function refers to.
        if (duty_.call()->over()) {
            return;
        }
        try {
            duty_.call()->run(duty_);
        } catch (...) {
            if (const auto call = duty_.release()) {
                call->fail(std::current_exception());
            }
        }
    }

private:
    Duty duty_;
};

BlockingCall::Duty::~Duty() {
    if (call_ != nullptr) {
        call_->fail(std::make_exception_ptr(DeferredLost()));
    }
}

BlockingCall::~BlockingCall() = default;

void BlockingCall::wait(Reactor& reactor) {
    if (reactor.isInIoThread()) {
        throw WrongThread(
            "blockingCallFromThread() on the reactor's own thread would wait for itself; call the "
            "function directly");
    }
    const std::shared_ptr<ThreadQueue> queue = reactor.parts().queue;
    const std::shared_ptr<BlockedThreads> blocked = reactor.parts().blocked;
    if (!blocked->enter(*this)) {
        std::rethrow_exception(reactorStopped());
    }
    queue->push(Post(shared_from_this()));
    {
        std::unique_lock lock(mutex_);
        ended_.wait(lock, [this] { return over_; });
    }
    blocked->leave(*this);
}

bool BlockingCall::over() {
    const std::lock_guard lock(mutex_);
    return over_;
}

void BlockingCall::fail(std::exception_ptr error) noexcept {
    end([&] { keepError(std::move(error)); });
}

bool BlockedThreads::enter(BlockingCall& call) {
    const std::lock_guard lock(mutex_);
    if (!closed_) {
        waiting_.push_back(&call);
    }
    return !closed_;
}

void BlockedThreads::leave(BlockingCall& call) noexcept {
    const std::lock_guard lock(mutex_);
    std::erase(waiting_, &call);
}

void BlockedThreads::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    // They are alive: each leaves before it is gone, which needs the lock.
    for (BlockingCall* call : waiting_) {
        call->fail(reactorStopped());
    }
}

void BlockedThreads::open() {
    const std::lock_guard lock(mutex_);
    closed_ = false;
}

}  // namespace marline::detail
