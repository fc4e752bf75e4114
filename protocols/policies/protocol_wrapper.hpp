// ProtocolWrapper and WrappingFactory: something between a transport and a protocol.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline {

/// Stands between a transport and a protocol, and passes everything on (Twisted:
/// `ProtocolWrapper`): to the transport it is the protocol, to the protocol the transport, with
/// whatever optional interfaces the real ones have. Derive from it, and override what it is for.
class MARLINE_API ProtocolWrapper : public IProtocol, public ITransport {
public:
    explicit ProtocolWrapper(Ref<IProtocol> inner) noexcept : inner_(std::move(inner)) {}

    /// The protocol inside; empty from connectionLost() on (so that the two hold each other no
    /// longer).
    const Ref<IProtocol>& wrappedProtocol() const noexcept { return inner_; }
    /// The transport outside; null before makeConnection() and after connectionLost().
    ITransport* transport() const noexcept { return transport_; }

    void makeConnection(ITransport& transport) override;
    void dataReceived(std::span<const std::byte> data) override;
    void connectionLost(const Failure& reason) override;
    bool wantsHalfClose() const noexcept override;
    void readConnectionLost() override;
    void writeConnectionLost() override;
    void handshakeCompleted() override;
    void transportChanged(ITransport& transport) override;
    IFileDescriptorReceiver* fileDescriptorReceiver() noexcept override;

    using ITransport::write;
    void write(std::span<const std::byte> data) override;
    void writeSequence(std::span<const std::span<const std::byte>> pieces) override;
    void loseConnection() override;
    void abortConnection() override;
    void loseWriteConnection() override;
    void pauseProducing() override;
    void resumeProducing() override;
    void registerProducer(IProducer& producer, Producing mode) override;
    void unregisterProducer() override;
    std::size_t bytesBuffered() const noexcept override;
    bool disconnecting() const noexcept override;
    const Address& getHost() const noexcept override;
    const Address& getPeer() const noexcept override;
    void setTcpNoDelay(bool on) override;
    void setTcpKeepAlive(bool on) override;
    bool getTcpNoDelay() const noexcept override;
    bool getTcpKeepAlive() const noexcept override;
    const ITlsConnection* tls() const noexcept override;
    IUnixTransport* unixTransport() noexcept override;
    /// Changes the protocol inside.
    Ref<IProtocol> switchProtocol(Ref<IProtocol> next) override;

protected:
    ~ProtocolWrapper() override = default;

private:
    Ref<IProtocol> inner_;
    ITransport* transport_ = nullptr;
};

/// Puts a wrapper around each protocol of another factory (Twisted: `WrappingFactory`).
class MARLINE_API WrappingFactory : public IProtocolFactory {
public:
    explicit WrappingFactory(Ref<IProtocolFactory> factory) noexcept
        : factory_(std::move(factory)) {}

    const Ref<IProtocolFactory>& wrappedFactory() const noexcept { return factory_; }

    Ref<IProtocol> buildProtocol(const Address& peer) override;
    void doStart() override { factory_->doStart(); }
    void doStop() override { factory_->doStop(); }

protected:
    ~WrappingFactory() override = default;

    /// What stands around `inner`, which is not empty.
    virtual Ref<IProtocol> wrap(Ref<IProtocol> inner) = 0;

private:
    Ref<IProtocolFactory> factory_;
};

}  // namespace marline
