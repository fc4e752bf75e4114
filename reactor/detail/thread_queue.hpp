// Internal: not installed. Calls that other threads, and signals, bring to the loop.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

#include <marline/deferred/function.hpp>
#include <marline/reactor/detail/event_loop.hpp>
#include <marline/reactor/detail/socket.hpp>

namespace marline::detail {

/// A queue that wakes the loop: a burst of calls costs one write to an eventfd, and none while the
/// loop runs calls, since it looks again before it waits. Who posts from
/// other threads may hold it longer than the loop lives.
class ThreadQueue {
public:
    explicit ThreadQueue(EventLoop& loop);

    /// Thread-safe. A call pushed after close() is dropped.
    void push(UniqueFunction<void()>&& call);
    /// Wakes the loop. Safe in a signal handler.
    void wake() noexcept;
    int wakeFd() const noexcept { return fd_.get(); }

    /// Runs what was there when it was called, for the loop. What a call throws is logged.
    void runAll(const EventLoop& loop);
    /// The loop goes: drops what is there, and what comes.
    void close();
    bool empty() const noexcept { return !filled_.load(); }

private:
    UniqueFd fd_;
    std::optional<FdEvent> event_;
    std::mutex mutex_;
    std::vector<UniqueFunction<void()>> calls_;
    std::vector<UniqueFunction<void()>> running_;
    // Of these two one side sets the first and then looks at the second, and the other side the
    // other way round: in one order for both, so that no call waits for a loop that waits for it.
    std::atomic<bool> filled_{false};
    std::atomic<bool> awake_{false};
    bool closed_ = false;
};

}  // namespace marline::detail
