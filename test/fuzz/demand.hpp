// What fuzzers do when something is not as it is to be.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <marline/deferred/unhandled.hpp>
#include <marline/reactor/log.hpp>

namespace marline::testing {

/// Aborts unless `kept` holds.
inline void demand(bool kept, const char* what) {
    if (!kept) {
        std::fprintf(stderr, "not kept: %s\n", what);
        std::abort();
    }
}

/// From now on nothing is logged, and a Failure that nobody reads is a finding.
inline void hearFailures() {
    setLogObserver([](LogLevel, std::string_view) noexcept {});
    setUnhandledHook([](const UnhandledError& error) noexcept {
        std::fprintf(stderr, "%s\n", error.describe().c_str());
        std::abort();
    });
}

/// Whether `text` can stand in one line of a message, a log or a terminal.
inline bool isOneLine(std::string_view text) noexcept {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte < 0x20 && c != '\t') || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

}  // namespace marline::testing
