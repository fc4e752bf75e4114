// Debugging of Deferreds: where they were made and fired, with the whole stack.
#pragma once

#include <marline/deferred/api.hpp>

namespace marline {

/// Turns debugging on or off, for all threads (Twisted: `defer.setDebugging`). While it is on, each
/// Deferred keeps the stack that made it and the stack that fired it; AlreadyCalledError and the
/// report of an unhandled error show them. It may be switched at any time: what happens while it is
/// off is not recorded. It costs some microseconds a Deferred. The places of a Failure's path do
/// not need it, they are always there.
MARLINE_API void setDebugging(bool on) noexcept;

/// Whether debugging is on; it is off unless setDebugging() was called.
MARLINE_API bool getDebugging() noexcept;

}  // namespace marline
