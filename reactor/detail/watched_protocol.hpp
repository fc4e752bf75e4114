// Internal: not installed. The protocols of a ClientService's connections.
#pragma once

#include <utility>

#include <marline/deferred/function.hpp>
#include <marline/reactor/detail/forwarding_protocol.hpp>

namespace marline::detail {

/// One connection's protocol: tells when it is made and lost.
class WatchedProtocol final : public ForwardingProtocol {
public:
    using Lost = UniqueFunction<void(const WatchedProtocol&, const Failure&)>;

    WatchedProtocol(Ref<IProtocol> inner, Lost lost)
        : ForwardingProtocol(std::move(inner)), lost_(std::move(lost)) {}

    /// Null before the connection is made and after it is lost.
    ITransport* transport() const noexcept { return transport_; }

    void makeConnection(ITransport& transport) override {
        transport_ = &transport;
        ForwardingProtocol::makeConnection(transport);
    }
    void transportChanged(ITransport& transport) override {
        ForwardingProtocol::transportChanged(transport);
        transport_ = &transport;
    }
    void connectionLost(const Failure& reason) override {
        transport_ = nullptr;
        Lost lost = std::move(lost_);
        // What the protocol throws is the transport's to report; the loss counts all the same.
        try {
            ForwardingProtocol::connectionLost(reason);
        } catch (...) {
            lost(*this, reason);
            throw;
        }
        lost(*this, reason);
    }

private:
    ITransport* transport_ = nullptr;
    Lost lost_;
};

/// Puts before each protocol of the user's factory what `watch` makes of it.
class WatchedFactory final : public IProtocolFactory {
public:
    using Watch = UniqueFunction<Ref<IProtocol>(Ref<IProtocol>)>;

    WatchedFactory(Ref<IProtocolFactory> factory, Watch watch)
        : factory_(std::move(factory)), watch_(std::move(watch)) {}

    Ref<IProtocol> buildProtocol(const Address& peer) override {
        Ref<IProtocol> inner = factory_->buildProtocol(peer);
        return inner ? watch_(std::move(inner)) : Ref<IProtocol>();
    }
    void doStart() override { factory_->doStart(); }
    void doStop() override { factory_->doStop(); }

private:
    Ref<IProtocolFactory> factory_;
    Watch watch_;
};

}  // namespace marline::detail
