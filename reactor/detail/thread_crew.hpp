// Internal: not installed. The threads of a pool, and what waits for them.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include <marline/deferred/function.hpp>
#include <marline/reactor/thread_pool.hpp>

namespace marline {

/// What the threads share. It outlives the ThreadPool for those who may still withdraw a call.
///
/// A thread that ends leaves its handle behind, and joins the one that ended before it: so all of
/// them are joined when the last one is, and nobody else waits for threads that end in between.
class ThreadPool::Crew : public std::enable_shared_from_this<Crew> {
public:
    explicit Crew(ThreadPoolOptions options);

    void start();
    void stop();
    bool started() const;

    /// Queues `call`, and gives the number to withdraw it by. 0 when the pool was stopped; the call
    /// is then gone.
    std::uint64_t add(UniqueFunction<void()> call);
    /// Takes a call out that no thread has begun; empty when one has.
    UniqueFunction<void()> withdraw(std::uint64_t number);

    void adjust(std::size_t minThreads, std::size_t maxThreads);
    ThreadPoolStatistics statistics() const;
    std::size_t minThreads() const;
    std::size_t maxThreads() const;

private:
    enum class State : std::uint8_t { New, Started, Stopped };
    using Threads = std::list<std::thread>;

    struct Entry {
        std::uint64_t number;
        UniqueFunction<void()> call;
    };

    class LateWarning;

    void grow(LateWarning& warning);
    void spawn();
    void work(Threads::iterator self);
    bool waitForWork(std::unique_lock<std::mutex>& lock);
    void runNext(std::unique_lock<std::mutex>& lock);

    mutable std::mutex mutex_;
    std::condition_variable changed_;  // for the threads: work, a new size, the end
    std::condition_variable ended_;    // for stop(): a thread has ended
    ThreadPoolOptions options_;
    State state_ = State::New;
    std::deque<Entry> queue_;  // by number
    std::uint64_t last_ = 0;
    Threads threads_;
    std::thread lastEnded_;
    std::size_t idle_ = 0;
    bool shortOfThreads_ = false;  // one could not be started, and that was logged
};

}  // namespace marline
