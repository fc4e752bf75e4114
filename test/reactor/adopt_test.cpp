// Descriptors that were opened elsewhere, and endpoints that listen: areas E and C.
#include <marline/reactor/endpoints.hpp>

#include <cerrno>
#include <memory>
#include <string>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/protocols/datagram.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/reactor.hpp>

#include "test/support/running.hpp"
#include "test/support/temp_folder.hpp"

namespace {

using namespace marline;
using test::outcomeOf;
using test::Record;
using test::recorderFactory;
using test::runUntil;
using test::TempFolder;
using testing::ElementsAre;
using testing::HasSubstr;

/// A loopback socket with blocking calls, as another library makes them.
UniqueFd boundSocket(int type) {
    UniqueFd fd(::socket(AF_INET, type, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
}

/// Two connected UNIX sockets.
struct SocketPair {
    SocketPair() {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        mine = UniqueFd(ends[0]);
        other = UniqueFd(ends[1]);
    }
    UniqueFd mine;
    UniqueFd other;
};

/// The message of the std::system_error that `call` throws.
template <class Call>
std::string refusal(Call&& call) {
    try {
        call();
    } catch (const std::system_error& error) {
        return error.what();
    }
    return "nothing was thrown";
}

// E-20: a listening socket is adopted as a copy that does not block, and the original is free to
// go.
TEST(Adopt, aListeningSocketAccepts) {
    Reactor reactor;
    UniqueFd fd = boundSocket(SOCK_STREAM);
    ASSERT_EQ(::listen(fd.get(), 5), 0);
    auto server = std::make_shared<Record>();
    auto port = reactor.adoptStreamPort(fd.get(), recorderFactory(server));
    EXPECT_NE(::fcntl(fd.get(), F_GETFL) & O_NONBLOCK, 0);
    fd.reset();
    auto client = std::make_shared<Record>();
    EXPECT_TRUE(
        outcomeOf(reactor, reactor.connectTcp(port->getHost(), recorderFactory(client))).ok());
    runUntil(reactor, [&] { return !server->events.empty(); });
    EXPECT_EQ(port->connections(), 1U);
    EXPECT_TRUE(outcomeOf(reactor, port->stopListening()).ok());
}

// A connected socket becomes a connection, at once; its factory is used until that ends.
TEST(Adopt, aConnectedSocketTalks) {
    Reactor reactor;
    SocketPair pair;
    auto record = std::make_shared<Record>();
    const Ref<IProtocol> protocol =
        reactor.adoptStreamConnection(pair.mine.get(), recorderFactory(record));
    EXPECT_TRUE(protocol);
    EXPECT_THAT(record->events, ElementsAre("made"));
    pair.mine.reset();
    ASSERT_EQ(::write(pair.other.get(), "hello", 5), 5);
    runUntil(reactor, [&] { return record->received == "hello"; });
    record->transport->write("bye");
    record->transport->loseConnection();
    runUntil(reactor, [&] { return record->lost.has_value(); });
    char text[8];
    EXPECT_EQ(::read(pair.other.get(), text, sizeof text), 3);
    EXPECT_EQ(::read(pair.other.get(), text, sizeof text), 0);
}

/// Counts who uses it, and gives no protocol, or throws.
class RefusingFactory final : public IProtocolFactory {
public:
    explicit RefusingFactory(bool throwing) : throwing_(throwing) {}
    Ref<IProtocol> buildProtocol(const Address&) override {
        if (throwing_) {
            throw TimeoutError("no room");
        }
        return {};
    }
    void doStart() override { ++users; }
    void doStop() override { --users; }
    int users = 0;

private:
    bool throwing_;
};

// C-2, C-6: without a protocol the copy is closed, and the factory is let go.
TEST(Adopt, aConnectionWithoutAProtocolIsClosed) {
    Reactor reactor;
    for (const bool throwing : {false, true}) {
        SocketPair pair;
        auto factory = makeRef<RefusingFactory>(throwing);
        if (throwing) {
            EXPECT_THROW(reactor.adoptStreamConnection(pair.mine.get(), factory), TimeoutError);
        } else {
            EXPECT_FALSE(reactor.adoptStreamConnection(pair.mine.get(), factory));
        }
        EXPECT_EQ(factory->users, 0);
        pair.mine.reset();
        char text[8];
        EXPECT_EQ(::read(pair.other.get(), text, sizeof text), 0);
    }
}

/// Sends back what comes.
class Echo final : public DatagramProtocol {
public:
    void datagramReceived(std::span<const std::byte> data, const Address& from) override {
        transport()->write(data, from);
    }
};

/// Notes what comes.
class Listener final : public DatagramProtocol {
public:
    void datagramReceived(std::span<const std::byte> data, const Address&) override {
        received += asText(data);
    }
    std::string received;
};

// A bound UDP socket is adopted with its address.
TEST(Adopt, aUdpSocketReceives) {
    Reactor reactor;
    UniqueFd fd = boundSocket(SOCK_DGRAM);
    auto port = reactor.adoptDatagramPort(fd.get(), makeRef<Echo>());
    fd.reset();
    auto listener = makeRef<Listener>();
    reactor.listenUdp(0, listener, {.interface = "127.0.0.1"});
    listener->transport()->write("ping", port->getHost());
    runUntil(reactor, [&] { return listener->received == "ping"; });
}

// What is no such socket throws an error that names it and says why.
TEST(Adopt, otherDescriptorsAreRefused) {
    Reactor reactor;
    const auto any = recorderFactory({});
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const UniqueFd read(pipe[0]);
    const UniqueFd write(pipe[1]);
    const UniqueFd stream = boundSocket(SOCK_STREAM);
    const UniqueFd datagram = boundSocket(SOCK_DGRAM);
    EXPECT_THAT(refusal([&] { reactor.adoptStreamPort(-1, any); }), HasSubstr("descriptor -1"));
    EXPECT_THAT(refusal([&] { reactor.adoptStreamPort(read.get(), any); }),
                HasSubstr("non-socket"));
    EXPECT_THAT(refusal([&] { reactor.adoptStreamPort(datagram.get(), any); }),
                HasSubstr("no stream socket"));
    EXPECT_THAT(refusal([&] { reactor.adoptStreamPort(stream.get(), any); }),
                HasSubstr("does not listen"));
    EXPECT_THAT(refusal([&] { reactor.adoptStreamConnection(stream.get(), any); }),
                HasSubstr("not connected"));
    EXPECT_THAT(refusal([&] { reactor.adoptDatagramPort(stream.get(), makeRef<Echo>()); }),
                HasSubstr("no datagram socket"));
}

// E-1, E-7: endpoints of both kinds listen and connect.
TEST(ServerEndpoint, listensAndIsConnectedTo) {
    Reactor reactor;
    TempFolder folder;
    auto server = std::make_shared<Record>();
    auto tcp = makeRef<TcpServerEndpoint>(reactor, std::uint16_t{0},
                                          ListenOptions{.interface = "127.0.0.1"});
    auto port = outcomeOf(reactor, tcp->listen(recorderFactory(server)));
    ASSERT_TRUE(port.ok());
    auto tcpClient = makeRef<TcpClientEndpoint>(reactor, port.value()->getHost());
    EXPECT_TRUE(
        outcomeOf(reactor, tcpClient->connect(recorderFactory(std::make_shared<Record>()))).ok());
    auto unixServer = makeRef<UnixServerEndpoint>(reactor, folder / "s");
    EXPECT_TRUE(outcomeOf(reactor, unixServer->listen(recorderFactory(server))).ok());
    auto unixClient = makeRef<UnixClientEndpoint>(reactor, folder / "s");
    EXPECT_TRUE(
        outcomeOf(reactor, unixClient->connect(recorderFactory(std::make_shared<Record>()))).ok());
    runUntil(reactor, [&] { return server->events.size() == 2; });
}

// E-7, E-2: what goes wrong fails the Deferred and is not thrown.
TEST(ServerEndpoint, failsItsDeferred) {
    Reactor reactor;
    TempFolder folder;
    const auto any = recorderFactory(std::make_shared<Record>());
    const std::string nowhere = folder / "no/such/folder";
    auto tcp = makeRef<TcpServerEndpoint>(reactor, std::uint16_t{0},
                                          ListenOptions{.interface = "no address"});
    EXPECT_NE(outcomeOf(reactor, tcp->listen(any)).failure().check<CannotListenError>(), nullptr);
    auto server = makeRef<UnixServerEndpoint>(reactor, nowhere);
    EXPECT_NE(outcomeOf(reactor, server->listen(any)).failure().check<CannotListenError>(),
              nullptr);
    auto client = makeRef<UnixClientEndpoint>(reactor, nowhere);
    EXPECT_NE(outcomeOf(reactor, client->connect(any)).failure().check<ConnectError>(), nullptr);
}

}  // namespace
