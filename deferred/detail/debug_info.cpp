#include <marline/deferred/detail/debug_info.hpp>

#include <atomic>
#include <cstdlib>
#include <memory>

#include <execinfo.h>

#include <marline/deferred/debug.hpp>

namespace marline {
namespace {

std::atomic<bool> debuggingOn{false};

}  // namespace

void setDebugging(bool on) noexcept { debuggingOn.store(on, std::memory_order_relaxed); }

bool getDebugging() noexcept { return debuggingOn.load(std::memory_order_relaxed); }

namespace detail {

void DebugInfo::Stack::record() noexcept { count = backtrace(frames.data(), kFrames); }

void DebugInfo::Stack::describe(std::string& to, const char* title) const {
    if (count == 0) {
        return;
    }
    to += title;
    const std::unique_ptr<char*, decltype(&std::free)> names(
        backtrace_symbols(frames.data(), count), &std::free);
    for (int i = 0; names != nullptr && i < count; ++i) {
        to += "\n        ";
        to += names.get()[i];
    }
}

std::string DebugInfo::describe() const {
    std::string text;
    made_.describe(text, "\n    made by:");
    fired_.describe(text, "\n    fired by:");
    return text;
}

}  // namespace detail
}  // namespace marline
