// LimitTotalConnectionsFactory and LimitConnectionsByPeer: not more connections than that.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline {

/// Gives `factory`'s protocols to so many connections at a time (Twisted:
/// `LimitTotalConnectionsFactory`). ListenOptions::maxConnections lets further ones wait; this one
/// answers them.
class MARLINE_API LimitTotalConnectionsFactory final : public IProtocolFactory {
public:
    /// Beyond `limit`, connections get a protocol of `overflow`, to tell them so, and count as
    /// well; without one they are closed at once.
    LimitTotalConnectionsFactory(Ref<IProtocolFactory> factory, std::size_t limit,
                                 Ref<IProtocolFactory> overflow = {})
        : factory_(std::move(factory)), overflow_(std::move(overflow)), limit_(limit) {}

    /// How many connections there are, the overflowing ones too.
    std::size_t connectionCount() const noexcept { return count_; }

    Ref<IProtocol> buildProtocol(const Address& peer) override;
    void doStart() override;
    void doStop() override;

private:
    Ref<IProtocolFactory> factory_;
    Ref<IProtocolFactory> overflow_;
    std::size_t limit_;
    std::size_t count_ = 0;
};

/// Gives `factory`'s protocols to so many connections of one peer at a time, and closes further
/// ones at once (Twisted: `LimitConnectionsByPeer`). A peer is an IPv4 address, or a /64 of IPv6,
/// all of which one host may have. UNIX sockets are one peer together.
class MARLINE_API LimitConnectionsByPeer final : public IProtocolFactory {
public:
    LimitConnectionsByPeer(Ref<IProtocolFactory> factory, std::size_t limit)
        : factory_(std::move(factory)), limit_(limit) {}

    /// How many connections `peer` has.
    std::size_t connectionCount(const Address& peer) const;

    Ref<IProtocol> buildProtocol(const Address& peer) override;
    void doStart() override { factory_->doStart(); }
    void doStop() override { factory_->doStop(); }

private:
    Ref<IProtocolFactory> factory_;
    std::size_t limit_;
    std::map<std::string, std::size_t, std::less<>> counts_;
};

}  // namespace marline
