#include <marline/protocols/socks/socks5.hpp>

#include <array>
#include <stdexcept>

#include <arpa/inet.h>

#include <marline/protocols/detail/relay.hpp>
#include <marline/protocols/policies/timeout.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/protocols/stateful_protocol.hpp>

namespace marline {
namespace {

constexpr char kVersion = 5;
constexpr char kNoAuthentication = 0;
constexpr char kPassword = 2;
constexpr char kNoneAcceptable = '\xff';

/// RFC 1928 §6.
enum class Reply : char {
    Succeeded = 0,
    Failed = 1,
    NotAllowed = 2,
    HostUnreachable = 4,
    Refused = 5,
    NotSupported = 7,
    NoSuchAddress = 8
};

struct SharedPolicy final : RefCounted {
    explicit SharedPolicy(SocksPolicy policy) : is(std::move(policy)) {}
    SocksPolicy is;
};

/// Hears what a client wants, then joins it to where it wants to.
class SocksServer final : public TimeoutMixin<StatefulProtocol<SocksServer>> {
public:
    SocksServer(IReactorTime& clock, Ref<SharedPolicy> policy)
        : TimeoutMixin(clock), policy_(std::move(policy)) {}

    void connectionLost(const Failure& reason) override {
        TimeoutMixin::connectionLost(reason);
        if (std::optional<Deferred<Ref<IProtocol>>> connecting = connecting_) {
            connecting->cancel();
        }
    }

private:
    friend class StatefulProtocol<SocksServer>;

    void connectionMade() override { setTimeout(policy_->is.timeout); }
    void timeoutConnection() override { transport()->abortConnection(); }

    State getInitialState() override { return {&SocksServer::hello, 2}; }
    State hello(std::string_view head) {
        if (head[0] != kVersion) {
            transport()->abortConnection();
        }
        return {&SocksServer::methods, static_cast<unsigned char>(head[1])};
    }
    State methods(std::string_view offered) {
        const char wanted = policy_->is.mayUse ? kPassword : kNoAuthentication;
        const bool there = offered.find(wanted) != std::string_view::npos;
        transport()->write(std::string{kVersion, there ? wanted : kNoneAcceptable});
        if (!there) {
            transport()->loseConnection();
        }
        return wanted == kPassword ? State{&SocksServer::userLength, 2}
                                   : State{&SocksServer::request, 4};
    }
    State userLength(std::string_view head) {
        if (head[0] != 1) {
            transport()->abortConnection();
        }
        return {&SocksServer::user, static_cast<unsigned char>(head[1]) + 1U};
    }
    State user(std::string_view text) {
        credentials_.user = text.substr(0, text.size() - 1);
        return {&SocksServer::password, static_cast<unsigned char>(text.back())};
    }
    State password(std::string_view text) {
        credentials_.password = text;
        const bool may = policy_->is.mayUse(credentials_);
        credentials_ = {};
        transport()->write(std::string{1, may ? '\0' : '\1'});
        if (!may) {
            transport()->loseConnection();
        }
        return {&SocksServer::request, 4};
    }
    State request(std::string_view head) {
        if (head[0] != kVersion) {
            transport()->abortConnection();
        } else if (head[1] != 1) {
            refuse(Reply::NotSupported);
        }
        switch (head[3]) {
        case 1: return {&SocksServer::ipv4, 4 + 2};
        case 4: return {&SocksServer::ipv6, 16 + 2};
        case 3: return {&SocksServer::nameLength, 1};
        default: refuse(Reply::NoSuchAddress); return {};
        }
    }
    State ipv4(std::string_view bytes) { return numeric(AF_INET, bytes); }
    State ipv6(std::string_view bytes) { return numeric(AF_INET6, bytes); }
    State numeric(int family, std::string_view bytes) {
        std::array<char, INET6_ADDRSTRLEN> text{};
        inet_ntop(family, bytes.data(), text.data(), text.size());
        return target(text.data(), bytes);
    }
    State nameLength(std::string_view length) {
        return {&SocksServer::name, static_cast<unsigned char>(length[0]) + 2U};
    }
    State name(std::string_view bytes) {
        return target(std::string(bytes.substr(0, bytes.size() - 2)), bytes);
    }
    /// The port is in the last two of `bytes`.
    State target(const std::string& host, std::string_view bytes) {
        const auto high = static_cast<unsigned char>(bytes[bytes.size() - 2]);
        const auto low = static_cast<unsigned char>(bytes.back());
        setTimeout({});
        pauseProducing();
        const Ref<IStreamClientEndpoint> endpoint =
            policy_->is.endpointFor(host, static_cast<std::uint16_t>(high << 8U | low));
        if (!endpoint) {
            refuse(Reply::NotAllowed);
            return {};
        }
        const Ref<SocksServer> self(this);
        Deferred<Ref<IProtocol>> connecting = endpoint->connect(makeFactory<detail::Relay>());
        connecting_ = connecting;
        connecting.addCallbacks([self](const Ref<IProtocol>& made) { self->connected(made); },
                                [self](const Failure& why) { self->notConnected(why); });
        return {};
    }

    void connected(const Ref<IProtocol>& made) {
        connecting_.reset();
        auto& there = dynamic_cast<detail::Relay&>(*made);
        if (transport() == nullptr || there.transport() == nullptr) {
            for (ITransport* const left : {transport(), there.transport()}) {
                if (left != nullptr) {
                    left->abortConnection();
                }
            }
            return;
        }
        reply(Reply::Succeeded);
        ITransport& connection = *transport();
        const std::string rest = takeUnparsed();
        const Ref<IProtocol> self = connection.switchProtocol(relay_);
        relay_->makeConnection(connection);
        detail::Relay::join(*relay_, there);
        if (!rest.empty()) {
            relay_->dataReceived(asBytes(rest));
        }
        connection.resumeProducing();
    }
    void notConnected(const Failure& why) {
        connecting_.reset();
        if (transport() == nullptr) {
            return;
        }
        if (why.check<ConnectionRefusedError>() != nullptr) {
            refuse(Reply::Refused);
        } else if (why.check<ConnectError>() != nullptr) {
            refuse(Reply::HostUnreachable);
        } else {
            refuse(Reply::Failed);
        }
    }

    void reply(Reply what) {
        transport()->write(std::string{kVersion, static_cast<char>(what), 0, 1, 0, 0, 0, 0, 0, 0});
    }
    void refuse(Reply why) {
        reply(why);
        transport()->loseConnection();
    }

    Ref<SharedPolicy> policy_;
    SocksCredentials credentials_;
    Ref<detail::Relay> relay_ = makeRef<detail::Relay>();
    std::optional<Deferred<Ref<IProtocol>>> connecting_;
};

}  // namespace

Ref<IProtocolFactory> socks5Factory(IReactorTime& clock, SocksPolicy policy) {
    if (!policy.endpointFor) {
        throw std::invalid_argument("socks5Factory: SocksPolicy::endpointFor is missing");
    }
    auto shared = makeRef<SharedPolicy>(std::move(policy));
    return factoryOf(
        [&clock, shared](const Address&) { return makeRef<SocksServer>(clock, shared); });
}

}  // namespace marline
