// How a StreamConnection sends files.
#include <array>
#include <cerrno>
#include <utility>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/detail/file_send.hpp>
#include <marline/reactor/detail/signals.hpp>
#include <marline/reactor/detail/stream_connection.hpp>
#include <marline/reactor/errors.hpp>

namespace marline::detail {
namespace {

// How much of a file one call sends.
constexpr std::size_t kFilePiece = 256 * 1024;
// How much of one is read when the kernel cannot send it by itself.
constexpr std::size_t kCopiedPiece = 64 * 1024;

}  // namespace

Deferred<> StreamConnection::sendFile(int fd, std::uint64_t offset, std::uint64_t count) {
    if (!writable()) {
        return marline::fail<>(ConnectionLost("sendFile() on a connection that is closed"));
    }
    UniqueFd copy = copyForSending(fd);
    if (!copy) {
        return cannotSendFile(fd, errno);
    }
    ignoreSigpipe();
    if (out_ == nullptr) {
        out_ = loop().takeBuffer();
    } else if (out_->tail().file != nullptr) {
        out_->add(loop().takeBuffer());
    }
    std::unique_ptr<FileSend>& file = out_->tail().file;
    file = std::make_unique<FileSend>(std::move(copy), offset, count);
    Deferred<> result = file->result();
    flushSoon();
    return result;
}

/// Takes what has been sent off the front.
void StreamConnection::dropFront() {
    if (out_->file != nullptr) {
        // Not again, when the file is sent after them.
        out_->bytes.clear();
        out_->sent = 0;
        return;
    }
    std::unique_ptr<OutBuffer> next = out_->takeNext();
    loop().giveBuffer(std::move(out_));
    out_ = std::move(next);
}

/// Sends a piece of the file in front, whose bytes are sent. False when the kernel takes no more
/// for now, or who waited for the end of the file closed the connection.
bool StreamConnection::sendOfFile() {
    FileSend& file = *out_->file;
    if (file.left() == 0) {
        return endOfFile();
    }
    const ssize_t took = file.sendTo(outgoing(), kFilePiece);
    if (took == 0) {
        file.stop(0);
        return endOfFile();
    }
    if (took > 0) {
        return file.left() > 0 || endOfFile();
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
        blocked_ = true;
        return false;
    }
    return errno == EINTR || copyOfFile();
}

/// As not every file can be sent so. If it is the socket that cannot, sending the copy will tell.
bool StreamConnection::copyOfFile() {
    FileSend& file = *out_->file;
    out_->bytes.resize(kCopiedPiece);
    const ssize_t got = file.read(std::as_writable_bytes(std::span(out_->bytes)));
    const int error = got < 0 ? errno : 0;
    out_->bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    if (got > 0) {
        return true;
    }
    file.stop(error);
    return endOfFile();
}

/// Tells who waits for the file. False when he closed the connection.
bool StreamConnection::endOfFile() {
    const std::unique_ptr<FileSend> file = std::move(out_->file);
    dropFront();
    file->finish();
    return state_ == State::Open || state_ == State::Flushing;
}

}  // namespace marline::detail
