// What happens to a Failure that nobody handled.
#pragma once

#include <source_location>
#include <string>

#include <marline/deferred/api.hpp>
#include <marline/deferred/failure.hpp>

namespace marline {

/// A Failure that was the last result of a Deferred when its last reference went.
struct MARLINE_API UnhandledError {
    Failure failure;
    /// Where the Deferred was made; of line 0 when logError or logAndSwallow reports.
    std::source_location created;
    /// The stacks that made and fired it, when debugging was on (see setDebugging()); else empty.
    std::string stacks;

    /// The report in words: `Unhandled error in Deferred made at …` or `Logged error`, the error
    /// with its path, and the stacks.
    std::string describe() const;
};

/// Called with each unhandled error of the thread, once. It must not throw.
using UnhandledHook = void (*)(const UnhandledError& error) noexcept;

/// Replaces the hook of this thread and gives the one before; null restores the default, which
/// writes describe() to stderr.
MARLINE_API UnhandledHook setUnhandledHook(UnhandledHook hook) noexcept;

/// Reports `error` to this thread's hook.
MARLINE_API void reportUnhandled(const UnhandledError& error) noexcept;
inline void reportUnhandled(const Failure& failure, const std::source_location& created) noexcept {
    reportUnhandled({failure, created, {}});
}

}  // namespace marline
