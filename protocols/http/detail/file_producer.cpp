#include <marline/protocols/http/detail/file_producer.hpp>

#include <algorithm>
#include <exception>
#include <utility>

#include <marline/protocols/http/detail/temporary_file.hpp>
#include <marline/reactor/log.hpp>

namespace marline::http::detail {
namespace {

constexpr std::uint64_t kPiece = 64 * 1024;

}  // namespace

FileProducer::FileProducer(Ref<Request> request, UniqueFd file, std::vector<FilePiece> pieces)
    : request_(std::move(request)), file_(std::move(file)), pieces_(std::move(pieces)) {}

void FileProducer::start() {
    const Ref<FileProducer> alive(this);
    self_ = alive;
    request_->registerProducer(*this, Producing::Pull);
}

void FileProducer::resumeProducing() {
    const Ref<FileProducer> alive(this);
    try {
        writeSome();
    } catch (const std::exception& error) {
        log(LogLevel::Error, request_->method() + " " + request_->uri() + ": " + error.what());
        over();
        request_->unregisterProducer();
        request_->abort();
        return;
    }
    if (at_ == pieces_.size() && self_) {
        over();
        request_->unregisterProducer();
        request_->finish();
    }
}

void FileProducer::writeSome() {
    FilePiece& piece = pieces_[at_];
    const auto size = static_cast<std::size_t>(std::min(piece.length, kPiece));
    if (!piece.before.empty()) {
        request_->write(std::exchange(piece.before, {}));
    }
    if (size > 0) {
        buffer_.resize(static_cast<std::size_t>(kPiece));
        const std::size_t got = readAt(file_.get(), buffer_.data(), size, piece.offset);
        piece.offset += got;
        piece.length -= got;
        request_->write(std::string_view(buffer_).substr(0, got));
    }
    if (piece.length == 0) {
        ++at_;
    }
}

void FileProducer::stopProducing() { over(); }

/// Closes the file; the last reference may be what this gives.
Ref<FileProducer> FileProducer::over() {
    file_.reset();
    at_ = pieces_.size();
    return std::exchange(self_, {});
}

}  // namespace marline::http::detail
