#include <marline/reactor/detail/thread_call.hpp>

#include <algorithm>
#include <string>

#include <marline/reactor/detail/reactor_parts.hpp>
#include <marline/reactor/detail/thread_crew.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/threads.hpp>

namespace marline::detail {
namespace {

std::exception_ptr reactorStopped() {
    return std::make_exception_ptr(ReactorStopped(
        "blockingCallFromThread() has no answer: the reactor has stopped, or is gone"));
}

}  // namespace

// From the reactor to a thread.

/// What the pool holds: runs the call, or drops it, and posts that to the reactor.
class ThreadCall::Job {
public:
    explicit Job(std::shared_ptr<ThreadCall> call) noexcept : call_(std::move(call)) {}
    Job(Job&& other) noexcept = default;
    Job& operator=(Job&& other) = delete;
    ~Job() {
        if (call_ != nullptr) {
            call_->drop();
            std::move(call_)->post();
        }
    }

    void operator()() {
        call_->run();
        std::exchange(call_, nullptr)->post();
    }

private:
    std::shared_ptr<ThreadCall> call_;
};

ThreadCall::ThreadCall(const ReactorHere& on)
    : reactor_(&on.reactor), queue_(on.reactor.parts().threads), where_(on.where) {}

ThreadCall::~ThreadCall() = default;

void ThreadCall::start(ThreadPool& pool) {
    crew_ = pool.crew();
    reactor_->parts().threadCalls.add(shared_from_this());
    try {
        number_ = pool.crew()->add(Job(shared_from_this()));
    } catch (...) {
        refusal_ = std::current_exception();
    }
}

void ThreadCall::withdraw() {
    if (const auto crew = crew_.lock()) {
        crew->withdraw(number_);
    }
}

/// Tells the reactor that it is over. In the thread that ran or dropped it.
void ThreadCall::post() {
    queue_->push([call = shared_from_this()] { call->arrive(); });
}

/// It is over. Reactor thread.
void ThreadCall::arrive() {
    if (reactor_ != nullptr) {
        reactor_->parts().threadCalls.remove(*this);
        if (refusal_ == nullptr) {
            refusal_ = std::make_exception_ptr(
                ThreadPoolStopped("a call in a thread was dropped: the pool has stopped"));
        }
        fire();
    }
}

Failure ThreadCall::failure(std::exception_ptr error) const {
    Failure failure(std::move(error));
    FailureState* state = failure.releaseState();
    state->passed(where_);
    return Failure::adopt(state);
}

void ThreadCalls::add(std::shared_ptr<ThreadCall> call) {
    call->index_ = calls_.size();
    calls_.push_back(std::move(call));
}

void ThreadCalls::remove(ThreadCall& call) noexcept {
    calls_.back()->index_ = call.index_;
    std::swap(calls_[call.index_], calls_.back());
    calls_.pop_back();
}

void ThreadCalls::abandonAll() {
    while (!calls_.empty()) {
        const std::shared_ptr<ThreadCall> call = calls_.back();
        remove(*call);
        call->reactor_ = nullptr;
        call->abandon();
    }
}

// From a thread to the reactor.

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
    const std::shared_ptr<ThreadQueue> queue = reactor.parts().threads;
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
