// UnixDatagramSender: single messages to a UNIX socket.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <system_error>

#include <marline/deferred/api.hpp>
#include <marline/reactor/unique_fd.hpp>

namespace marline {

/// Sends datagrams to a UNIX socket, as `/dev/log` is one. It waits for nothing, and needs no
/// reactor: what the receiver has no room for is not sent. Of one thread.
class MARLINE_API UnixDatagramSender {
public:
    /// A `path` that begins with `@` or NUL is an abstract name; nobody need listen there yet.
    /// Throws InvalidAddressError for a path that no socket can have, and std::system_error when
    /// there are no descriptors left.
    explicit UnixDatagramSender(std::string path);

    /// Why it was not sent: nobody listens there (any more), no room, or it is too long.
    std::error_code send(std::span<const std::byte> data) noexcept;
    const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
    std::string name_;  // as the kernel has it: an abstract one begins with NUL
    UniqueFd fd_;
};

}  // namespace marline
