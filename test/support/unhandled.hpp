// Catches what Deferreds report as unhandled while a test runs.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <marline/deferred/unhandled.hpp>

namespace marline::test {

/// While it lives, unhandled errors of this thread are kept here instead of being written.
class CatchUnhandled {
public:
    CatchUnhandled() : before_(setUnhandledHook(&keep)) { reports().clear(); }
    CatchUnhandled(const CatchUnhandled&) = delete;
    CatchUnhandled& operator=(const CatchUnhandled&) = delete;
    ~CatchUnhandled() {
        setUnhandledHook(before_);
        takeFailures();
    }

    /// The errors' messages, in order; forgets them.
    std::vector<std::string> take() {
        std::vector<std::string> messages;
        for (const Failure& failure : takeFailures()) {
            messages.push_back(failure.message());
        }
        return messages;
    }
    /// The errors themselves.
    std::vector<Failure> takeFailures() { return std::exchange(reports(), {}); }

private:
    static std::vector<Failure>& reports() {
        static thread_local std::vector<Failure> all;
        return all;
    }
    static void keep(const UnhandledError& error) noexcept { reports().push_back(error.failure); }

    UnhandledHook before_;
};

}  // namespace marline::test
