// What a bench has used so far, and how many descriptors it may.
#pragma once

#include <array>
#include <cstdio>
#include <ctime>

#include <sys/resource.h>
#include <unistd.h>

namespace marline::bench {

/// CPU time of this process, all its threads, in seconds.
inline double cpuSeconds() {
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

/// Memory that is resident now, in MiB; 0 when it cannot be known.
inline double residentMiB() {
    long pages = 0;
    if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%*d %ld", &pages) != 1) {
            pages = 0;
        }
        std::fclose(file);
    }
    return static_cast<double>(pages) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

/// The most that was ever resident, in MiB; 0 when it cannot be known. Not getrusage()'s, which
/// goes back beyond exec().
inline double peakMiB() {
    long kilobytes = 0;
    if (std::FILE* file = std::fopen("/proc/self/status", "r")) {
        std::array<char, 256> line{};
        while (kilobytes == 0 && std::fgets(line.data(), line.size(), file) != nullptr) {
            if (std::sscanf(line.data(), "VmHWM: %ld", &kilobytes) != 1) {
                kilobytes = 0;
            }
        }
        std::fclose(file);
    }
    return static_cast<double>(kilobytes) / 1024;
}

/// Lets the process have as many descriptors as it may.
inline void raiseDescriptors() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

}  // namespace marline::bench
