#include <marline/reactor/testing/caught_errors.hpp>

#include <atomic>
#include <mutex>
#include <stdexcept>

namespace marline::testing {
namespace {

std::atomic<bool> catching = false;
thread_local std::vector<UnhandledError> unhandled;
std::mutex loggedMutex;
std::vector<std::string> logged;

void keepUnhandled(const UnhandledError& error) noexcept { unhandled.push_back(error); }

void keepLogged(LogLevel level, std::string_view message) noexcept {
    if (level >= LogLevel::Warning) {
        const std::lock_guard lock(loggedMutex);
        logged.emplace_back(message);
    }
}

}  // namespace

CaughtErrors::CaughtErrors() {
    if (catching.exchange(true)) {
        throw std::logic_error("a second CaughtErrors: errors are caught already");
    }
    hookBefore_ = setUnhandledHook(&keepUnhandled);
    observerBefore_ = setLogObserver(&keepLogged);
    takeUnhandled();
    takeLogged();
}

CaughtErrors::~CaughtErrors() {
    setLogObserver(observerBefore_);
    setUnhandledHook(hookBefore_);
    takeUnhandled();
    catching = false;
}

std::vector<UnhandledError> CaughtErrors::takeUnhandled() { return std::exchange(unhandled, {}); }

std::vector<std::string> CaughtErrors::takeLogged() {
    const std::lock_guard lock(loggedMutex);
    return std::exchange(logged, {});
}

std::vector<std::string> CaughtErrors::takeLogged(std::string_view part) {
    const std::lock_guard lock(loggedMutex);
    std::vector<std::string> taken;
    std::erase_if(logged, [&](const std::string& message) {
        const bool fits = message.find(part) != std::string::npos;
        if (fits) {
            taken.push_back(message);
        }
        return fits;
    });
    return taken;
}

void CaughtErrors::keep(UnhandledError error) { unhandled.push_back(std::move(error)); }

}  // namespace marline::testing
