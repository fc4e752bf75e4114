// Address: one end of a connection, as a value.
#pragma once

#include <cstdint>
#include <string>

#include <marline/deferred/api.hpp>

struct sockaddr;

namespace marline {

/// One end of a connection: a numeric host and port, or a UNIX socket's path
/// (Twisted: `IPv4Address`, `IPv6Address`, `UNIXAddress`).
struct MARLINE_API Address {
    enum class Kind : std::uint8_t { None, Ipv4, Ipv6, Unix };

    Kind kind = Kind::None;
    /// In host byte order; 0 for UNIX sockets.
    std::uint16_t port = 0;
    /// Numeric, IPv6 with its `%scope` when it has one; the path for UNIX sockets, whose first
    /// character is NUL when the name is abstract; empty when unknown.
    std::string host;

    /// `127.0.0.1:80`, `[::1]:80`, `unix:/run/x`, `unix:@abstract`, or `unknown`.
    std::string toString() const;

    /// Converts what the socket calls give; unknown families give Kind::None.
    static Address fromSockaddr(const sockaddr* address, unsigned length);

    /// The same in place: allocates nothing when the text fits into what `host` has.
    void assign(const sockaddr* address, unsigned length);

    friend bool operator==(const Address&, const Address&) = default;
};

/// True when `text` is an IPv4 address, `127.0.0.1`: no name to be looked up (Twisted:
/// `isIPAddress`).
MARLINE_API bool isIpAddress(const std::string& text) noexcept;
/// True when `text` is an IPv6 address, `::1` or with a scope `fe80::1%eth0` (Twisted:
/// `isIPv6Address`).
MARLINE_API bool isIpv6Address(const std::string& text) noexcept;

}  // namespace marline
