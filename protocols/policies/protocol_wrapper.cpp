#include <marline/protocols/policies/protocol_wrapper.hpp>

#include <stdexcept>

namespace marline {
namespace {

const Address kNowhere;

}  // namespace

void ProtocolWrapper::makeConnection(ITransport& transport) {
    transport_ = &transport;
    inner_->makeConnection(*this);
}

void ProtocolWrapper::dataReceived(std::span<const std::byte> data) {
    const Ref<IProtocol> inner = inner_;  // lives while its callback runs, also if it is switched
    inner->dataReceived(data);
}

void ProtocolWrapper::connectionLost(const Failure& reason) {
    struct Gone {
        ITransport*& transport;
        ~Gone() { transport = nullptr; }
    } const gone{transport_};
    if (const Ref<IProtocol> inner = std::exchange(inner_, {})) {
        inner->connectionLost(reason);
    }
}

bool ProtocolWrapper::wantsHalfClose() const noexcept { return inner_ && inner_->wantsHalfClose(); }

void ProtocolWrapper::readConnectionLost() { inner_->readConnectionLost(); }

void ProtocolWrapper::writeConnectionLost() { inner_->writeConnectionLost(); }

void ProtocolWrapper::handshakeCompleted() { inner_->handshakeCompleted(); }

void ProtocolWrapper::transportChanged(ITransport& transport) { transport_ = &transport; }

IFileDescriptorReceiver* ProtocolWrapper::fileDescriptorReceiver() noexcept {
    return inner_ ? inner_->fileDescriptorReceiver() : nullptr;
}

void ProtocolWrapper::write(std::span<const std::byte> data) {
    if (transport_ != nullptr) {
        transport_->write(data);
    }
}

void ProtocolWrapper::writeSequence(std::span<const std::span<const std::byte>> pieces) {
    if (transport_ != nullptr) {
        transport_->writeSequence(pieces);
    }
}

void ProtocolWrapper::loseConnection() {
    if (transport_ != nullptr) {
        transport_->loseConnection();
    }
}

void ProtocolWrapper::abortConnection() {
    if (transport_ != nullptr) {
        transport_->abortConnection();
    }
}

void ProtocolWrapper::loseWriteConnection() {
    if (transport_ != nullptr) {
        transport_->loseWriteConnection();
    }
}

void ProtocolWrapper::pauseProducing() {
    if (transport_ != nullptr) {
        transport_->pauseProducing();
    }
}

void ProtocolWrapper::resumeProducing() {
    if (transport_ != nullptr) {
        transport_->resumeProducing();
    }
}

void ProtocolWrapper::registerProducer(IProducer& producer, Producing mode) {
    if (transport_ == nullptr) {
        producer.stopProducing();
        return;
    }
    transport_->registerProducer(producer, mode);
}

void ProtocolWrapper::unregisterProducer() {
    if (transport_ != nullptr) {
        transport_->unregisterProducer();
    }
}

std::size_t ProtocolWrapper::bytesBuffered() const noexcept {
    return transport_ != nullptr ? transport_->bytesBuffered() : 0;
}

bool ProtocolWrapper::disconnecting() const noexcept {
    return transport_ == nullptr || transport_->disconnecting();
}

const Address& ProtocolWrapper::getHost() const noexcept {
    return transport_ != nullptr ? transport_->getHost() : kNowhere;
}

const Address& ProtocolWrapper::getPeer() const noexcept {
    return transport_ != nullptr ? transport_->getPeer() : kNowhere;
}

void ProtocolWrapper::setTcpNoDelay(bool on) {
    if (transport_ != nullptr) {
        transport_->setTcpNoDelay(on);
    }
}

void ProtocolWrapper::setTcpKeepAlive(bool on) {
    if (transport_ != nullptr) {
        transport_->setTcpKeepAlive(on);
    }
}

bool ProtocolWrapper::getTcpNoDelay() const noexcept {
    return transport_ != nullptr && transport_->getTcpNoDelay();
}

bool ProtocolWrapper::getTcpKeepAlive() const noexcept {
    return transport_ != nullptr && transport_->getTcpKeepAlive();
}

const ITlsConnection* ProtocolWrapper::tls() const noexcept {
    return transport_ != nullptr ? transport_->tls() : nullptr;
}

IUnixTransport* ProtocolWrapper::unixTransport() noexcept {
    return transport_ != nullptr ? transport_->unixTransport() : nullptr;
}

Ref<IProtocol> ProtocolWrapper::switchProtocol(Ref<IProtocol> next) {
    if (transport_ == nullptr || transport_->disconnecting()) {
        throw std::logic_error("the connection is closing or gone");
    }
    inner_.swap(next);
    return next;
}

Ref<IProtocol> WrappingFactory::buildProtocol(const Address& peer) {
    Ref<IProtocol> inner = factory_->buildProtocol(peer);
    return inner ? wrap(std::move(inner)) : Ref<IProtocol>();
}

}  // namespace marline
