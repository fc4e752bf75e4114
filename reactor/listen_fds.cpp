#include <marline/reactor/listen_fds.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace marline {
namespace {

/// The number that an environment variable holds; none when it is not set.
std::optional<int> numberIn(const char* variable) {
    const char* text = std::getenv(variable);
    if (text == nullptr) {
        return std::nullopt;
    }
    const std::string_view digits(text);
    int number = 0;
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), number);
    if (error != std::errc() || end != digits.end() || number < 0) {
        throw ListenFdsError(std::string(variable) + "='" + text + "' is no number");
    }
    return number;
}

std::vector<std::string> split(std::string_view names) {
    std::vector<std::string> parts;
    for (;;) {
        const std::size_t colon = names.find(':');
        parts.emplace_back(names.substr(0, colon));
        if (colon == std::string_view::npos) {
            return parts;
        }
        names.remove_prefix(colon + 1);
    }
}

}  // namespace

ListenFds ListenFds::fromEnvironment(int start) {
    const std::optional<int> pid = numberIn("LISTEN_PID");
    const std::optional<int> count = numberIn("LISTEN_FDS");
    if (!pid || !count || *pid != ::getpid() || *count == 0) {
        return ListenFds({});
    }
    std::vector<int> descriptors;
    for (int i = 0; i < *count; ++i) {
        const int fd = i <= std::numeric_limits<int>::max() - start ? start + i : -1;
        const int flags = fcntl(fd, F_GETFD);
        if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) != 0) {
            throw ListenFdsError("LISTEN_FDS=" + std::to_string(*count) + ", but descriptor " +
                                 std::to_string(fd) + " is not open");
        }
        descriptors.push_back(fd);
    }
    std::vector<std::string> names;
    if (const char* text = std::getenv("LISTEN_FDNAMES")) {
        names = split(text);
        if (names.size() != descriptors.size()) {
            throw ListenFdsError("LISTEN_FDNAMES='" + std::string(text) + "' names " +
                                 std::to_string(names.size()) + " sockets, LISTEN_FDS says " +
                                 std::to_string(*count));
        }
    }
    return ListenFds(std::move(descriptors), std::move(names));
}

ListenFds::ListenFds(std::vector<int> descriptors, std::vector<std::string> names)
    : descriptors_(std::move(descriptors)), names_(std::move(names)) {
    if (names_.empty()) {
        names_.assign(descriptors_.size(), "unknown");
    }
    if (names_.size() != descriptors_.size()) {
        throw std::invalid_argument("ListenFds: as many names as descriptors, or none");
    }
}

std::optional<int> ListenFds::at(std::size_t index) const noexcept {
    return index < descriptors_.size() ? std::optional(descriptors_[index]) : std::nullopt;
}

std::optional<int> ListenFds::named(std::string_view name) const noexcept {
    const auto found = std::find(names_.begin(), names_.end(), name);
    return found != names_.end() ? at(static_cast<std::size_t>(found - names_.begin()))
                                 : std::nullopt;
}

}  // namespace marline
