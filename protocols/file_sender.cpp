#include <marline/protocols/file_sender.hpp>

#include <cerrno>
#include <system_error>
#include <utility>

#include <unistd.h>

#include <marline/deferred/source.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/producer.hpp>

namespace marline {
namespace {

/// Lives from beginFileTransfer() until it is over: it holds itself meanwhile.
class FileSender final : public RefCounted, public IProducer {
public:
    FileSender(UniqueFd file, ITransport& consumer, FileTransform transform)
        : file_(std::move(file)), consumer_(&consumer), transform_(std::move(transform)),
          done_([this](const Deferred<std::optional<std::byte>>&) {
              end(Failure::make<CancelledError>());
          }) {}

    Deferred<std::optional<std::byte>> begin() {
        Deferred<std::optional<std::byte>> result = done_.deferred();
        const Ref<FileSender> self(this);
        self_ = self;
        try {
            consumer_->registerProducer(*this, Producing::Pull);
        } catch (...) {
            self_.reset();
            throw;
        }
        return result;
    }

    void resumeProducing() override {
        const Ref<FileSender> self(this);
        try {
            do {
                readPiece();
            } while (piece_.empty() && consumer_ != nullptr);
        } catch (...) {
            end(Failure::current());
            return;
        }
        if (consumer_ != nullptr) {
            last_ = static_cast<std::byte>(piece_.back());
            consumer_->write(asBytes(piece_));
        }
    }
    void pauseProducing() override {}
    void stopProducing() override {
        consumer_ = nullptr;
        end(Failure::make<ConnectionLost>("the connection ended before the file was sent"));
    }

private:
    /// The next piece, as it is sent; at the end of the file it is over.
    void readPiece() {
        piece_.resize(kFileChunk);
        ssize_t got = 0;
        do {
            got = ::read(file_.get(), piece_.data(), piece_.size());
        } while (got < 0 && errno == EINTR);
        if (got < 0) {
            throw std::system_error(errno, std::system_category(), "reading a file to send it");
        }
        piece_.resize(static_cast<std::size_t>(got));
        if (got == 0) {
            leave();
            done_.callback(last_);
        } else if (transform_) {
            transform_(piece_);
        }
    }

    void end(Failure why) {
        const Ref<FileSender> self(this);
        leave();
        done_.errback(std::move(why));
    }

    void leave() {
        if (ITransport* consumer = std::exchange(consumer_, nullptr)) {
            consumer->unregisterProducer();
        }
        file_.reset();
        self_.reset();
    }

    UniqueFd file_;
    ITransport* consumer_;  // null when it is over
    FileTransform transform_;
    std::string piece_;
    std::optional<std::byte> last_;
    Ref<FileSender> self_;
    DeferredSource<std::optional<std::byte>> done_;
};

}  // namespace

Deferred<std::optional<std::byte>> beginFileTransfer(UniqueFd file, ITransport& consumer,
                                                     FileTransform transform) {
    return makeRef<FileSender>(std::move(file), consumer, std::move(transform))->begin();
}

}  // namespace marline
