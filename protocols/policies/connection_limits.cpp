#include <marline/protocols/policies/connection_limits.hpp>

#include <array>

#include <arpa/inet.h>

#include <marline/deferred/function.hpp>
#include <marline/protocols/policies/protocol_wrapper.hpp>

namespace marline {
namespace {

/// Tells when its connection is gone, or was never made.
class CountedProtocol final : public ProtocolWrapper {
public:
    CountedProtocol(Ref<IProtocol> inner, UniqueFunction<void()> gone)
        : ProtocolWrapper(std::move(inner)), gone_(std::move(gone)) {}
    ~CountedProtocol() override { leave(); }

    void connectionLost(const Failure& reason) override {
        leave();
        ProtocolWrapper::connectionLost(reason);
    }

private:
    void leave() {
        if (UniqueFunction<void()> gone = std::move(gone_)) {
            gone();
        }
    }

    UniqueFunction<void()> gone_;
};

/// What the connections of one peer have in common.
std::string peerName(const Address& peer) {
    if (peer.kind != Address::Kind::Ipv6) {
        return peer.kind == Address::Kind::Ipv4 ? peer.host : std::string();
    }
    const std::string numeric = peer.host.substr(0, peer.host.find('%'));
    std::array<char, sizeof(in6_addr)> bytes{};
    if (inet_pton(AF_INET6, numeric.c_str(), bytes.data()) != 1) {
        return peer.host;
    }
    constexpr std::size_t kNetwork = 8;
    const std::string_view all(bytes.data(), bytes.size());
    constexpr std::string_view kMapped("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
    return std::string(all.starts_with(kMapped) ? all : all.substr(0, kNetwork));
}

}  // namespace

Ref<IProtocol> LimitTotalConnectionsFactory::buildProtocol(const Address& peer) {
    const Ref<IProtocolFactory>& factory = count_ < limit_ ? factory_ : overflow_;
    Ref<IProtocol> inner = factory ? factory->buildProtocol(peer) : Ref<IProtocol>();
    if (!inner) {
        return {};
    }
    const Ref<LimitTotalConnectionsFactory> self(this);
    auto counted = makeRef<CountedProtocol>(std::move(inner), [self] { --self->count_; });
    ++count_;
    return counted;
}

void LimitTotalConnectionsFactory::doStart() {
    factory_->doStart();
    if (overflow_) {
        overflow_->doStart();
    }
}

void LimitTotalConnectionsFactory::doStop() {
    factory_->doStop();
    if (overflow_) {
        overflow_->doStop();
    }
}

std::size_t LimitConnectionsByPeer::connectionCount(const Address& peer) const {
    const auto found = counts_.find(peerName(peer));
    return found != counts_.end() ? found->second : 0;
}

Ref<IProtocol> LimitConnectionsByPeer::buildProtocol(const Address& peer) {
    if (connectionCount(peer) >= limit_) {
        return {};
    }
    Ref<IProtocol> inner = factory_->buildProtocol(peer);
    if (!inner) {
        return {};
    }
    const auto entry = counts_.try_emplace(peerName(peer), 0).first;
    ++entry->second;
    const Ref<LimitConnectionsByPeer> self(this);
    return makeRef<CountedProtocol>(std::move(inner), [self, entry] {
        if (--entry->second == 0) {
            self->counts_.erase(entry);
        }
    });
}

}  // namespace marline
