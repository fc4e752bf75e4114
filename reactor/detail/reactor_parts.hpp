// Internal: not installed. What a Reactor is made of.
#pragma once

#include <array>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <marline/deferred/function.hpp>
#include <marline/reactor/detail/event_loop.hpp>
#include <marline/reactor/detail/signals.hpp>
#include <marline/reactor/detail/thread_queue.hpp>
#include <marline/reactor/detail/timer_queue.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/resolver.hpp>
#include <marline/reactor/tls_context.hpp>

namespace marline {

struct Reactor::Parts {
    using Trigger = UniqueFunction<Deferred<>()>;

    enum class State : std::uint8_t { Idle, Starting, Running, Stopping, Finished, Crashed };

    detail::EventLoop loop;
    detail::TimerQueue timers;
    detail::ThreadQueue threads{loop};
    std::vector<UniqueFunction<void()>> whenRunning;
    std::array<std::array<std::vector<Trigger>, 3>, 2> triggers;
    Ref<IResolver> resolver;
    std::optional<TlsContext> clientTls;
    std::thread::id thread = std::this_thread::get_id();
    State state = State::Idle;
    int signal = 0;

    std::vector<Trigger>& triggersFor(SystemEvent event, Phase phase) {
        return triggers[static_cast<std::size_t>(event)][static_cast<std::size_t>(phase)];
    }
};

}  // namespace marline
