// Internal: not installed. Calls into code of the user's that may throw.
#pragma once

#include <string>

#include <marline/deferred/failure.hpp>
#include <marline/reactor/log.hpp>

namespace marline::detail {

/// Calls `call`; what it throws is logged with `what` it was, and goes no further.
template <class Call>
void guard(const char* what, Call&& call) noexcept {
    try {
        call();
    } catch (...) {
        log(LogLevel::Error,
            std::string("exception in ") + what + ": " + Failure::current().brief());
    }
}

}  // namespace marline::detail
