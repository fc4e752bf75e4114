// Files on streams, between what is written before and after them; and long strings.
#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/proxy_protocol.hpp>
#include <marline/reactor/stdio.hpp>
#include <marline/reactor/testing/certificates.hpp>
#include <marline/reactor/testing/string_transport.hpp>
#include <marline/reactor/tls.hpp>

#include "test/support/running.hpp"
#include "test/support/temp_folder.hpp"

namespace {

using namespace marline;
using test::outcomeOf;
using test::Record;
using test::recorderFactory;
using test::runUntil;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

enum class Kind { Tcp, Unix, Tls, Proxied, Pipes };

std::ostream& operator<<(std::ostream& out, Kind kind) {
    constexpr const char* kNames[] = {"Tcp", "Unix", "Tls", "Proxied", "Pipes"};
    return out << kNames[static_cast<int>(kind)];
}

std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
    }
    return text;
}

/// A file that is nowhere.
UniqueFd fileOf(std::string_view content) {
    UniqueFd fd(::memfd_create("marline-test", MFD_CLOEXEC));
    EXPECT_EQ(::write(fd.get(), content.data(), content.size()),
              static_cast<ssize_t>(content.size()));
    return fd;
}

/// How a Deferred stands.
std::string stateOf(const Deferred<>& d) {
    auto text = std::make_shared<std::string>("pending");
    Deferred<>(d).addCallbacks([text] { *text = "sent"; },
                               [text](const Failure& why) { *text = why.message(); });
    return *text;
}

/// A connection of the kind, from the end that sends to the one that receives.
class SendFile : public ::testing::TestWithParam<Kind> {
protected:
    static constexpr std::size_t kMuch = 10'000'000;

    SendFile() {
        to->halfClose = true;
        if (GetParam() == Kind::Pipes) {
            connectPipes();
        } else {
            connectSockets();
        }
        runUntil(reactor, [this] { return from->transport && to->transport; });
    }

    void connectPipes() {
        int there[2];
        int back[2];
        ASSERT_EQ(::pipe2(there, O_CLOEXEC), 0);
        ASSERT_EQ(::pipe2(back, O_CLOEXEC), 0);
        connectDescriptors(reactor, UniqueFd(there[0]), UniqueFd(back[1]),
                           makeRef<test::Recorder>(to));
        connectDescriptors(reactor, UniqueFd(back[0]), UniqueFd(there[1]),
                           makeRef<test::Recorder>(from));
    }

    void connectSockets() {
        const bool proxied = GetParam() == Kind::Proxied;
        // Behind a proxy it is the server that sees another transport.
        Ref<IProtocolFactory> serving = recorderFactory(proxied ? from : to);
        Ref<IProtocolFactory> calling = recorderFactory(proxied ? to : from);
        if (GetParam() == Kind::Unix) {
            reactor.listenUnix(folder / "s", serving);
            made = outcomeOf(reactor, reactor.connectUnix(folder / "s", calling));
            return;
        }
        if (GetParam() == Kind::Tls) {
            const auto pair = authority.issue({.names = {"site.test"}});
            serving =
                tlsServerFactory(TlsContext::server(pair.certificate, pair.key), reactor, serving);
        }
        if (proxied) {
            serving = proxyServerFactory(reactor, serving);
            to->onMade = [](ITransport& t) { t.write("PROXY UNKNOWN\r\n"); };
        }
        port = reactor.listenTcp(0, serving, {.interface = "127.0.0.1"});
        Ref<IStreamClientEndpoint> endpoint = makeRef<TcpClientEndpoint>(reactor, port->getHost());
        if (GetParam() == Kind::Tls) {
            endpoint =
                wrapClientTls(reactor, TlsContext::client().trustPem(authority.certificatePem()),
                              "site.test", endpoint);
        }
        made = outcomeOf(reactor, endpoint->connect(calling));
    }

    ITransport& sender() { return *from->transport; }
    void untilReceived(std::size_t size) {
        runUntil(reactor, [&] { return to->received.size() >= size || to->lost; });
        EXPECT_EQ(to->received.size(), size);
    }
    /// Turns until the sender can do no more while nobody reads.
    void untilStuck() {
        to->transport->pauseProducing();
        for (int i = 0; i < 200; ++i) {
            reactor.iterate();
        }
    }

    marline::testing::CertificateAuthority authority;
    test::TempFolder folder;
    test::CatchLog log;
    std::shared_ptr<Record> from = std::make_shared<Record>();
    std::shared_ptr<Record> to = std::make_shared<Record>();
    Reactor reactor;
    Ref<IListeningPort> port;
    Result<Ref<IProtocol>> made{Ref<IProtocol>()};
};

INSTANTIATE_TEST_SUITE_P(, SendFile,
                         ::testing::Values(Kind::Tcp, Kind::Unix, Kind::Tls, Kind::Proxied,
                                           Kind::Pipes),
                         ::testing::PrintToStringParamName());

// A file leaves after what was written before it and ahead of what is written after it, however
// much that is, and the close waits for all. The descriptor may be closed at once.
TEST_P(SendFile, filesAndWritesLeaveInOrder) {
    const std::string large = pattern(1'000'003);
    const std::string small = pattern(10);
    std::vector<std::string> order;
    const auto note = [&](const char* what) {
        return [&order, what] { order.emplace_back(what); };
    };
    sender().write("before ");
    sender().sendFile(fileOf(large).get(), 5, 900'000).addCallback(note("large"));
    sender().write(" between ");
    sender().write(std::string(100'000, 'm'));
    sender().sendFile(fileOf(small).get()).addCallback(note("small"));
    sender().sendFile(fileOf(small).get(), 2, 3).addCallback(note("part"));
    const std::string after(20'000, 'n');
    const std::span<const std::byte> pieces[] = {asBytes(" after "), asBytes(after)};
    sender().writeSequence(pieces);
    sender().sendFile(fileOf("the end").get()).addCallback(note("last"));
    EXPECT_THAT(order, ElementsAre()) << "nothing is sent inside of the call";
    sender().loseConnection();
    runUntil(reactor, [&] { return from->lost.has_value(); });
    EXPECT_NE(from->lost->check<ConnectionDone>(), nullptr);
    const std::string all = "before " + large.substr(5, 900'000) + " between " +
                            std::string(100'000, 'm') + small + small.substr(2, 3) + " after " +
                            after + "the end";
    runUntil(reactor, [&] { return to->received.size() == all.size(); });
    EXPECT_TRUE(to->received == all);
    EXPECT_THAT(order, ElementsAre("large", "small", "part", "last"));
}

// A file may be sent from the Deferred of the one before it; the connection stays in use.
TEST_P(SendFile, oneFileAfterTheOther) {
    const UniqueFd file = fileOf("block ");
    int sent = 0;
    std::function<void()> more = [&] {
        if (++sent < 20) {
            sender().sendFile(file.get()).addCallback([&more] { more(); });
        } else {
            sender().write("end");
        }
    };
    more();
    untilReceived(19 * 6 + 3);
    EXPECT_EQ(to->received.substr(19 * 6 - 6), "block end");
    sender().write(", and on");
    untilReceived(19 * 6 + 11);
}

// Nothing to send is sent at once, also a thousand times in a row.
TEST_P(SendFile, emptyFilesAreSentAtOnce) {
    const UniqueFd file = fileOf("");
    int sent = 0;
    for (int i = 0; i < 1000; ++i) {
        sender().sendFile(file.get(), 0, i % 2 == 0 ? 0 : ITransport::kToTheEnd).addCallback([&] {
            ++sent;
        });
    }
    sender().write("end");
    untilReceived(3);
    EXPECT_EQ(sent, 1000);
}

// A file that has less than was asked for: the Deferred says so, and the connection goes on.
TEST_P(SendFile, aFileThatEndsEarlyIsAnError) {
    Deferred<> sending = sender().sendFile(fileOf("short").get(), 1, 100);
    sender().write("; next");
    const Result<void> outcome = outcomeOf(reactor, sending);
    ASSERT_FALSE(outcome.ok());
    const auto* error = outcome.failure().check<SendFileError>();
    ASSERT_NE(error, nullptr);
    EXPECT_EQ(error->sent(), 4U);
    EXPECT_FALSE(error->code());
    EXPECT_THAT(outcome.failure().message(), HasSubstr("after 4 bytes: the file ended early"));
    untilReceived(10);
    EXPECT_EQ(to->received, "hort; next");
}

// What is no file, or no descriptor, is an error that says why; the connection goes on.
TEST_P(SendFile, whatCannotBeReadIsAnError) {
    int pipe[2];
    ASSERT_EQ(::pipe2(pipe, O_CLOEXEC | O_NONBLOCK), 0);
    const UniqueFd readEnd(pipe[0]);
    const UniqueFd writeEnd(pipe[1]);
    const UniqueFd directory(::open("/", O_RDONLY | O_CLOEXEC));
    const UniqueFd unreadable(::open((folder / "f").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const struct {
        int fd;
        int error;
    } cases[] = {{writeEnd.get(), ESPIPE},
                 {directory.get(), EISDIR},
                 {unreadable.get(), EBADF},
                 {-1, EBADF}};
    for (const auto& [fd, error] : cases) {
        const Result<void> outcome = outcomeOf(reactor, sender().sendFile(fd, 0, 10));
        ASSERT_FALSE(outcome.ok());
        const auto* why = outcome.failure().check<SendFileError>();
        ASSERT_NE(why, nullptr) << outcome.failure().brief();
        EXPECT_EQ(why->code().value(), error);
        EXPECT_EQ(why->sent(), 0U);
    }
    sender().write("well");
    untilReceived(4);
}

// A file that sendfile(2) may refuse is copied.
TEST_P(SendFile, filesOfTheKernelAreSent) {
    const UniqueFd file(::open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(outcomeOf(reactor, sender().sendFile(file.get())).ok());
    sender().loseConnection();
    runUntil(reactor, [&] { return from->lost.has_value() && !to->received.empty(); });
    EXPECT_THAT(to->received, ::testing::StartsWith(std::to_string(::getpid()) + " ("));
}

// Cancelled before its turn, a file is left out; what is around it is sent.
TEST_P(SendFile, aCancelledFileIsLeftOut) {
    sender().write("before");
    sender().sendFile(fileOf(pattern(100'000)).get());
    Deferred<> sending = sender().sendFile(fileOf("not this").get());
    Deferred<> second = sender().sendFile(fileOf(", this").get());
    sender().write(", after");
    sending.cancel();
    EXPECT_EQ(stateOf(sending), "sendFile() was cancelled after 0 bytes");
    EXPECT_TRUE(outcomeOf(reactor, second).ok());
    untilReceived(100'019);
    EXPECT_EQ(to->received, "before" + pattern(100'000) + ", this, after");
}

// Cancelled on its way, the rest of it is left out, and the error says how much has gone.
TEST_P(SendFile, aFileIsCancelledOnItsWay) {
    const std::string content = pattern(kMuch);
    const UniqueFd file = fileOf(content);
    Deferred<> sending = sender().sendFile(file.get());
    untilStuck();
    sender().write("after");
    sending.cancel();
    const std::string state = stateOf(sending);
    ASSERT_THAT(state, HasSubstr("cancelled after "));
    const std::size_t sent = std::stoul(state.substr(state.find("after ") + 6));
    EXPECT_GT(sent, 0U);
    EXPECT_LT(sent, kMuch);
    to->transport->resumeProducing();
    untilReceived(sent + 5);
    EXPECT_TRUE(to->received == content.substr(0, sent) + "after");
}

// A file that waits for its reader is not kept in memory.
TEST_P(SendFile, aFileIsNotKeptInMemory) {
    const UniqueFd file = fileOf(pattern(kMuch));
    Deferred<> sending = sender().sendFile(file.get());
    untilStuck();
    EXPECT_LE(sender().bytesBuffered(), 100'000U);
    sender().write(std::string(1000, 'x'));
    EXPECT_GE(sender().bytesBuffered(), 1000U);
    to->transport->resumeProducing();
    EXPECT_TRUE(outcomeOf(reactor, sending).ok());
    untilReceived(kMuch + 1000);
}

// A transport that sends files by itself tells how much of them it has left; TLS reads them.
TEST_P(SendFile, tellsHowMuchIsLeft) {
    if (GetParam() == Kind::Tls) {
        EXPECT_EQ(sender().fileBytesBuffered(), std::nullopt);
        return;
    }
    EXPECT_EQ(sender().fileBytesBuffered(), 0U);
    const UniqueFd file = fileOf(pattern(kMuch));
    sender().sendFile(file.get(), 3, kMuch - 3);
    sender().write("between");
    Deferred<> last = sender().sendFile(file.get(), 0, 10);
    EXPECT_EQ(sender().fileBytesBuffered(), kMuch + 7);
    untilStuck();
    EXPECT_LT(*sender().fileBytesBuffered(), kMuch + 7);
    EXPECT_GT(*sender().fileBytesBuffered(), 10U);
    Deferred<> toTheEnd = sender().sendFile(file.get());
    EXPECT_EQ(sender().fileBytesBuffered(), ITransport::kToTheEnd);
    toTheEnd.cancel();
    EXPECT_EQ(stateOf(toTheEnd), "sendFile() was cancelled after 0 bytes");
    EXPECT_LT(*sender().fileBytesBuffered(), kMuch + 7);
    to->transport->resumeProducing();
    EXPECT_TRUE(outcomeOf(reactor, last).ok());
    EXPECT_EQ(sender().fileBytesBuffered(), 0U);
}

// When the connection ends first, files fail with its end.
TEST_P(SendFile, filesFailWithTheConnection) {
    const UniqueFd file = fileOf(pattern(kMuch));
    Deferred<> first = sender().sendFile(file.get());
    Deferred<> second = sender().sendFile(file.get());
    untilStuck();
    std::vector<std::string> states;
    from->onLost = [&](ITransport&) { states = {stateOf(first), stateOf(second)}; };
    sender().abortConnection();
    runUntil(reactor, [&] { return from->lost.has_value(); });
    const std::string why = from->lost->message();
    EXPECT_THAT(states, ElementsAre(why, why));
}

// The same when it is the peer that goes.
TEST_P(SendFile, filesFailWhenThePeerGoes) {
    const UniqueFd file = fileOf(pattern(kMuch));
    Deferred<> sending = sender().sendFile(file.get());
    untilStuck();
    to->transport->abortConnection();
    const Result<void> outcome = outcomeOf(reactor, sending);
    ASSERT_FALSE(outcome.ok());
    runUntil(reactor, [&] { return from->lost.has_value(); });
    EXPECT_EQ(outcome.failure().message(), from->lost->message());
}

// What the Deferred's callback does counts: it may end the connection, and nothing follows.
TEST_P(SendFile, theCallbackMayAbort) {
    sender().sendFile(fileOf("one").get()).addCallback([this] { sender().abortConnection(); });
    Deferred<> second = sender().sendFile(fileOf("two").get());
    runUntil(reactor, [&] { return from->lost.has_value(); });
    EXPECT_NE(from->lost->check<ConnectionAborted>(), nullptr);
    EXPECT_THAT(stateOf(second), HasSubstr("abort"));
}

// A file on a connection that closes, or is gone, fails at once.
TEST_P(SendFile, aClosedConnectionSendsNoFile) {
    ITransport& t = sender();
    t.abortConnection();
    const UniqueFd file = fileOf("x");
    EXPECT_THAT(stateOf(t.sendFile(file.get())), HasSubstr("that is closed"));
    runUntil(reactor, [&] { return from->lost.has_value(); });
}

// A half-close waits for the file.
TEST_P(SendFile, theEndOfTheStreamComesAfterTheFile) {
    if (GetParam() == Kind::Tls) {
        return;  // TLS has no half-close: its loseWriteConnection() closes all
    }
    sender().sendFile(fileOf(pattern(300'000)).get());
    sender().loseWriteConnection();
    runUntil(reactor, [&] { return to->events.back() == "read lost"; });
    EXPECT_EQ(to->received.size(), 300'000U);
}

/// A producer of one word.
struct OneWord final : IProducer {
    explicit OneWord(ITransport& transport) : to(transport) {}
    void resumeProducing() override {
        to.write("word");
        to.unregisterProducer();
    }
    void pauseProducing() override {}
    void stopProducing() override {}
    ITransport& to;
};

// A producer and a file: each waits for the other; over TLS only one of them is allowed.
TEST_P(SendFile, producersAndFiles) {
    OneWord producer(sender());
    Deferred<> sending = sender().sendFile(fileOf(pattern(100'000)).get());
    if (GetParam() == Kind::Tls) {
        EXPECT_THROW(sender().registerProducer(producer, Producing::Pull), std::logic_error);
        EXPECT_TRUE(outcomeOf(reactor, sending).ok());
        sender().registerProducer(producer, Producing::Push);
        EXPECT_THROW(sender().sendFile(0), std::logic_error);
        sender().unregisterProducer();
        untilReceived(100'000);
        return;
    }
    sender().registerProducer(producer, Producing::Pull);
    untilReceived(100'004);
    EXPECT_TRUE(outcomeOf(reactor, sending).ok());
    EXPECT_EQ(to->received.substr(100'000), "word");
}

// A long string that has to wait arrives whole, between others that wait.
TEST_P(SendFile, longStringsArriveInOrder) {
    untilStuck();
    std::string all;
    for (int i = 0; i < 12; ++i) {
        std::string text(i % 3 == 0 ? 10U : 1'000'000U, static_cast<char>('a' + i));
        all += text;
        sender().write(std::move(text));
        sender().write("|");
        all += '|';
    }
    EXPECT_GT(sender().bytesBuffered(), 1'000'000U);
    to->transport->resumeProducing();
    untilReceived(all.size());
    EXPECT_TRUE(to->received == all);
}

// Very many things that wait are dropped without much stack.
TEST_P(SendFile, veryManyFilesAreDropped) {
    const UniqueFd file = fileOf(pattern(100));
    Deferred<> last = sender().sendFile(file.get());
    for (int i = 0; i < 400; ++i) {
        last.addErrback([](const Failure&) {});
        last = sender().sendFile(file.get());
    }
    sender().abortConnection();
    runUntil(reactor, [&] { return from->lost.has_value(); });
    EXPECT_EQ(stateOf(last), from->lost->message());
}

// A file that is sent before the TLS handshake is done follows it.
TEST(SendFileInTls, aFileWaitsForTheHandshake) {
    marline::testing::CertificateAuthority authority;
    const auto pair = authority.issue({.names = {"site.test"}});
    const TlsContext serverTls = TlsContext::server(pair.certificate, pair.key);
    Reactor reactor;
    auto server = std::make_shared<Record>();
    auto client = std::make_shared<Record>();
    server->onMade = [&](ITransport& t) { startTls(t, serverTls, reactor); };
    auto port = reactor.listenTcp(0, recorderFactory(server), {.interface = "127.0.0.1"});
    EXPECT_TRUE(
        outcomeOf(reactor, reactor.connectTcp(port->getHost(), recorderFactory(client))).ok());
    startTls(*client->transport, TlsContext::client().trustPem(authority.certificatePem()), reactor,
             "site.test");
    ITransport& tls = *client->protocol->transport();
    tls.write("before ");
    Deferred<> sending = tls.sendFile(fileOf("file").get());
    tls.write(" after");
    tls.loseConnection();
    EXPECT_TRUE(outcomeOf(reactor, sending).ok());
    runUntil(reactor, [&] { return server->lost && client->lost; });
    EXPECT_EQ(server->received, "before file after");
    EXPECT_NE(client->lost->check<ConnectionDone>(), nullptr);
}

// A transport that knows nothing of files writes all of it.
TEST(SendFileInMemory, itIsWritten) {
    marline::testing::StringTransport transport;
    transport.write("before ");
    EXPECT_EQ(transport.fileBytesBuffered(), std::nullopt);
    EXPECT_EQ(stateOf(transport.sendFile(fileOf("a file").get(), 2)), "sent");
    transport.write(" after");
    EXPECT_EQ(transport.value(), "before file after");
    EXPECT_THAT(stateOf(transport.sendFile(-1)), HasSubstr("descriptor -1"));
    EXPECT_THAT(stateOf(transport.sendFile(fileOf("a file").get(), 2, 9)),
                HasSubstr("after 4 bytes: the file ended early"));
    const UniqueFd directory(::open("/", O_RDONLY | O_CLOEXEC));
    EXPECT_THAT(stateOf(transport.sendFile(directory.get())), HasSubstr("directory"));
}

}  // namespace
