#include <marline/reactor/log.hpp>

#include <atomic>
#include <cstdio>
#include <exception>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace marline {
namespace {

spdlog::level::level_enum toSpdlog(LogLevel level) noexcept {
    switch (level) {
    case LogLevel::Debug: return spdlog::level::debug;
    case LogLevel::Info: return spdlog::level::info;
    case LogLevel::Warning: return spdlog::level::warn;
    case LogLevel::Error: return spdlog::level::err;
    case LogLevel::Critical: break;
    }
    return spdlog::level::critical;
}

/// Made at the first message: a program that logs nothing does not pay for it.
spdlog::logger& backEnd() {
    static spdlog::logger logger = [] {
        spdlog::logger made("marline", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
        made.set_level(spdlog::level::trace);
        return made;
    }();
    return logger;
}

std::atomic<LogLevel> currentLevel{LogLevel::Warning};

void writeToStderr(LogLevel level, std::string_view message) noexcept {
    if (level < logLevel()) {
        return;
    }
    try {
        backEnd().log(toSpdlog(level), "{}", message);
    } catch (const std::exception&) {
        std::fprintf(stderr, "marline: %.*s\n", static_cast<int>(message.size()), message.data());
    }
}

std::atomic<LogObserver> currentObserver{&writeToStderr};

}  // namespace

LogObserver setLogObserver(LogObserver observer) noexcept {
    return currentObserver.exchange(observer != nullptr ? observer : &writeToStderr);
}

LogLevel setLogLevel(LogLevel level) noexcept { return currentLevel.exchange(level); }

LogLevel logLevel() noexcept { return currentLevel.load(std::memory_order_relaxed); }

void log(LogLevel level, std::string_view message) noexcept {
    // With what its owner set up for the observer before that was set, maybe in another thread.
    currentObserver.load(std::memory_order_acquire)(level, message);
}

}  // namespace marline
