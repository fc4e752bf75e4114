// Internal: not installed. A protocol that stands before another one.
#pragma once

#include <utility>

#include <marline/reactor/interfaces.hpp>

namespace marline::detail {

/// Passes everything on to `inner`, optional interfaces too; a subclass changes what it is for.
class ForwardingProtocol : public IProtocol {
public:
    explicit ForwardingProtocol(Ref<IProtocol> inner) : inner_(std::move(inner)) {}

    const Ref<IProtocol>& inner() const noexcept { return inner_; }

    void makeConnection(ITransport& transport) override { inner_->makeConnection(transport); }
    void dataReceived(std::span<const std::byte> data) override { inner_->dataReceived(data); }
    void connectionLost(const Failure& reason) override { inner_->connectionLost(reason); }
    bool wantsHalfClose() const noexcept override { return inner_->wantsHalfClose(); }
    void readConnectionLost() override { inner_->readConnectionLost(); }
    void writeConnectionLost() override { inner_->writeConnectionLost(); }
    void handshakeCompleted() override { inner_->handshakeCompleted(); }
    void transportChanged(ITransport& transport) override { inner_->transportChanged(transport); }
    IFileDescriptorReceiver* fileDescriptorReceiver() noexcept override {
        return inner_->fileDescriptorReceiver();
    }

private:
    Ref<IProtocol> inner_;
};

}  // namespace marline::detail
