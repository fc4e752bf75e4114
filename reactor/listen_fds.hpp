// ListenFds: the sockets that a service manager opened for this process.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <marline/deferred/api.hpp>

namespace marline {

/// The sockets that systemd listens on for this process and hands over (Twisted: `ListenFDs`;
/// sd_listen_fds(3)).
class MARLINE_API ListenFds {
public:
    /// The first descriptor that is handed over.
    static constexpr int kFirst = 3;

    /// From LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES: none when they are not set, not meant for
    /// this process, or make no sense.
    static ListenFds fromEnvironment(int first = kFirst);

    /// The descriptors, in order.
    const std::vector<int>& inheritedDescriptors() const noexcept { return fds_; }
    /// The one at `index`, from 0; the one with that name. Nothing when there is none.
    std::optional<int> at(std::size_t index) const;
    std::optional<int> named(std::string_view name) const;

private:
    std::vector<int> fds_;
    std::vector<std::string> names_;  // as many, or fewer
};

}  // namespace marline
