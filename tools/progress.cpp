#include "progress.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <iostream>

namespace tools {
namespace {

using namespace marline;

constexpr std::size_t kBarWidth = 30;

std::string sizeText(double bytes) {
    constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    for (; bytes >= 1024 && unit + 1 < kUnits.size(); ++unit) {
        bytes /= 1024;
    }
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", bytes, kUnits[unit]);
    return text.data();
}

std::string timeText(double seconds) {
    const auto whole = static_cast<std::uint64_t>(std::min(seconds, 359'999.0));
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%u:%02u", static_cast<unsigned>(whole / 60),
                  static_cast<unsigned>(whole % 60));
    return text.data();
}

}  // namespace

std::string progressLine(std::uint64_t bytes, std::optional<std::uint64_t> length,
                         Duration passed) {
    const double seconds = std::max(std::chrono::duration<double>(passed).count(), 0.001);
    const auto done = static_cast<double>(bytes);
    const double rate = done / seconds;
    const std::string speed = ", " + sizeText(rate) + "/s";
    if (!length || *length == 0) {
        return sizeText(done) + speed;
    }
    const double share = std::min(1.0, done / static_cast<double>(*length));
    const auto filled = static_cast<std::size_t>(share * kBarWidth);
    std::array<char, 8> percent{};
    std::snprintf(percent.data(), percent.size(), "%3u", static_cast<unsigned>(share * 100));
    std::string line = std::string(percent.data()) + " % [" + std::string(filled, '=') +
                       std::string(kBarWidth - filled, ' ') + "] " + sizeText(done) + " of " +
                       sizeText(static_cast<double>(*length)) + speed;
    if (bytes > 0 && bytes < *length) {
        line += ", " + timeText((static_cast<double>(*length) - done) / rate) + " left";
    }
    return line;
}

void Progress::update(std::uint64_t bytes) {
    const Duration now = reactor_.seconds();
    if (now - drawn_ >= std::chrono::milliseconds(100)) {
        drawn_ = now;
        std::cerr << '\r' << progressLine(bytes, length_, now - begun_) << "\x1b[K" << std::flush;
    }
}

void Progress::finish(std::uint64_t bytes) {
    std::cerr << '\r' << progressLine(bytes, length_, reactor_.seconds() - begun_) << "\x1b[K\n";
}

}  // namespace tools
