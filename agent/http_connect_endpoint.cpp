#include <marline/agent/http_connect_endpoint.hpp>

#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <marline/agent/detail/host_name.hpp>
#include <marline/deferred/source.hpp>
#include <marline/protocols/http/headers.hpp>
#include <marline/protocols/http/response_parser.hpp>
#include <marline/protocols/http/serializer.hpp>
#include <marline/protocols/policies/timeout.hpp>
#include <marline/protocols/protocol.hpp>

namespace marline {
namespace {

constexpr int kProxyAuthenticationRequired = 407;

/// `host:port` as a request line and a Host field have it.
std::string authority(const Address& target) {
    return detail::bracketed(target.host) + ":" + std::to_string(target.port);
}

/// Asks the proxy, then hands the connection to the user's protocol.
class ConnectClient final : public TimeoutMixin<Protocol> {
public:
    ConnectClient(IReactorTime& clock, const HttpConnectOptions& options, std::string request,
                  Address target, Ref<IProtocolFactory> factory)
        : TimeoutMixin(clock), timeout_(options.timeout), wire_(options.wire),
          request_(std::move(request)), target_(std::move(target)), factory_(std::move(factory)) {}

    /// To be called once.
    Deferred<Ref<IProtocol>> made() { return *std::exchange(result_, std::nullopt); }

    void dataReceived(std::span<const std::byte> data) override {
        if (!made_.pending()) {
            return;
        }
        http::WireEvent event = parser_.next(data);
        while (event == http::WireEvent::Informational) {
            event = parser_.next(data);
        }
        if (event == http::WireEvent::Failed) {
            refuse(0, parser_.error().what());
        } else if (event == http::WireEvent::Head) {
            answered(data);
        }
    }
    void connectionLost(const Failure& reason) override {
        end(0, "it closed the connection: " + reason.message());
        TimeoutMixin::connectionLost(reason);
    }

private:
    void connectionMade() override {
        setTimeout(timeout_);
        parser_.expectResponse("CONNECT");
        transport()->write(request_);
    }

    void answered(std::span<const std::byte>& data) {
        const http::ResponseHead& head = parser_.head();
        if (head.framing != http::BodyFraming::Tunnel) {
            std::string why = "it answered " + std::to_string(head.code) + " " +
                              std::string(head.phrase.substr(0, kMaxPhrase));
            if (head.code == kProxyAuthenticationRequired) {
                why += " (who asks is said by user:password@ in the proxy's URI)";
            }
            refuse(head.code, why);
            return;
        }
        parser_.next(data);
        setTimeout({});
        ITransport& connection = *transport();
        Ref<IProtocol> protocol;
        Failure why =
            Failure::make<NoProtocol>("the factory gave no protocol for " + authority(target_));
        try {
            protocol = factory_->buildProtocol(target_);
        } catch (...) {
            why = Failure::current();
        }
        if (!protocol) {
            connection.abortConnection();
            made_.errback(why);
            return;
        }
        const Ref<IProtocol> self = connection.switchProtocol(protocol);
        protocol->makeConnection(connection);
        made_.callback(protocol);
        // Only what listens first may say something already.
        if (!data.empty() && !connection.disconnecting()) {
            protocol->dataReceived(data);
        }
    }

    void refuse(int status, const std::string& why) {
        const Ref<ConnectClient> alive(this);
        transport()->abortConnection();
        end(status, why);
    }
    void end(int status, const std::string& why) {
        if (made_.pending()) {
            made_.errback(Failure::make<ProxyConnectError>(
                status,
                "proxy " + peer() + " does not connect to " + authority(target_) + ": " + why));
        }
    }
    void timeoutConnection() override {
        const Ref<ConnectClient> alive(this);
        abandon();
        if (made_.pending()) {
            made_.errback(Failure::make<ConnectTimeoutError>(
                "proxy " + peer() + " did not answer CONNECT " + authority(target_) +
                " in time (HttpConnectOptions::timeout)"));
        }
    }
    void abandon() {
        if (transport() != nullptr) {
            transport()->abortConnection();
        }
    }
    std::string peer() const { return transport()->getPeer().toString(); }

    static constexpr std::size_t kMaxPhrase = 100;

    Duration timeout_;
    http::WireLimits wire_;
    http::ResponseParser parser_{wire_};
    std::string request_;
    Address target_;
    Ref<IProtocolFactory> factory_;
    DeferredSource<Ref<IProtocol>> made_{[this](const Deferred<Ref<IProtocol>>&) { abandon(); }};
    std::optional<Deferred<Ref<IProtocol>>> result_ = made_.deferred();
};

std::string requestFor(const Address& target, const std::string& authorization) {
    http::Headers fields;
    fields.addRawHeader("Host", authority(target));
    if (!authorization.empty()) {
        fields.addRawHeader("Proxy-Authorization", authorization);
    }
    std::string request;
    http::appendRequestHead(request, "CONNECT", authority(target), fields,
                            http::BodyLength::none());
    return request;
}

}  // namespace

HttpConnectEndpoint::HttpConnectEndpoint(IReactorTime& clock, Ref<IStreamClientEndpoint> proxy,
                                         const std::string& host, std::uint16_t port,
                                         HttpConnectOptions options)
    : clock_(clock), proxy_(std::move(proxy)), target_{Address::Kind::None, port, host},
      request_(requestFor(target_, options.authorization)), options_(std::move(options)) {}

Deferred<Ref<IProtocol>> HttpConnectEndpoint::connect(Ref<IProtocolFactory> factory) {
    auto client = factoryOf([&clock = clock_, options = options_, request = request_,
                             target = target_, factory = std::move(factory)](const Address&) {
        return makeRef<ConnectClient>(clock, options, request, target, factory);
    });
    return proxy_->connect(std::move(client)).addCallback([](const Ref<IProtocol>& connected) {
        return dynamic_cast<ConnectClient&>(*connected).made();
    });
}

}  // namespace marline
