#include <marline/reactor/thread_pool.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <pthread.h>

#include <marline/reactor/detail/guard.hpp>
#include <marline/reactor/detail/thread_crew.hpp>
#include <marline/reactor/log.hpp>

namespace marline {
namespace {

/// The crew that the thread belongs to; null in threads of no pool.
thread_local const ThreadPool::Crew* ownCrew = nullptr;

// A longer wait says nothing that this one does not, and cannot overflow the clock.
constexpr Duration kLongWait = std::chrono::hours(24 * 365);
// What the system keeps of a thread's name.
constexpr std::size_t kNameLength = 15;

void checkSizes(std::size_t minThreads, std::size_t maxThreads) {
    if (maxThreads == 0 || minThreads > maxThreads) {
        throw std::invalid_argument("a thread pool of at least " + std::to_string(minThreads) +
                                    " and at most " + std::to_string(maxThreads) +
                                    " threads (minThreads, maxThreads)");
    }
}

}  // namespace

/// What is to be logged when the lock is gone: an observer may use the pool. To be made before the
/// lock is taken.
class ThreadPool::Crew::LateWarning {
public:
    LateWarning() = default;
    LateWarning(const LateWarning&) = delete;
    LateWarning& operator=(const LateWarning&) = delete;
    ~LateWarning() {
        if (!text.empty()) {
            log(LogLevel::Warning, text);
        }
    }

    std::string text;
};

// The crew.

ThreadPool::Crew::Crew(ThreadPoolOptions options) : options_(std::move(options)) {
    checkSizes(options_.minThreads, options_.maxThreads);
    options_.name.resize(std::min(options_.name.size(), kNameLength));
}

void ThreadPool::Crew::start() {
    LateWarning warning;
    const std::lock_guard lock(mutex_);
    state_ = State::Started;
    grow(warning);
}

void ThreadPool::Crew::stop() {
    if (ownCrew == this) {
        throw std::logic_error("ThreadPool::stop() in a thread of the pool would wait for itself");
    }
    std::deque<Entry> dropped;
    std::thread last;
    {
        std::unique_lock lock(mutex_);
        state_ = State::Stopped;
        changed_.notify_all();
        ended_.wait(lock, [this] { return threads_.empty(); });
        last.swap(lastEnded_);
        dropped.swap(queue_);
    }
    if (last.joinable()) {
        last.join();
    }
}

bool ThreadPool::Crew::started() const {
    const std::lock_guard lock(mutex_);
    return state_ == State::Started;
}

std::uint64_t ThreadPool::Crew::add(UniqueFunction<void()> call) {
    LateWarning warning;
    const std::lock_guard lock(mutex_);
    if (state_ == State::Stopped) {
        return 0;
    }
    if (options_.maxQueued != 0 && queue_.size() >= options_.maxQueued) {
        throw ThreadPoolFull("the thread pool '" + options_.name + "' has " +
                             std::to_string(queue_.size()) +
                             " calls waiting (ThreadPoolOptions::maxQueued)");
    }
    queue_.push_back({++last_, std::move(call)});
    try {
        grow(warning);
    } catch (...) {
        call = std::move(queue_.back().call);
        queue_.pop_back();
        throw;
    }
    return last_;
}

UniqueFunction<void()> ThreadPool::Crew::withdraw(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    const auto found = std::lower_bound(
        queue_.begin(), queue_.end(), number,
        [](const Entry& entry, std::uint64_t wanted) { return entry.number < wanted; });
    if (found == queue_.end() || found->number != number) {
        return nullptr;
    }
    UniqueFunction<void()> call = std::move(found->call);
    queue_.erase(found);
    return call;
}

void ThreadPool::Crew::adjust(std::size_t minThreads, std::size_t maxThreads) {
    checkSizes(minThreads, maxThreads);
    LateWarning warning;
    const std::lock_guard lock(mutex_);
    options_.minThreads = minThreads;
    options_.maxThreads = maxThreads;
    grow(warning);
    changed_.notify_all();
}

ThreadPoolStatistics ThreadPool::Crew::statistics() const {
    const std::lock_guard lock(mutex_);
    return {threads_.size(), threads_.size() - idle_, queue_.size()};
}

std::size_t ThreadPool::Crew::minThreads() const {
    const std::lock_guard lock(mutex_);
    return options_.minThreads;
}

std::size_t ThreadPool::Crew::maxThreads() const {
    const std::lock_guard lock(mutex_);
    return options_.maxThreads;
}

/// Sees to it that there are threads for what waits, and wakes them. Throws std::system_error when
/// there is none and none can be started.
void ThreadPool::Crew::grow(LateWarning& warning) {
    if (state_ != State::Started) {
        return;
    }
    // An idle thread counts as idle until it has woken up.
    while (threads_.size() < options_.maxThreads &&
           (threads_.size() < options_.minThreads || queue_.size() > idle_)) {
        try {
            spawn();
            shortOfThreads_ = false;
        } catch (const std::system_error& error) {
            if (threads_.empty()) {
                throw;
            }
            if (!std::exchange(shortOfThreads_, true)) {
                warning.text = "the thread pool '" + options_.name + "' goes on with " +
                               std::to_string(threads_.size()) +
                               " threads, as no more can be started: " + error.what();
            }
            break;
        }
    }
    if (!queue_.empty() && idle_ > 0) {
        changed_.notify_one();
    }
}

void ThreadPool::Crew::spawn() {
    const auto self = threads_.emplace(threads_.end());
    const auto body = [crew = shared_from_this(), self] { crew->work(self); };
    ++idle_;  // until it has taken its first call
    try {
        *self =
            options_.threadFactory != nullptr ? options_.threadFactory(body) : std::thread(body);
    } catch (...) {
        --idle_;
        threads_.erase(self);
        throw;
    }
}

// In the threads.

void ThreadPool::Crew::work(Threads::iterator self) {
    ownCrew = this;
    std::thread before;
    {
        std::unique_lock lock(mutex_);
        pthread_setname_np(pthread_self(), options_.name.c_str());
        while (waitForWork(lock)) {
            runNext(lock);
        }
        --idle_;
        before = std::exchange(lastEnded_, std::move(*self));
        threads_.erase(self);
        ended_.notify_all();
    }
    if (before.joinable()) {
        before.join();
    }
}

/// Waits until there is a call to run; false when the thread is to end instead.
bool ThreadPool::Crew::waitForWork(std::unique_lock<std::mutex>& lock) {
    const auto due = std::chrono::steady_clock::now() + std::min(options_.idleTimeout, kLongWait);
    for (;;) {
        if (threads_.size() > options_.maxThreads) {
            return false;
        }
        if (!queue_.empty()) {
            return true;
        }
        if (state_ == State::Stopped) {
            return false;
        }
        if (threads_.size() <= options_.minThreads) {
            changed_.wait(lock);
        } else if (std::chrono::steady_clock::now() >= due) {
            return false;
        } else {
            changed_.wait_until(lock, due);
        }
    }
}

/// Runs the first call, and destroys it, without the lock.
void ThreadPool::Crew::runNext(std::unique_lock<std::mutex>& lock) {
    UniqueFunction<void()> call = std::move(queue_.front().call);
    queue_.pop_front();
    --idle_;
    lock.unlock();
    detail::guard("a call in a thread", call);
    call.reset();
    lock.lock();
    ++idle_;
}

// The pool.

ThreadPool::ThreadPool(ThreadPoolOptions options)
    : crew_(std::make_shared<Crew>(std::move(options))) {}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::start() { crew_->start(); }

void ThreadPool::stop() { crew_->stop(); }

bool ThreadPool::started() const { return crew_->started(); }

void ThreadPool::callInThread(UniqueFunction<void()> call) {
    if (!call) {
        throw std::invalid_argument("callInThread() with an empty call");
    }
    crew_->add(std::move(call));
}

void ThreadPool::adjustPoolsize(std::size_t minThreads, std::size_t maxThreads) {
    crew_->adjust(minThreads, maxThreads);
}

ThreadPoolStatistics ThreadPool::statistics() const { return crew_->statistics(); }

std::size_t ThreadPool::minThreads() const { return crew_->minThreads(); }

std::size_t ThreadPool::maxThreads() const { return crew_->maxThreads(); }

}  // namespace marline
