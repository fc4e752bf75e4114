#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <marline/agent/detail/body_pump.hpp>
#include <marline/agent/errors.hpp>
#include <marline/agent/request_bodies.hpp>
#include <marline/deferred/succeed.hpp>

namespace marline {
namespace {

[[noreturn]] void refuse(int error, const std::string& what) {
    throw std::system_error(error, std::system_category(), what);
}

}  // namespace

/// Reads one file once.
class FileBody::Pump final : public detail::BodyPump {
public:
    explicit Pump(Ref<FileBody> file) : file_(std::move(file)), at_(file_->offset_) {}

private:
    void produce() override {
        std::array<std::byte, kBodyPiece> piece;
        const std::size_t wanted = std::min<std::uint64_t>(piece.size(), file_->end_ - at_);
        const ssize_t got = ::pread(file_->fd_, piece.data(), wanted, static_cast<off_t>(at_));
        if (got <= 0) {
            done(unreadable(got < 0 ? errno : 0));
            return;
        }
        at_ += static_cast<std::uint64_t>(got);
        consumer()->write({piece.data(), static_cast<std::size_t>(got)});
        if (at_ == file_->end_) {
            done({});
        }
    }

    Failure unreadable(int error) const {
        if (error != 0) {
            return std::system_error(error, std::system_category(), "cannot read " + file_->path_);
        }
        return WrongBodyLength(file_->path_ + " has become shorter while it was sent: byte " +
                               std::to_string(at_) + " of " + std::to_string(file_->end_) +
                               " is not there");
    }

    Ref<FileBody> file_;
    std::uint64_t at_;
};

FileBody::FileBody(const std::string& path, std::uint64_t offset)
    : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), offset_(offset) {
    if (fd_ < 0) {
        refuse(errno, "cannot open " + path);
    }
    struct stat status{};
    if (::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode)) {
        const int error = S_ISDIR(status.st_mode) ? EISDIR : ESPIPE;
        ::close(fd_);
        refuse(error, "cannot send " + path + ", which is no regular file");
    }
    end_ = static_cast<std::uint64_t>(status.st_size);
    if (offset > end_) {
        ::close(fd_);
        throw std::out_of_range(path + " has " + std::to_string(end_) + " bytes, none at " +
                                std::to_string(offset));
    }
}

FileBody::~FileBody() { ::close(fd_); }

Deferred<> FileBody::startProducing(IBodyConsumer& consumer) {
    if (offset_ == end_) {
        return succeed();
    }
    return makeRef<Pump>(Ref<FileBody>(this))->start(consumer);
}

/// Asks its function for one piece at a time.
class GeneratorBody::Pump final : public detail::BodyPump {
public:
    explicit Pump(Next next) : next_(std::move(next)) {}

private:
    void produce() override {
        if (waiting_) {
            return;
        }
        Deferred<std::optional<std::string>> piece = maybeDeferred(next_);
        waiting_ = piece;
        piece.addBoth([self = Ref<Pump>(this)](const Result<std::optional<std::string>>& given) {
            self->given(given);
        });
    }

    void given(const Result<std::optional<std::string>>& piece) {
        waiting_.reset();
        if (consumer() == nullptr) {
            return;
        }
        if (!piece.ok()) {
            done(piece.failure());
        } else if (!piece.value()) {
            done({});
        } else if (piece.value()->empty()) {
            produce();
        } else {
            consumer()->write(asBytes(*piece.value()));
        }
    }

    void stopped() override {
        if (waiting_) {
            Deferred<std::optional<std::string>> piece = *std::exchange(waiting_, std::nullopt);
            piece.cancel();
        }
    }

    Next next_;
    std::optional<Deferred<std::optional<std::string>>> waiting_;
};

Deferred<> GeneratorBody::startProducing(IBodyConsumer& consumer) {
    if (!next_) {
        return fail<>(BadRequest("a GeneratorBody can be sent once"));
    }
    return makeRef<Pump>(std::exchange(next_, nullptr))->start(consumer);
}

}  // namespace marline
