// Each system call of an exchange fails, or falls short, once: at the first call, at the second,
// and so on to the last. Every time the exchange comes to its end, the one that it should, and
// leaves no descriptor behind.
#include <marline/reactor/reactor.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/protocols/datagram.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/process_endpoint.hpp>
#include <marline/reactor/stdio.hpp>
#include <marline/reactor/testing/certificates.hpp>
#include <marline/reactor/tls.hpp>

#include "test/support/running.hpp"
#include "test/support/system_call_fault.hpp"
#include "test/support/temp_folder.hpp"

namespace {

using namespace marline;
using marline::testing::SystemCall;
using marline::testing::SystemCallFault;
using test::outcomeOf;
using test::Record;
using test::recorderFactory;
using test::runUntil;

enum class Kind { Tcp, Unix, Tls, Pipes, Process };

std::ostream& operator<<(std::ostream& out, Kind kind) {
    constexpr const char* kNames[] = {"Tcp", "Unix", "Tls", "Pipes", "Process"};
    return out << kNames[static_cast<int>(kind)];
}

std::size_t openDescriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

struct ServerKeys {
    marline::testing::CertificateAuthority authority;
    marline::testing::PemPair pair = authority.issue({.names = {"echo.test"}});
};

const ServerKeys& keys() {
    static const ServerKeys made;
    return made;
}

constexpr std::size_t kFile = 5'000;

/// The descriptor of a file with that many bytes.
int theFile() {
    static const UniqueFd file = [] {
        UniqueFd fd(::memfd_create("marline-test", MFD_CLOEXEC));
        EXPECT_EQ(::ftruncate(fd.get(), kFile), 0);
        return fd;
    }();
    return file.get();
}

/// What came of an exchange.
struct Outcome {
    std::optional<std::error_code> noReactor;
    std::optional<std::error_code> noListener;
    std::optional<Failure> notConnected;
    bool echoed = false;
    std::optional<Failure> client;
    std::optional<Failure> server;

    /// All went as it does without a fault.
    bool well() const { return echoed && clean(client) && clean(server); }
    /// Somebody was told that the connection was lost to `error`.
    bool lostTo(int error) const { return is(client, error) || is(server, error); }
    bool notConnectedFor(int error) const {
        const auto* why = notConnected ? notConnected->check<ConnectError>() : nullptr;
        return why != nullptr && why->code().value() == error;
    }
    std::string text() const {
        const auto brief = [](const std::optional<Failure>& why) {
            return why ? why->brief() : "-";
        };
        return std::string(echoed ? "echoed" : "not echoed") +
               "; not connected: " + brief(notConnected) + "; client: " + brief(client) +
               "; server: " + brief(server) +
               "; no listener: " + (noListener ? noListener->message() : "-") +
               "; no reactor: " + (noReactor ? noReactor->message() : "-");
    }

private:
    static bool clean(const std::optional<Failure>& why) {
        return why && why->check<ConnectionDone>() != nullptr;
    }
    static bool is(const std::optional<Failure>& why, int error) {
        const auto* lost = why ? why->check<ConnectionLost>() : nullptr;
        return lost != nullptr && lost->code().value() == error;
    }
};

/// A client sends some bytes, gets them back from the server, and closes.
class Exchange {
public:
    explicit Exchange(Kind kind) : kind_(kind) {
        server_->onData = [](ITransport& t, std::string_view data) { t.write(data); };
        client_->onMade = [this](ITransport& t) {
            t.write("small, ");
            t.write(asBytes(large_));  // leaves at once, together with what waits
            t.write(", small");
            t.sendFile(theFile()).addErrback([](const Failure&) {});
            t.write(", last");
        };
        client_->onData = [this](ITransport& t, std::string_view) {
            if (client_->received.size() == large_.size() + kFile + 20) {
                outcome_.echoed = true;
                t.loseConnection();
            }
        };
    }

    Outcome run() {
        const std::size_t before = openDescriptors();
        try {
            Reactor reactor;
            runIn(reactor);
        } catch (const std::system_error& error) {
            outcome_.noReactor = error.code();
        }
        EXPECT_EQ(openDescriptors(), before) << "descriptors are left open";
        EXPECT_TRUE(folder_.names().empty()) << "a file is left";
        return outcome_;
    }

private:
    void runIn(Reactor& reactor) {
        try {
            switch (kind_) {
            case Kind::Pipes: runPipes(reactor); break;
            case Kind::Process: runProcess(reactor); break;
            default: runStreams(reactor);
            }
        } catch (const CannotListenError& error) {
            outcome_.noListener = error.code();
        } catch (const std::system_error& error) {
            ADD_FAILURE() << "not a CannotListenError: " << error.what();
        }
        outcome_.client = client_->lost;
        outcome_.server = server_->lost;
    }

    void runStreams(Reactor& reactor) {
        Ref<IListeningPort> port = listen(reactor);
        const Result<Ref<IProtocol>> made = outcomeOf(reactor, connect(reactor, *port));
        if (!made.ok()) {
            outcome_.notConnected = made.failure();
        }
        runUntil(reactor, [&] { return client_->events.empty() || client_->lost; });
        // The server may still have to find out.
        EXPECT_TRUE(outcomeOf(reactor, port->stopListening()).ok());
        runUntil(reactor, [&] { return port->connections() == 0; });
    }

    void runPipes(Reactor& reactor) {
        int there[2];
        int back[2];
        ASSERT_EQ(::pipe2(there, O_CLOEXEC), 0);
        ASSERT_EQ(::pipe2(back, O_CLOEXEC), 0);
        connectDescriptors(reactor, UniqueFd(there[0]), UniqueFd(back[1]),
                           makeRef<test::Recorder>(server_));
        connectDescriptors(reactor, UniqueFd(back[0]), UniqueFd(there[1]),
                           makeRef<test::Recorder>(client_));
        runUntil(reactor, [&] { return client_->lost && server_->lost; });
    }

    /// The server is cat(1).
    void runProcess(Reactor& reactor) {
        ProcessEndpoint endpoint(reactor, "/bin/cat", {"cat"});
        const Result<Ref<IProtocol>> made =
            outcomeOf(reactor, endpoint.connect(recorderFactory(client_)));
        if (!made.ok()) {
            outcome_.notConnected = made.failure();
            return;
        }
        runUntil(reactor, [&] { return client_->lost.has_value(); });
        server_->lost = client_->lost;
    }

    Ref<IListeningPort> listen(Reactor& reactor) {
        Ref<IProtocolFactory> factory = recorderFactory(server_);
        if (kind_ == Kind::Unix) {
            return reactor.listenUnix(folder_ / "socket", std::move(factory));
        }
        if (kind_ == Kind::Tls) {
            factory = tlsServerFactory(TlsContext::server(keys().pair.certificate, keys().pair.key),
                                       reactor, std::move(factory));
        }
        return reactor.listenTcp(0, std::move(factory), {.interface = "127.0.0.1"});
    }

    Deferred<Ref<IProtocol>> connect(Reactor& reactor, const IListeningPort& port) {
        Ref<IProtocolFactory> factory = recorderFactory(client_);
        if (kind_ == Kind::Unix) {
            return reactor.connectUnix(port.getHost().host, std::move(factory));
        }
        if (kind_ == Kind::Tls) {
            return wrapClientTls(reactor,
                                 TlsContext::client().trustPem(keys().authority.certificatePem()),
                                 "echo.test", makeRef<TcpClientEndpoint>(reactor, port.getHost()))
                ->connect(std::move(factory));
        }
        return reactor.connectTcp(port.getHost(), std::move(factory));
    }

    Kind kind_;
    test::TempFolder folder_;
    std::string large_ = std::string(20'000, 'x');
    std::shared_ptr<Record> client_ = std::make_shared<Record>();
    std::shared_ptr<Record> server_ = std::make_shared<Record>();
    Outcome outcome_;
};

class Faults : public ::testing::TestWithParam<Kind> {
protected:
    static void SetUpTestSuite() {
        // Before any fault: a key is made, and what opens descriptors once does so.
        keys();
        theFile();
        for (const Kind kind : {Kind::Tcp, Kind::Unix, Kind::Tls, Kind::Pipes, Kind::Process}) {
            const Outcome outcome = Exchange(kind).run();
            ASSERT_TRUE(outcome.well()) << kind << ": " << outcome.text();
        }
    }

    /// Runs the exchange with the fault at each call that it makes, and lets `judge` say whether
    /// what came of it is right.
    template <class Judge>
    void sweep(SystemCall call, SystemCallFault::What what, Judge&& judge) {
        constexpr int kMost = 500;
        for (what.nth = 1; what.nth <= kMost; ++what.nth) {
            SCOPED_TRACE(std::string(nameOf(call)) + " no. " + std::to_string(what.nth) + ": " +
                         (what.error != 0 ? std::strerror(what.error) : "short"));
            const SystemCallFault fault(call, what);
            Exchange exchange(GetParam());
            const Outcome outcome = exchange.run();
            if (!fault.struck()) {
                EXPECT_TRUE(outcome.well()) << outcome.text();
                return;
            }
            EXPECT_TRUE(judge(outcome)) << outcome.text();
            if (HasFailure()) {
                return;
            }
        }
        FAIL() << nameOf(call) << " is called more than " << kMost << " times";
    }
    void sweepWell(SystemCall call, const SystemCallFault::What& what) {
        sweep(call, what, [](const Outcome& outcome) { return outcome.well(); });
    }
    bool sockets() const { return GetParam() < Kind::Pipes; }

    test::CatchLog log_;
};

INSTANTIATE_TEST_SUITE_P(, Faults,
                         ::testing::Values(Kind::Tcp, Kind::Unix, Kind::Tls, Kind::Pipes,
                                           Kind::Process),
                         ::testing::PrintToStringParamName());

constexpr SystemCall kReads[] = {SystemCall::Read, SystemCall::Readv, SystemCall::Recv,
                                 SystemCall::Recvmsg};
constexpr SystemCall kWrites[] = {SystemCall::Write, SystemCall::Writev, SystemCall::Send,
                                  SystemCall::Sendmsg};

// A read or write that is interrupted, that would block, or that moves one byte is made again.
TEST_P(Faults, whatCanBeDoneAgainIsDoneAgain) {
    for (const SystemCall call : kReads) {
        for (const int error : {EINTR, EAGAIN, 0}) {
            sweepWell(call, {.error = error});
        }
    }
    for (const SystemCall call : kWrites) {
        for (const int error : {EINTR, EAGAIN, ENOBUFS, 0}) {
            // The kernel has always buffers for a pipe.
            if (error != ENOBUFS || GetParam() != Kind::Process) {
                sweepWell(call, {.error = error});
            }
        }
    }
    // What cannot be sent by sendfile() is sent without it.
    for (const int error : {EINTR, EAGAIN, ENOBUFS, EINVAL, ENOSYS, EIO, 0}) {
        sweepWell(SystemCall::Sendfile, {.error = error});
    }
}

// any other error of a read or write ends the connection, and the reason has it; but for the
// error of a large write that was tried at once, and goes well when it is flushed.
TEST_P(Faults, otherErrorsEndTheConnection) {
    const auto judge = [kind = GetParam()](int error, bool writing) {
        return [kind, error, writing](const Outcome& outcome) {
            if (kind == Kind::Process) {
                return outcome.client.has_value();  // the child ends, as it sees fit
            }
            if (kind != Kind::Tls) {
                return outcome.lostTo(error) || (writing && outcome.well());
            }
            // Before the handshake's end nobody but the client's Deferred hears of it; and after
            // both goodbyes it does not matter.
            return outcome.echoed || outcome.notConnected ||
                   (outcome.client && outcome.client->check<ConnectionLost>() != nullptr);
        };
    };
    for (const SystemCall call : kReads) {
        for (const int error : {ECONNRESET, ETIMEDOUT, ENOMEM}) {
            sweep(call, {.error = error}, judge(error, false));
        }
    }
    for (const SystemCall call : kWrites) {
        for (const int error : {EPIPE, ECONNRESET, ENOMEM}) {
            sweep(call, {.error = error}, judge(error, true));
            sweep(call, {.error = error, .again = 1}, judge(error, true));
        }
    }
}

// C-8: accepting goes on after each of its errors, at once or after a rest.
TEST_P(Faults, acceptingGoesOn) {
    for (const int error :
         {EINTR, EAGAIN, ECONNABORTED, EPERM, EPROTO, EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
        sweepWell(SystemCall::Accept4, {.error = error});
    }
    EXPECT_EQ(log_.take().size(), sockets() ? 8U : 0U) << "each rest says why, and no other";
}

// C-12: connect() that is interrupted goes on; any other error fails the Deferred, and only that.
TEST_P(Faults, connectingFailsWithTheReason) {
    sweepWell(SystemCall::Connect, {.error = EINTR});
    for (const int error : {ECONNREFUSED, ETIMEDOUT, ENETUNREACH, ENOBUFS, ENOMEM, EADDRNOTAVAIL}) {
        sweep(SystemCall::Connect, {.error = error},
              [error](const Outcome& outcome) { return outcome.notConnectedFor(error); });
    }
    // The backlog of a UNIX port is full, which passes; without a local port there is no way.
    sweep(SystemCall::Connect, {.error = EAGAIN}, [kind = GetParam()](const Outcome& outcome) {
        return kind == Kind::Unix ? outcome.well() : outcome.notConnectedFor(EAGAIN);
    });
}

// C-1, C-12: without a socket there is a CannotListenError, or a ConnectError, that has the reason.
TEST_P(Faults, noSocketIsReported) {
    for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
        sweep(SystemCall::Socket, {.error = error}, [error](const Outcome& outcome) {
            return outcome.noListener ? outcome.noListener->value() == error
                                      : outcome.notConnectedFor(error);
        });
    }
}

// A descriptor that the kernel will not watch: who wants to have it watched is told.
TEST_P(Faults, whatCannotBeWatchedIsReported) {
    for (const int error : {ENOMEM, ENOSPC}) {
        sweep(SystemCall::EpollCtl, {.error = error},
              [kind = GetParam(), error](const Outcome& outcome) {
                  if (outcome.noReactor) {
                      return outcome.noReactor->value() == error;
                  }
                  if (outcome.noListener) {
                      return outcome.noListener->value() == error;
                  }
                  if (kind == Kind::Process) {
                      return outcome.notConnected || outcome.client;
                  }
                  // Of a pipe it is first asked whether it can be watched at all.
                  return outcome.lostTo(error) || outcome.notConnectedFor(error) ||
                         (kind == Kind::Tls && outcome.notConnected) ||
                         (kind == Kind::Pipes && outcome.well());
              });
    }
}

// C-8: so does a port that cannot be watched again when there is room for connections again.
TEST(PortFaults, aPortThatCannotBeWatchedRests) {
    test::CatchLog log;
    Reactor reactor;
    auto server = std::make_shared<Record>();
    auto port = reactor.listenTcp(0, recorderFactory(server),
                                  {.interface = "127.0.0.1", .maxConnections = 1});
    auto client = std::make_shared<Record>();
    auto next = std::make_shared<Record>();
    EXPECT_TRUE(
        outcomeOf(reactor, reactor.connectTcp(port->getHost(), recorderFactory(client))).ok());
    EXPECT_TRUE(
        outcomeOf(reactor, reactor.connectTcp(port->getHost(), recorderFactory(next))).ok());
    runUntil(reactor, [&] { return port->connections() == 1; });
    log.take();
    {
        const SystemCallFault fault(SystemCall::EpollCtl, {.error = ENOSPC});
        client->transport->loseConnection();
        runUntil(reactor, [&] { return server->lost.has_value(); });
        EXPECT_TRUE(fault.struck());
    }
    EXPECT_THAT(log.take(), ::testing::ElementsAre(::testing::HasSubstr("No space left")));
    server->events.clear();
    runUntil(reactor, [&] { return !server->events.empty(); });
    EXPECT_THAT(server->events, ::testing::ElementsAre("made"));
}

// A UDP port without a socket, or that cannot be watched, throws CannotListenError and tells
// the protocol nothing.
TEST(PortFaults, aUdpPortIsRefused) {
    Reactor reactor;
    const std::size_t before = openDescriptors();
    for (const SystemCall call : {SystemCall::Socket, SystemCall::EpollCtl}) {
        const SystemCallFault fault(call, {.error = ENOMEM});
        const auto protocol = makeRef<DatagramProtocol>();
        try {
            reactor.listenUdp(0, protocol);
            ADD_FAILURE() << "listens without " << nameOf(call);
        } catch (const CannotListenError& error) {
            EXPECT_EQ(error.code().value(), ENOMEM);
        }
        EXPECT_EQ(protocol->transport(), nullptr);
        reactor.iterate();
        EXPECT_EQ(openDescriptors(), before);
    }
}

}  // namespace
