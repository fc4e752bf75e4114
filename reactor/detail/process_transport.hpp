// Internal: not installed. A child process as a transport.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <marline/deferred/failure.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/detail/child_pipe.hpp>
#include <marline/reactor/detail/child_watch.hpp>
#include <marline/reactor/process.hpp>

namespace marline::detail {

/// This side's end of a pipe that a child is to have.
struct ParentEnd {
    int childFd;
    ChildPipe::Way way;
    UniqueFd fd;
};

/// One child: what its watch and its pipes report, put in order for the protocol. Each of them
/// keeps a Ref to it, so it lives until the last of them has ended.
class ProcessTransport final : public IProcessTransport {
public:
    ProcessTransport(Ref<IProcessProtocol> protocol, std::string executable);

    /// The child runs as `pid`: watches it and its pipes, and tells the protocol. When it cannot be
    /// watched it is killed, and SpawnError thrown.
    void start(EventLoop& loop, pid_t pid, std::vector<ParentEnd> ends);

    std::optional<pid_t> pid() const noexcept override { return pid_; }
    void write(std::span<const std::byte> data) override;
    void writeToChild(int childFd, std::span<const std::byte> data) override;
    void closeChildFd(int childFd) override;
    void closeStdin() override;
    void closeStdout() override;
    void closeStderr() override;
    void loseConnection() override;
    void signalProcess(int signal) override;
    void signalProcess(std::string_view name) override;
    void pauseProducing() override;
    void resumeProducing() override;
    void registerProducer(IProducer& producer, Producing mode) override;
    void unregisterProducer() override;
    std::size_t bytesBuffered() const noexcept override;

    /// False when the protocol threw.
    bool received(int childFd, std::span<const std::byte> data);
    void pipeLost(int childFd);
    void reaped(const ChildEnd& end);
    /// The reactor stopped before the child did.
    void abandoned(const Failure& why);

private:
    ~ProcessTransport() override = default;

    ChildPipe* input() const noexcept;
    void closeStream(int childFd);
    void endWhenAllIsOver();
    Failure reasonOf(const ChildEnd& end) const;

    Ref<IProcessProtocol> protocol_;
    std::string executable_;
    std::optional<pid_t> pid_;
    ChildWatch* watch_ = nullptr;
    std::map<int, ChildPipe*> pipes_;  // null: closed
    std::size_t openPipes_ = 0;
    bool terminal_ = false;
    std::optional<Failure> reason_;
};

}  // namespace marline::detail
