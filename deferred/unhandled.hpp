// What happens to a Failure that nobody handled.
#pragma once

#include <source_location>

#include <marline/deferred/api.hpp>
#include <marline/deferred/failure.hpp>

namespace marline {

/// Called with each Failure that was the last result of a Deferred when its last reference went,
/// and with the place where that Deferred was made. It must not throw.
using UnhandledHook = void (*)(const Failure& failure,
                               const std::source_location& created) noexcept;

/// Replaces the hook of this thread and gives the one before; null restores the default, which
/// writes `Unhandled error in Deferred` with the error and its path to stderr.
MARLINE_API UnhandledHook setUnhandledHook(UnhandledHook hook) noexcept;

/// Reports `failure` to this thread's hook.
MARLINE_API void reportUnhandled(const Failure& failure,
                                 const std::source_location& created) noexcept;

}  // namespace marline
