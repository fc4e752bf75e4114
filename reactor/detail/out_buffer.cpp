#include <marline/reactor/detail/out_buffer.hpp>

#include <algorithm>
#include <utility>

#include <marline/reactor/detail/file_send.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline::detail {

OutBuffer::OutBuffer() = default;

OutBuffer::~OutBuffer() {
    // One after the other: there may be too many for the stack.
    while (next != nullptr) {
        next = std::exchange(next->next, nullptr);
    }
}

std::size_t OutBuffer::waitingInAll() const noexcept {
    std::size_t all = 0;
    for (const OutBuffer* buffer = this; buffer != nullptr; buffer = buffer->next.get()) {
        all += buffer->bytes.size() - buffer->sent;
    }
    return all;
}

std::uint64_t OutBuffer::fileBytes() const noexcept {
    std::uint64_t all = 0;
    for (const OutBuffer* buffer = this; buffer != nullptr; buffer = buffer->next.get()) {
        const std::uint64_t left = buffer->file != nullptr ? buffer->file->left() : 0;
        all += std::min(left, ITransport::kToTheEnd - all);
    }
    return all;
}

void OutBuffer::add(std::unique_ptr<OutBuffer> buffer) noexcept {
    OutBuffer& end = tail();
    last = buffer.get();
    end.next = std::move(buffer);
}

std::unique_ptr<OutBuffer> OutBuffer::takeNext() noexcept {
    std::unique_ptr<OutBuffer> first = std::move(next);
    if (first != nullptr && last != first.get()) {
        first->last = last;
    }
    last = nullptr;
    return first;
}

void OutBuffer::failFiles(const Failure& why) {
    for (OutBuffer* buffer = this; buffer != nullptr; buffer = buffer->next.get()) {
        if (buffer->file != nullptr) {
            buffer->file->fail(why);
        }
    }
}

}  // namespace marline::detail
