// DebugShell: a way into a running program, by lines of text.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/listening_port.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

class Reactor;

/// The longest line that a DebugShell reads, unless setMaxLineLength() says otherwise.
inline constexpr std::size_t kMaxShellLine = 4096;
/// How many may use a DebugShell::listen() at a time; more wait in the backlog.
inline constexpr std::size_t kMaxShellSessions = 8;
/// How many bytes may wait to be read when a session has more to say; more abort it.
inline constexpr std::size_t kMaxShellUnsent = 16 * 1024 * 1024;
/// How long nothing may be typed, unless setIdleTimeout() says otherwise.
inline constexpr Duration kShellIdleTimeout = std::chrono::minutes(30);
/// How long a command may go on when no more input will come, unless setLinger() says otherwise.
inline constexpr Duration kShellLinger = std::chrono::minutes(1);

/// What was asked of a DebugShell cannot be done; the message says why.
class MARLINE_API ShellError : public Error {
public:
    using Error::Error;
};

/// A factory whose protocols run commands that come as lines, and send what those say (Twisted:
/// what `manhole` is for, with commands instead of Python).
///
///     auto shell = makeRef<DebugShell>(reactor);
///     shell->addCommand("kick", "NAME: closes the user's connection",
///                       [&](const DebugShell::Arguments& arguments) { … return "done"; });
///     auto port = shell->listen("/run/app.debug");
///
/// `socat - UNIX:/run/app.debug` (or `nc -U`) is a client. Of its own it knows `help`, `dump`,
/// `health`, `calls`, `loglevel` and `quit`. What a command throws, or its Deferred fails with, is
/// shown, and the session goes on. A session's commands run one after the other, and each is logged
/// at LogLevel::Info, by name and with who runs it. When the connection is lost the one that runs
/// is cancelled; when only the input ends, which a client that was killed looks like as well, it
/// may go on for linger(), and keeps its place among kMaxShellSessions for so long. That a client
/// which types ahead more than a line's length leaves is heard of once its command is done.
///
/// Who may connect may do everything: give it to a socket that only the right people reach. For
/// Telnet's clients wrap it in a telnet::TelnetFactory.
class MARLINE_API DebugShell final : public IProtocolFactory {
public:
    /// The words behind the command's name.
    using Arguments = std::vector<std::string>;
    /// Internal: what a command becomes.
    using Function = UniqueFunction<Deferred<std::string>(const Arguments&)>;

    /// `reactor` must outlive it.
    explicit DebugShell(Reactor& reactor);

    /// Adds the command `name`, about which `help` says the rest of a line. `f(arguments)` gives
    /// the text to be sent: a std::string or what makes one, a Deferred<std::string>, or nothing. A
    /// coroutine takes its Arguments by value.
    /// Throws std::invalid_argument for a name that is no single word, or that there is already.
    template <class F>
    void addCommand(const std::string& name, const std::string& help, F f) {
        add(name, help, [f = std::move(f)](const Arguments& arguments) mutable {
            return outcomeOf(f, arguments);
        });
    }

    /// Runs a line as a session does, without its quit: gives what the command says, or fails with
    /// what it fails with; with ShellError when there is no such command. An empty line says
    /// nothing.
    Deferred<std::string> run(std::string_view line);

    /// Listens on the UNIX socket `path`, whose file only this process's user may use (mode 0600).
    /// A socket that a process which is gone has left there is replaced. Throws CannotListenError.
    Ref<IListeningPort> listen(const std::string& path,
                               std::source_location where = std::source_location::current());

    /// The longest line that is read, in bytes; a longer one ends its session.
    void setMaxLineLength(std::size_t bytes) noexcept { maxLineLength_ = bytes; }
    std::size_t maxLineLength() const noexcept { return maxLineLength_; }

    /// A session that waits for a command for so long is ended; kShellIdleTimeout at first.
    void setIdleTimeout(Duration timeout) noexcept { idleTimeout_ = timeout; }
    Duration idleTimeout() const noexcept { return idleTimeout_; }
    /// When a session's input has ended, each of its commands is cancelled after so long;
    /// kShellLinger at first.
    void setLinger(Duration limit) noexcept { linger_ = limit; }
    Duration linger() const noexcept { return linger_; }

    Ref<IProtocol> buildProtocol(const Address& peer) override;

private:
    struct Command {
        std::string help;
        Function function;
    };

    template <class F>
    static Deferred<std::string> outcomeOf(F& f, const Arguments& arguments) {
        using R = std::remove_cvref_t<std::invoke_result_t<F&, const Arguments&>>;
        if constexpr (std::is_same_v<R, Deferred<std::string>>) {
            return maybeDeferred(f, arguments);
        } else if constexpr (std::is_void_v<R>) {
            return maybeDeferred(f, arguments).addCallback([] { return std::string(); });
        } else {
            return maybeDeferred([&]() -> std::string { return f(arguments); });
        }
    }
    void add(const std::string& name, const std::string& help, Function function);
    void addOwnCommands();
    std::string help(const Arguments& about) const;

    Reactor& reactor_;
    std::map<std::string, Command, std::less<>> commands_;
    std::size_t maxLineLength_ = kMaxShellLine;
    Duration idleTimeout_ = kShellIdleTimeout;
    Duration linger_ = kShellLinger;
};

}  // namespace marline
