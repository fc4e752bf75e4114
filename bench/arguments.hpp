// The command line of a bench: `--name value`.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

namespace marline::bench {

/// The value behind `name`, or `fallback`.
inline std::string argument(int argc, char** argv, std::string_view name, std::string fallback) {
    for (int i = 1; i + 1 < argc; ++i) {
        if (argv[i] == name) {
            return argv[i + 1];
        }
    }
    return fallback;
}

inline long number(int argc, char** argv, std::string_view name, long fallback) {
    const std::string text = argument(argc, argv, name, "");
    return text.empty() ? fallback : std::atol(text.c_str());
}

}  // namespace marline::bench
