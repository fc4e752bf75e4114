// Internal: not installed. Two descriptors as a transport.
#pragma once

#include <marline/reactor/detail/stream_connection.hpp>

namespace marline::detail {

/// A descriptor that is used without blocking, and gets its mode back.
class BorrowedMode {
public:
    /// Throws std::system_error when `fd` is not open.
    explicit BorrowedMode(int fd);

    /// Sets what it found.
    void giveBack(int fd) const noexcept;
    /// Whether the loop can wait for it; files cannot be waited for, and are always ready.
    bool waits() const noexcept { return waits_; }

private:
    int flags_;
    bool waits_;
};

/// A stream that reads from one descriptor and writes to another.
class PipeConnection final : public StreamConnection {
public:
    /// Throws std::system_error when one is not open.
    PipeConnection(EventLoop& loop, UniqueFd in, UniqueFd out, Ref<IProtocol> protocol);

    void endOfTurn() override;
    std::string describe() const override;

private:
    ~PipeConnection() override;

    ssize_t receive(std::span<std::byte> buffer) override;
    void peerEnded() override;
    ssize_t transmit(std::span<iovec> parts) override;
    int outgoing() const noexcept override { return out_.get(); }
    void setInterest(short interest) override;
    void endWriting() override;
    void closeAll() override;

    // The modes are read before either is changed, as both may be one open file.
    BorrowedMode inMode_;
    BorrowedMode outMode_;
    UniqueFd out_;
    FdEvent writer_;
    short interest_ = 0;  // in what cannot be waited for
};

}  // namespace marline::detail
