#include <marline/protocols/http/detail/file_producer.hpp>

#include <algorithm>
#include <exception>
#include <utility>

#include <marline/protocols/http/detail/temporary_file.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::http::detail {
namespace {

// How much is read at a time; what is shorter is not worth a descriptor of its own.
constexpr std::uint64_t kReadPiece = 64 * 1024;
// How much the transport sends at a time.
constexpr std::uint64_t kSentPiece = 1024 * 1024;

}  // namespace

FileProducer::FileProducer(Ref<Request> request, UniqueFd file, std::vector<FilePiece> pieces)
    : request_(std::move(request)), file_(std::move(file)), pieces_(std::move(pieces)) {}

FileProducer::FileProducer(Ref<Request> request, Ref<KeptBytes> kept)
    : request_(std::move(request)), kept_(std::move(kept)), pieces_{{{}, 0, kept_->view().size()}} {
}

void FileProducer::start() {
    const Ref<FileProducer> alive(this);
    self_ = alive;
    request_->registerProducer(*this, Producing::Pull);
}

void FileProducer::resumeProducing() {
    const Ref<FileProducer> alive(this);
    sending_.reset();  // it has been sent, or this were not called
    try {
        if (at_ < pieces_.size()) {
            writeSome();
        }
    } catch (const std::exception& error) {
        fail(error.what());
        return;
    }
    if (at_ == pieces_.size() && !sending_ && self_) {
        over();
        request_->unregisterProducer();
        request_->finish();
    }
}

void FileProducer::writeSome() {
    FilePiece& piece = pieces_[at_];
    if (!piece.before.empty()) {
        request_->write(std::exchange(piece.before, {}));
    }
    if (kept_ || piece.length < kReadPiece || !sendSome(piece)) {
        readSome(piece);
    }
    if (piece.length == 0) {
        ++at_;
    }
}

/// Has the transport send a part of the piece. False when it cannot.
bool FileProducer::sendSome(FilePiece& piece) {
    const std::uint64_t size = std::min(piece.length, kSentPiece);
    sending_ = request_->sendFile(file_.get(), piece.offset, size);
    if (!sending_) {
        return false;
    }
    piece.offset += size;
    piece.length -= size;
    // Fails with another error when the client has gone, of which stopProducing() tells.
    sending_->addErrback([alive = Ref<FileProducer>(this)](const Failure& why) {
        if (why.check<SendFileError>() != nullptr) {
            alive->fail(why.message());
        }
    });
    return true;
}

void FileProducer::readSome(FilePiece& piece) {
    const auto size = static_cast<std::size_t>(std::min(piece.length, kReadPiece));
    if (size > 0 && kept_) {
        const std::string_view some = kept_->view().substr(piece.offset, size);
        piece.offset += some.size();
        piece.length -= some.size();
        request_->write(some);
    } else if (size > 0) {
        buffer_.resize(static_cast<std::size_t>(kReadPiece));
        const std::size_t got = readAt(file_.get(), buffer_.data(), size, piece.offset);
        piece.offset += got;
        piece.length -= got;
        request_->write(std::string_view(buffer_).substr(0, got));
    }
}

/// The response cannot be what its head says.
void FileProducer::fail(const std::string& why) {
    log(LogLevel::Error, request_->method() + " " + request_->uri() + ": " + why);
    const Ref<FileProducer> alive = over();
    request_->unregisterProducer();
    request_->abort();
}

void FileProducer::stopProducing() { over(); }

/// Closes the file, and sends no more of it; the last reference may be what this gives.
Ref<FileProducer> FileProducer::over() {
    file_.reset();
    at_ = pieces_.size();
    if (std::optional<Deferred<>> sending = std::exchange(sending_, std::nullopt)) {
        sending->cancel();
    }
    return std::exchange(self_, {});
}

}  // namespace marline::http::detail
