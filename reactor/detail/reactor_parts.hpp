// Internal: not installed. What a Reactor is made of.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include <marline/deferred/function.hpp>
#include <marline/reactor/cooperator.hpp>
#include <marline/reactor/detail/descriptor_watch.hpp>
#include <marline/reactor/detail/event_loop.hpp>
#include <marline/reactor/detail/health_watch.hpp>
#include <marline/reactor/detail/signals.hpp>
#include <marline/reactor/detail/system_events.hpp>
#include <marline/reactor/detail/thread_calls.hpp>
#include <marline/reactor/detail/thread_queue.hpp>
#include <marline/reactor/detail/timer_queue.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/resolver.hpp>
#include <marline/reactor/thread_pool.hpp>
#include <marline/reactor/tls_context.hpp>

namespace marline {

struct Reactor::Parts {
    /// Stopping: until the triggers before the shutdown are done; Closing: until everything is
    /// closed; Dying: in the destructor.
    enum class State : std::uint8_t {
        Idle,
        Starting,
        Running,
        Stopping,
        Closing,
        Finished,
        Crashed,
        Dying
    };

    /// Says whether a run() is still under way, to links that may outlive it.
    struct Run : RefCounted {
        bool over = false;
    };

    Parts() = default;
    Parts(event_base* base, UniqueFunction<void()> ownersTurn)
        : loop(base, std::move(ownersTurn)) {}

    detail::EventLoop loop;
    detail::TimerQueue timers;
    std::shared_ptr<detail::ThreadQueue> queue = std::make_shared<detail::ThreadQueue>(loop);
    detail::ThreadQueue& threads = *queue;
    detail::ThreadCalls threadCalls;
    std::shared_ptr<detail::BlockedThreads> blocked = std::make_shared<detail::BlockedThreads>();
    ThreadPool pool;
    std::unique_ptr<detail::HealthWatch> health;                    // while it is watched
    std::vector<std::unique_ptr<detail::HealthWatch>> spentHealth;  // until the turn's end
    detail::DescriptorWatches descriptors;
    detail::SystemEvents events;
    Ref<Run> currentRun;
    Ref<IResolver> resolver;
    std::optional<Cooperator> cooperator;
    std::optional<TlsContext> clientTls;
    std::atomic<std::thread::id> thread = std::this_thread::get_id();
    State state = State::Idle;
    int signal = 0;
};

/// Throws WrongThread, which names the call `what`, on another thread than the reactor's.
void checkThread(const Reactor::Parts& parts, const char* what);

}  // namespace marline
