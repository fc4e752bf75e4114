#include <marline/reactor/interfaces.hpp>

#include <cerrno>
#include <stdexcept>
#include <vector>

#include <marline/reactor/detail/file_send.hpp>

#include <marline/reactor/unix.hpp>

namespace marline {
namespace {

// How much of a file is read at a time.
constexpr std::size_t kPiece = 64 * 1024;

}  // namespace

void ITransport::writeString(std::string&& text) { write(asBytes(text)); }

Deferred<> ITransport::sendFile(int fd, std::uint64_t offset, std::uint64_t count) {
    detail::UniqueFd copy = detail::copyForSending(fd);
    if (!copy) {
        return detail::cannotSendFile(fd, errno);
    }
    detail::FileSend file(std::move(copy), offset, count);
    Deferred<> result = file.result();
    std::vector<std::byte> piece(kPiece);
    while (file.left() > 0) {
        const ssize_t got = file.read(piece);
        if (got <= 0) {
            file.stop(got < 0 ? errno : 0);
        } else {
            write(std::span(piece).first(static_cast<std::size_t>(got)));
        }
    }
    file.finish();
    return result;
}

Ref<IProtocol> ITransport::switchProtocol(Ref<IProtocol>) {
    throw std::logic_error("this transport cannot change its protocol");
}

void IProtocol::transportChanged(ITransport&) {
    throw std::logic_error(
        "this protocol cannot change its transport: it must override transportChanged()");
}

IFileDescriptorReceiver* IProtocol::fileDescriptorReceiver() noexcept {
    return dynamic_cast<IFileDescriptorReceiver*>(this);
}

}  // namespace marline
