#include <marline/deferred/unhandled.hpp>

#include <cstdio>
#include <string>
#include <utility>

namespace marline {
namespace {

void writeToStderr(const Failure& failure, const std::source_location& created) noexcept {
    try {
        const std::string text = failure.describe();
        std::fprintf(stderr, "Unhandled error in Deferred made at %s:%u (%s):\n%s\n",
                     created.file_name(), static_cast<unsigned>(created.line()),
                     created.function_name(), text.c_str());
    } catch (const std::exception&) {
        std::fputs("Unhandled error in Deferred, and no memory to describe it\n", stderr);
    }
}

thread_local UnhandledHook currentHook = &writeToStderr;

}  // namespace

UnhandledHook setUnhandledHook(UnhandledHook hook) noexcept {
    return std::exchange(currentHook, hook != nullptr ? hook : &writeToStderr);
}

void reportUnhandled(const Failure& failure, const std::source_location& created) noexcept {
    currentHook(failure, created);
}

}  // namespace marline
