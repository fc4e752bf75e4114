// Startup and shutdown of a reactor: the phases in which what was registered for them runs.
#pragma once

#include <cstdint>

namespace marline {

/// When a system event trigger runs (Twisted: `addSystemEventTrigger`).
enum class Phase : std::uint8_t {
    Before,  ///< First; the event goes on when the Deferreds that these triggers gave have fired.
    During,  ///< After that; transports are closed in this phase of a shutdown, before its
             ///< triggers.
    After,   ///< Last.
};

/// What triggers are for.
enum class SystemEvent : std::uint8_t { Startup, Shutdown };

/// Names a system event trigger.
enum class TriggerId : std::uint64_t {};

}  // namespace marline
