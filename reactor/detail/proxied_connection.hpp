// Internal: not installed. A connection that comes through a proxy.
#pragma once

#include <string>

#include <marline/reactor/detail/proxy_header.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/time.hpp>

namespace marline::detail {

/// The protocol of the socket and the transport of the user's protocol: reads the header, then
/// passes everything on.
class ProxiedConnection final : public IProtocol, public ITransport {
public:
    ProxiedConnection(IReactorTime& clock, Ref<IProtocolFactory> factory, Duration headerTimeout)
        : clock_(clock), factory_(std::move(factory)), headerTimeout_(headerTimeout) {}

    void makeConnection(ITransport& transport) override;
    void dataReceived(std::span<const std::byte> data) override;
    void connectionLost(const Failure& reason) override;
    bool wantsHalfClose() const noexcept override { return inner_ && inner_->wantsHalfClose(); }
    void readConnectionLost() override { inner_->readConnectionLost(); }
    void writeConnectionLost() override { inner_->writeConnectionLost(); }
    void handshakeCompleted() override;
    void transportChanged(ITransport& transport) override { transport_ = &transport; }

    void write(std::span<const std::byte> data) override;
    void writeSequence(std::span<const std::span<const std::byte>> pieces) override;
    Deferred<> sendFile(int fd, std::uint64_t offset, std::uint64_t count) override;
    void loseConnection() override;
    void abortConnection() override;
    void loseWriteConnection() override;
    void pauseProducing() override;
    void resumeProducing() override;
    void registerProducer(IProducer& producer, Producing mode) override;
    void unregisterProducer() override;
    std::size_t bytesBuffered() const noexcept override;
    std::optional<std::uint64_t> fileBytesBuffered() const noexcept override;
    bool disconnecting() const noexcept override;
    const Address& getHost() const noexcept override { return host_; }
    const Address& getPeer() const noexcept override { return peer_; }
    void setTcpNoDelay(bool on) override;
    void setTcpKeepAlive(bool on) override;
    bool getTcpNoDelay() const noexcept override;
    bool getTcpKeepAlive() const noexcept override;
    const ITlsConnection* tls() const noexcept override;
    Ref<IProtocol> switchProtocol(Ref<IProtocol> next) override;

private:
    void writeString(std::string&& text) override;
    void begin(const ProxyHeader& header);
    void refuse(const std::string& reason);
    void deliver();

    IReactorTime& clock_;
    Ref<IProtocolFactory> factory_;
    Duration headerTimeout_;
    ITransport* transport_ = nullptr;  // null when the connection is gone
    Ref<IProtocol> inner_;             // none until the header is there
    std::string waiting_;              // the header so far; then what came with it
    bool paused_ = false;
    bool producing_ = false;           // a producer is registered
    bool handshakeCompleted_ = false;  // of TLS outside of the header
    DelayedCall later_;  // the end of the header's time; then the delivery of what came with it
    Address host_;
    Address peer_;
};

}  // namespace marline::detail
