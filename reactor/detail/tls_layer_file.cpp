// How a TlsLayer sends files: read a piece at a time, whenever the transport below has sent the one
// before.
#include <cerrno>
#include <stdexcept>
#include <utility>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/detail/file_send.hpp>
#include <marline/reactor/detail/out_buffer.hpp>
#include <marline/reactor/detail/tls_file_queue.hpp>
#include <marline/reactor/detail/tls_layer.hpp>
#include <marline/reactor/errors.hpp>

namespace marline::detail {

Deferred<> TlsLayer::sendFile(int fd, std::uint64_t offset, std::uint64_t count) {
    if (producer_ != nullptr) {
        throw std::logic_error("a producer is registered; unregister it before sendFile()");
    }
    if (state_ > State::Open || failure_ || closeWanted_) {
        return marline::fail<>(ConnectionLost("sendFile() on a connection that is closed"));
    }
    UniqueFd copy = copyForSending(fd);
    if (!copy) {
        return cannotSendFile(fd, errno);
    }
    if (files_ == nullptr) {
        files_ = std::make_unique<TlsFileQueue>(*this);
    } else if (files_->front->tail().file != nullptr) {
        files_->front->add(std::make_unique<OutBuffer>());
    }
    std::unique_ptr<FileSend>& file = files_->front->tail().file;
    file = std::make_unique<FileSend>(std::move(copy), offset, count);
    Deferred<> result = file->result();
    if (!pumping_ && !encrypting_) {
        beginFiles();
    }
    return result;
}

void TlsLayer::keepBehindFiles(std::span<const std::byte> data) {
    if (files_->front->tail().file != nullptr) {
        files_->front->add(std::make_unique<OutBuffer>());
    }
    files_->front->tail().bytes += asText(data);
}

std::size_t TlsLayer::waitingBehindFiles() const noexcept {
    return files_ != nullptr ? files_->front->waiting() : 0;
}

/// Everything that was written before the first one has been passed on.
void TlsLayer::beginFiles() {
    if (files_ != nullptr && !files_->begun && state_ == State::Open && below_ != nullptr) {
        files_->begun = true;
        below_->registerProducer(*files_, Producing::Pull);
    }
}

void TlsLayer::sendOfFile() {
    const Ref<TlsLayer> alive(this);
    while (files_ != nullptr && !failure_ && !sendPiece()) {
    }
}

/// True when something was written: the transport below asks for more when that has gone.
bool TlsLayer::sendPiece() {
    FileSend& file = *files_->front->file;
    if (file.left() > 0) {
        const ssize_t got = file.read(files_->piece);
        if (got > 0) {
            encrypt(std::span(files_->piece).first(static_cast<std::size_t>(got)));
            sendRecords();
            return true;
        }
        file.stop(got < 0 ? errno : 0);
    }
    return endOfFile();
}

/// What was written after the file follows, up to the next file.
bool TlsLayer::endOfFile() {
    const std::unique_ptr<FileSend> file = std::move(files_->front->file);
    std::unique_ptr<OutBuffer> next = files_->front->takeNext();
    const std::string data = next != nullptr ? std::exchange(next->bytes, {}) : std::string();
    std::unique_ptr<TlsFileQueue> over;
    if (next != nullptr && next->file != nullptr) {
        files_->front = std::move(next);
    } else {
        over = std::move(files_);
        below_->unregisterProducer();
    }
    encrypt(asBytes(data));
    sendRecords();
    file->finish();
    if (closeWanted_ && files_ == nullptr && state_ == State::Open && !failure_) {
        close();
    }
    return !data.empty();
}

/// They will not be sent.
void TlsLayer::dropFiles(const Failure& why) {
    if (const std::unique_ptr<TlsFileQueue> files = std::move(files_)) {
        if (files->begun && below_ != nullptr) {
            below_->unregisterProducer();
        }
        files->front->failFiles(why);
    }
}

}  // namespace marline::detail
