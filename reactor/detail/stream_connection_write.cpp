// How a StreamConnection writes.
#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/uio.h>

#include <marline/reactor/detail/stream_connection.hpp>
#include <marline/reactor/errors.hpp>

namespace marline::detail {
namespace {

// A producer that has this much waiting is asked to pause (Twisted: X-35).
constexpr std::size_t kHighWater = 64 * 1024;
// Writes from here on go to the kernel at once, together with what waits: copying them costs more
// than the call that is saved by waiting.
constexpr std::size_t kWriteThrough = 8 * 1024;
// Rounds of sending and asking the producer for more, so that one connection does not starve the
// others.
constexpr int kFlushesPerTurn = 4;
// So it is with files, of which one call sends a piece.
constexpr int kFilePiecesPerTurn = 4;
// Pieces that one call sends at most.
constexpr std::size_t kPieces = 64;

void append(std::string& bytes, std::span<const std::byte> data) {
    bytes.append(reinterpret_cast<const char*>(data.data()), data.size());
}

}  // namespace

void StreamConnection::write(std::span<const std::byte> data) {
    if (data.size() >= kWriteThrough || producer_ != nullptr) {
        writeSequence({&data, 1});
    } else if (writable() && !data.empty()) {
        append(room(), data);
        flushSoon();
    }
}

void StreamConnection::writeSequence(std::span<const std::span<const std::byte>> pieces) {
    std::size_t total = 0;
    for (const std::span<const std::byte> piece : pieces) {
        total += piece.size();
    }
    if (!writable() || total == 0) {
        return;
    }
    std::size_t done = 0;
    if (total >= kWriteThrough && !blocked_ && pieces.size() < kPieces) {
        done = sendAtOnce(pieces, total);
    }
    if (done < total) {
        keep(pieces, done);
        holdProducer();
    }
    flushSoon();
}

void StreamConnection::writeString(std::string&& text) {
    if (text.size() < kWriteThrough) {
        write(asBytes(text));
        return;
    }
    if (!writable()) {
        return;
    }
    const std::span<const std::byte> whole = asBytes(text);
    const std::size_t done = blocked_ ? 0 : sendAtOnce({&whole, 1}, whole.size());
    if (done < text.size()) {
        keepString(std::move(text), done);
        holdProducer();
    }
    flushSoon();
}

/// Asks the producer to pause when too much waits.
void StreamConnection::holdProducer() {
    if (producer_ != nullptr && producing_ == Producing::Push && !producerPaused_ &&
        bytesBuffered() > kHighWater) {
        producerPaused_ = true;
        producer_->pauseProducing();
    }
}

/// Sends what waits and then the pieces, and gives how many bytes of these have gone.
std::size_t StreamConnection::sendAtOnce(std::span<const std::span<const std::byte>> pieces,
                                         std::size_t total) {
    if (out_ != nullptr && (out_->file != nullptr || out_->next != nullptr)) {
        return 0;  // a file comes first
    }
    iovec parts[kPieces];
    std::size_t count = 0;
    const std::size_t waiting = bytesBuffered();
    if (waiting > 0) {
        parts[count++] = {out_->bytes.data() + out_->sent, waiting};
    }
    for (const std::span<const std::byte> piece : pieces) {
        parts[count++] = {const_cast<std::byte*>(piece.data()), piece.size()};
    }
    const ssize_t took = transmit({parts, count});
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

ssize_t StreamConnection::transmit(std::span<iovec> parts) {
    if (parts.size() == 1) {
        return ::send(fd_.get(), parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL);
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    return ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
}

/// What is kept goes to the end of this string.
std::string& StreamConnection::room() {
    if (out_ == nullptr) {
        out_ = loop().takeBuffer();
    } else if (const OutBuffer& tail = out_->tail();
               tail.file != nullptr || tail.bytes.size() >= kHighWater) {
        out_->add(loop().takeBuffer());  // a longer string would be copied when it grows
    }
    return out_->tail().bytes;
}

/// Keeps the pieces but for the first `skip` bytes of them.
void StreamConnection::keep(std::span<const std::span<const std::byte>> pieces, std::size_t skip) {
    std::string& bytes = room();
    for (const std::span<const std::byte> piece : pieces) {
        const std::size_t gone = std::min(skip, piece.size());
        skip -= gone;
        append(bytes, piece.subspan(gone));
    }
}

/// Keeps the string itself, of which the first `skip` bytes are sent.
void StreamConnection::keepString(std::string&& text, std::size_t skip) {
    std::unique_ptr<OutBuffer> buffer = loop().takeBuffer();
    buffer->bytes = std::move(text);
    buffer->sent = skip;
    if (out_ == nullptr) {
        out_ = std::move(buffer);
    } else {
        out_->add(std::move(buffer));
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
        if (producer_ != nullptr || state_ == State::Flushing || ending_) {
            finishFlushing();
        }
        if (!pending_ || blocked_ || state_ == State::Aborting) {
            break;
        }
    }
    if (blocked_ != watched_ && (state_ == State::Open || state_ == State::Flushing)) {
        watch();
    }
    collected();
}

bool StreamConnection::sendAll() {
    for (int files = 0; out_ != nullptr;) {
        const std::size_t waiting = out_->bytes.size() - out_->sent;
        if (waiting == 0) {
            // Else the others wait too long: it goes on in the next turn.
            blocked_ = ++files > kFilePiecesPerTurn;
            if (blocked_ || !sendOfFile()) {
                return false;
            }
            continue;
        }
        iovec part{out_->bytes.data() + out_->sent, waiting};
        const ssize_t took = transmit({&part, 1});
        if (took >= 0) {
            sent(static_cast<std::size_t>(took));
            blocked_ = static_cast<std::size_t>(took) < waiting;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
            blocked_ = true;
        } else if (errno != EINTR) {
            lose(Failure::make<ConnectionLost>("write failed", lastError(errno)));
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
        if (out_->file == nullptr && out_->next == nullptr) {
            loop().giveBuffer(std::move(out_));
        } else {
            dropFront();
        }
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
        if (producer_ != nullptr || out_ != nullptr) {
            return;
        }
    }
    if (state_ == State::Flushing && (producer_ == nullptr || producing_ == Producing::Push)) {
        lose(ConnectionDone());
    } else if (ending_ && !writeEnded_ && producer_ == nullptr) {
        writeEnded_ = true;
        endWriting();
        if (readEnded_) {
            lose(ConnectionDone());
        } else if (protocol_->wantsHalfClose()) {
            guarded([this] { protocol_->writeConnectionLost(); });
        }
    }
}

}  // namespace marline::detail
