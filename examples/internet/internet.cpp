#include "internet.hpp"

#include <algorithm>
#include <stdexcept>

#include <marline/reactor/ares_resolver.hpp>

namespace internet {

using namespace marline;

const std::vector<std::string> kSites = {"twitter.com", "google.com", "yahoo.com", "facebook.com"};

Fault parseFault(const std::string& text) {
    static const std::map<std::string, Fault> known = {{"refused", Fault::Refused},
                                                       {"reset", Fault::Reset},
                                                       {"tls", Fault::Tls},
                                                       {"timeout", Fault::Timeout},
                                                       {"redirect-loop", Fault::RedirectLoop}};
    const auto found = known.find(text);
    if (found == known.end()) {
        throw std::invalid_argument("'" + text +
                                    "' is none of refused, reset, tls, timeout, redirect-loop");
    }
    return found->second;
}

namespace {

/// Fires with `text` after `delay`.
Deferred<std::string> later(Reactor& reactor, Duration delay, std::string text) {
    DeferredSource<std::string> source;
    Deferred<std::string> result = source.deferred();
    reactor.callLater(delay, [source = std::move(source), text = std::move(text)]() mutable {
        source.callback(std::move(text));
    });
    return result;
}

class Resetting : public Protocol {
    void connectionMade() override { transport()->abortConnection(); }
};

}  // namespace

Duration Internet::Visits::total() const {
    Duration sum{};
    for (const auto& [site, when] : ended_) {
        sum += when - begun_.at(site);
    }
    return sum;
}

Internet::Internet(Reactor& reactor, const std::map<std::string, Fault>& faults, Duration delay)
    : reactor_(reactor), delay_(delay), authority_("embedded internet CA"), dns_(reactor),
      ports_(makeRef<PortMap>(
          makeRef<AresResolver>(reactor, AresResolverOptions{.servers = {dns_.server()}}))) {
    int last = 10;
    for (const std::string& site : kSites) {
        const auto fault = faults.find(site);
        open(site, fault != faults.end() ? fault->second : Fault::None,
             "127.0.0." + std::to_string(last++));
    }
    reactor.installNameResolver(ports_);
    reactor.installClientTls(TlsContext::client().trustPem(authority_.certificatePem()));
}

std::string Internet::description() const {
    const std::string ports = ports_->toString();
    return dns_.server() + '\n' + std::to_string(std::count(ports.begin(), ports.end(), '\n')) +
           '\n' + ports + authority_.certificatePem();
}

void Internet::open(const std::string& site, Fault fault, const std::string& address) {
    dns_.add(site, address);
    const std::string secure = "https://" + site + "/";
    Ref<IProtocolFactory> plain = answering(site, 301, secure);
    if (fault == Fault::Reset) {
        plain = makeFactory<Resetting>();
    }
    const std::uint16_t httpPort = listen(address, std::move(plain));
    // Nobody listens on a UDP socket's number, nor on port 1.
    ports_->map(site, 80, fault == Fault::Refused ? 1 : httpPort);

    const auto pair = authority_.issue({{fault == Fault::Tls ? "somewhere.else" : site}});
    Ref<IProtocolFactory> page =
        fault == Fault::RedirectLoop ? answering(site, 301, secure) : answering(site, 200, "");
    // A server that accepts and then does not say a word is what a time-out is for.
    Ref<IProtocolFactory> tls =
        fault == Fault::Timeout ? makeFactory<Protocol>()
                                : tlsServerFactory(TlsContext::server(pair.certificate, pair.key),
                                                   reactor_, std::move(page));
    ports_->map(site, 443, listen(address, std::move(tls)));
}

std::uint16_t Internet::listen(const std::string& address, Ref<IProtocolFactory> factory) {
    return reactor_.listenTcp(0, std::move(factory), {.interface = address})->getHost().port;
}

Ref<IProtocolFactory> Internet::answering(const std::string& site, int code,
                                          const std::string& location) {
    auto page = [&reactor = reactor_, delay = delay_, visits = visits_, site, code,
                 location](http::Request& request) -> http::Rendered {
        visits->begin(site, reactor.seconds());
        request.setResponseCode(code);
        request.setHeader("Content-Type", "text/plain");
        if (!location.empty()) {
            request.setHeader("Location", location);
        }
        return later(reactor, delay, "Welcome to " + site + "\n")
            .addCallback([&reactor, visits, site](std::string text) {
                visits->end(site, reactor.seconds());
                return text;
            });
    };
    return makeRef<http::Site>(reactor_, makeRef<http::FunctionResource>(std::move(page)));
}

}  // namespace internet
