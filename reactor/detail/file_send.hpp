// Internal: not installed. A part of a file on its way into a transport.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <sys/types.h>

#include <marline/deferred/source.hpp>
#include <marline/reactor/detail/unique_fd.hpp>

namespace marline::detail {

/// What sendFile() was asked for, and who waits for it.
///
/// Cancelled, it has nothing left: what went before stays sent, and what was written after it
/// follows.
class FileSend {
public:
    /// `file` is its own. A `count` of kToTheEnd ends where the file does.
    FileSend(UniqueFd file, std::uint64_t offset, std::uint64_t count);
    FileSend(const FileSend&) = delete;
    FileSend& operator=(const FileSend&) = delete;

    Deferred<> result() const { return done_.deferred(); }
    /// How many bytes are to be sent; 0 when that is over.
    std::uint64_t left() const noexcept { return left_; }

    /// sendfile(2) of `most` bytes at the most. Like it, it gives -1 and errno, or how many.
    ssize_t sendTo(int socket, std::size_t most) noexcept;
    /// Reads the next bytes, which go another way then, as pread(2) does.
    ssize_t read(std::span<std::byte> to) noexcept;
    /// The file has no more, or `error` says why it cannot be read: what was left is not sent.
    void stop(int error);

    /// Tells who waits what came of it: all was sent, or stop() was called.
    void finish();
    /// Tells him that the connection has gone.
    void fail(const Failure& why) { done_.errback(why); }

private:
    std::size_t fit(std::size_t most) const noexcept;
    void advance(ssize_t bytes) noexcept;

    UniqueFd file_;
    std::uint64_t offset_;
    std::uint64_t left_;
    std::uint64_t sent_ = 0;
    bool toTheEnd_;
    bool stopped_ = false;
    int error_ = 0;
    DeferredSource<> done_;
};

/// A copy of `fd` for a FileSend; empty when there is none, and errno says why.
UniqueFd copyForSending(int fd) noexcept;
/// What sendFile() gives when it cannot begin.
Deferred<> cannotSendFile(int fd, int error);

}  // namespace marline::detail
