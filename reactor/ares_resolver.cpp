#include <marline/reactor/ares_resolver.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <netinet/in.h>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/detail/address_order.hpp>
#include <marline/reactor/detail/ares_channel.hpp>
#include <marline/reactor/detail/dns_message.hpp>
#include <marline/reactor/detail/hosts_file.hpp>
#include <marline/reactor/detail/reactor_parts.hpp>
#include <marline/reactor/detail/socket.hpp>
#include <marline/reactor/errors.hpp>

namespace marline {
namespace {

using detail::DnsType;

/// The error for a c-ares status that is none of success.
Failure dnsFailure(int status, const std::string& text) {
    switch (status) {
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_ENONAME: return Failure::make<DNSNameError>(text);
    case ARES_ESERVFAIL:
    case ARES_ECONNREFUSED: return Failure::make<DNSServerError>(text);
    case ARES_EREFUSED: return Failure::make<DNSQueryRefusedError>(text);
    case ARES_ENOTIMP: return Failure::make<DNSNotImplementedError>(text);
    case ARES_EFORMERR:
    case ARES_EBADRESP: return Failure::make<DNSFormatError>(text);
    case ARES_ETIMEOUT: return Failure::make<DNSQueryTimeoutError>(text);
    default: return Failure::make<DNSLookupError>(text);
    }
}

ResolvedAddresses collect(const ares_addrinfo& info, std::uint16_t port) {
    ResolvedAddresses found;
    int ttl = 0;
    for (const ares_addrinfo_node* node = info.nodes; node != nullptr; node = node->ai_next) {
        ttl = found.addresses.empty() ? node->ai_ttl : std::min(ttl, node->ai_ttl);
        found.addresses.push_back(Address::fromSockaddr(node->ai_addr, node->ai_addrlen));
        found.addresses.back().port = port;
    }
    found.ttl = std::chrono::seconds(ttl);
    detail::orderAddresses(found.addresses);
    return found;
}

/// `7.2.0.192.in-addr.arpa` (RFC 1035 §3.5), or the nibbles below ip6.arpa (RFC 3596 §2.5), for a
/// numeric address; any other name as it is.
std::string reverseName(const std::string& name) {
    detail::SocketAddress address;
    if (name.empty() || !detail::SocketAddress::parse(name, 0, address)) {
        return name;
    }
    std::string reversed;
    if (address.family() == AF_INET) {
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
        const auto* octets = reinterpret_cast<const unsigned char*>(&v4->sin_addr);
        for (int i = 3; i >= 0; --i) {
            reversed += std::to_string(octets[i]) + '.';
        }
        return reversed + "in-addr.arpa";
    }
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address.storage);
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (int i = 15; i >= 0; --i) {
        const unsigned char octet = v6->sin6_addr.s6_addr[i];
        reversed += {kDigits[octet & 15U], '.', kDigits[octet >> 4U], '.'};
    }
    return reversed + "ip6.arpa";
}

}  // namespace

/// The c-ares channel, and what its answers come to.
class AresResolver::Channel {
public:
    Channel(detail::EventLoop& loop, const AresResolverOptions& options)
        : ares_(loop, options), hosts_(options.hostsFile) {}

    Deferred<ResolvedAddresses> resolve(const std::string& name, std::uint16_t port) {
        const std::vector<Address>& known = hosts_.find(name);
        if (!known.empty()) {
            ResolvedAddresses found{known, std::nullopt};
            for (Address& address : found.addresses) {
                address.port = port;
            }
            detail::orderAddresses(found.addresses);
            return succeed(std::move(found));
        }
        if (ares_.status() != ARES_SUCCESS) {
            return fail<ResolvedAddresses>(refusal("address", name, ares_.status()));
        }
        return ask<ResolvedAddresses>(std::make_unique<AddressQuestion>(*this, name, port));
    }

    template <class Record>
    Deferred<std::vector<Record>> lookUp(const char* what, const std::string& name, DnsType type) {
        if (ares_.status() != ARES_SUCCESS) {
            return fail<std::vector<Record>>(refusal(what, name, ares_.status()));
        }
        return ask<std::vector<Record>>(
            std::make_unique<RecordQuestion<Record>>(*this, what, name, type));
    }

private:
    template <class Value>
    struct Question : detail::AresQuestion {
        Question(const Channel& channel, const std::string& name, int type)
            : AresQuestion(name, type), channel_(channel) {}

        bool wanted() const noexcept final { return source_.pending(); }

        const Channel& channel_;
        DeferredSource<Value> source_;
    };

    struct AddressQuestion final : Question<ResolvedAddresses> {
        AddressQuestion(const Channel& channel, const std::string& name, std::uint16_t port)
            : Question<ResolvedAddresses>(channel, name, kAddresses), port_(port) {}

        void answered() override {
            int outcome = status();
            ResolvedAddresses found;
            if (outcome == ARES_SUCCESS) {
                found = collect(info(), port_);
                outcome = found.addresses.empty() ? ARES_ENODATA : outcome;
            }
            if (outcome == ARES_SUCCESS) {
                source_.callback(std::move(found));
            } else {
                source_.errback(channel_.refusal("address", name(), outcome));
            }
        }

        std::uint16_t port_;
    };

    template <class Record>
    struct RecordQuestion final : Question<std::vector<Record>> {
        RecordQuestion(const Channel& channel, const char* what, const std::string& name,
                       DnsType type)
            : Question<std::vector<Record>>(channel, name, static_cast<int>(type)), what_(what),
              record_(type) {}

        void answered() override {
            int outcome = this->status();
            std::optional<std::vector<Record>> records;
            if (outcome == ARES_SUCCESS) {
                records = detail::readRecords<Record>(this->message(), record_);
                outcome = records ? outcome : ARES_EBADRESP;
            } else if (outcome == ARES_ENODATA) {
                records.emplace();
            }
            if (records) {
                this->source_.callback(std::move(*records));
            } else {
                this->source_.errback(this->channel_.refusal(what_, this->name(), outcome));
            }
        }

        const char* what_;
        DnsType record_;
    };

    template <class Value>
    Deferred<Value> ask(std::unique_ptr<Question<Value>> question) {
        Deferred<Value> result = question->source_.deferred();
        ares_.ask(std::move(question));
        return result;
    }

    Failure refusal(const char* what, const std::string& name, int status) const {
        return dnsFailure(status, std::string(what) + " of " + name + " not found: " +
                                      ares_strerror(status) + " (asked " + ares_.servers() + ")");
    }

    detail::AresChannel ares_;
    detail::HostsFile hosts_;
};

AresResolver::AresResolver(Reactor& reactor, AresResolverOptions options)
    : reactor_(reactor), options_(std::move(options)) {
    if (options_.maxQuestions == 0) {
        throw std::invalid_argument("AresResolverOptions::maxQuestions of 0 would ask nothing");
    }
}

AresResolver::~AresResolver() = default;

AresResolver::Channel& AresResolver::channel() {
    if (!channel_) {
        channel_ = std::make_unique<Channel>(reactor_.parts().loop, options_);
    }
    return *channel_;
}

Deferred<ResolvedAddresses> AresResolver::resolveWithTtl(const std::string& name,
                                                         std::uint16_t port) {
    Address literal;
    if (parseNumericAddress(name, port, literal)) {
        return succeed(ResolvedAddresses{{std::move(literal)}, std::nullopt});
    }
    return channel().resolve(name, port);
}

Deferred<std::vector<Address>> AresResolver::resolve(const std::string& name, std::uint16_t port) {
    return resolveWithTtl(name, port).addCallback([](ResolvedAddresses found) {
        return std::move(found.addresses);
    });
}

Deferred<std::vector<AddressRecord>> AresResolver::lookupAddress(const std::string& name) {
    return channel().lookUp<AddressRecord>("A record", name, DnsType::A);
}

Deferred<std::vector<AddressRecord>> AresResolver::lookupIpv6Address(const std::string& name) {
    return channel().lookUp<AddressRecord>("AAAA record", name, DnsType::Aaaa);
}

Deferred<std::vector<ServiceRecord>> AresResolver::lookupService(const std::string& name) {
    return channel().lookUp<ServiceRecord>("SRV record", name, DnsType::Srv);
}

Deferred<std::vector<MailExchangeRecord>> AresResolver::lookupMailExchange(
    const std::string& name) {
    return channel().lookUp<MailExchangeRecord>("MX record", name, DnsType::Mx);
}

Deferred<std::vector<TextRecord>> AresResolver::lookupText(const std::string& name) {
    return channel().lookUp<TextRecord>("TXT record", name, DnsType::Txt);
}

Deferred<std::vector<NameRecord>> AresResolver::lookupPointer(const std::string& name) {
    return channel().lookUp<NameRecord>("PTR record", reverseName(name), DnsType::Ptr);
}

Deferred<std::vector<NameRecord>> AresResolver::lookupNameservers(const std::string& name) {
    return channel().lookUp<NameRecord>("NS record", name, DnsType::Ns);
}

Deferred<std::vector<NameRecord>> AresResolver::lookupCanonicalName(const std::string& name) {
    return channel().lookUp<NameRecord>("CNAME record", name, DnsType::Cname);
}

}  // namespace marline
