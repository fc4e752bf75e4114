// How a TlsLayer writes.
#include <stdexcept>
#include <utility>
#include <vector>

#include <openssl/err.h>

#include <marline/reactor/detail/tls_layer.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/tls.hpp>

namespace marline::detail {
namespace {

// The most plain text in one record (RFC 8446 §5.1).
constexpr std::size_t kRecord = 16 * 1024;
// Records go to the transport below from here on, also before a large write is done.
constexpr std::size_t kRecordsAtOnce = 64 * 1024;

/// Strings that have memory already, for what is gathered within a callback: one connection after
/// the other uses them, so that none owns any in between.
class Spare {
public:
    static std::string take() {
        if (strings.empty()) {
            return {};
        }
        std::string string = std::move(strings.back());
        strings.pop_back();
        return string;
    }
    static void give(std::string string) {
        if (strings.size() < kStrings && string.capacity() <= kBytes) {
            string.clear();
            strings.push_back(std::move(string));
        }
    }

private:
    static constexpr std::size_t kStrings = 4;
    static constexpr std::size_t kBytes = 2 * kRecordsAtOnce;

    inline static thread_local std::vector<std::string> strings;
};

void append(std::string& to, std::span<const std::byte> data) {
    if (to.empty() && to.capacity() <= std::string().capacity()) {
        to = Spare::take();
    }
    to += asText(data);
}

}  // namespace

void TlsLayer::gatherRecord(std::span<const std::byte> record) { append(records_, record); }

void TlsLayer::write(std::span<const std::byte> data) {
    if (data.empty() || state_ > State::Open || failure_ || (closeWanted_ && !producer_)) {
        return;
    }
    if (files_ != nullptr) {
        keepBehindFiles(data);
    } else if (state_ == State::Handshaking) {
        append(gathered_, data);
        holdProducer();
    } else if (encrypting_) {
        append(gathered_, data);  // a producer's last words, behind what is on its way
    } else if (pumping_) {
        gather(data);
    } else {
        encrypt(data);
        finish();
    }
}

/// Keeps `data` for the end of the callback, but whole records leave without a copy of them.
void TlsLayer::gather(std::span<const std::byte> data) {
    if (gathered_.size() + data.size() >= kRecord) {
        const std::size_t fill = gathered_.empty() ? 0 : kRecord - gathered_.size();
        append(gathered_, data.first(fill));
        encryptGathered();
        data = data.subspan(fill);
        const std::size_t whole = data.size() - data.size() % kRecord;
        encrypt(data.first(whole));
        data = data.subspan(whole);
    }
    if (!data.empty()) {
        append(gathered_, data);
    }
}

void TlsLayer::writeSequence(std::span<const std::span<const std::byte>> pieces) {
    if (pumping_ || encrypting_) {
        for (const std::span<const std::byte> piece : pieces) {
            write(piece);
        }
        return;
    }
    std::string whole = Spare::take();
    for (const std::span<const std::byte> piece : pieces) {
        whole += asText(piece);
    }
    write(asBytes(whole));
    Spare::give(std::move(whole));
}

void TlsLayer::encrypt(std::span<const std::byte> data) {
    encrypting_ = true;
    while (!data.empty() && below_ != nullptr && !failure_) {
        ERR_clear_error();
        std::size_t wrote = 0;
        if (SSL_write_ex(ssl_.get(), data.data(), data.size(), &wrote) != 1) {
            fail(refusal("TLS connection to "));
            break;
        }
        data = data.subspan(wrote);
        if (records_.size() >= kRecordsAtOnce) {
            sendRecords();
        }
    }
    encrypting_ = false;
}

void TlsLayer::encryptGathered() {
    while (!gathered_.empty() && !failure_) {
        std::string data = std::exchange(gathered_, {});
        encrypt(asBytes(data));
        Spare::give(std::move(data));
    }
}

void TlsLayer::sendRecords() {
    if (records_.empty()) {
        return;
    }
    std::string records = std::exchange(records_, {});
    if (below_ != nullptr) {
        below_->write(asBytes(records));
    }
    Spare::give(std::move(records));
}

// Closing.

void TlsLayer::loseConnection() {
    if (state_ > State::Open || failure_ || below_ == nullptr) {
        return;
    }
    const bool producing = producer_ != nullptr || files_ != nullptr;
    if (state_ == State::Handshaking && gathered_.empty() && !producing) {
        abortConnection();  // nothing would be sent after it
    } else if (state_ == State::Handshaking || producing) {
        closeWanted_ = true;  // until the producer is done (Twisted: TLS waits for every producer)
    } else {
        close();
    }
}

void TlsLayer::close() {
    state_ = State::Closing;
    closeWanted_ = false;
    cancelTimer();
    if (!pumping_ && !encrypting_) {
        finish();
    }
}

/// Ends this side's stream, and the connection once the peer has ended its own.
void TlsLayer::sayGoodbye() {
    if (below_ == nullptr || failure_) {
        return;
    }
    const bool first = (SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) == 0;
    if (first) {
        ERR_clear_error();
        SSL_shutdown(ssl_.get());
    }
    sendRecords();
    if (peerSaidGoodbye_) {
        below_->loseConnection();
    } else if (first) {
        callLater(kTlsGoodbyeTimeout, &TlsLayer::goodbyeTimedOut);
        paused_ = false;
        below_->resumeProducing();
        if (!held_.empty()) {
            pump();
        }
    }
}

void TlsLayer::abortConnection() {
    if (state_ == State::Closed || below_ == nullptr) {
        return;
    }
    input_ = {};
    held_.clear();
    gathered_.clear();
    records_.clear();
    if (connected_ && state_ <= State::Open && !failure_) {
        failure_ = Failure(ConnectionAborted());
    }
    below_->abortConnection();
}

// Reading on and off, and producers.

void TlsLayer::pauseProducing() {
    paused_ = true;
    if (below_ != nullptr && state_ == State::Open) {
        below_->pauseProducing();
    }
}

void TlsLayer::resumeProducing() {
    paused_ = false;
    if (below_ == nullptr || state_ != State::Open) {
        return;
    }
    if (pumping_ || held_.empty()) {
        below_->resumeProducing();
    } else if (!timer_.active()) {
        callLater(Duration::zero(), &TlsLayer::readHeld);
    }
}

void TlsLayer::registerProducer(IProducer& producer, Producing mode) {
    if (producer_ != nullptr) {
        throw std::logic_error("a producer is registered already; unregister it first");
    }
    if (files_ != nullptr) {
        throw std::logic_error("sendFile() is under way; register a producer when that is done");
    }
    if (below_ == nullptr || state_ > State::Open || failure_) {
        producer.stopProducing();
        return;
    }
    producer_ = &producer;
    producing_ = mode;
    producerPaused_ = false;
    if (state_ == State::Open) {
        producerBelow_ = true;
        below_->registerProducer(producer, mode);
    }
}

void TlsLayer::unregisterProducer() {
    if (std::exchange(producer_, nullptr) == nullptr) {
        return;
    }
    if (std::exchange(producerBelow_, false) && below_ != nullptr) {
        below_->unregisterProducer();
    }
    if (closeWanted_ && state_ == State::Open) {
        close();
    }
}

/// Nothing can be sent yet: a push producer waits.
void TlsLayer::holdProducer() {
    if (producer_ != nullptr && producing_ == Producing::Push && !producerPaused_) {
        producerPaused_ = true;
        producer_->pauseProducing();
    }
}

/// The handshake is done: what was written meanwhile leaves, and the producer goes on.
void TlsLayer::startWriting() {
    if (failure_ || state_ != State::Open) {
        return;
    }
    encryptGathered();
    if (producer_ != nullptr && !producerBelow_) {
        producerBelow_ = true;
        below_->registerProducer(*producer_, producing_);
        if (producer_ != nullptr && std::exchange(producerPaused_, false)) {
            producer_->resumeProducing();
        }
    } else if (closeWanted_ && producer_ == nullptr && files_ == nullptr) {
        close();
    }
}

/// The transport below forgets the producer, which is stopped when the connection is lost.
void TlsLayer::releaseProducer() {
    if (std::exchange(producerBelow_, false)) {
        below_->unregisterProducer();
    }
}

std::size_t TlsLayer::bytesBuffered() const noexcept {
    return gathered_.size() + records_.size() + waitingBehindFiles() +
           (below_ != nullptr ? below_->bytesBuffered() : 0);
}

void TlsLayer::setTcpNoDelay(bool on) {
    if (below_ != nullptr) {
        below_->setTcpNoDelay(on);
    }
}

void TlsLayer::setTcpKeepAlive(bool on) {
    if (below_ != nullptr) {
        below_->setTcpKeepAlive(on);
    }
}

}  // namespace marline::detail
