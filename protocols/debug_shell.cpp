#include <marline/protocols/debug_shell.hpp>

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include <unistd.h>

#include <marline/protocols/detail/asking.hpp>
#include <marline/protocols/line_receiver.hpp>
#include <marline/reactor/health.hpp>
#include <marline/reactor/log.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/unix.hpp>

namespace marline {
namespace {

constexpr std::string_view kQuit = "quit";
constexpr std::string_view kPrompt = "> ";

DebugShell::Arguments wordsOf(std::string_view line) {
    std::istringstream words{std::string(line)};
    DebugShell::Arguments all;
    for (std::string word; words >> word;) {
        all.push_back(std::move(word));
    }
    return all;
}

constexpr std::array<std::string_view, 5> kLevels = {"debug", "info", "warning", "error",
                                                     "critical"};

std::string logLevelCommand(const DebugShell::Arguments& arguments) {
    if (!arguments.empty()) {
        const auto found = std::find(kLevels.begin(), kLevels.end(), arguments.front());
        if (found == kLevels.end() || arguments.size() > 1) {
            throw ShellError("loglevel takes one of debug, info, warning, error, critical");
        }
        setLogLevel(static_cast<LogLevel>(found - kLevels.begin()));
    }
    return std::string(kLevels.at(static_cast<std::size_t>(logLevel())));
}

/// One who types, or a script.
class ShellSession final : public detail::Asking<LineOnlyReceiver> {
public:
    ShellSession(IReactorTime& clock, Ref<DebugShell> shell)
        : Asking(clock, {.protocol = "debug shell",
                         .whom = "the command",
                         .held = shell->maxLineLength(),
                         .knob = "DebugShell::setLinger"}),
          shell_(std::move(shell)) {
        setDelimiter("\n");
        setMaxLength(shell_->maxLineLength());
    }

    /// What was typed before the end of the input is run.
    bool wantsHalfClose() const noexcept override { return true; }
    void readConnectionLost() override;

private:
    void connectionMade() override;
    void silent() override;
    void lineReceived(std::string_view line) override;
    void lineLengthExceeded(std::string_view data) override;
    void logCommand(std::string_view name);
    void finished(const Result<std::string>& said);
    void send(std::string_view text);

    Ref<DebugShell> shell_;
    bool ended_ = false;  // no more will come
};

void ShellSession::connectionMade() {
    send("marline debug shell of process " + std::to_string(::getpid()) +
         ": help lists its commands\n");
    send(kPrompt);
    setTimeout(shell_->idleTimeout());
}

/// The second time the peer does not even take the goodbye.
void ShellSession::silent() {
    if (transport()->disconnecting()) {
        transport()->abortConnection();
        return;
    }
    send("\nerror: nothing was typed for too long (DebugShell::setIdleTimeout)\n");
    transport()->loseConnection();
    setTimeout(shell_->idleTimeout());
}

void ShellSession::send(std::string_view text) {
    if (transport() == nullptr) {
        return;
    }
    if (transport()->bytesBuffered() > kMaxShellUnsent) {
        log(LogLevel::Info,
            "debug shell: a session does not read what it asks for "
            "(kMaxShellUnsent), and is aborted");
        transport()->abortConnection();
        return;
    }
    transport()->write(text);
}

void ShellSession::lineReceived(std::string_view line) {
    const DebugShell::Arguments words = wordsOf(line);
    if (words.size() == 1 && words.front() == kQuit) {
        transport()->loseConnection();
        return;
    }
    if (!words.empty()) {
        logCommand(words.front());
    }
    resetTimeout();
    ask(shell_->run(line), [this](const Result<std::string>& said) { finished(said); });
}

/// The arguments may be secrets, and the name is a peer's: it must not forge lines of a log.
void ShellSession::logCommand(std::string_view name) {
    const bool plain =
        std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
    IUnixTransport* socket = asUnixTransport(*transport());
    log(LogLevel::Info,
        "debug shell: " +
            (socket != nullptr ? "user " + std::to_string(socket->peerCredentials().uid)
                               : transport()->getPeer().toString()) +
            " runs " + std::string(plain ? name : "what is no word"));
}

void ShellSession::finished(const Result<std::string>& said) {
    std::string text = said.ok() ? said.value() : "error: " + said.failure().message();
    if (!text.empty() && !text.ends_with('\n')) {
        text += '\n';
    }
    send(text.append(kPrompt));
    if (ended_ && unparsed().empty()) {
        transport()->loseConnection();
    }
}

void ShellSession::lineLengthExceeded(std::string_view) {
    send("error: a line is longer than " + std::to_string(maxLength()) +
         " bytes (DebugShell::setMaxLineLength)\n");
    transport()->loseConnection();
}

void ShellSession::readConnectionLost() {
    const Ref<ShellSession> self(this);
    ended_ = true;
    limitQuestions(shell_->linger());
    if (!unparsed().empty() && !unparsed().ends_with('\n')) {
        dataReceived(asBytes("\n"));
    }
    if (!asking() && transport() != nullptr) {
        transport()->loseConnection();
    }
}

}  // namespace

DebugShell::DebugShell(Reactor& reactor) : reactor_(reactor) { addOwnCommands(); }

void DebugShell::addOwnCommands() {
    addCommand("help", "[COMMAND]: lists the commands, or explains one",
               [this](const Arguments& arguments) { return help(arguments); });
    addCommand("dump", "what is open and pending in the reactor, and where that was made",
               [this](const Arguments&) { return reactor_.dump(); });
    addCommand("health", "how the reactor is doing, if that is watched",
               [this](const Arguments&) { return reactor_.health().toString(); });
    addCommand("calls", "the delayed calls that are pending",
               [this](const Arguments&) { return reactor_.dumpCalls(); });
    addCommand("loglevel", "[LEVEL]: shows, or sets, from which level on is logged",
               &logLevelCommand);
    addCommand(std::string(kQuit), "ends the session", [](const Arguments& arguments) {
        throw ShellError(arguments.empty() ? "quit is for sessions" : "quit takes nothing more");
    });
}

void DebugShell::add(const std::string& name, const std::string& help, Function function) {
    const Arguments words = wordsOf(name);
    if (words.size() != 1 || words.front() != name) {
        throw std::invalid_argument("DebugShell::addCommand: '" + name + "' is not one word");
    }
    if (!commands_.try_emplace(name, Command{help, std::move(function)}).second) {
        throw std::invalid_argument("DebugShell::addCommand: there is a command '" + name + "'");
    }
}

Deferred<std::string> DebugShell::run(std::string_view line) {
    Arguments words = wordsOf(line);
    if (words.empty()) {
        return succeed(std::string());
    }
    const auto found = commands_.find(words.front());
    if (found == commands_.end()) {
        return fail<std::string>(
            ShellError("there is no command '" + words.front() + "'; help lists those there are"));
    }
    words.erase(words.begin());
    return found->second.function(words);
}

std::string DebugShell::help(const Arguments& about) const {
    std::size_t width = 0;
    for (const auto& [name, command] : commands_) {
        width = std::max(width, name.size());
    }
    std::string text;
    for (const auto& [name, command] : commands_) {
        if (about.empty() || name == about.front()) {
            text += name + std::string(width - name.size() + 2, ' ') + command.help + '\n';
        }
    }
    if (text.empty()) {
        throw ShellError("there is no command '" + about.front() + "'; help lists those there are");
    }
    return text;
}

Ref<IListeningPort> DebugShell::listen(const std::string& path, std::source_location where) {
    return reactor_.listenUnix(path, Ref<IProtocolFactory>(this),
                               {.mode = 0600, .maxConnections = kMaxShellSessions, .wantPid = true},
                               where);
}

Ref<IProtocol> DebugShell::buildProtocol(const Address&) {
    return makeRef<ShellSession>(reactor_, Ref<DebugShell>(this));
}

}  // namespace marline
