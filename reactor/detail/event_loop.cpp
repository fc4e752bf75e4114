#include <marline/reactor/detail/event_loop.hpp>

#include <cerrno>
#include <chrono>
#include <new>
#include <system_error>
#include <utility>

namespace marline::detail {
namespace {

event_base* makeBase() {
    event_config* config = event_config_new();
    if (config == nullptr) {
        throw std::bad_alloc();
    }
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    event_base* base = event_base_new_with_config(config);
    event_config_free(config);
    if (base == nullptr) {
        throw std::system_error(errno, std::system_category(), "cannot make an event loop");
    }
    return base;
}

void nothing(int, short, void*) {}

}  // namespace

// Objects.

LoopObject::LoopObject(EventLoop& loop) : loop_(loop), next_(loop.first_) {
    if (next_ != nullptr) {
        next_->previous_ = this;
    }
    loop.first_ = this;
    ++loop.objects_;
}

LoopObject::~LoopObject() {
    (previous_ != nullptr ? previous_->next_ : loop_.first_) = next_;
    if (next_ != nullptr) {
        next_->previous_ = previous_;
    }
    --loop_.objects_;
}

void LoopObject::attend() {
    if (!attending_) {
        loop_.attending_.push_back(this);
        attending_ = true;
    }
}

void LoopObject::bury() {
    if (!buried_) {
        buried_ = true;
        attend();
    }
}

// Events.

FdEvent::FdEvent(EventLoop& loop, int fd, Callback callback, void* self) noexcept
    : loop_(loop), fd_(fd), callback_(callback), self_(self) {}

void FdEvent::watch(short interest) {
    if (interest == interest_) {
        return;
    }
    if (interest_ != 0) {
        event_del(&event_);
        interest_ = 0;
    }
    if (interest != 0) {
        event_assign(&event_, loop_.base(), fd_, static_cast<short>(interest | EV_PERSIST),
                     callback_, self_);
        if (event_add(&event_, nullptr) != 0) {
            throw std::system_error(errno, std::system_category(), "cannot watch a descriptor");
        }
        interest_ = interest;
    }
}

// The loop.

EventLoop::EventLoop()
    : base_(makeBase()), readBuffer_(std::make_unique<std::array<std::byte, kReadBuffer>>()) {
    evtimer_assign(&timer_, base_.get(), &nothing, nullptr);
    spare_.reserve(kSpareBuffers);
}

EventLoop::~EventLoop() {
    event_del(&timer_);
}

void EventLoop::poll(Duration timeout) {
    int flags = EVLOOP_ONCE;
    if (timeout == Duration::zero() || hasWork()) {
        flags = EVLOOP_NONBLOCK;
    } else if (timeout > Duration::zero()) {
        // Rounded up, so that the loop does not wake just before a call is due.
        const auto micros = std::chrono::ceil<std::chrono::microseconds>(timeout).count();
        const timeval wait{static_cast<time_t>(micros / 1000000),
                           static_cast<suseconds_t>(micros % 1000000)};
        event_add(&timer_, &wait);
    }
    event_base_loop(base_.get(), flags);
}

void EventLoop::endTurn() {
    // What asks while these are served waits for the next turn: nobody starves the sockets.
    std::swap(ending_, attending_);
    for (LoopObject* object : ending_) {
        if (object->buried_) {
            buried_.push_back(object);
        } else {
            object->attending_ = false;
            object->endOfTurn();
        }
    }
    ending_.clear();
    for (LoopObject* object : buried_) {
        delete object;
    }
    buried_.clear();
}

void EventLoop::shutDown(const Failure& why) {
    // Each may end others; ended ones stay in the list until the turn's end.
    std::vector<LoopObject*> living;
    for (LoopObject* object = first_; object != nullptr; object = object->next_) {
        living.push_back(object);
    }
    for (LoopObject* object : living) {
        if (!object->buried_) {
            object->shutDown(why);
        }
    }
}

std::string EventLoop::takeBuffer() noexcept {
    if (spare_.empty()) {
        return {};
    }
    std::string buffer = std::move(spare_.back());
    spare_.pop_back();
    return buffer;
}

void EventLoop::giveBuffer(std::string buffer) noexcept {
    if (spare_.size() < kSpareBuffers && buffer.capacity() > std::string().capacity() &&
        buffer.capacity() <= kSpareBytes) {
        buffer.clear();
        spare_.push_back(std::move(buffer));
    }
}

}  // namespace marline::detail
