// Internal: not installed. The header of the PROXY protocol, versions 1 and 2.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <marline/reactor/address.hpp>

namespace marline::detail {

/// Reads the header that a proxy sends before a connection's bytes: who is at its other end
/// (haproxy.org, "The PROXY protocol", §2). Strict: what is not exactly a header is none.
class ProxyHeader {
public:
    /// The longest of version 1, with CR LF (§2.1).
    static constexpr std::size_t kMaxLine = 107;
    /// The longest of version 2 that is taken; what proxies add beyond the addresses is little.
    static constexpr std::size_t kMaxBinary = 4096;

    enum class State : unsigned char { Incomplete, Complete, Bad };

    /// Looks at the bytes so far; `bytes` begins with the connection, and grows from call to call.
    State parse(std::span<const std::byte> bytes);

    /// How many bytes the header has. Only when it is complete.
    std::size_t size() const noexcept { return size_; }
    /// True when the header brings addresses; false for the proxy's own connections (LOCAL) and
    /// for what it cannot describe (UNKNOWN, UNSPEC).
    bool hasAddresses() const noexcept { return hasAddresses_; }
    /// Who connected to the proxy, and where.
    const Address& source() const noexcept { return source_; }
    const Address& destination() const noexcept { return destination_; }
    /// What is wrong with it. Only when it is bad.
    const char* reason() const noexcept { return reason_; }

private:
    State parseLine(std::string_view text);
    State parseBinary(std::span<const std::byte> bytes);
    State readBinaryAddresses(unsigned family, std::span<const std::byte> data);
    State bad(const char* reason) noexcept;

    std::size_t size_ = 0;
    bool hasAddresses_ = false;
    Address source_;
    Address destination_;
    const char* reason_ = "";
};

}  // namespace marline::detail
