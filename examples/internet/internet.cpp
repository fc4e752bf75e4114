#include "internet.hpp"

#include <stdexcept>

#include <marline/protocols/http/request_parser.hpp>
#include <marline/protocols/http/serializer.hpp>
#include <marline/protocols/http/status.hpp>
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

Deferred<std::vector<Address>> PortMap::resolve(const std::string& name, std::uint16_t port) {
    const auto found = ports_.find({name, port});
    return dns_->resolve(name, found != ports_.end() ? found->second : port);
}

namespace {

/// Answers every request alike, after a while.
class Answering : public Protocol {
public:
    struct Plan {
        Reactor& reactor;
        Duration delay;
        std::string answer;
        std::function<void()> answered;
    };

    explicit Answering(std::shared_ptr<const Plan> plan) : plan_(std::move(plan)) {}

    void dataReceived(std::span<const std::byte> data) override {
        for (;;) {
            switch (parser_.next(data)) {
            case http::WireEvent::End:
                plan_->reactor.callLater(plan_->delay, [self = Ref<Answering>(this)] {
                    if (self->transport() != nullptr) {
                        self->transport()->write(self->plan_->answer);
                        self->plan_->answered();
                    }
                });
                break;
            case http::WireEvent::Failed:
                transport()->abortConnection();
                return;
            case http::WireEvent::NeedData:
            case http::WireEvent::Done:
                return;
            default:
                break;
            }
        }
    }

private:
    std::shared_ptr<const Plan> plan_;
    http::RequestParser parser_;
};

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
    Ref<IProtocolFactory> tls = fault == Fault::Timeout
                                    ? makeFactory<Protocol>()
                                    : tlsServerFactory(TlsContext::server(pair.certificate, pair.key),
                                                       reactor_, std::move(page));
    ports_->map(site, 443, listen(address, std::move(tls)));
}

std::uint16_t Internet::listen(const std::string& address, Ref<IProtocolFactory> factory) {
    return reactor_.listenTcp(0, std::move(factory), {.interface = address})->getHost().port;
}

Ref<IProtocolFactory> Internet::answering(const std::string& site, int code,
                                          const std::string& location) {
    const std::string body = code == 200 ? "Welcome to " + site + "\n" : "";
    http::Headers headers{{"Content-Type", "text/plain"}};
    if (!location.empty()) {
        headers.addRawHeader("Location", location);
    }
    std::string answer;
    http::appendResponseHead(answer, code, http::statusPhrase(code), headers,
                             http::BodyLength::known(body.size()));
    auto plan = std::make_shared<const Answering::Plan>(Answering::Plan{
        reactor_, delay_, answer + body, [visits = visits_, site, &reactor = reactor_] {
            visits->end(site, reactor.seconds());
        }});
    return factoryOf([plan, visits = visits_, site](const Address&) -> Ref<IProtocol> {
        visits->begin(site, plan->reactor.seconds());
        return makeRef<Answering>(plan);
    });
}

}  // namespace internet
