// Internal: not installed. A connected UNIX socket as a transport.
#pragma once

#include <vector>

#include <marline/reactor/detail/stream_connection.hpp>
#include <marline/reactor/unix.hpp>

namespace marline::detail {

/// A stream through which descriptors pass, too.
class UnixConnection final : public StreamConnection, public IUnixTransport {
public:
    using StreamConnection::StreamConnection;

    void sendFileDescriptor(int fd) override;
    PeerCredentials peerCredentials() const override;
    IUnixTransport* unixTransport() noexcept override { return this; }

private:
    ~UnixConnection() override;

    ssize_t receive(std::span<std::byte> buffer) override;
    bool deliver(std::span<const std::byte> data) override;
    ssize_t transmit(std::span<iovec> parts) override;
    bool sendAll() override;

    std::vector<UniqueFd> outgoing_;
    std::vector<UniqueFd> incoming_;  // until the bytes that they came with are delivered
    bool truncated_ = false;          // some that came could not be taken
};

}  // namespace marline::detail
