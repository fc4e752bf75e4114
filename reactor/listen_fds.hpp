// ListenFds: the sockets that a process was given at its start, by systemd or what acts like it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/errors.hpp>

namespace marline {

/// What the environment says about inherited sockets contradicts itself, or what is there.
class MARLINE_API ListenFdsError : public Error {
public:
    using Error::Error;
};

/// The descriptors of socket activation, sd_listen_fds(3) (Twisted: `ListenFDS`).
///
/// The sockets stay open and are nobody's; give them to Reactor::adoptStreamPort(), or use the
/// endpoint `systemd:index=0`.
class MARLINE_API ListenFds {
public:
    /// The first descriptor that systemd passes on.
    static constexpr int kFirst = 3;

    /// Reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES: there is none unless LISTEN_PID is this
    /// process. Marks the descriptors as close-on-exec, so that no child gets them unasked. Throws
    /// ListenFdsError when a variable is malformed, or a descriptor is not open.
    static ListenFds fromEnvironment(int start = kFirst);

    /// Those given. Throws std::invalid_argument unless there are as many names, or none at all:
    /// each is then called `unknown`, as by systemd.
    explicit ListenFds(std::vector<int> descriptors, std::vector<std::string> names = {});

    /// All of them, in systemd's order (Twisted: `inheritedDescriptors`).
    const std::vector<int>& inheritedDescriptors() const noexcept { return descriptors_; }
    /// Their names, in the same order: `FileDescriptorName=` of the socket's unit.
    const std::vector<std::string>& names() const noexcept { return names_; }
    /// The one at `index`, the first one that is called `name`.
    std::optional<int> at(std::size_t index) const noexcept;
    std::optional<int> named(std::string_view name) const noexcept;

private:
    std::vector<int> descriptors_;
    std::vector<std::string> names_;
};

}  // namespace marline
