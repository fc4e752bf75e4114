// What DNS servers know of names, besides their addresses.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <marline/reactor/address.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

// Names in records have no dot at their end; each record says how long it may be kept.

/// An address of a name (Twisted: `Record_A`, `Record_AAAA`; RFC 1035 §3.4.1, RFC 3596).
struct AddressRecord {
    /// Without a port.
    Address address;
    Duration ttl{};
};

/// Where a service is (Twisted: `Record_SRV`; RFC 2782).
struct ServiceRecord {
    /// The lowest is tried first.
    std::uint16_t priority = 0;
    /// The share of those with one priority.
    std::uint16_t weight = 0;
    std::uint16_t port = 0;
    /// Empty: the service is decidedly not available.
    std::string target;
    Duration ttl{};
};

/// Who takes a domain's mail (Twisted: `Record_MX`; RFC 1035 §3.3.9).
struct MailExchangeRecord {
    /// The lowest is tried first.
    std::uint16_t preference = 0;
    /// Empty: the domain takes no mail (RFC 7505).
    std::string exchange;
    Duration ttl{};
};

/// Text that belongs to a name (Twisted: `Record_TXT`; RFC 1035 §3.3.14).
struct TextRecord {
    /// Its strings, of 255 bytes at most, which may hold any byte; many uses put them together.
    std::vector<std::string> data;
    Duration ttl{};
};

/// A name that a name points to: the host at an address, a name server, or the name itself
/// (Twisted: `Record_PTR`, `Record_NS`, `Record_CNAME`; RFC 1035 §3.3).
struct NameRecord {
    std::string name;
    Duration ttl{};
};

}  // namespace marline
