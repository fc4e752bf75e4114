// Internal: not installed. What a connection is to send.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <marline/deferred/failure.hpp>

namespace marline::detail {

class FileSend;

/// Bytes to be sent, of which the first `sent` are; then a part of a file; then the next such
/// buffer. Most connections have one, without a file.
struct OutBuffer {
    OutBuffer();
    OutBuffer(const OutBuffer&) = delete;
    OutBuffer& operator=(const OutBuffer&) = delete;
    ~OutBuffer();

    /// Bytes that wait in this one and the next ones; those of files do not count.
    std::size_t waiting() const noexcept {
        return next == nullptr ? bytes.size() - sent : waitingInAll();
    }
    /// Bytes of files that wait in them; kToTheEnd when one is to be sent to its end.
    std::uint64_t fileBytes() const noexcept;
    /// Where to append; in the first one.
    OutBuffer& tail() noexcept { return last != nullptr ? *last : *this; }
    /// Makes `buffer` the tail.
    void add(std::unique_ptr<OutBuffer> buffer) noexcept;
    /// Takes the next ones off this, the first of them.
    std::unique_ptr<OutBuffer> takeNext() noexcept;
    /// Nothing more will be sent.
    void failFiles(const Failure& why);

    std::string bytes;
    std::size_t sent = 0;
    std::unique_ptr<FileSend> file;
    std::unique_ptr<OutBuffer> next;
    OutBuffer* last = nullptr;  // in the first one of several

private:
    std::size_t waitingInAll() const noexcept;
};

}  // namespace marline::detail
