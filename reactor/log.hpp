// Log: what the library has to say, and who hears it.
#pragma once

#include <cstdint>
#include <string_view>

#include <marline/deferred/api.hpp>

namespace marline {

/// How much a message matters.
enum class LogLevel : std::uint8_t { Debug, Info, Warning, Error, Critical };

/// Hears every message of its process, on the thread that logs. It must not throw.
using LogObserver = void (*)(LogLevel level, std::string_view message) noexcept;

/// Replaces the observer of the process and gives the one before; null restores the default,
/// which writes to stderr from logLevel() on. Thread-safe: `observer` sees what was done before.
MARLINE_API LogObserver setLogObserver(LogObserver observer) noexcept;

/// Sets from which level on messages are of interest, LogLevel::Warning at first, and gives the one
/// before. The default observer goes by it; another one hears every message, and may. Thread-safe.
MARLINE_API LogLevel setLogLevel(LogLevel level) noexcept;
/// That level. Thread-safe.
MARLINE_API LogLevel logLevel() noexcept;

/// Tells `message` to the observer. Thread-safe; never throws.
MARLINE_API void log(LogLevel level, std::string_view message) noexcept;

}  // namespace marline
