// What a program and the programs that it starts use of the machine.
#pragma once

#include <cstddef>
#include <string>

#include <marline/marline.hpp>

namespace strategies {

/// What one strategy took.
struct Cost {
    std::string name;
    double wall = 0;          // seconds
    double cpu = 0;           // seconds, of all its threads and processes
    double memory = 0;        // MiB, at the peak
    std::size_t threads = 0;  // at the peak, of all its processes
    std::string output;
};

/// Runs a program and looks, every few milliseconds, at what the children of this process use; it
/// must have no others. Fails when the program writes to its standard error.
marline::Deferred<Cost> measure(marline::Reactor& reactor, const std::string& name,
                                const std::string& program,
                                const marline::Environment& environment);

}  // namespace strategies
