// Child processes: the contracts between a process and its protocol, and how it is started.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sys/types.h>

#include <marline/deferred/api.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/process_errors.hpp>
#include <marline/reactor/process_options.hpp>
#include <marline/reactor/producer.hpp>

namespace marline {

/// A child process, seen from its protocol (Twisted: `IProcessTransport`). A handle: dropping it
/// ends nothing, and once the process has ended all calls but pid() and signalProcess() do nothing.
///
/// As a consumer it is the child's standard input. No call here delivers anything to the protocol
/// before it returns, except that registerProducer() asks a pull producer at once. Reactor thread
/// only.
class MARLINE_API IProcessTransport : public RefCounted, public IConsumer {
public:
    /// The process id; none once the child has been reaped.
    virtual std::optional<pid_t> pid() const noexcept = 0;

    /// writeToChild(0, …); without a pipe to the standard input it does nothing.
    virtual void write(std::span<const std::byte> data) = 0;
    void write(std::string_view text) { write(asBytes(text)); }
    /// Sends `data` to the child's descriptor `childFd`, after everything written before. Does
    /// nothing when that is closed; throws std::out_of_range when it is no 'w' of the map.
    virtual void writeToChild(int childFd, std::span<const std::byte> data) = 0;
    void writeToChild(int childFd, std::string_view text) { writeToChild(childFd, asBytes(text)); }

    /// Closes this end of the pipe, behind what was written to it and what a producer still has to
    /// write, as ITransport::loseConnection() does. childConnectionLost() follows. Throws
    /// std::out_of_range when `childFd` is no pipe of the map.
    virtual void closeChildFd(int childFd) = 0;
    /// closeChildFd(0), (1) and (2), where there is such a pipe. With a terminal they do nothing.
    virtual void closeStdin() = 0;
    virtual void closeStdout() = 0;
    virtual void closeStderr() = 0;
    /// Closes every pipe, or the terminal. The child is not signalled; it may live on.
    virtual void loseConnection() = 0;

    /// Sends a signal. Throws ProcessExitedAlready once the child was reaped, and
    /// std::invalid_argument for what is no signal.
    virtual void signalProcess(int signal) = 0;
    /// The same by name: HUP, INT, QUIT, KILL, USR1, USR2, TERM, CONT, STOP, with or without `SIG`.
    virtual void signalProcess(std::string_view name) = 0;

    /// Bytes written to the standard input and not yet taken by the kernel.
    virtual std::size_t bytesBuffered() const noexcept = 0;

    /// Stops and goes on reading from all pipes.
    virtual void pauseProducing() = 0;
    virtual void resumeProducing() = 0;

protected:
    ~IProcessTransport() override = default;
};

/// What happens with one child (Twisted: `IProcessProtocol`). Most classes derive from
/// ProcessProtocol instead, which keeps the transport and names the three usual streams.
///
/// The reactor holds a Ref to it until processEnded() has returned. What its calls throw is logged;
/// from childDataReceived() it also closes that pipe.
class MARLINE_API IProcessProtocol : public RefCounted {
public:
    /// The child runs; called once, before spawnProcess() returns and before anything else.
    virtual void makeConnection(IProcessTransport& process) = 0;
    /// The child wrote to its descriptor `childFd`; with a terminal, to 1. The bytes are gone when
    /// this returns.
    virtual void childDataReceived(int childFd, std::span<const std::byte> data) = 0;
    /// A pipe is closed, by either side; the terminal counts as 1.
    virtual void childConnectionLost(int childFd) = 0;
    /// The child was reaped; its pipes may still be open, when its own children have them.
    /// `reason` holds ProcessDone or ProcessTerminated.
    virtual void processExited(const Failure& reason) = 0;
    /// The child was reaped and every pipe is closed: the last call. The same reason; or a
    /// ConnectionLost without processExited() when the reactor stopped before the child did.
    virtual void processEnded(const Failure& reason) = 0;

protected:
    ~IProcessProtocol() override = default;
};

}  // namespace marline
