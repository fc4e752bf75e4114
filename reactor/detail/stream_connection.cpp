#include <marline/reactor/detail/stream_connection.hpp>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <netinet/tcp.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::detail {
namespace {

// A producer that has this much waiting is asked to pause (Twisted: X-35).
constexpr std::size_t kHighWater = 64 * 1024;
// Writes from here on go to the kernel at once, together with what waits: copying them costs more
// than the call that is saved by waiting.
constexpr std::size_t kWriteThrough = 8 * 1024;
// Reads of one connection in a row, so that one fast sender does not starve the others; and rounds
// of sending and asking the producer for more.
constexpr int kReadsPerTurn = 4;
constexpr int kFlushesPerTurn = 4;
// Pieces that one call sends at most.
constexpr std::size_t kPieces = 64;

Failure lost(const char* what, int error) {
    return Failure::make<ConnectionLost>(what, lastError(error));
}

}  // namespace

StreamConnection::StreamConnection(EventLoop& loop, UniqueFd fd, Address peer,
                                   Ref<IProtocol> protocol, IConnectionCounter* counter)
    : LoopObject(loop), fd_(std::move(fd)), event_(loop, fd_.get(), &ready, this),
      protocol_(std::move(protocol)), counter_(counter), peer_(std::move(peer)) {}

StreamConnection::~StreamConnection() = default;

bool StreamConnection::start() {
    reading_ = true;
    watch();
    collecting_ = true;
    const bool stands = guarded([this] { protocol_->makeConnection(*this); });
    collected();
    return stands;
}

/// The end of a callback in which pending_ took the place of attend().
void StreamConnection::collected() {
    collecting_ = false;
    if (pending_ && !blocked_ && state_ != State::Ended) {
        attend();
    }
    pending_ = false;
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
        reason_ = failure;
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
        connection.collecting_ = true;
        connection.readReady();
        if (connection.pending_ && !connection.blocked_ && connection.state_ == State::Open) {
            connection.flush();
        } else {
            connection.collected();
        }
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

void StreamConnection::watch() noexcept {
    short interest = 0;
    if (reading_ && state_ == State::Open) {
        interest |= EV_READ;
    }
    if (blocked_) {
        interest |= EV_WRITE;
    }
    try {
        event_.watch(interest);
    } catch (const std::system_error& error) {
        loseLater(Failure::make<ConnectionLost>("cannot watch the connection", error.code()));
    }
}

// Writing.

void StreamConnection::write(std::span<const std::byte> data) {
    writeSequence({&data, 1});
}

void StreamConnection::writeSequence(std::span<const std::span<const std::byte>> pieces) {
    std::size_t total = 0;
    for (const std::span<const std::byte> piece : pieces) {
        total += piece.size();
    }
    if (state_ == State::Ended || state_ == State::Aborting || writeEnded_ || total == 0) {
        return;
    }
    std::size_t done = 0;
    if (total >= kWriteThrough && !blocked_ && pieces.size() < kPieces) {
        done = sendAtOnce(pieces, total);
    }
    if (done < total) {
        keep(pieces, done);
        if (producer_ != nullptr && producing_ == Producing::Push && !producerPaused_ &&
            bytesBuffered() > kHighWater) {
            producerPaused_ = true;
            producer_->pauseProducing();
        }
    }
    flushSoon();
}

/// Sends what waits and then the pieces, and gives how many bytes of these have gone.
std::size_t StreamConnection::sendAtOnce(std::span<const std::span<const std::byte>> pieces,
                                         std::size_t total) {
    iovec parts[kPieces];
    std::size_t count = 0;
    const std::size_t waiting = bytesBuffered();
    if (waiting > 0) {
        parts[count++] = {out_->bytes.data() + out_->sent, waiting};
    }
    for (const std::span<const std::byte> piece : pieces) {
        parts[count++] = {const_cast<std::byte*>(piece.data()), piece.size()};
    }
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = count;
    const ssize_t took =
        count == 1 ? ::send(fd_.get(), parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL)
                   : ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    if (took < 0) {
        return 0;  // the flush that follows meets the same error, and deals with it
    }
    const auto gone = static_cast<std::size_t>(took);
    if (gone < waiting + total) {
        blocked_ = true;
        watch();
    }
    if (waiting > 0) {
        sent(std::min(gone, waiting));
    }
    return gone > waiting ? gone - waiting : 0;
}

/// Keeps the pieces but for the first `skip` bytes of them.
void StreamConnection::keep(std::span<const std::span<const std::byte>> pieces, std::size_t skip) {
    if (out_ == nullptr) {
        out_ = loop().takeBuffer();
    }
    for (std::span<const std::byte> piece : pieces) {
        const std::size_t gone = std::min(skip, piece.size());
        skip -= gone;
        piece = piece.subspan(gone);
        out_->bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    }
}

/// Sees to it that flush() follows: from who collects, else at the turn's end.
void StreamConnection::flushSoon() {
    if (collecting_) {
        pending_ = true;
    } else if (!blocked_) {
        attend();
    }
}

void StreamConnection::endOfTurn() {
    if (state_ == State::Aborting) {
        lose(reason_ ? *reason_ : Failure(ConnectionAborted()));
    } else if (state_ != State::Ended && !blocked_) {
        flush();
    }
}

void StreamConnection::flush() {
    collecting_ = true;
    for (int round = 0; round < kFlushesPerTurn; ++round) {
        pending_ = false;
        if (!sendAll()) {
            break;
        }
        finishFlushing();
        if (!pending_ || blocked_ || state_ == State::Aborting) {
            break;
        }
    }
    if (state_ == State::Open || state_ == State::Flushing) {
        watch();
    }
    collected();
}

/// Sends what waits. False when the kernel does not take it all, or the connection is lost.
bool StreamConnection::sendAll() {
    while (const std::size_t waiting = bytesBuffered()) {
        const ssize_t took =
            ::send(fd_.get(), out_->bytes.data() + out_->sent, waiting, MSG_NOSIGNAL);
        if (took >= 0) {
            sent(static_cast<std::size_t>(took));
            blocked_ = static_cast<std::size_t>(took) < waiting;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
            blocked_ = true;
        } else if (errno != EINTR) {
            lose(lost("write failed", errno));
            return false;
        }
        if (blocked_) {
            return false;
        }
    }
    return true;
}

/// Takes `bytes` off the front of what is to be sent.
void StreamConnection::sent(std::size_t bytes) {
    out_->sent += bytes;
    if (out_->sent == out_->bytes.size()) {
        loop().giveBuffer(std::move(out_));
    } else if (out_->sent >= kHighWater && out_->sent > out_->bytes.size() / 2) {
        out_->bytes.erase(0, out_->sent);
        out_->sent = 0;
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
    flushSoon();
}

void StreamConnection::abortConnection() {
    if (state_ == State::Ended || state_ == State::Aborting) {
        return;
    }
    state_ = State::Aborting;
    blocked_ = false;
    watch();
    attend();
}

/// Ends as by abortConnection(), for another reason.
void StreamConnection::loseLater(const Failure& reason) noexcept {
    if (state_ != State::Ended && !reason_) {
        reason_ = reason;
        state_ = State::Aborting;
        attend();
    }
}

void StreamConnection::loseWriteConnection() {
    if (state_ == State::Ended || ending_) {
        return;
    }
    ending_ = true;
    flushSoon();
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
    out_.reset();
    tellLost(reason);
    bury();
}

/// Tells everybody who is to know, whatever they throw.
void StreamConnection::tellLost(const Failure& reason) {
    const auto tell = [this](const char* what, auto&& call) {
        try {
            call();
        } catch (...) {
            log(LogLevel::Error, "exception in " + std::string(what) + " of " +
                                     peer_.toString() + ": " + Failure::current().brief());
        }
    };
    if (IProducer* producer = std::exchange(producer_, nullptr)) {
        tell("stopProducing", [&] { producer->stopProducing(); });
    }
    const Ref<IProtocol> protocol = std::move(protocol_);
    tell("connectionLost", [&] { protocol->connectionLost(reason); });
    if (IConnectionCounter* counter = std::exchange(counter_, nullptr)) {
        tell("the factory's end", [&] { counter->connectionEnded(); });
    }
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
    if (state_ != State::Ended) {
        flushSoon();
    }
}

const Address& StreamConnection::getHost() const noexcept {
    if (host_ == nullptr) {
        host_ = std::make_unique<Address>(localAddress(fd_.get()));
    }
    return *host_;
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
