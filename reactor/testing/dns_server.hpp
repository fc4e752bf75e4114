// DnsServer: a DNS server for tests, on a loopback port.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/reactor/address.hpp>
#include <marline/reactor/dns_records.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline::testing {

/// What a DnsServer does when it is asked for a name.
enum class DnsBehaviour : std::uint8_t {
    Answer,          ///< Gives the addresses that were added; NXDOMAIN for names without any.
    ServFail,        ///< Says that it failed.
    Silence,         ///< Says nothing.
    Garbage,         ///< Sends bytes that are no DNS message.
    Refused,         ///< Refuses the question.
    NotImplemented,  ///< Does not know such questions.
    FormatError,     ///< Says that it cannot read the question.
};

/// Answers queries over UDP, on 127.0.0.1 and a port of its own, from what it is told.
class MARLINE_API DnsServer {
public:
    /// Listens at once; throws CannotListenError. `reactor` must outlive it.
    explicit DnsServer(Reactor& reactor);
    DnsServer(const DnsServer&) = delete;
    DnsServer& operator=(const DnsServer&) = delete;
    ~DnsServer();

    /// Where it listens.
    const Address& address() const noexcept;
    /// The same as AresResolverOptions::servers takes it.
    std::string server() const { return address().toString(); }

    /// `name` has this numeric address, IPv4 or IPv6, for `ttl` seconds. May be called again.
    void add(const std::string& name, const std::string& numeric, std::uint32_t ttl = 60);
    /// `name` has this record; each may be called again. A name with a canonical name answers other
    /// questions with what that one has.
    void addService(const std::string& name, const ServiceRecord& record);
    void addMailExchange(const std::string& name, const MailExchangeRecord& record);
    void addText(const std::string& name, const TextRecord& record);
    void addPointer(const std::string& name, const NameRecord& record);
    void addNameserver(const std::string& name, const NameRecord& record);
    void addCanonicalName(const std::string& name, const NameRecord& record);
    /// `name` has a record of this type with these bytes, right or wrong.
    void addRecord(const std::string& name, std::uint16_t type, const std::string& data,
                   std::uint32_t ttl = 60);
    /// What happens when `name` is asked for.
    void set(const std::string& name, DnsBehaviour behaviour);
    /// The names that were asked for, in order, with the type: `example.org A`.
    const std::vector<std::string>& queries() const noexcept;

private:
    class Socket;

    std::unique_ptr<Socket> socket_;
};

}  // namespace marline::testing
