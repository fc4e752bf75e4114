#include "watch.hpp"

#include <chrono>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <marline/reactor/tls_connection.hpp>

namespace tools {
namespace {

using namespace marline;

/// Forwards everything to another protocol, and sees when the handshake is done.
class WatchedProtocol final : public IProtocol {
public:
    WatchedProtocol(Ref<IProtocol> inner, Ref<ConnectionWatch> watch)
        : inner_(std::move(inner)), watch_(std::move(watch)), begun_(watch_->now()) {}

    const Ref<IProtocol>& inner() const noexcept { return inner_; }

    void makeConnection(ITransport& transport) override {
        transport_ = &transport;
        tell();
        inner_->makeConnection(transport);
    }
    void dataReceived(std::span<const std::byte> data) override { inner_->dataReceived(data); }
    void connectionLost(const Failure& reason) override {
        transport_ = nullptr;
        inner_->connectionLost(reason);
    }
    bool wantsHalfClose() const noexcept override { return inner_->wantsHalfClose(); }
    void readConnectionLost() override { inner_->readConnectionLost(); }
    void writeConnectionLost() override { inner_->writeConnectionLost(); }
    void handshakeCompleted() override {
        // One with a proxy, and one with the server behind it.
        watch_->tls = watch_->tls.value_or(Duration::zero()) + watch_->now() - begun_;
        shaken_ = true;
        tell();
        inner_->handshakeCompleted();
    }
    void transportChanged(ITransport& transport) override {
        transport_ = &transport;
        inner_->transportChanged(transport);
    }
    IFileDescriptorReceiver* fileDescriptorReceiver() noexcept override {
        return inner_->fileDescriptorReceiver();
    }

private:
    ~WatchedProtocol() override = default;

    /// Says what was agreed on, once both the handshake and the transport are there.
    void tell() {
        const ITlsConnection* tls = transport_ == nullptr ? nullptr : transport_->tls();
        if (!shaken_ || tls == nullptr) {
            return;
        }
        // As curl tells it, since people look for its words.
        watch_->note("SSL connection using " + std::string(tls->version()) + " / " +
                     std::string(tls->cipher()) + (tls->resumed() ? " (resumed)" : ""));
        const std::string_view agreed = tls->negotiatedProtocol();
        watch_->note("ALPN: server " + (agreed.empty() ? "did not agree on a protocol"
                                                       : "accepted " + std::string(agreed)));
        if (const auto certificate = tls->getPeerCertificate()) {
            tell(*certificate);
        }
    }
    void tell(const TlsCertificate& certificate) const {
        const auto text = [](std::chrono::system_clock::time_point when) {
            return http::formatHttpDate(std::chrono::floor<std::chrono::seconds>(when));
        };
        watch_->note("Server certificate:");
        watch_->note(" subject: " + certificate.subject);
        watch_->note(" start date: " + text(certificate.notBefore));
        watch_->note(" expire date: " + text(certificate.notAfter));
        std::string names;
        for (const std::string& name : certificate.names) {
            names += (names.empty() ? "" : ", ") + name;
        }
        watch_->note(" subjectAltName: " + (names.empty() ? "none" : names));
        watch_->note(" issuer: " + certificate.issuer);
    }

    Ref<IProtocol> inner_;
    Ref<ConnectionWatch> watch_;
    Duration begun_;
    ITransport* transport_ = nullptr;
    bool shaken_ = false;
};

class WatchedFactory final : public IProtocolFactory {
public:
    /// `tunnel` says where a connection leads that a proxy has made; it is empty for others.
    WatchedFactory(Ref<IProtocolFactory> inner, Ref<ConnectionWatch> watch, std::string tunnel)
        : inner_(std::move(inner)), watch_(std::move(watch)), tunnel_(std::move(tunnel)),
          begun_(watch_->now()) {}

    Ref<IProtocol> buildProtocol(const Address& peer) override {
        if (tunnel_.empty()) {
            watch_->connect = watch_->now() - begun_ - watch_->resolve.value_or(Duration::zero());
            watch_->note("connected to " + peer.toString());
        } else {
            watch_->note("the proxy has connected to " + tunnel_);
        }
        Ref<IProtocol> protocol = inner_->buildProtocol(peer);
        return protocol ? Ref<IProtocol>(makeRef<WatchedProtocol>(std::move(protocol), watch_))
                        : protocol;
    }
    void doStart() override { inner_->doStart(); }
    void doStop() override { inner_->doStop(); }

private:
    ~WatchedFactory() override = default;

    Ref<IProtocolFactory> inner_;
    Ref<ConnectionWatch> watch_;
    std::string tunnel_;
    Duration begun_;
};

class WatchedEndpoint final : public IStreamClientEndpoint {
public:
    WatchedEndpoint(Ref<IStreamClientEndpoint> inner, Ref<ConnectionWatch> watch,
                    std::string tunnel = {})
        : inner_(std::move(inner)), watch_(std::move(watch)), tunnel_(std::move(tunnel)) {}

    Deferred<Ref<IProtocol>> connect(Ref<IProtocolFactory> factory) override {
        watch_->resolve.reset();
        watch_->connect.reset();
        watch_->tls.reset();
        return inner_->connect(makeRef<WatchedFactory>(std::move(factory), watch_, tunnel_))
            .addCallback([](const Ref<IProtocol>& protocol) {
                // The agent knows its own.
                return static_cast<WatchedProtocol*>(protocol.get())->inner();
            });
    }

private:
    ~WatchedEndpoint() override = default;

    Ref<IStreamClientEndpoint> inner_;
    Ref<ConnectionWatch> watch_;
    std::string tunnel_;
};

class WatchedEndpoints final : public IAgentEndpointFactory {
public:
    WatchedEndpoints(Reactor& reactor, Duration timeout, Ref<ConnectionWatch> watch)
        : reactor_(reactor), timeout_(timeout), watch_(std::move(watch)) {}

    Ref<IStreamClientEndpoint> endpointForUri(const Uri& uri) override {
        Ref<IStreamClientEndpoint> endpoint = makeRef<HostnameEndpoint>(
            reactor_, uri.host(), uri.port(), HostnameEndpointOptions{.timeout = timeout_});
        if (uri.scheme() != "http") {
            endpoint = wrapClientTls(reactor_, reactor_.clientTls(), uri.host(), endpoint);
        }
        return makeRef<WatchedEndpoint>(std::move(endpoint), watch_);
    }

private:
    ~WatchedEndpoints() override = default;

    Reactor& reactor_;
    Duration timeout_;
    Ref<ConnectionWatch> watch_;
};

/// Sees what happens inside of the tunnels of proxies; what is not tunnelled is watched already.
class WatchedTunnels final : public IAgentEndpointFactory {
public:
    WatchedTunnels(Ref<IAgentEndpointFactory> inner, Ref<ConnectionWatch> watch)
        : inner_(std::move(inner)), watch_(std::move(watch)) {}

    Ref<IStreamClientEndpoint> endpointForUri(const Uri& uri) override {
        Ref<IStreamClientEndpoint> endpoint = inner_->endpointForUri(uri);
        const Proxy* const proxy = inner_->proxyFor(uri);
        if (proxy == nullptr || proxy->takesAbsoluteForm(uri)) {
            return endpoint;
        }
        return makeRef<WatchedEndpoint>(std::move(endpoint), watch_, uri.authority());
    }
    const Proxy* proxyFor(const Uri& uri) const override { return inner_->proxyFor(uri); }

private:
    ~WatchedTunnels() override = default;

    Ref<IAgentEndpointFactory> inner_;
    Ref<ConnectionWatch> watch_;
};

class WatchedResolver final : public IResolver {
public:
    WatchedResolver(Ref<IResolver> inner, Ref<ConnectionWatch> watch)
        : inner_(std::move(inner)), watch_(std::move(watch)) {}

    Deferred<std::vector<Address>> resolve(const std::string& name, std::uint16_t port) override {
        return inner_->resolve(name, port)
            .addCallback(
                [watch = watch_, begun = watch_->now(), name](std::vector<Address> addresses) {
                    watch->resolve = watch->now() - begun;
                    std::string text;
                    for (const Address& address : addresses) {
                        text += " " + address.toString();
                    }
                    watch->note(name + " is" + text);
                    return addresses;
                });
    }

private:
    ~WatchedResolver() override = default;

    Ref<IResolver> inner_;
    Ref<ConnectionWatch> watch_;
};

bool isSecret(std::string_view name) {
    return http::sameFieldName(name, "Authorization") ||
           http::sameFieldName(name, "Proxy-Authorization") || http::sameFieldName(name, "Cookie");
}

class Telling final : public IAgent {
public:
    explicit Telling(Ref<IAgent> inner) : inner_(std::move(inner)) {}

    Deferred<Response> request(std::string_view method, const Uri& uri,
                               const http::Headers& headers, Ref<IBodyProducer> body) override {
        std::string text = "> " + std::string(method) + " " + uri.requestTarget() + " HTTP/1.1\n";
        if (!headers.hasHeader("Host")) {
            text += "> Host: " + uri.authority() + "\n";
        }
        for (const auto& [name, value] : headers) {
            text += "> " + std::string(name) + ": " +
                    (isSecret(name) ? "(not shown)" : std::string(value)) + "\n";
        }
        std::cerr << text << ">\n";
        return inner_->request(method, uri, headers, std::move(body))
            .addCallback([](Response response) {
                std::string head = "< " + std::string(http::versionText(response.version())) + " " +
                                   std::to_string(response.code()) + " " + response.phrase() + "\n";
                for (const auto& [name, value] : response.headers()) {
                    head += "< " + std::string(name) + ": " + std::string(value) + "\n";
                }
                std::cerr << head << "<\n";
                return response;
            });
    }

private:
    ~Telling() override = default;

    Ref<IAgent> inner_;
};

}  // namespace

void ConnectionWatch::note(const std::string& text) const {
    if (verbose_) {
        std::cerr << "* " << text << '\n';
    }
}

Ref<IAgentEndpointFactory> watchedEndpoints(Reactor& reactor, Duration timeout,
                                            Ref<ConnectionWatch> watch) {
    reactor.installNameResolver(makeRef<WatchedResolver>(reactor.nameResolver(), watch));
    return makeRef<WatchedEndpoints>(reactor, timeout, std::move(watch));
}

Ref<IAgentEndpointFactory> watchedTunnels(Ref<IAgentEndpointFactory> inner,
                                          Ref<ConnectionWatch> watch) {
    return makeRef<WatchedTunnels>(std::move(inner), std::move(watch));
}

VerboseAgent::VerboseAgent(const AgentHandle& agent)
    : AgentHandle(makeRef<Telling>(agent.agent())) {}

}  // namespace tools
