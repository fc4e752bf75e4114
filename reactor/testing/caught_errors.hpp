// CaughtErrors: the errors that nobody handled, kept for the test.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/unhandled.hpp>
#include <marline/reactor/log.hpp>

namespace marline::testing {

/// While it lives, Failures that nobody handled in this thread, and what the process logs from
/// LogLevel::Warning on, are kept here instead of being written to stderr (Twisted: what
/// `flushLoggedErrors` looks at). One at a time; std::logic_error for a second one.
class MARLINE_API CaughtErrors {
public:
    CaughtErrors();
    CaughtErrors(const CaughtErrors&) = delete;
    CaughtErrors& operator=(const CaughtErrors&) = delete;
    /// Puts back what was there before.
    ~CaughtErrors();

    /// What nobody handled, in order, and forgets it.
    std::vector<UnhandledError> takeUnhandled();
    /// What was logged, in order, and forgets it.
    std::vector<std::string> takeLogged();
    /// The same of those that hold `part`; the others stay.
    std::vector<std::string> takeLogged(std::string_view part);
    /// The Failures that hold an E, in order, and forgets them; the others stay.
    template <class E>
    std::vector<Failure> takeUnhandled() {
        std::vector<Failure> taken;
        for (UnhandledError& error : takeUnhandled()) {
            if (error.failure.check<E>() != nullptr) {
                taken.push_back(error.failure);
            } else {
                keep(std::move(error));
            }
        }
        return taken;
    }

private:
    static void keep(UnhandledError error);

    UnhandledHook hookBefore_;
    LogObserver observerBefore_;
};

}  // namespace marline::testing
