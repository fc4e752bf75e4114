#include <marline/reactor/detail/stream_connection.hpp>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <netinet/tcp.h>

#include <marline/reactor/detail/health_watch.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::detail {
namespace {

// Reads of one connection in a row, so that one fast sender does not starve the others.
constexpr int kReadsPerTurn = 4;

void setFlag(int fd, int level, int name, bool on) noexcept {
    const int value = on ? 1 : 0;
    setsockopt(fd, level, name, &value, sizeof value);
}

bool getFlag(int fd, int level, int name) noexcept {
    int value = 0;
    socklen_t length = sizeof value;
    return getsockopt(fd, level, name, &value, &length) == 0 && value != 0;
}

}  // namespace

StreamConnection::StreamConnection(EventLoop& loop, UniqueFd fd, const Address& peer,
                                   Ref<IProtocol> protocol, IConnectionCounter* counter)
    : LoopObject(loop), fd_(std::move(fd)), protocol_(std::move(protocol)),
      event_(loop, fd_.get(), &ready, this), counter_(counter), ends_(peer) {}

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

void StreamConnection::callbackThrew(const Failure& failure) {
    log(LogLevel::Error, "exception in a protocol's callback, closing " + getPeer().toString() +
                             ": " + failure.brief());
    reason_ = std::make_unique<Failure>(failure);
    lose(failure);
}

// Events.

void StreamConnection::ready(int, short what, void* self) {
    auto& connection = *static_cast<StreamConnection*>(self);
    const ObjectCallback watched(connection);
    connection.happened(what);
}

void StreamConnection::happened(short what) {
    if ((what & EV_WRITE) != 0) {
        blocked_ = false;
        flush();
    }
    if ((what & EV_READ) != 0 && state_ == State::Open && reading_) {
        collecting_ = true;
        readReady();
        if (pending_ && !blocked_ && state_ == State::Open) {
            flush();
        } else {
            collected();
        }
    }
}

void StreamConnection::readReady() {
    const std::span<std::byte> buffer = loop().readBuffer();
    for (int i = 0; i < kReadsPerTurn && state_ == State::Open && reading_; ++i) {
        const ssize_t got = receive(buffer);
        if (got > 0) {
            const auto count = static_cast<std::size_t>(got);
            if (!deliver(buffer.first(count)) || count < buffer.size()) {
                return;
            }
        } else if (got == 0) {
            peerEnded();
            return;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno != EINTR) {
            lose(Failure::make<ConnectionLost>("read failed", lastError(errno)));
            return;
        }
    }
}

ssize_t StreamConnection::receive(std::span<std::byte> buffer) {
    return ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
}

bool StreamConnection::deliver(std::span<const std::byte> data) {
    return guarded([&] { protocol_->dataReceived(data); });
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
    watched_ = blocked_;
    if (blocked_) {
        interest |= EV_WRITE;
    }
    try {
        setInterest(interest);
    } catch (const std::system_error& error) {
        loseLater(Failure::make<ConnectionLost>("cannot watch the connection", error.code()));
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
        reason_ = std::make_unique<Failure>(reason);
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
    closeAll();
    if (const std::unique_ptr<OutBuffer> unsent = std::move(out_)) {
        unsent->failFiles(reason);
    }
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
                                     getPeer().toString() + ": " + Failure::current().brief());
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

void StreamConnection::shutDown(const Failure& why) { lose(why); }

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

Ref<IProtocol> StreamConnection::switchProtocol(Ref<IProtocol> next) {
    if (producer_ != nullptr) {
        throw std::logic_error("a producer is registered; unregister it before the switch");
    }
    if (state_ != State::Open) {
        throw std::logic_error("the connection is closing or gone");
    }
    protocol_.swap(next);
    return next;
}

std::string StreamConnection::describe() const {
    return "a connection of " + getHost().toString() + " with " + getPeer().toString() + ", " +
           std::to_string(bytesBuffered()) + " bytes to be sent";
}

const Address& StreamConnection::getHost() const noexcept { return ends_.host(fd_.get()); }

void StreamConnection::setTcpNoDelay(bool on) { setFlag(fd(), IPPROTO_TCP, TCP_NODELAY, on); }

void StreamConnection::setTcpKeepAlive(bool on) { setFlag(fd(), SOL_SOCKET, SO_KEEPALIVE, on); }

bool StreamConnection::getTcpNoDelay() const noexcept {
    return getFlag(fd(), IPPROTO_TCP, TCP_NODELAY);
}

bool StreamConnection::getTcpKeepAlive() const noexcept {
    return getFlag(fd(), SOL_SOCKET, SO_KEEPALIVE);
}

}  // namespace marline::detail
