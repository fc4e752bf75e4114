// UNIX sockets: area U, and what of C and X is different for them.
#include <marline/reactor/unix.hpp>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/reactor.hpp>

#include "test/support/running.hpp"
#include "test/support/temp_folder.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;
using test::outcomeOf;
using test::Record;
using test::recorderFactory;
using test::runUntil;
using test::TempFolder;
using testing::ElementsAre;
using testing::HasSubstr;

/// A factory whose connections do not matter.
Ref<IProtocolFactory> anyFactory() { return recorderFactory(std::make_shared<Record>()); }

/// Two recorders, connected over a UNIX socket.
struct UnixPair {
    explicit UnixPair(const std::string& name = {}) : path(name.empty() ? folder / "s" : name) {
        port = reactor.listenUnix(path, recorderFactory(server));
        EXPECT_TRUE(outcomeOf(reactor, reactor.connectUnix(path, recorderFactory(client))).ok());
        runUntil(reactor, [&] { return !server->events.empty(); });
    }

    TempFolder folder;
    std::string path;
    std::shared_ptr<Record> server = std::make_shared<Record>();
    std::shared_ptr<Record> client = std::make_shared<Record>();
    Reactor reactor;
    Ref<IListeningPort> port;
};

// A name in the abstract namespace that no other process uses.
std::string abstractName() { return "@marline-test-" + std::to_string(::getpid()); }

/// Leaves a socket behind, as a process that is killed does.
void leaveSocket(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
}

// Bytes go both ways, and both ends close cleanly.
TEST(Unix, carriesBytesBothWays) {
    UnixPair pair;
    pair.server->onData = [](ITransport& t, std::string_view data) { t.write(data); };
    const std::string large(1'000'000, 'x');
    pair.client->transport->write(large);
    runUntil(pair.reactor, [&] { return pair.client->received.size() == large.size(); });
    EXPECT_EQ(pair.port->connections(), 1U);
    pair.client->transport->loseConnection();
    runUntil(pair.reactor, [&] { return pair.server->lost && pair.client->lost; });
    EXPECT_THAT(pair.server->events, ElementsAre("made", "lost marline::ConnectionDone"));
    EXPECT_THAT(pair.client->events, ElementsAre("made", "lost marline::ConnectionDone"));
}

// addresses are the path at the listening side, and nothing at the other.
TEST(Unix, addressesArePaths) {
    UnixPair pair;
    const Address path{Address::Kind::Unix, 0, pair.path};
    EXPECT_EQ(pair.port->getHost(), path);
    EXPECT_EQ(pair.client->transport->getPeer(), path);
    EXPECT_EQ(pair.server->transport->getHost(), path);
    EXPECT_EQ(pair.server->transport->getPeer(), (Address{Address::Kind::Unix, 0, ""}));
    EXPECT_EQ(path.toString(), "unix:" + pair.path);
}

// half-close works as over TCP.
TEST(Unix, halfCloseKeepsTheOtherDirection) {
    UnixPair pair;
    pair.server->halfClose = pair.client->halfClose = true;
    pair.client->transport->write("last words");
    pair.client->transport->loseWriteConnection();
    runUntil(pair.reactor, [&] { return pair.server->events.size() == 2; });
    pair.server->transport->write("answer");
    pair.server->transport->loseConnection();
    runUntil(pair.reactor, [&] { return pair.client->received == "answer"; });
    EXPECT_EQ(pair.server->received, "last words");
}

// U-8: the file gets its mode whatever the umask is, and goes with the port.
TEST(Unix, theFileHasItsModeAndGoesWithThePort) {
    TempFolder folder;
    Reactor reactor;
    const mode_t before = ::umask(0077);
    auto open = reactor.listenUnix(folder / "open", anyFactory());
    auto closed = reactor.listenUnix(folder / "closed", anyFactory(), {.mode = 0600});
    ::umask(before);
    struct stat seen{};
    ASSERT_EQ(::stat((folder / "open").c_str(), &seen), 0);
    EXPECT_EQ(seen.st_mode & 0777U, 0666U);
    ASSERT_EQ(::stat((folder / "closed").c_str(), &seen), 0);
    EXPECT_EQ(seen.st_mode & 0777U, 0600U);
    EXPECT_TRUE(outcomeOf(reactor, open->stopListening()).ok());
    EXPECT_THAT(folder.names(), ElementsAre("closed"));
}

// U-8: what is open when the reactor goes leaves no file, nor a lock.
TEST(Unix, theFileGoesWithTheReactor) {
    TempFolder folder;
    {
        Reactor reactor;
        reactor.listenUnix(folder / "s", anyFactory(), {.wantPid = true});
        EXPECT_EQ(folder.names().size(), 2U);
    }
    EXPECT_TRUE(folder.names().empty());
}

// U-8: a file that has taken the place of the socket is left alone.
TEST(Unix, theFileOfSomebodyElseStays) {
    TempFolder folder;
    Reactor reactor;
    auto port = reactor.listenUnix(folder / "s", anyFactory());
    std::filesystem::remove(folder / "s");
    leaveSocket(folder / "s");
    EXPECT_TRUE(outcomeOf(reactor, port->stopListening()).ok());
    EXPECT_THAT(folder.names(), ElementsAre("s"));
}

// U-8: a socket that was left behind is in use, and the error names what removes it.
TEST(Unix, aStaleSocketIsInUse) {
    TempFolder folder;
    leaveSocket(folder / "s");
    Reactor reactor;
    try {
        reactor.listenUnix(folder / "s", anyFactory());
        FAIL() << "bound over it";
    } catch (const CannotListenError& error) {
        EXPECT_EQ(error.code().value(), EADDRINUSE);
        EXPECT_THAT(error.what(), HasSubstr("wantPid"));
        EXPECT_THAT(error.what(), HasSubstr(folder / "s"));
    }
    EXPECT_THAT(folder.names(), ElementsAre("s"));
}

// U-8: with wantPid it is removed, and its lock is taken over.
TEST(Unix, wantPidRemovesAStaleSocket) {
    TempFolder folder;
    leaveSocket(folder / "s");
    std::ofstream(folder / "s.lock") << "1\n";
    Reactor reactor;
    auto port = reactor.listenUnix(folder / "s", anyFactory(), {.wantPid = true});
    std::string pid;
    std::ifstream(folder / "s.lock") >> pid;
    EXPECT_EQ(pid, std::to_string(::getpid()));
    EXPECT_TRUE(outcomeOf(reactor, reactor.connectUnix(folder / "s", anyFactory())).ok());
    EXPECT_TRUE(outcomeOf(reactor, port->stopListening()).ok());
    EXPECT_TRUE(folder.names().empty());
}

// U-8: with wantPid one port at a time listens.
TEST(Unix, wantPidKeepsOthersOut) {
    TempFolder folder;
    Reactor reactor;
    auto port = reactor.listenUnix(folder / "s", anyFactory(), {.wantPid = true});
    try {
        reactor.listenUnix(folder / "s", anyFactory(), {.wantPid = true});
        FAIL() << "locked twice";
    } catch (const CannotListenError& error) {
        EXPECT_THAT(error.what(), HasSubstr(folder / "s.lock"));
    }
    EXPECT_EQ(folder.names().size(), 2U);
    EXPECT_TRUE(outcomeOf(reactor, port->stopListening()).ok());
    EXPECT_NO_THROW(reactor.listenUnix(folder / "s", anyFactory(), {.wantPid = true}));
}

// U-8: one who listens without a lock is not thrown out, nor is a file that is no socket.
TEST(Unix, wantPidRemovesNothingThatLives) {
    TempFolder folder;
    Reactor reactor;
    auto port = reactor.listenUnix(folder / "s", anyFactory());
    EXPECT_THROW(reactor.listenUnix(folder / "s", anyFactory(), {.wantPid = true}),
                 CannotListenError);
    std::ofstream(folder / "file") << "precious";
    EXPECT_THROW(reactor.listenUnix(folder / "file", anyFactory(), {.wantPid = true}),
                 CannotListenError);
    EXPECT_THAT(folder.names(), testing::UnorderedElementsAre("s", "file"));
    EXPECT_TRUE(outcomeOf(reactor, reactor.connectUnix(folder / "s", anyFactory())).ok());
}

// C-1: a path that is no path, or leads nowhere, throws at once.
TEST(Unix, badPathsThrow) {
    TempFolder folder;
    Reactor reactor;
    for (const std::string& bad : {std::string(), folder / "no/such/folder", std::string("a\0b", 3),
                                   folder / std::string(120, 'x')}) {
        EXPECT_THROW(reactor.listenUnix(bad, anyFactory()), CannotListenError) << bad;
        EXPECT_THROW(reactor.listenUnix(bad, anyFactory(), {.wantPid = true}), CannotListenError)
            << bad;
        EXPECT_FALSE(outcomeOf(reactor, reactor.connectUnix(bad, anyFactory())).ok()) << bad;
    }
    EXPECT_TRUE(folder.names().empty());
}

// U-9: with checkPid nothing is connected to unless its lock is held.
TEST(Unix, checkPidWantsALiveLock) {
    TempFolder folder;
    Reactor reactor;
    auto record = std::make_shared<Record>();
    auto unlocked = reactor.listenUnix(folder / "a", recorderFactory(record));
    const auto failed = outcomeOf(
        reactor, reactor.connectUnix(folder / "a", recorderFactory(record), {.checkPid = true}));
    ASSERT_FALSE(failed.ok());
    EXPECT_NE(failed.failure().check<BadFileError>(), nullptr);
    std::ofstream(folder / "a.lock") << "1\n";
    EXPECT_FALSE(outcomeOf(reactor, reactor.connectUnix(folder / "a", recorderFactory(record),
                                                        {.checkPid = true}))
                     .ok());
    auto locked = reactor.listenUnix(folder / "b", recorderFactory(record), {.wantPid = true});
    EXPECT_TRUE(outcomeOf(reactor, reactor.connectUnix(folder / "b", recorderFactory(record),
                                                       {.checkPid = true}))
                    .ok());
}

// U-10: abstract names work and leave no file; a leading NUL and `@` are the same.
TEST(Unix, abstractNamesLeaveNoFile) {
    UnixPair pair(abstractName());
    pair.client->transport->write("hello");
    runUntil(pair.reactor, [&] { return pair.server->received == "hello"; });
    EXPECT_EQ(pair.port->getHost().toString(), "unix:" + pair.path);
    EXPECT_EQ(pair.port->getHost().host[0], '\0');
    std::string nul = pair.path;
    nul[0] = '\0';
    EXPECT_THROW(pair.reactor.listenUnix(nul, anyFactory()), CannotListenError);
    EXPECT_TRUE(pair.folder.names().empty());
    EXPECT_FALSE(std::filesystem::exists(pair.path));
    EXPECT_TRUE(outcomeOf(pair.reactor, pair.port->stopListening()).ok());
    // C-3: the name is free.
    EXPECT_NO_THROW(pair.reactor.listenUnix(nul, anyFactory(), {.wantPid = true}));
}

// C-12: a path that is not there, and a socket that nobody listens on, fail with their errors.
TEST(Unix, refusedConnectionFails) {
    TempFolder folder;
    Reactor reactor;
    const auto none = outcomeOf(reactor, reactor.connectUnix(folder / "none", anyFactory()));
    ASSERT_NE(none.failure().check<ConnectError>(), nullptr);
    EXPECT_EQ(none.failure().check<ConnectError>()->code().value(), ENOENT);
    leaveSocket(folder / "stale");
    const auto stale = outcomeOf(reactor, reactor.connectUnix(folder / "stale", anyFactory()));
    EXPECT_NE(stale.failure().check<ConnectionRefusedError>(), nullptr);
    EXPECT_THAT(stale.failure().message(), HasSubstr(folder / "stale"));
}

// A UNIX address is not for connectTcp, and the error says what it is for.
TEST(Unix, connectTcpRefusesPaths) {
    Reactor reactor;
    const auto made =
        outcomeOf(reactor, reactor.connectTcp({Address::Kind::Unix, 0, "/run/x"}, anyFactory()));
    EXPECT_THAT(made.failure().message(), HasSubstr("connectUnix()"));
}

/// A port whose one connection is taken, and whose backlog is full.
struct FullPort {
    FullPort() {
        port = reactor.listenUnix(folder / "s", anyFactory(), {.backlog = 0, .maxConnections = 1});
        EXPECT_TRUE(outcomeOf(reactor, connect(first)).ok());
        runUntil(reactor, [&] { return port->connections() == 1; });
        EXPECT_TRUE(outcomeOf(reactor, connect(second)).ok());  // in the backlog
    }
    Deferred<Ref<IProtocol>> connect(const std::shared_ptr<Record>& record,
                                     Duration timeout = 30s) {
        return reactor.connectUnix(folder / "s", recorderFactory(record), {.timeout = timeout});
    }

    test::CatchLog log;
    TempFolder folder;
    Reactor reactor;
    Ref<IListeningPort> port;
    std::shared_ptr<Record> first = std::make_shared<Record>();
    std::shared_ptr<Record> second = std::make_shared<Record>();
    std::shared_ptr<Record> third = std::make_shared<Record>();
};

// While the backlog is full the attempt goes on until there is room.
TEST(Unix, aFullBacklogIsWaitedFor) {
    FullPort full;
    full.connect(full.third);
    for (int i = 0; i < 3; ++i) {
        full.reactor.iterate(20ms);
    }
    EXPECT_TRUE(full.third->events.empty());
    full.first->transport->loseConnection();
    runUntil(full.reactor, [&] { return !full.third->events.empty(); });
    EXPECT_THAT(full.third->events, ElementsAre("made"));
}

// C-14: its time is up some day, and the error names the knob.
TEST(Unix, aFullBacklogTimesOut) {
    FullPort full;
    const auto late = outcomeOf(full.reactor, full.connect(full.third, 30ms));
    ASSERT_FALSE(late.ok());
    EXPECT_NE(late.failure().check<ConnectTimeoutError>(), nullptr);
    EXPECT_THAT(late.failure().message(), HasSubstr("timeout"));
    EXPECT_EQ(full.reactor.pendingCalls(), 0U);
}

// C-15: cancelling stops an attempt that waits for the backlog, and leaves nothing behind.
TEST(Unix, cancellingStopsConnecting) {
    FullPort full;
    auto attempt = full.connect(full.third);
    EXPECT_GT(full.reactor.pendingCalls(), 0U);
    attempt.cancel();
    EXPECT_NE(outcomeOf(full.reactor, attempt).failure().check<CancelledError>(), nullptr);
    EXPECT_EQ(full.reactor.pendingCalls(), 0U);
    EXPECT_TRUE(full.third->events.empty());
}

// The kernel says who is at the other end.
TEST(Unix, peerCredentialsAreTheProcess) {
    UnixPair pair;
    const PeerCredentials peer = asUnixTransport(*pair.server->transport)->peerCredentials();
    EXPECT_EQ(peer.pid, ::getpid());
    EXPECT_EQ(peer.uid, ::getuid());
    EXPECT_EQ(peer.gid, ::getgid());
}

// A TCP connection passes no descriptors, and says so.
TEST(Unix, tcpIsNoUnixTransport) {
    test::Pair pair;
    pair.connect();
    EXPECT_EQ(asUnixTransport(*pair.client->transport), nullptr);
}

}  // namespace
