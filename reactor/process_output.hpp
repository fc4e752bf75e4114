// Running a program for what it prints and how it exits (Twisted: `twisted.internet.utils`).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/reactor/process.hpp>
#include <marline/reactor/process_errors.hpp>

namespace marline {

class Reactor;

/// How a program is run for its output.
struct ProcessOutputOptions {
    /// The child's environment: empty unless told otherwise; std::nullopt passes on this process's.
    std::optional<Environment> env = Environment();
    /// The child's working directory; empty: this process's.
    std::string path = {};
    /// What the child reads from its standard input, which ends behind it. (Twisted leaves it open,
    /// so that a program that reads it never ends.)
    std::string input = {};
    /// Bytes that the child may write to its standard output and error together; beyond it is
    /// killed, and the Deferred fails with ProcessOutputTooLong. 0: no limit.
    std::size_t maxOutput = 64UL * 1024 * 1024;
    /// getProcessOutput() only: standard error belongs to the output (Twisted: `errortoo`).
    bool errorToo = false;
};

/// What a program printed, and its exit code.
struct ProcessOutput {
    std::string out;
    std::string err;
    int code = 0;
};

/// A program wrote to its standard error, and getProcessOutput() was not told to expect that
/// (Twisted: an `IOError`).
class MARLINE_API UnexpectedErrorOutput : public Error {
public:
    UnexpectedErrorOutput(const std::string& executable, std::string err)
        : Error(executable + " wrote to its standard error: " + err), err_(std::move(err)) {}

    /// What came first of it.
    const std::string& err() const noexcept { return err_; }

private:
    std::string err_;
};

/// A program wrote more than ProcessOutputOptions::maxOutput.
class MARLINE_API ProcessOutputTooLong : public Error {
public:
    using Error::Error;
};

/// A signal ended a program whose output was wanted; here is what came of it (Twisted: a Failure
/// of `(out, err, signal)`).
class MARLINE_API ProcessSignalled : public ProcessTerminated {
public:
    ProcessSignalled(const ProcessTerminated& why, std::string out, std::string err)
        : ProcessTerminated(why), out_(std::move(out)), err_(std::move(err)) {}

    const std::string& out() const noexcept { return out_; }
    const std::string& err() const noexcept { return err_; }

private:
    std::string out_;
    std::string err_;
};

// All three run `executable` with `args`, without its own name, and are described by
// ProcessOutputOptions. Cancelling one kills the program with SIGKILL and closes its pipes. They
// fail with SpawnError when it cannot be started, with ConnectionLost when the reactor stops, and
// with ReactorNotRunning while that closes everything.

/// What the program printed, whatever its exit code. Fails with UnexpectedErrorOutput as soon as it
/// writes to its standard error, unless that is merged; its pipes are then closed.
MARLINE_API Deferred<std::string> getProcessOutput(Reactor& reactor, const std::string& executable,
                                                   const std::vector<std::string>& args = {},
                                                   const ProcessOutputOptions& options = {});

/// The program's exit code; what it prints is dropped. Fails with ProcessTerminated when a signal
/// ended it (in Twisted the code is then `None`).
MARLINE_API Deferred<int> getProcessValue(Reactor& reactor, const std::string& executable,
                                          const std::vector<std::string>& args = {},
                                          const ProcessOutputOptions& options = {});

/// Both streams and the exit code. Fails with ProcessSignalled when a signal ended it.
MARLINE_API Deferred<ProcessOutput> getProcessOutputAndValue(
    Reactor& reactor, const std::string& executable, const std::vector<std::string>& args = {},
    const ProcessOutputOptions& options = {});

}  // namespace marline
