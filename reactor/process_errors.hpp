// What can go wrong with child processes, and how they end.
#pragma once

#include <optional>
#include <string>
#include <system_error>

#include <marline/deferred/api.hpp>
#include <marline/reactor/errors.hpp>

namespace marline {

/// The child exited with code 0 (Twisted: `ProcessDone`). The reason of processExited() and
/// processEnded().
class MARLINE_API ProcessDone : public ConnectionDone {
public:
    /// `executable` is what was run.
    explicit ProcessDone(const std::string& executable)
        : ConnectionDone(executable + " exited with code 0") {}
};

/// The child ended otherwise (Twisted: `ProcessTerminated`): with another exit code, or by a
/// signal, never both. Neither is known when its status was lost, as the message then says.
class MARLINE_API ProcessTerminated : public ConnectionLost {
public:
    ProcessTerminated(const std::string& what, std::optional<int> exitCode,
                      std::optional<int> signal)
        : ConnectionLost(what), exitCode_(exitCode), signal_(signal) {}

    /// The exit code, 1 to 255.
    std::optional<int> exitCode() const noexcept { return exitCode_; }
    /// The signal that killed it.
    std::optional<int> signal() const noexcept { return signal_; }

private:
    std::optional<int> exitCode_;
    std::optional<int> signal_;
};

/// A signal cannot be sent any more (Twisted: `ProcessExitedAlready`); thrown by signalProcess().
class MARLINE_API ProcessExitedAlready : public Error {
public:
    using Error::Error;
};

/// A child could not be started: no pipes, no process, or no such executable. The message names
/// the executable and the step that failed. Thrown by Reactor::spawnProcess(), where Twisted throws
/// an `OSError` or lets the child complain on its stderr.
class MARLINE_API SpawnError : public Error {
public:
    SpawnError(const std::string& what, std::error_code why)
        : Error(what + ": " + why.message()), code_(why) {}

    /// What the system said, in std::system_category().
    std::error_code code() const noexcept { return code_; }

private:
    std::error_code code_;
};

}  // namespace marline
