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

#include "port_map.hpp"

namespace internet {

/// How a site can be broken.
enum class Fault { None, Refused, Reset, Tls, Timeout, RedirectLoop };

/// Reads `refused`, `reset`, `tls`, `timeout` or `redirect-loop`; throws std::invalid_argument.
Fault parseFault(const std::string& text);

/// The names that can be asked for.
extern const std::vector<std::string> kSites;

/// Starts everything and points the reactor's resolver and trust at it.
class Internet {
public:
    /// Every answer of every site comes after `delay`, as if the site were far away.
    Internet(marline::Reactor& reactor, const std::map<std::string, Fault>& faults,
             marline::Duration delay);

    /// From the first name that was asked for to the last page, added up over the sites.
    marline::Duration roundTrips() const { return visits_->total(); }

    /// What other processes need to join(): the DNS server, the ports and the certificate.
    std::string description() const;

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
