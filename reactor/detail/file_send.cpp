#include <marline/reactor/detail/file_send.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/detail/socket.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline::detail {

FileSend::FileSend(UniqueFd file, std::uint64_t offset, std::uint64_t count)
    : file_(std::move(file)), offset_(offset), left_(count),
      toTheEnd_(count == ITransport::kToTheEnd), done_([this](Deferred<> d) {
          left_ = 0;
          d.errback(
              CancelledError("sendFile() was cancelled after " + std::to_string(sent_) + " bytes"));
      }) {}

std::size_t FileSend::fit(std::size_t most) const noexcept {
    return static_cast<std::size_t>(std::min<std::uint64_t>(most, left_));
}

void FileSend::advance(ssize_t bytes) noexcept {
    if (bytes > 0) {
        const auto count = static_cast<std::uint64_t>(bytes);
        offset_ += count;
        sent_ += count;
        left_ -= toTheEnd_ ? 0 : count;
    }
}

ssize_t FileSend::sendTo(int socket, std::size_t most) noexcept {
    auto at = static_cast<off_t>(offset_);
    const ssize_t took = ::sendfile(socket, file_.get(), &at, fit(most));
    advance(took);
    return took;
}

ssize_t FileSend::read(std::span<std::byte> to) noexcept {
    ssize_t got = 0;
    do {
        got = ::pread(file_.get(), to.data(), fit(to.size()), static_cast<off_t>(offset_));
    } while (got < 0 && errno == EINTR);
    advance(got);
    return got;
}

void FileSend::stop(int error) {
    stopped_ = error != 0 || !toTheEnd_;
    error_ = error;
    left_ = 0;
}

void FileSend::finish() {
    if (!done_.pending()) {
        return;  // cancelled
    }
    if (!stopped_) {
        done_.callback();
    } else if (error_ == 0) {
        done_.errback(
            Failure::make<SendFileError>("the file ended early", std::error_code(), sent_));
    } else {
        done_.errback(
            Failure::make<SendFileError>("the file cannot be read", lastError(error_), sent_));
    }
}

UniqueFd copyForSending(int fd) noexcept { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

Deferred<> cannotSendFile(int fd, int error) {
    return marline::fail<>(
        SendFileError("descriptor " + std::to_string(fd) + " cannot be used", lastError(error), 0));
}

}  // namespace marline::detail
