// DebugShell: its commands, sessions and limits, in memory and over a UNIX socket.
#include <marline/protocols/debug_shell.hpp>

#include <chrono>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/coroutine.hpp>
#include <marline/protocols/telnet/telnet_transport.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/testing/memory_reactor.hpp>
#include <marline/reactor/testing/results.hpp>
#include <marline/reactor/testing/string_transport.hpp>
#include <test/protocols/framing.hpp>

#include "test/support/running.hpp"
#include "test/support/temp_folder.hpp"

namespace marline {
namespace {

using namespace std::chrono_literals;
using test::outcomeOf;
using test::runUntil;
using ::testing::ContainsRegex;
using ::testing::EndsWith;
using testing::failureResultOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::successResultOf;

const std::string kGreeting = "marline debug shell of process ";

class ADebugShell : public ::testing::Test {
protected:
    std::string said(std::string_view line) { return successResultOf(shell->run(line)); }
    std::string refused(std::string_view line) {
        return failureResultOf<ShellError>(shell->run(line)).message();
    }

    Reactor reactor;
    Ref<DebugShell> shell = makeRef<DebugShell>(reactor);
};

/// A session in memory.
class Session {
public:
    explicit Session(DebugShell& shell) : protocol(shell.buildProtocol(Address())) {
        protocol->makeConnection(transport);
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session() { lose(); }

    void type(std::string_view text) {
        if (!transport.disconnecting() && !transport.paused()) {
            testing::feed(*protocol, text);
        }
    }
    void lose() {
        if (protocol) {
            transport.disconnect();
            std::exchange(protocol, {})->connectionLost(ConnectionDone());
        }
    }
    /// What was shown since the last call.
    std::string shown() {
        std::string all = transport.value();
        transport.clear();
        return all;
    }

    testing::StringTransport transport;
    Ref<IProtocol> protocol;
};

// A command gets its words, and gives text, a Deferred of it, or nothing.
TEST_F(ADebugShell, runsCommandsByName) {
    shell->addCommand("say", "", [](const DebugShell::Arguments& words) {
        return std::to_string(words.size()) + words.back();
    });
    shell->addCommand("literal", "", [](const DebugShell::Arguments&) { return "text"; });
    shell->addCommand("later", "", [](const DebugShell::Arguments& words) {
        return succeed(words.front()).addCallback([](const std::string& word) { return word; });
    });
    bool ran = false;
    shell->addCommand("nothing", "", [&](const DebugShell::Arguments&) { ran = true; });
    EXPECT_EQ(said(" say a\tb  c \r"), "3c");
    EXPECT_EQ(said("literal"), "text");
    EXPECT_EQ(said("later x"), "x");
    EXPECT_EQ(said("nothing"), "");
    EXPECT_TRUE(ran);
    EXPECT_EQ(said("  "), "");
}

// A coroutine is a command too; its words are its own.
TEST_F(ADebugShell, runsCoroutines) {
    const Deferred<> wait;
    shell->addCommand("wait", "", [&wait](DebugShell::Arguments words) -> Deferred<std::string> {
        co_await Deferred<>(wait);
        co_return words.at(0);
    });
    const Deferred<std::string> outcome = shell->run("wait word");
    testing::assertNoResult(outcome);
    wait.callback();
    EXPECT_EQ(successResultOf(outcome), "word");
}

// What a command throws fails its run, and so does what its Deferred fails with.
TEST_F(ADebugShell, failsWithWhatACommandFailsWith) {
    shell->addCommand("throw", "", [](const DebugShell::Arguments& words) { return words.at(7); });
    shell->addCommand("fail", "", [](const DebugShell::Arguments&) {
        return fail<std::string>(TimeoutError("too slow"));
    });
    failureResultOf<std::out_of_range>(shell->run("throw"));
    failureResultOf<TimeoutError>(shell->run("fail"));
    EXPECT_EQ(refused("nosuch a"), "there is no command 'nosuch'; help lists those there are");
    EXPECT_EQ(refused("quit"), "quit is for sessions");
    EXPECT_EQ(refused("quit now"), "quit takes nothing more");
}

// A name is one word, and there is one command of it.
TEST_F(ADebugShell, refusesSenselessNames) {
    const auto nothing = [](const DebugShell::Arguments&) {};
    for (const char* name : {"", "two words", " x", "x\n", "help"}) {
        EXPECT_THROW(shell->addCommand(name, "", nothing), std::invalid_argument) << name;
    }
}

// help lists what there is, in columns, or explains one command.
TEST_F(ADebugShell, helps) {
    shell->addCommand("longestname", "USER: does it", [](const DebugShell::Arguments&) {});
    EXPECT_EQ(said("help longestname"), "longestname  USER: does it\n");
    const std::string all = said("help");
    for (const char* name :
         {"help", "dump", "health", "calls", "loglevel", "quit", "longestname"}) {
        EXPECT_THAT("\n" + all, HasSubstr("\n" + std::string(name) + ' '));
    }
    EXPECT_EQ(refused("help nosuch"), "there is no command 'nosuch'; help lists those there are");
}

// dump, calls and health say what the reactor says; health that is not watched is an error.
TEST_F(ADebugShell, tellsOfTheReactor) {
    DelayedCall call = reactor.callLater(42s, [] {});
    EXPECT_THAT(said("dump"), StartsWith("health: not watched\nopen transports: 0\n"));
    EXPECT_THAT(said("calls"), ContainsRegex("^pending calls: 1\n    due in 4[0-9.]+ s, made at "
                                             ".*debug_shell_test.cpp:[0-9]+$"));
    call.cancel();
    EXPECT_EQ(said("calls"), "pending calls: 0");
    failureResultOf<std::logic_error>(shell->run("health"));
    reactor.watchHealth();
    EXPECT_THAT(said("health"), StartsWith("busy "));
}

// loglevel shows and sets from which level on is logged.
TEST_F(ADebugShell, setsTheLogLevel) {
    const LogLevel before = setLogLevel(LogLevel::Warning);
    EXPECT_EQ(said("loglevel"), "warning");
    for (const char* level : {"debug", "info", "error", "critical"}) {
        EXPECT_EQ(said("loglevel " + std::string(level)), level);
    }
    EXPECT_EQ(logLevel(), LogLevel::Critical);
    for (const char* wrong : {"loglevel loud", "loglevel info info"}) {
        EXPECT_EQ(refused(wrong), "loglevel takes one of debug, info, warning, error, critical");
    }
    EXPECT_EQ(setLogLevel(before), LogLevel::Critical);
}

// The default observer writes what is of interest to stderr, and nothing else.
TEST_F(ADebugShell, isObeyedByTheDefaultObserver) {
    const LogObserver observer = setLogObserver(nullptr);
    const LogLevel before = setLogLevel(LogLevel::Info);
    ::testing::internal::CaptureStderr();
    log(LogLevel::Debug, "too low");
    log(LogLevel::Info, "high enough");
    setLogLevel(LogLevel::Error);
    log(LogLevel::Warning, "too low by now");
    const std::string written = ::testing::internal::GetCapturedStderr();
    setLogLevel(before);
    setLogObserver(observer);
    EXPECT_THAT(written, HasSubstr("high enough"));
    EXPECT_THAT(written, ::testing::Not(HasSubstr("too low")));
}

// A session greets, and shows what commands say and what goes wrong, each with a prompt after it.
TEST_F(ADebugShell, showsWhatHappens) {
    shell->addCommand("line", "", [](const DebugShell::Arguments&) { return "one\n"; });
    shell->addCommand("open", "", [](const DebugShell::Arguments&) { return "two"; });
    shell->addCommand("throw", "", [](const DebugShell::Arguments&) -> std::string {
        throw std::runtime_error("broken");
    });
    Session session(*shell);
    EXPECT_THAT(session.shown(), ::testing::AllOf(StartsWith(kGreeting), EndsWith("\n> ")));
    session.type("line\nop");
    session.type("en\r\n\nthrow\nnosuch\nline\n");
    EXPECT_EQ(session.shown(),
              "one\n> two\n> > error: broken\n> error: there is no command 'nosuch'; help lists "
              "those there are\n> one\n> ");
    EXPECT_FALSE(session.transport.disconnecting());
    session.type("quit\nline\n");
    EXPECT_TRUE(session.transport.closed());
    EXPECT_EQ(session.shown(), "");
}

/// A command `wait` whose Deferreds are the test's.
struct Waiting {
    explicit Waiting(DebugShell& shell) {
        shell.addCommand("wait", "", [this](const DebugShell::Arguments&) {
            all.emplace_back([this](const Deferred<std::string>&) { ++cancelled; });
            return all.back();
        });
    }
    std::vector<Deferred<std::string>> all;
    int cancelled = 0;
};

// What is typed while a command runs waits for it.
TEST_F(ADebugShell, runsOneCommandAtATime) {
    Waiting waiting(*shell);
    Session session(*shell);
    session.shown();
    session.type("wait\nwait\n");
    session.type("help quit\nwa");
    EXPECT_EQ(waiting.all.size(), 1U);
    EXPECT_EQ(session.shown(), "");
    waiting.all.at(0).callback("first");
    EXPECT_EQ(session.shown(), "first\n> ");
    waiting.all.at(1).errback(TimeoutError("too slow"));
    EXPECT_EQ(session.shown(), "error: too slow\n> quit      ends the session\n> ");
    session.type("it\n");
    EXPECT_EQ(waiting.all.size(), 3U);
}

// Who types on meanwhile is not read beyond a line's length, until the command is done.
TEST_F(ADebugShell, limitsWhatWaits) {
    Waiting waiting(*shell);
    shell->setMaxLineLength(10);
    Session session(*shell);
    session.type("wait\n");
    session.type("0123456789");
    EXPECT_FALSE(session.transport.paused());
    session.type("\n");
    EXPECT_TRUE(session.transport.paused());
    waiting.all.at(0).callback("done");
    EXPECT_FALSE(session.transport.paused());
    EXPECT_FALSE(session.transport.disconnecting());
}

// kMaxShellUnsent: an answer may be longer, but nothing is said behind it to who does not read it.
TEST_F(ADebugShell, limitsWhatIsNotRead) {
    shell->addCommand("flood", "", [](const DebugShell::Arguments&) {
        return std::string(kMaxShellUnsent, 'x');
    });
    Session session(*shell);
    session.transport.hold();
    session.type("help\nflood\n");
    EXPECT_FALSE(session.transport.disconnecting());
    const std::size_t waiting = session.transport.bytesBuffered();
    EXPECT_GT(waiting, kMaxShellUnsent);
    session.type("help\nhelp\n");
    EXPECT_TRUE(session.transport.aborted());
    EXPECT_EQ(session.transport.bytesBuffered(), waiting);
}

// A line of setMaxLineLength() bytes is read; with one more the session ends, and says why.
TEST_F(ADebugShell, limitsLines) {
    EXPECT_EQ(shell->maxLineLength(), kMaxShellLine);
    for (const std::size_t limit : {std::size_t{8}, kMaxShellLine}) {
        shell->setMaxLineLength(limit);
        Session session(*shell);
        session.type(std::string(limit, ' ') + "\n");
        EXPECT_FALSE(session.transport.disconnecting());
        session.shown();
        session.type(std::string(limit + 1, ' ') + "\n");
        EXPECT_EQ(session.shown(), "error: a line is longer than " + std::to_string(limit) +
                                       " bytes (DebugShell::setMaxLineLength)\n");
        EXPECT_TRUE(session.transport.closed());
    }
}

// The end of a session cancels what it runs, and drops what waits.
TEST_F(ADebugShell, cancelsWithTheSession) {
    Waiting waiting(*shell);
    Session session(*shell);
    session.type("wait\nwait\n");
    session.lose();
    EXPECT_EQ(waiting.cancelled, 1);
    EXPECT_EQ(waiting.all.size(), 1U);
}

// The end of the input ends the session when all is run, the last line also without its end.
TEST_F(ADebugShell, finishesWhatWasTyped) {
    Waiting waiting(*shell);
    Session session(*shell);
    session.shown();
    session.type("wait\nhelp quit\nhelp help");
    session.protocol->readConnectionLost();
    EXPECT_FALSE(session.transport.disconnecting());
    waiting.all.at(0).callback("done");
    EXPECT_EQ(session.shown(),
              "done\n> quit      ends the session\n> help      [COMMAND]: lists the commands, or "
              "explains one\n> ");
    EXPECT_TRUE(session.transport.closed());
    Session idle(*shell);
    idle.shown();
    idle.protocol->readConnectionLost();
    EXPECT_EQ(idle.shown(), "");
    EXPECT_TRUE(idle.transport.closed());
}

/// With a time of the test's.
class AShellInTime : public ::testing::Test {
protected:
    testing::MemoryReactor reactor;
    Ref<DebugShell> shell = makeRef<DebugShell>(reactor);
};

// kShellIdleTimeout: whoever types nothing is let go, with a word why; a command that runs counts
// as typing, and who does not even take the goodbye is cut off.
TEST_F(AShellInTime, endsIdleSessions) {
    Waiting waiting(*shell);
    EXPECT_EQ(shell->idleTimeout(), kShellIdleTimeout);
    shell->setIdleTimeout(10s);
    Session session(*shell);
    reactor.advance(9s);
    session.type("wait\n");
    reactor.advance(60s);
    session.shown();
    waiting.all.at(0).callback("done");
    reactor.advance(9s);
    session.type("help quit\n");
    reactor.advance(9s);
    EXPECT_FALSE(session.transport.disconnecting());
    session.shown();
    reactor.advance(1s);
    EXPECT_EQ(session.shown(),
              "\nerror: nothing was typed for too long (DebugShell::setIdleTimeout)\n");
    EXPECT_TRUE(session.transport.closed());
    reactor.advance(10s);
    EXPECT_TRUE(session.transport.aborted());
    session.lose();
    EXPECT_EQ(reactor.pendingCalls(), 0U);
}

// kShellLinger: when no more input will come, commands that go on for longer are cancelled.
TEST_F(AShellInTime, limitsWhatGoesOnWithoutInput) {
    Waiting waiting(*shell);
    EXPECT_EQ(shell->linger(), kShellLinger);
    Session session(*shell);
    session.type("wait\nwait\n");
    reactor.advance(24h);
    session.shown();
    session.protocol->readConnectionLost();
    reactor.advance(kShellLinger - 1s);
    EXPECT_EQ(waiting.cancelled, 0);
    reactor.advance(1s);
    EXPECT_EQ(waiting.cancelled, 1);
    EXPECT_FALSE(session.transport.closed());
    reactor.advance(kShellLinger);
    EXPECT_EQ(waiting.cancelled, 2);
    const std::string late =
        "error: debug shell: the command took longer than 60000 ms (DebugShell::setLinger)\n> ";
    EXPECT_EQ(session.shown(), late + late);
    EXPECT_TRUE(session.transport.closed());
}

// On a socket a client that is gone keeps its place no longer than that either.
TEST_F(ADebugShell, letsGoOfClientsThatAreGone) {
    Waiting waiting(*shell);
    shell->setLinger(1ms);
    const test::TempFolder folder;
    const auto port = shell->listen(folder / "debug");
    const auto client = std::make_shared<test::Record>();
    client->onMade = [](ITransport& transport) { transport.write("wait\n"); };
    ASSERT_TRUE(
        outcomeOf(reactor, reactor.connectUnix(folder / "debug", test::recorderFactory(client)))
            .ok());
    runUntil(reactor, [&] { return waiting.all.size() == 1; });
    client->transport->abortConnection();
    runUntil(reactor, [&] { return port->connections() == 0; });
    EXPECT_EQ(waiting.cancelled, 1);
    EXPECT_TRUE(outcomeOf(reactor, port->stopListening()).ok());
}

std::vector<std::string> heard;

// The log says who runs what, without its arguments and without lines of the peer's making.
TEST_F(ADebugShell, logsWhoRunsWhat) {
    heard.clear();
    const LogObserver before =
        setLogObserver([](LogLevel level, std::string_view message) noexcept {
            if (level == LogLevel::Info) {
                heard.emplace_back(message);
            }
        });
    Session session(*shell);
    session.type("help secret\n\x1b[2J\n\n");
    setLogObserver(before);
    const std::string who = "debug shell: " + session.transport.getPeer().toString() + " runs ";
    EXPECT_EQ(heard, (std::vector<std::string>{who + "help", who + "what is no word"}));
}

// Inside of Telnet it is the same shell.
TEST_F(ADebugShell, speaksTelnet) {
    testing::StringTransport transport;
    const auto telnet = makeRef<telnet::TelnetFactory>(shell)->buildProtocol(Address());
    telnet->makeConnection(transport);
    transport.clear();
    testing::feed(*telnet, "\xff\xfd\x01help quit\r\n");
    EXPECT_EQ(transport.value(), "\xff\xfc\x01quit      ends the session\r\n> ");
    telnet->connectionLost(ConnectionDone());
}

// Its socket is this user's alone, and works with what clients like socat do: write, half-close,
// and read to the end.
TEST_F(ADebugShell, listensOnASocketOfItsOwn) {
    const test::TempFolder folder;
    const std::string path = folder / "debug";
    const auto port = shell->listen(path);
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
    const auto client = std::make_shared<test::Record>();
    client->onMade = [](ITransport& transport) {
        transport.write("help quit");
        transport.loseWriteConnection();
    };
    client->halfClose = true;
    client->onReadLost = [](ITransport& transport) { transport.loseConnection(); };
    ASSERT_TRUE(outcomeOf(reactor, reactor.connectUnix(path, test::recorderFactory(client))).ok());
    runUntil(reactor, [&] { return client->lost.has_value(); });
    EXPECT_THAT(client->received, StartsWith(kGreeting));
    EXPECT_THAT(client->received, EndsWith("\n> quit      ends the session\n> "));
    EXPECT_THROW(shell->listen(path), CannotListenError);
    EXPECT_TRUE(outcomeOf(reactor, port->stopListening()).ok());
    EXPECT_FALSE(std::filesystem::exists(path));
}

// Beyond kMaxShellSessions clients wait until one goes.
TEST_F(ADebugShell, limitsSessions) {
    const test::TempFolder folder;
    const auto port = shell->listen(folder / "debug");
    std::vector<std::shared_ptr<test::Record>> clients;
    for (std::size_t i = 0; i <= kMaxShellSessions; ++i) {
        clients.push_back(std::make_shared<test::Record>());
        ASSERT_TRUE(outcomeOf(reactor, reactor.connectUnix(folder / "debug",
                                                           test::recorderFactory(clients.back())))
                        .ok());
    }
    runUntil(reactor, [&] { return !clients.at(kMaxShellSessions - 1)->received.empty(); });
    EXPECT_EQ(port->connections(), kMaxShellSessions);
    EXPECT_EQ(clients.back()->received, "");
    clients.front()->transport->write("quit\n");
    runUntil(reactor, [&] { return !clients.back()->received.empty(); });
    for (const auto& client : clients) {
        if (client->transport != nullptr) {
            client->transport->abortConnection();
        }
    }
    runUntil(reactor, [&] { return port->connections() == 0; });
    EXPECT_TRUE(outcomeOf(reactor, port->stopListening()).ok());
}

}  // namespace
}  // namespace marline
