// An internet in one process: DNS, and the talk's four sites with HTTP and HTTPS, on loopback.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <marline/marline.hpp>
#include <marline/reactor/testing/certificates.hpp>
#include <marline/reactor/testing/dns_server.hpp>

namespace internet {

/// How a site can be broken.
enum class Fault { None, Refused, Reset, Tls, Timeout, RedirectLoop };

/// Reads `refused`, `reset`, `tls`, `timeout` or `redirect-loop`; throws std::invalid_argument.
Fault parseFault(const std::string& text);

/// The names that can be asked for.
extern const std::vector<std::string> kSites;

/// Sends each site's ports 80 and 443 to where it really listens; the addresses come from DNS.
class PortMap final : public marline::IResolver {
public:
    explicit PortMap(marline::Ref<marline::IResolver> dns) : dns_(std::move(dns)) {}

    void map(const std::string& name, std::uint16_t from, std::uint16_t to) {
        ports_[{name, from}] = to;
    }
    marline::Deferred<std::vector<marline::Address>> resolve(const std::string& name,
                                                             std::uint16_t port) override;

private:
    marline::Ref<marline::IResolver> dns_;
    std::map<std::pair<std::string, std::uint16_t>, std::uint16_t> ports_;
};

/// Starts everything and points the reactor's resolver and trust at it.
class Internet {
public:
    /// Every answer of every site comes after `delay`, as if the site were far away.
    Internet(marline::Reactor& reactor, const std::map<std::string, Fault>& faults,
             marline::Duration delay);

    /// From the first name that was asked for to the last page, added up over the sites.
    marline::Duration roundTrips() const { return visits_->total(); }

private:
    /// When the sites were asked for and when they had answered.
    class Visits : public marline::RefCounted {
    public:
        void begin(const std::string& site, marline::Duration now) {
            begun_.try_emplace(site, now);
        }
        void end(const std::string& site, marline::Duration now) { ended_[site] = now; }
        marline::Duration total() const;

    private:
        std::map<std::string, marline::Duration> begun_;
        std::map<std::string, marline::Duration> ended_;
    };

    void open(const std::string& site, Fault fault, const std::string& address);
    std::uint16_t listen(const std::string& address,
                         marline::Ref<marline::IProtocolFactory> factory);
    marline::Ref<marline::IProtocolFactory> answering(const std::string& site, int code,
                                                      const std::string& location);

    marline::Reactor& reactor_;
    marline::Duration delay_;
    marline::testing::CertificateAuthority authority_;
    marline::testing::DnsServer dns_;
    marline::Ref<PortMap> ports_;
    marline::Ref<Visits> visits_ = marline::makeRef<Visits>();
};

}  // namespace internet
