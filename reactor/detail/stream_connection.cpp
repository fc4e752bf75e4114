#include <marline/reactor/detail/stream_connection.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include <netinet/tcp.h>
#include <sys/uio.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::detail {
namespace {

// A producer that has this much waiting is asked to pause (Twisted: X-35).
constexpr std::size_t kHighWater = 64 * 1024;
// Writes from here on go to the kernel at once, together with what waits: copying them costs more
// than the call that is saved by waiting.
constexpr std::size_t kWriteThrough = 8 * 1024;
// Reads of one connection in a row, so that one fast sender does not starve the others.
constexpr int kReadsPerTurn = 4;

Failure lost(const char* what, int error) {
    return Failure::make<ConnectionLost>(what, lastError(error));
}

}  // namespace

StreamConnection::StreamConnection(EventLoop& loop, UniqueFd fd, Address peer,
                                   Ref<IProtocol> protocol, IConnectionCounter* counter)
    : LoopObject(loop), fd_(std::move(fd)), event_(loop, fd_.get(), &ready, this),
      protocol_(std::move(protocol)), counter_(counter), peer_(std::move(peer)) {}

StreamConnection::~StreamConnection() = default;

void StreamConnection::start() {
    reading_ = true;
    watch();
    guarded([this] { protocol_->makeConnection(*this); });
}

/// Runs a callback of the protocol; what it throws ends the connection (Twisted: X-15).
template <class Call>
bool StreamConnection::guarded(Call&& call) {
    try {
        call();
        return true;
    } catch (...) {
        const Failure failure = Failure::current();
        log(LogLevel::Error,
            "exception in a protocol's callback, closing " + peer_.toString() + ": " + failure.brief());
        lose(failure);
        return false;
    }
}

// Events.

void StreamConnection::ready(int, short what, void* self) {
    auto& connection = *static_cast<StreamConnection*>(self);
    if ((what & EV_WRITE) != 0) {
        connection.blocked_ = false;
        connection.flush();
    }
    if ((what & EV_READ) != 0 && connection.state_ == State::Open && connection.reading_) {
        connection.readReady();
    }
}

void StreamConnection::readReady() {
    const std::span<std::byte> buffer = loop().readBuffer();
    for (int i = 0; i < kReadsPerTurn && state_ == State::Open && reading_; ++i) {
        const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        if (got > 0) {
            const auto count = static_cast<std::size_t>(got);
            if (!guarded([&] { protocol_->dataReceived(buffer.first(count)); }) ||
                count < buffer.size()) {
                return;
            }
        } else if (got == 0) {
            peerEnded();
            return;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno != EINTR) {
            lose(lost("read failed", errno));
            return;
        }
    }
}

void StreamConnection::peerEnded() {
    if (!protocol_->wantsHalfClose()) {
        lose(ConnectionDone());
        return;
    }
    readEnded_ = true;
    reading_ = false;
    watch();
    if (guarded([this] { protocol_->readConnectionLost(); }) && writeEnded_ &&
        state_ != State::Ended) {
        lose(ConnectionDone());
    }
}

void StreamConnection::watch() {
    short interest = 0;
    if (reading_ && state_ == State::Open) {
        interest |= EV_READ;
    }
    if (blocked_) {
        interest |= EV_WRITE;
    }
    event_.watch(interest);
}

// Writing.

void StreamConnection::write(std::span<const std::byte> data) {
    if (state_ == State::Ended || state_ == State::Aborting || writeEnded_ || data.empty()) {
        return;
    }
    if (data.size() >= kWriteThrough && !blocked_) {
        std::array<iovec, 2> parts{
            iovec{out_.data() + sent_, out_.size() - sent_},
            iovec{const_cast<std::byte*>(data.data()), data.size()}};
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = parts.size();
        const ssize_t took = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
        if (took > 0) {
            const auto count = static_cast<std::size_t>(took);
            const std::size_t waiting = out_.size() - sent_;
            sent(std::min(count, waiting));
            data = data.subspan(count > waiting ? count - waiting : 0);
            if (data.empty()) {
                attend();
                return;
            }
        }
    }
    if (out_.capacity() <= std::string().capacity()) {
        out_ = loop().takeBuffer();
    }
    out_.append(reinterpret_cast<const char*>(data.data()), data.size());
    if (producer_ != nullptr && producing_ == Producing::Push && !producerPaused_ &&
        bytesBuffered() > kHighWater) {
        producerPaused_ = true;
        producer_->pauseProducing();
    }
    if (!blocked_) {
        attend();
    }
}

void StreamConnection::writeSequence(std::span<const std::span<const std::byte>> pieces) {
    for (const std::span<const std::byte> piece : pieces) {
        write(piece);
    }
}

void StreamConnection::endOfTurn() {
    if (state_ == State::Aborting) {
        lose(ConnectionAborted());
    } else if (state_ != State::Ended && !blocked_) {
        flush();
    }
}

void StreamConnection::flush() {
    while (bytesBuffered() > 0) {
        const ssize_t took =
            ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
        if (took >= 0) {
            sent(static_cast<std::size_t>(took));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
            blocked_ = true;
            watch();
            return;
        } else if (errno != EINTR) {
            lose(lost("write failed", errno));
            return;
        }
    }
    watch();
    finishFlushing();
}

/// Takes `bytes` off the front of what is to be sent.
void StreamConnection::sent(std::size_t bytes) {
    sent_ += bytes;
    if (sent_ == out_.size()) {
        sent_ = 0;
        loop().giveBuffer(std::exchange(out_, {}));
    } else if (sent_ >= kHighWater && sent_ > out_.size() / 2) {
        out_.erase(0, sent_);
        sent_ = 0;
    }
}

/// Everything is sent: what waited for that goes on.
void StreamConnection::finishFlushing() {
    if (producer_ != nullptr && (producing_ == Producing::Pull || producerPaused_)) {
        producerPaused_ = false;
        if (!guarded([this] { producer_->resumeProducing(); })) {
            return;
        }
        if (producer_ != nullptr || bytesBuffered() > 0) {
            return;
        }
    }
    if (state_ == State::Flushing && (producer_ == nullptr || producing_ == Producing::Push)) {
        lose(ConnectionDone());
    } else if (ending_ && !writeEnded_ && producer_ == nullptr) {
        writeEnded_ = true;
        ::shutdown(fd_.get(), SHUT_WR);
        if (readEnded_) {
            lose(ConnectionDone());
        } else if (protocol_->wantsHalfClose()) {
            guarded([this] { protocol_->writeConnectionLost(); });
        }
    }
}

// Ends.

void StreamConnection::loseConnection() {
    if (state_ != State::Open) {
        return;
    }
    state_ = State::Flushing;
    watch();
    if (writeEnded_ || !blocked_) {
        attend();
    }
}

void StreamConnection::abortConnection() {
    if (state_ == State::Ended || state_ == State::Aborting) {
        return;
    }
    state_ = State::Aborting;
    blocked_ = false;
    event_.watch(0);
    attend();
}

void StreamConnection::loseWriteConnection() {
    if (state_ == State::Ended || ending_) {
        return;
    }
    ending_ = true;
    if (!blocked_) {
        attend();
    }
}

void StreamConnection::lose(const Failure& reason) {
    if (state_ == State::Ended) {
        return;
    }
    const bool reset = state_ == State::Aborting;
    state_ = State::Ended;
    event_.watch(0);
    if (reset) {
        const linger drop{1, 0};
        setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &drop, sizeof drop);
    }
    getHost();
    fd_.reset();
    out_ = {};
    sent_ = 0;
    const Ref<IProtocol> protocol = std::move(protocol_);
    try {
        if (IProducer* producer = std::exchange(producer_, nullptr)) {
            producer->stopProducing();
        }
        protocol->connectionLost(reason);
    } catch (...) {
        log(LogLevel::Error, "exception in connectionLost of " + peer_.toString() + ": " +
                                 Failure::current().brief());
    }
    if (IConnectionCounter* counter = std::exchange(counter_, nullptr)) {
        counter->connectionEnded();
    }
    bury();
}

void StreamConnection::shutDown(const Failure& why) {
    lose(why);
}

// Reading on and off, and producers.

void StreamConnection::pauseProducing() {
    reading_ = false;
    if (state_ == State::Open) {
        watch();
    }
}

void StreamConnection::resumeProducing() {
    if (state_ == State::Open && !readEnded_) {
        reading_ = true;
        watch();
    }
}

void StreamConnection::registerProducer(IProducer& producer, Producing mode) {
    if (producer_ != nullptr) {
        throw std::logic_error("a producer is registered already; unregister it first");
    }
    if (state_ == State::Ended || state_ == State::Aborting) {
        producer.stopProducing();
        return;
    }
    producer_ = &producer;
    producing_ = mode;
    producerPaused_ = false;
    if (mode == Producing::Pull) {
        producer.resumeProducing();
    }
}

void StreamConnection::unregisterProducer() {
    producer_ = nullptr;
    if (state_ != State::Ended && !blocked_) {
        attend();
    }
}

const Address& StreamConnection::getHost() const noexcept {
    if (host_.kind == Address::Kind::None && fd_) {
        host_ = localAddress(fd_.get());
    }
    return host_;
}

void StreamConnection::setTcpNoDelay(bool on) {
    const int value = on ? 1 : 0;
    setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
}

void StreamConnection::setTcpKeepAlive(bool on) {
    const int value = on ? 1 : 0;
    setsockopt(fd_.get(), SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value);
}

}  // namespace marline::detail
