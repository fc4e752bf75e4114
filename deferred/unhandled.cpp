#include <marline/deferred/unhandled.hpp>

#include <cstdio>
#include <utility>

#include <marline/deferred/detail/sites.hpp>

namespace marline {
namespace {

void writeToStderr(const UnhandledError& error) noexcept {
    try {
        std::fprintf(stderr, "%s\n", error.describe().c_str());
    } catch (const std::exception&) {
        std::fputs("Unhandled error in Deferred, and no memory to describe it\n", stderr);
    }
}

thread_local UnhandledHook currentHook = &writeToStderr;

}  // namespace

std::string UnhandledError::describe() const {
    const std::string title = created.line() == 0 ? std::string("Logged error")
                                                  : "Unhandled error in Deferred made at " +
                                                        detail::describeSite(created);
    return title + ":\n" + failure.describe() + stacks;
}

UnhandledHook setUnhandledHook(UnhandledHook hook) noexcept {
    return std::exchange(currentHook, hook != nullptr ? hook : &writeToStderr);
}

void reportUnhandled(const UnhandledError& error) noexcept { currentHook(error); }

}  // namespace marline
