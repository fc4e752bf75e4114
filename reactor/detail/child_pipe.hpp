// Internal: not installed. This side of a pipe to a child, or of its terminal.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include <marline/deferred/ref.hpp>
#include <marline/reactor/detail/event_loop.hpp>
#include <marline/reactor/detail/unique_fd.hpp>
#include <marline/reactor/producer.hpp>

namespace marline::detail {

class ProcessTransport;

/// One descriptor that is read, written, or (a terminal) both.
///
/// What is written leaves at the end of the turn. A write that the child's side refuses, the end of
/// what it writes, or a callback that throws closes it; the process hears of that from an event or
/// the end of a turn.
class ChildPipe final : public LoopObject {
public:
    enum class Way : unsigned char { Read, Write, Both };

    /// `fd` is non-blocking; the child knows the other end as `childFd`.
    ChildPipe(EventLoop& loop, UniqueFd fd, int childFd, Way way, Ref<ProcessTransport> process);

    Way way() const noexcept { return way_; }
    std::size_t bytesBuffered() const noexcept { return out_ != nullptr ? out_->waiting() : 0; }
    void write(std::span<const std::byte> data);
    void loseConnection();
    void pauseProducing();
    void resumeProducing();
    void registerProducer(IProducer& producer, Producing mode);
    void unregisterProducer();

    void endOfTurn() override;
    void shutDown(const Failure& why) override;
    std::string describe() const override;

private:
    ~ChildPipe() override;

    static void ready(int fd, short what, void* self);
    void readReady();
    void flush();
    bool sendAll();
    void drained();
    void watch() noexcept;
    void lose();

    UniqueFd fd_;
    FdEvent event_;
    int childFd_;
    Way way_;
    bool reading_;
    bool blocked_ = false;  // the kernel takes no more for now
    bool closing_ = false;  // loseConnection() was called
    bool broken_ = false;   // to be lost at the end of the turn
    bool producerPaused_ = false;
    Producing producing_ = Producing::Push;
    IProducer* producer_ = nullptr;
    std::unique_ptr<OutBuffer> out_;
    Ref<ProcessTransport> process_;
};

}  // namespace marline::detail
