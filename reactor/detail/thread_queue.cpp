#include <marline/reactor/detail/thread_queue.hpp>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include <sys/eventfd.h>

#include <marline/reactor/detail/guard.hpp>
#include <marline/reactor/detail/health_watch.hpp>

namespace marline::detail {
namespace {

UniqueFd makeEventFd() {
    UniqueFd fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!fd) {
        throw std::system_error(errno, std::system_category(), "cannot make an eventfd");
    }
    return fd;
}

/// The loop is awake, which is all that was wanted: the calls run at the turn's end. Being
/// edge-triggered, the eventfd need not be read.
void awake(int, short, void* loop) { static_cast<EventLoop*>(loop)->wantTurn(); }

/// A moment for the other thread of the core.
void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

/// Holds the mutex, which nobody else holds for long: trying again is cheaper than a system call to
/// sleep, and one to be woken.
class BriefLock {
public:
    explicit BriefLock(std::mutex& mutex) : lock_(mutex, std::try_to_lock) {
        for (int tries = 0; !lock_ && tries < kTries; ++tries) {
            relax();
            lock_.try_lock();
        }
        if (!lock_) {
            lock_.lock();
        }
    }

private:
    static constexpr int kTries = 100;

    std::unique_lock<std::mutex> lock_;
};

}  // namespace

ThreadQueue::ThreadQueue(EventLoop& loop)
    : fd_(makeEventFd()), event_(std::in_place, loop, fd_.get(), &awake, &loop, EV_ET) {
    event_->watch(EV_READ);
}

void ThreadQueue::push(UniqueFunction<void()>&& call) {
    {
        const BriefLock lock(mutex_);
        if (closed_) {
            return;
        }
        const bool first = calls_.empty();
        calls_.push_back(std::move(call));
        if (!first) {
            return;
        }
        filled_.store(true);
    }
    if (!awake_.load()) {
        wake();
    }
}

void ThreadQueue::wake() noexcept {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the loop is awake.
    [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof one);
}

void ThreadQueue::runAll(const EventLoop& loop) {
    if (empty()) {
        return;
    }
    awake_.store(true);
    {
        const BriefLock lock(mutex_);
        std::swap(running_, calls_);
        filled_.store(false, std::memory_order_relaxed);
    }
    for (UniqueFunction<void()>& call : running_) {
        const WatchedCallback watched(loop.health(), "a call made by callFromThread()", {});
        guard("a callFromThread() call", call);
    }
    running_.clear();
    awake_.store(false);
}

void ThreadQueue::close() {
    event_.reset();
    std::vector<UniqueFunction<void()>> dropped;
    const std::lock_guard lock(mutex_);
    closed_ = true;
    std::swap(dropped, calls_);
}

}  // namespace marline::detail
