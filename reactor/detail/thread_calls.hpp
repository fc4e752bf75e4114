// Internal: not installed. The calls between a reactor and threads that are under way.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <vector>

#include <marline/reactor/detail/blocking_call.hpp>
#include <marline/reactor/detail/thread_call.hpp>

namespace marline::detail {

/// What deferToThread() began and is not over. Reactor thread.
class ThreadCalls {
public:
    void add(std::shared_ptr<ThreadCall> call);
    void remove(ThreadCall& call) noexcept;
    /// The reactor goes: lets every Deferred go unfired.
    void abandonAll();

    const std::vector<std::shared_ptr<ThreadCall>>& all() const noexcept { return calls_; }

private:
    std::vector<std::shared_ptr<ThreadCall>> calls_;
};

/// The threads that wait in blockingCallFromThread(). Thread-safe; they hold it as the reactor
/// does, since they may leave when that has gone.
class BlockedThreads {
public:
    /// False when the reactor has stopped: nobody would answer.
    bool enter(BlockingCall& call);
    void leave(BlockingCall& call) noexcept;
    /// From here on, until open(), calls are refused; those that wait fail with ReactorStopped.
    void close();
    void open();

private:
    std::mutex mutex_;
    std::vector<BlockingCall*> waiting_;
    bool closed_ = false;
};

}  // namespace marline::detail
