// Catches what Deferreds report as unhandled while a test runs.
#pragma once

#include <string>
#include <vector>

#include <marline/deferred/unhandled.hpp>

namespace marline::test {

/// While it lives, unhandled errors of this thread are kept here instead of being written.
class CatchUnhandled {
public:
    CatchUnhandled() : before_(setUnhandledHook(&keep)) { reports().clear(); }
    CatchUnhandled(const CatchUnhandled&) = delete;
    CatchUnhandled& operator=(const CatchUnhandled&) = delete;
    ~CatchUnhandled() { setUnhandledHook(before_); }

    /// The errors' messages, in order; forgets them.
    std::vector<std::string> take() { return std::exchange(reports(), {}); }

private:
    static std::vector<std::string>& reports() {
        static thread_local std::vector<std::string> all;
        return all;
    }
    static void keep(const UnhandledError& error) noexcept {
        reports().push_back(error.failure.message());
    }

    UnhandledHook before_;
};

}  // namespace marline::test
