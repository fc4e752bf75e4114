#include <marline/protocols/port_forward.hpp>

#include <optional>
#include <utility>

#include <marline/protocols/detail/relay.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline {
namespace {

/// A connection that came, until the other one stands.
class ForwardProtocol final : public Protocol {
public:
    explicit ForwardProtocol(Ref<IStreamClientEndpoint> endpoint)
        : endpoint_(std::move(endpoint)) {}

    void connectionLost(const Failure& reason) override {
        Protocol::connectionLost(reason);
        if (std::optional<Deferred<Ref<IProtocol>>> connecting = connecting_) {
            connecting->cancel();
        }
    }

private:
    void connectionMade() override {
        transport()->pauseProducing();
        const Ref<ForwardProtocol> self(this);
        Deferred<Ref<IProtocol>> connecting = endpoint_->connect(makeFactory<detail::Relay>());
        connecting_ = connecting;
        connecting.addCallbacks([self](const Ref<IProtocol>& made) { self->connected(made); },
                                [self](const Failure& why) { self->refused(why); });
    }

    void connected(const Ref<IProtocol>& made) {
        connecting_.reset();
        auto& there = dynamic_cast<detail::Relay&>(*made);
        if (transport() == nullptr || there.transport() == nullptr) {
            closeBoth(there);
            return;
        }
        ITransport& connection = *transport();
        const auto here = makeRef<detail::Relay>();
        connection.switchProtocol(here);
        here->makeConnection(connection);
        detail::Relay::join(*here, there);
        connection.resumeProducing();
    }

    void closeBoth(detail::Relay& there) {
        for (ITransport* const left : {transport(), there.transport()}) {
            if (left != nullptr) {
                left->abortConnection();
            }
        }
    }

    void refused(const Failure& why) {
        connecting_.reset();
        if (transport() != nullptr) {
            log(LogLevel::Info, "a connection of " + transport()->getPeer().toString() +
                                    " is not forwarded: " + why.message());
            transport()->abortConnection();
        }
    }

    Ref<IStreamClientEndpoint> endpoint_;
    std::optional<Deferred<Ref<IProtocol>>> connecting_;
};

}  // namespace

Ref<IProtocolFactory> forwardTo(Ref<IStreamClientEndpoint> endpoint) {
    return makeFactory<ForwardProtocol>(std::move(endpoint));
}

}  // namespace marline
