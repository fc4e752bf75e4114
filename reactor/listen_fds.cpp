#include <marline/reactor/listen_fds.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include <unistd.h>

namespace marline {
namespace {

// More than any process is given; a count beyond it makes no sense.
constexpr int kMostFds = 65536;

std::string_view variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

/// The number that `text` is; -1 when it is none.
int number(std::string_view text) {
    int value = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? value : -1;
}

}  // namespace

ListenFds ListenFds::fromEnvironment(int first) {
    ListenFds found;
    const int count = number(variable("LISTEN_FDS"));
    if (number(variable("LISTEN_PID")) != getpid() || count > kMostFds) {
        return found;
    }
    for (int i = 0; i < count; ++i) {
        found.fds_.push_back(first + i);
    }
    std::string_view names = variable("LISTEN_FDNAMES");
    while (!names.empty()) {
        const std::size_t end = std::min(names.find(':'), names.size());
        found.names_.emplace_back(names.substr(0, end));
        names.remove_prefix(std::min(end + 1, names.size()));
    }
    return found;
}

std::optional<int> ListenFds::at(std::size_t index) const {
    return index < fds_.size() ? std::optional(fds_[index]) : std::nullopt;
}

std::optional<int> ListenFds::named(std::string_view name) const {
    const auto found = std::find(names_.begin(), names_.end(), name);
    return found != names_.end() ? at(static_cast<std::size_t>(found - names_.begin()))
                                 : std::nullopt;
}

}  // namespace marline
