// Internal: not installed. The triggers of a reactor's start and shutdown.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <marline/deferred/function.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline::detail {

/// What is to be called when a reactor starts or stops (Twisted: `_ThreePhaseEvent`).
class SystemEvents {
public:
    using Trigger = UniqueFunction<Deferred<>()>;

    TriggerId add(Phase phase, SystemEvent event, Trigger&& trigger);
    /// Throws std::invalid_argument for a trigger that has run, was removed, or never was.
    void remove(TriggerId id);

    /// Runs the triggers of the event's phase Before, each once; `then` follows when the Deferreds
    /// that they gave have fired, however they fired. What a trigger throws is logged.
    void fireBefore(SystemEvent event, UniqueFunction<void()> then);
    /// Runs those of the phases During and After, and lets their Deferreds be.
    void fireRest(SystemEvent event);

private:
    struct Entry {
        std::uint64_t id;
        Trigger trigger;  // empty once it has run or was removed
    };
    using List = std::vector<Entry>;

    List& list(SystemEvent event, Phase phase) noexcept {
        return lists_[static_cast<std::size_t>(event)][static_cast<std::size_t>(phase)];
    }
    std::vector<Deferred<>> run(List& list);

    std::array<std::array<List, 3>, 2> lists_;
    std::uint64_t last_ = 0;
};

}  // namespace marline::detail
