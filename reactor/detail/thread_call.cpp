#include <marline/reactor/detail/thread_call.hpp>

#include <utility>

#include <marline/reactor/detail/reactor_parts.hpp>
#include <marline/reactor/detail/thread_crew.hpp>

namespace marline::detail {
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
    : reactor_(&on.reactor), queue_(on.reactor.parts().queue), where_(on.where) {}

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

}  // namespace marline::detail
