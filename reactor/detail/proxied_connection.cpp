#include <marline/reactor/detail/proxied_connection.hpp>

#include <chrono>
#include <stdexcept>
#include <utility>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::detail {

void ProxiedConnection::makeConnection(ITransport& transport) {
    transport_ = &transport;
    host_ = transport.getHost();
    peer_ = transport.getPeer();
    later_ = clock_.callLater(headerTimeout_, [this] {
        const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(headerTimeout_);
        refuse("none came within " + std::to_string(limit.count()) + " ms (headerTimeout)");
    });
}

void ProxiedConnection::dataReceived(std::span<const std::byte> data) {
    if (inner_ && waiting_.empty()) {
        inner_->dataReceived(data);
        return;
    }
    waiting_ += asText(data);
    if (inner_) {
        return;  // behind what waits to be delivered
    }
    ProxyHeader header;
    switch (header.parse(asBytes(waiting_))) {
    case ProxyHeader::State::Incomplete: return;
    case ProxyHeader::State::Bad: refuse(header.reason()); return;
    case ProxyHeader::State::Complete: begin(header); return;
    }
}

void ProxiedConnection::begin(const ProxyHeader& header) {
    later_.cancel();
    waiting_.erase(0, header.size());
    if (header.hasAddresses()) {
        peer_ = header.source();
        host_ = header.destination();
    }
    inner_ = factory_->buildProtocol(peer_);
    if (!inner_) {
        transport_->abortConnection();
        return;
    }
    inner_->makeConnection(*this);
    if (handshakeCompleted_ && transport_ != nullptr) {
        inner_->handshakeCompleted();
    }
    deliver();
}

void ProxiedConnection::refuse(const std::string& reason) {
    log(LogLevel::Info, "PROXY header from " + peer_.toString() + " refused: " + reason);
    waiting_.clear();
    if (later_.active()) {
        later_.cancel();
    }
    transport_->abortConnection();
}

/// Gives out what came with the header.
void ProxiedConnection::deliver() {
    if (paused_ || waiting_.empty() || transport_ == nullptr || transport_->disconnecting()) {
        return;
    }
    const std::string data = std::exchange(waiting_, {});
    inner_->dataReceived(asBytes(data));
}

void ProxiedConnection::handshakeCompleted() {
    if (inner_) {
        inner_->handshakeCompleted();
    } else {
        handshakeCompleted_ = true;
    }
}

void ProxiedConnection::connectionLost(const Failure& reason) {
    if (later_.active()) {
        later_.cancel();
    }
    transport_ = nullptr;
    if (inner_) {
        inner_->connectionLost(reason);
    }
}

void ProxiedConnection::pauseProducing() {
    paused_ = true;
    if (transport_ != nullptr) {
        transport_->pauseProducing();
    }
}

void ProxiedConnection::resumeProducing() {
    paused_ = false;
    if (transport_ == nullptr) {
        return;
    }
    if (waiting_.empty()) {
        transport_->resumeProducing();
    } else if (!later_.active()) {
        // Not from inside of this call, and before anything that is still to be read.
        later_ = clock_.callLater(Duration::zero(), [this, alive = Ref<ProxiedConnection>(this)] {
            deliver();
            if (!paused_ && transport_ != nullptr) {
                transport_->resumeProducing();
            }
        });
    }
}

void ProxiedConnection::write(std::span<const std::byte> data) {
    if (transport_ != nullptr) {
        transport_->write(data);
    }
}

void ProxiedConnection::writeSequence(std::span<const std::span<const std::byte>> pieces) {
    if (transport_ != nullptr) {
        transport_->writeSequence(pieces);
    }
}

void ProxiedConnection::writeString(std::string&& text) {
    if (transport_ != nullptr) {
        transport_->write(std::move(text));
    }
}

Deferred<> ProxiedConnection::sendFile(int fd, std::uint64_t offset, std::uint64_t count) {
    return transport_ != nullptr
               ? transport_->sendFile(fd, offset, count)
               : fail<>(ConnectionLost("sendFile() on a connection that is closed"));
}

void ProxiedConnection::loseConnection() {
    if (transport_ != nullptr) {
        transport_->loseConnection();
    }
}

void ProxiedConnection::abortConnection() {
    if (transport_ != nullptr) {
        transport_->abortConnection();
    }
}

void ProxiedConnection::loseWriteConnection() {
    if (transport_ != nullptr) {
        transport_->loseWriteConnection();
    }
}

void ProxiedConnection::registerProducer(IProducer& producer, Producing mode) {
    if (transport_ != nullptr) {
        transport_->registerProducer(producer, mode);
        producing_ = true;
    } else {
        producer.stopProducing();
    }
}

void ProxiedConnection::unregisterProducer() {
    producing_ = false;
    if (transport_ != nullptr) {
        transport_->unregisterProducer();
    }
}

std::size_t ProxiedConnection::bytesBuffered() const noexcept {
    return transport_ != nullptr ? transport_->bytesBuffered() : 0;
}

std::optional<std::uint64_t> ProxiedConnection::fileBytesBuffered() const noexcept {
    return transport_ != nullptr ? transport_->fileBytesBuffered() : std::nullopt;
}

bool ProxiedConnection::disconnecting() const noexcept {
    return transport_ == nullptr || transport_->disconnecting();
}

void ProxiedConnection::setTcpNoDelay(bool on) {
    if (transport_ != nullptr) {
        transport_->setTcpNoDelay(on);
    }
}

void ProxiedConnection::setTcpKeepAlive(bool on) {
    if (transport_ != nullptr) {
        transport_->setTcpKeepAlive(on);
    }
}

bool ProxiedConnection::getTcpNoDelay() const noexcept {
    return transport_ != nullptr && transport_->getTcpNoDelay();
}

bool ProxiedConnection::getTcpKeepAlive() const noexcept {
    return transport_ != nullptr && transport_->getTcpKeepAlive();
}

const ITlsConnection* ProxiedConnection::tls() const noexcept {
    return transport_ != nullptr ? transport_->tls() : nullptr;
}

Ref<IProtocol> ProxiedConnection::switchProtocol(Ref<IProtocol> next) {
    if (producing_) {
        throw std::logic_error("a producer is registered; unregister it before the switch");
    }
    if (disconnecting()) {
        throw std::logic_error("the connection is closing or gone");
    }
    return std::exchange(inner_, std::move(next));
}

}  // namespace marline::detail
