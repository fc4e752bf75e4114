#include <marline/reactor/detail/event_loop.hpp>

#include <marline/reactor/errors.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <sys/timerfd.h>

#include <marline/reactor/detail/health_watch.hpp>

namespace marline::detail {
namespace {

event_base* makeBase() {
    event_config* config = event_config_new();
    if (config == nullptr) {
        throw std::bad_alloc();
    }
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_base* base = event_base_new_with_config(config);
    event_config_free(config);
    if (base == nullptr) {
        throw std::system_error(errno, std::system_category(), "cannot make an event loop");
    }
    return base;
}

event_base* checkBase(event_base* base) {
    if (base == nullptr) {
        throw std::invalid_argument("Reactor on an event_base that is null");
    }
    if ((event_base_get_features(base) & EV_FEATURE_ET) == 0) {
        throw std::invalid_argument(std::string("Reactor on an event_base of method ") +
                                    event_base_get_method(base) +
                                    ", which has no edge-triggered events; use epoll");
    }
    return base;
}

UniqueFd makeTimerFd() {
    UniqueFd fd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    if (!fd) {
        throw std::system_error(errno, std::system_category(), "cannot make a timerfd");
    }
    return fd;
}

}  // namespace

// Objects.

LoopObject::LoopObject(EventLoop& loop) : loop_(loop), site_(loop.site_), next_(loop.first_) {
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

std::string LoopObject::describe() const { return "a descriptor"; }

void LoopObject::attend() {
    if (!attending_) {
        loop_.attending_.push_back(this);
        attending_ = true;
        loop_.wantTurn();
    }
}

void LoopObject::bury() {
    if (!buried_) {
        buried_ = true;
        attend();
    }
}

// Events.

FdEvent::FdEvent(EventLoop& loop, int fd, Callback callback, void* self, short how) noexcept {
    event_assign(&reader_, loop.base(), fd, static_cast<short>(EV_READ | EV_PERSIST | how),
                 callback, self);
}

FdEvent::~FdEvent() {
    event_del(&reader_);
    watchWriting(false);
}

void FdEvent::watch(short interest) {
    const bool read = (interest & EV_READ) != 0;
    if (!read && reading()) {
        event_del(&reader_);
    } else if (read && !reading()) {
        if (event_add(&reader_, nullptr) != 0) {
            throw std::system_error(errno, std::system_category(), "cannot watch a descriptor");
        }
    }
    watchWriting((interest & EV_WRITE) != 0);
}

void FdEvent::watchWriting(bool on) {
    if (on == (writing_ != nullptr)) {
        return;
    }
    if (!on) {
        event_del(writing_.get());
        writing_.reset();
        return;
    }
    auto writer = std::make_unique<event>();
    event_assign(writer.get(), event_get_base(&reader_), event_get_fd(&reader_),
                 EV_WRITE | EV_PERSIST, event_get_callback(&reader_),
                 event_get_callback_arg(&reader_));
    if (event_add(writer.get(), nullptr) != 0) {
        throw std::system_error(errno, std::system_category(), "cannot watch a descriptor");
    }
    writing_ = std::move(writer);
}

// The loop.

EventLoop::EventLoop() : EventLoop(BasePtr(makeBase(), {.owned = true}), nullptr) {}

EventLoop::EventLoop(event_base* base, UniqueFunction<void()> ownersTurn)
    : EventLoop(BasePtr(checkBase(base), {.owned = false}), std::move(ownersTurn)) {}

EventLoop::EventLoop(BasePtr base, UniqueFunction<void()> ownersTurn)
    : base_(std::move(base)), ownersTurn_(std::move(ownersTurn)), timerFd_(makeTimerFd()),
      timer_(*this, timerFd_.get(), &timerReady, this, EV_ET),
      readBuffer_(std::make_unique<std::array<std::byte, kReadBuffer>>()) {
    timer_.watch(EV_READ);
    event_assign(&turn_, base_.get(), -1, 0, &turnReady, this);
    spare_.reserve(kSpareBuffers);
}

EventLoop::~EventLoop() { event_del(&turn_); }

void EventLoop::timerReady(int, short, void* self) {
    auto* loop = static_cast<EventLoop*>(self);
    loop->timerDue_ = kForever;
    loop->wantTurn();
}

/// A turn of its own in the base's next round: what is ready in this one comes first.
void EventLoop::askForTurn() noexcept {
    const timeval atOnce{};
    if (event_pending(&turn_, EV_TIMEOUT, nullptr) == 0) {
        event_add(&turn_, &atOnce);
    }
}

void EventLoop::turnReady(int, short, void* self) {
    auto* loop = static_cast<EventLoop*>(self);
    // A run() or iterate() that has begun meanwhile sees to it.
    if (!loop->inTurn_) {
        loop->ownersTurn_();
    }
}

void EventLoop::setTimer(Duration due) {
    // All zeros would disarm it, and a time before the clock's start is refused.
    const Duration at = std::max(due, Duration(1));
    const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
    itimerspec when{};
    when.it_value.tv_sec = seconds.count();
    when.it_value.tv_nsec = (at - seconds).count();
    timerfd_settime(timerFd_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
    timerDue_ = due;
}

void EventLoop::poll() { runBase(EVLOOP_NONBLOCK); }

void EventLoop::wakeAt(Duration due) {
    // One that is set for an earlier time stays: waking once too often is cheaper than setting it
    // at every turn.
    if (due < timerDue_) {
        setTimer(due);
    }
}

void EventLoop::pollUntil(Duration due) {
    wakeAt(due);
    runBase(EVLOOP_ONCE);
}

void EventLoop::runBase(int how) {
    if (event_base_loop(base_.get(), how) == -1) {
        inTurn_ = false;
        throw ReactorAlreadyRunning(
            "run() or iterate() on an event_base that its owner is running");
    }
}

void EventLoop::endTurn() {
    if (attending_.empty()) {
        inTurn_ = false;
        return;
    }
    // What asks while these are served waits for the next turn: nobody starves the sockets.
    std::swap(ending_, attending_);
    for (LoopObject* object : ending_) {
        if (object->buried_) {
            buried_.push_back(object);
        } else {
            object->attending_ = false;
            const ObjectCallback watched(*object);
            object->endOfTurn();
        }
    }
    ending_.clear();
    for (LoopObject* object : buried_) {
        delete object;
    }
    buried_.clear();
    inTurn_ = false;
}

std::vector<const LoopObject*> EventLoop::living() const {
    std::vector<const LoopObject*> objects;
    for (const LoopObject* object = first_; object != nullptr; object = object->next_) {
        if (!object->buried_) {
            objects.push_back(object);
        }
    }
    return objects;
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

std::unique_ptr<OutBuffer> EventLoop::takeBuffer() {
    if (spare_.empty()) {
        return std::make_unique<OutBuffer>();
    }
    std::unique_ptr<OutBuffer> buffer = std::move(spare_.back());
    spare_.pop_back();
    return buffer;
}

void EventLoop::giveBuffer(std::unique_ptr<OutBuffer> buffer) noexcept {
    if (spare_.size() < kSpareBuffers && buffer->bytes.capacity() <= kSpareBytes) {
        buffer->bytes.clear();
        buffer->sent = 0;
        spare_.push_back(std::move(buffer));
    }
}

}  // namespace marline::detail
