// Internal: not installed. The right kind of connection for a socket.
#pragma once

#include <memory>
#include <utility>

#include <netinet/tcp.h>

#include <marline/reactor/detail/guard.hpp>
#include <marline/reactor/detail/stream_connection.hpp>
#include <marline/reactor/detail/unix_connection.hpp>

namespace marline::detail {

/// The use of a client's factory, which has been started: lets it go when the connection ends, or
/// when none comes about.
class FactoryUse final : public IConnectionCounter {
public:
    explicit FactoryUse(Ref<IProtocolFactory> factory) : factory_(std::move(factory)) {}
    FactoryUse(const FactoryUse&) = delete;
    FactoryUse& operator=(const FactoryUse&) = delete;
    ~FactoryUse() {
        guard("doStop() of a client's factory", [this] { factory_->doStop(); });
    }

    void connectionEnded() override { const std::unique_ptr<FactoryUse> self(this); }

private:
    Ref<IProtocolFactory> factory_;
};

/// The connection of a socket that was accepted or has connected; start() it.
inline StreamConnection& makeConnection(EventLoop& loop, UniqueFd fd, const Address& peer,
                                        Ref<IProtocol> protocol, IConnectionCounter& counter) {
    if (peer.kind == Address::Kind::Unix) {
        return *new UnixConnection(loop, std::move(fd), peer, std::move(protocol), &counter);
    }
    const int on = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return *new StreamConnection(loop, std::move(fd), peer, std::move(protocol), &counter);
}

}  // namespace marline::detail
