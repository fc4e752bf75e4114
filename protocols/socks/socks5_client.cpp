#include <marline/protocols/socks/socks5.hpp>

#include <array>
#include <stdexcept>

#include <marline/deferred/source.hpp>
#include <marline/protocols/policies/timeout.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/protocols/stateful_protocol.hpp>

namespace marline {
namespace {

constexpr char kVersion = 5;
constexpr char kNoAuthentication = 0;
constexpr char kPassword = 2;
constexpr char kNoneAcceptable = '\xff';
constexpr char kConnect = 1;
constexpr std::size_t kMaxField = 255;

std::string field(const std::string& text) { return static_cast<char>(text.size()) + text; }

const char* reasonOf(char reply) {
    constexpr std::array kReasons = {
        "succeeded",           "general failure",       "not allowed by its rules",
        "network unreachable", "host unreachable",      "connection refused",
        "TTL expired",         "command not supported", "address type not supported"};
    const auto index = static_cast<std::size_t>(static_cast<unsigned char>(reply));
    return index < kReasons.size() ? kReasons[index] : "unknown reason";
}

/// Asks the proxy, then hands the connection to the user's protocol.
class SocksClient final : public TimeoutMixin<StatefulProtocol<SocksClient>> {
public:
    SocksClient(IReactorTime& clock, Duration timeout, std::string host, std::uint16_t port,
                std::optional<SocksCredentials> credentials, Ref<IProtocolFactory> factory)
        : TimeoutMixin(clock), timeout_(timeout), host_(std::move(host)), port_(port),
          credentials_(std::move(credentials)), factory_(std::move(factory)) {}

    /// To be called once.
    Deferred<Ref<IProtocol>> made() { return *std::exchange(result_, std::nullopt); }
    void abandon() {
        if (transport() != nullptr) {
            transport()->abortConnection();
        }
    }

    void connectionLost(const Failure& reason) override {
        end(Failure::make<SocksError>("the SOCKS5 proxy closed the connection: " +
                                      reason.message()));
        TimeoutMixin::connectionLost(reason);
    }

private:
    friend class StatefulProtocol<SocksClient>;

    void connectionMade() override {
        setTimeout(timeout_);
        std::string hello = {kVersion, 1, kNoAuthentication};
        if (credentials_) {
            hello = {kVersion, 2, kNoAuthentication, kPassword};
        }
        transport()->write(hello);
    }
    State getInitialState() override { return {&SocksClient::methodChosen, 2}; }

    State methodChosen(std::string_view answer) {
        if (answer[0] != kVersion) {
            refuse("it does not speak SOCKS5");
        } else if (answer[1] == kNoAuthentication) {
            request();
        } else if (answer[1] == kPassword && credentials_) {
            transport()->write('\1' + field(credentials_->user) + field(credentials_->password));
            return {&SocksClient::authenticated, 2};
        } else {
            refuse(answer[1] == kNoneAcceptable ? "it wants other credentials"
                                                : "it chose what was not offered");
        }
        return {&SocksClient::replied, 4};
    }
    State authenticated(std::string_view answer) {
        if (answer[1] == 0) {
            request();
        } else {
            refuse("it does not accept the credentials");
        }
        return {&SocksClient::replied, 4};
    }
    void request() {
        std::string request = {kVersion, kConnect, 0, 3};
        request += field(host_);
        request += {static_cast<char>(port_ >> 8U), static_cast<char>(port_)};
        transport()->write(request);
    }
    State replied(std::string_view answer) {
        if (answer[0] != kVersion) {
            refuse("it does not speak SOCKS5");
        } else if (answer[1] != 0) {
            refuse(reasonOf(answer[1]));
        } else if (answer[3] == 3) {
            return {&SocksClient::nameLength, 1};
        } else if (answer[3] != 1 && answer[3] != 4) {
            refuse("its reply makes no sense");
        }
        return {&SocksClient::connected, answer[3] == 4 ? 16U + 2U : 4U + 2U};
    }
    State nameLength(std::string_view answer) {
        return {&SocksClient::connected, static_cast<unsigned char>(answer[0]) + 2U};
    }
    State connected(std::string_view) {
        setTimeout({});
        ITransport& connection = *transport();
        const Ref<IProtocol> protocol =
            factory_->buildProtocol(Address{Address::Kind::None, port_, host_});
        if (!protocol) {
            end(Failure::make<NoProtocol>("the factory gave no protocol for " + host_));
            connection.abortConnection();
            return {};
        }
        const std::string rest = takeUnparsed();
        const Ref<IProtocol> self = connection.switchProtocol(protocol);
        protocol->makeConnection(connection);
        made_.callback(protocol);
        if (!rest.empty() && !connection.disconnecting()) {
            protocol->dataReceived(asBytes(rest));
        }
        return {};
    }

    void refuse(const std::string& why) {
        end(Failure::make<SocksError>("SOCKS5 proxy " + transport()->getPeer().toString() +
                                      " does not connect to " + host_ + ':' +
                                      std::to_string(port_) + ": " + why));
        transport()->abortConnection();
    }
    void end(Failure why) {
        if (made_.pending()) {
            made_.errback(std::move(why));
        }
    }
    void timeoutConnection() override {
        end(Failure::make<ConnectTimeoutError>("the SOCKS5 proxy did not answer in time"));
        abandon();
    }

    Duration timeout_;
    std::string host_;
    std::uint16_t port_;
    std::optional<SocksCredentials> credentials_;
    Ref<IProtocolFactory> factory_;
    DeferredSource<Ref<IProtocol>> made_{[this](const Deferred<Ref<IProtocol>>&) { abandon(); }};
    std::optional<Deferred<Ref<IProtocol>>> result_ = made_.deferred();
};

void checkField(const std::string& text, const char* what) {
    if (text.empty() || text.size() > kMaxField) {
        throw std::invalid_argument(std::string("SOCKS5: the ") + what + " has 1 to 255 bytes");
    }
}

}  // namespace

Socks5ClientEndpoint::Socks5ClientEndpoint(IReactorTime& clock, Ref<IStreamClientEndpoint> proxy,
                                           std::string host, std::uint16_t port,
                                           std::optional<SocksCredentials> credentials,
                                           Duration timeout)
    : clock_(clock), proxy_(std::move(proxy)), host_(std::move(host)), port_(port),
      credentials_(std::move(credentials)), timeout_(timeout) {
    checkField(host_, "host");
    if (credentials_) {
        checkField(credentials_->user, "user");
        checkField(credentials_->password, "password");
    }
}

Deferred<Ref<IProtocol>> Socks5ClientEndpoint::connect(Ref<IProtocolFactory> factory) {
    auto client =
        factoryOf([&clock = clock_, timeout = timeout_, host = host_, port = port_,
                   credentials = credentials_, factory = std::move(factory)](const Address&) {
            return makeRef<SocksClient>(clock, timeout, host, port, credentials, factory);
        });
    return proxy_->connect(std::move(client)).addCallback([](const Ref<IProtocol>& connected) {
        return dynamic_cast<SocksClient&>(*connected).made();
    });
}

}  // namespace marline
