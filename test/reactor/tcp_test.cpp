// Connections over TCP: areas X and C.
#include <marline/reactor/reactor.hpp>

#include <array>
#include <string>

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/unique_fd.hpp>

#include "test/support/running.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;
using test::outcomeOf;
using test::Pair;
using test::Record;
using test::recorderFactory;
using test::runUntil;
using testing::ElementsAre;
using testing::HasSubstr;

// Bytes go both ways, in order.
TEST(Tcp, carriesBytesBothWays) {
    Pair pair;
    pair.server->onData = [](ITransport& t, std::string_view data) { t.write(data); };
    pair.connect();
    pair.client->transport->write("hello ");
    pair.client->transport->write("world");
    runUntil(pair.reactor, [&] { return pair.client->received.size() == 11; });
    EXPECT_EQ(pair.client->received, "hello world");
    EXPECT_EQ(pair.client->transport->getPeer(), pair.server->transport->getHost());
}

// loseConnection sends what was written; both ends see a clean close.
TEST(Tcp, loseConnectionFlushes) {
    Pair pair;
    pair.connect();
    const std::string large(3'000'000, 'x');
    pair.client->transport->write(large);
    pair.client->transport->loseConnection();
    runUntil(pair.reactor, [&] { return pair.server->lost && pair.client->lost; });
    EXPECT_EQ(pair.server->received.size(), large.size());
    EXPECT_THAT(pair.server->events, ElementsAre("made", "lost marline::ConnectionDone"));
    EXPECT_THAT(pair.client->events, ElementsAre("made", "lost marline::ConnectionDone"));
}

// abortConnection reports later, and the peer sees a loss.
TEST(Tcp, abortConnectionResets) {
    Pair pair;
    pair.connect();
    pair.client->transport->abortConnection();
    EXPECT_FALSE(pair.client->lost);
    runUntil(pair.reactor, [&] { return pair.server->lost && pair.client->lost; });
    EXPECT_NE(pair.client->lost->check<ConnectionAborted>(), nullptr);
    EXPECT_NE(pair.server->lost->check<ConnectionLost>(), nullptr);
}

// what dataReceived throws closes the connection, with that as the reason.
TEST(Tcp, exceptionInDataReceivedCloses) {
    test::CatchLog log;
    Pair pair;
    pair.server->onData = [](ITransport&, std::string_view) { throw TimeoutError("bad data"); };
    pair.connect();
    pair.client->transport->write("x");
    runUntil(pair.reactor, [&] { return pair.server->lost && pair.client->lost; });
    EXPECT_NE(pair.server->lost->check<TimeoutError>(), nullptr);
    EXPECT_THAT(log.take(), ElementsAre(HasSubstr("bad data")));
}

// half-close ends one direction only, where the protocol asks for that.
TEST(Tcp, halfCloseKeepsTheOtherDirection) {
    Pair pair;
    pair.server->halfClose = pair.client->halfClose = true;
    pair.connect();
    pair.client->transport->write("last words");
    pair.client->transport->loseWriteConnection();
    runUntil(pair.reactor, [&] { return pair.server->events.size() == 2; });
    EXPECT_THAT(pair.server->events, ElementsAre("made", "read lost"));
    EXPECT_EQ(pair.server->received, "last words");
    pair.server->transport->write("answer");
    pair.server->transport->loseConnection();
    runUntil(pair.reactor, [&] { return pair.client->received == "answer"; });
    EXPECT_THAT(pair.client->events, testing::Contains("write lost"));
}

// without that, the peer's half-close closes all.
TEST(Tcp, halfCloseOfThePeerClosesAll) {
    Pair pair;
    pair.connect();
    pair.client->transport->loseWriteConnection();
    runUntil(pair.reactor, [&] { return pair.server->lost.has_value(); });
    EXPECT_NE(pair.server->lost->check<ConnectionDone>(), nullptr);
}

// writing after the end does nothing.
TEST(Tcp, writingWhileItEndsDoesNothingAfterAbort) {
    Pair pair;
    pair.connect();
    pair.client->transport->abortConnection();
    pair.client->transport->write("too late");
    pair.client->transport->loseConnection();
    runUntil(pair.reactor, [&] { return pair.server->lost.has_value(); });
    EXPECT_EQ(pair.server->received, "");
}

// a paused transport brings nothing until it is resumed.
TEST(Tcp, pauseHoldsBack) {
    Pair pair;
    pair.server->onMade = [](ITransport& t) { t.pauseProducing(); };
    pair.connect();
    pair.client->transport->write("x");
    for (int i = 0; i < 5; ++i) {
        pair.reactor.iterate(1ms);
    }
    EXPECT_EQ(pair.server->received, "");
    pair.server->transport->resumeProducing();
    runUntil(pair.reactor, [&] { return pair.server->received == "x"; });
}

/// Writes pieces while it may.
class PushProducer final : public IProducer {
public:
    void produce() {
        while (transport != nullptr && !paused && sent < kTotal) {
            transport->write(std::string(kPiece, 'p'));
            sent += kPiece;
            most = std::max(most, transport->bytesBuffered());
        }
        if (transport != nullptr && sent == kTotal) {
            std::exchange(transport, nullptr)->unregisterProducer();
        }
    }
    void resumeProducing() override {
        paused = false;
        produce();
    }
    void pauseProducing() override {
        paused = true;
        ++pauses;
    }
    void stopProducing() override {
        transport = nullptr;
        stopped = true;
    }

    static constexpr std::size_t kPiece = 4096;
    static constexpr std::size_t kTotal = kPiece * 4096;
    ITransport* transport = nullptr;
    std::size_t sent = 0;
    std::size_t most = 0;
    int pauses = 0;
    bool paused = false;
    bool stopped = false;
};

// a push producer is paused at 64 KiB, and what waits stays bounded.
TEST(Tcp, pushProducerIsPausedAndResumed) {
    PushProducer producer;
    Pair pair;
    pair.connect();
    producer.transport = pair.client->transport;
    pair.client->transport->registerProducer(producer, Producing::Push);
    EXPECT_THROW(pair.client->transport->registerProducer(producer, Producing::Push),
                 std::logic_error);
    producer.produce();
    runUntil(pair.reactor, [&] { return pair.server->received.size() == PushProducer::kTotal; });
    EXPECT_GT(producer.pauses, 0);
    EXPECT_LE(producer.most, 64 * 1024 + PushProducer::kPiece);
}

// a registered producer is stopped before the protocol hears of the end.
TEST(Tcp, producerIsStoppedAtTheEnd) {
    PushProducer producer;
    Pair pair;
    pair.connect();
    pair.client->transport->registerProducer(producer, Producing::Push);
    pair.server->transport->abortConnection();
    runUntil(pair.reactor, [&] { return pair.client->lost.has_value(); });
    EXPECT_TRUE(producer.stopped);
}

// 16 MB in pieces of every size arrive whole.
TEST(Tcp, piecesOfEverySizeArriveWhole) {
    Pair pair;
    pair.connect();
    std::string sent;
    for (std::size_t size = 1; size < 2'000'000; size = size * 3 + 1) {
        const std::string piece(size, static_cast<char>('a' + size % 26));
        sent += piece;
        pair.client->transport->write(piece);
    }
    runUntil(pair.reactor, [&] { return pair.server->received.size() == sent.size(); });
    EXPECT_TRUE(pair.server->received == sent);
}

// Hundreds of connections at once, each with its own echo.
TEST(Tcp, manyConnectionsAtOnce) {
    Pair pair;
    pair.server->onData = [](ITransport& t, std::string_view data) { t.write(data); };
    std::vector<std::shared_ptr<Record>> clients;
    for (int i = 0; i < 300; ++i) {
        auto record = std::make_shared<Record>();
        record->onMade = [i](ITransport& t) { t.write(std::to_string(i)); };
        pair.reactor.connectTcp(pair.port->getHost(), recorderFactory(record));
        clients.push_back(std::move(record));
    }
    runUntil(pair.reactor, [&] {
        for (std::size_t i = 0; i < clients.size(); ++i) {
            if (clients[i]->received != std::to_string(i)) {
                return false;
            }
        }
        return true;
    });
    EXPECT_EQ(pair.port->connections(), 300U);
}

// C-10, C-12: nobody listening is a ConnectionRefusedError, from a later turn.
TEST(Tcp, refusedConnectionFails) {
    Reactor reactor;
    Address to = reactor.listenTcp(0, recorderFactory({}), {.interface = "127.0.0.1"})->getHost();
    to.port = 1;
    const auto made = outcomeOf(reactor, reactor.connectTcp(to, recorderFactory({})));
    ASSERT_FALSE(made.ok());
    EXPECT_NE(made.failure().check<ConnectionRefusedError>(), nullptr);
    EXPECT_THAT(made.failure().message(), HasSubstr("127.0.0.1:1"));
}

// A name is no address: the error says what to use.
TEST(Tcp, namesAreRefused) {
    Reactor reactor;
    const auto made = outcomeOf(
        reactor, reactor.connectTcp({Address::Kind::Ipv4, 80, "localhost"}, recorderFactory({})));
    EXPECT_THAT(made.failure().message(), HasSubstr("HostnameEndpoint"));
}

// C-15: cancelling stops the attempt.
TEST(Tcp, cancellingStopsConnecting) {
    Pair pair;
    auto attempt = pair.reactor.connectTcp(pair.port->getHost(), recorderFactory(pair.client));
    attempt.cancel();
    const auto made = outcomeOf(pair.reactor, attempt);
    EXPECT_NE(made.failure().check<CancelledError>(), nullptr);
    for (int i = 0; i < 5; ++i) {
        pair.reactor.iterate(1ms);
    }
    EXPECT_TRUE(pair.client->events.empty());
}

// C-1: a port that is taken throws at once.
TEST(Tcp, portInUseThrows) {
    Pair pair;
    EXPECT_THROW(pair.reactor.listenTcp(pair.port->getHost().port, recorderFactory({}),
                                        {.interface = "127.0.0.1"}),
                 CannotListenError);
    EXPECT_THROW(pair.reactor.listenTcp(0, recorderFactory({}), {.interface = "no address"}),
                 CannotListenError);
}

// C-3, C-5: stopListening frees the port from a later turn, and leaves connections alone.
TEST(Tcp, stopListeningLeavesConnectionsAlone) {
    Pair pair;
    pair.connect();
    EXPECT_TRUE(outcomeOf(pair.reactor, pair.port->stopListening()).ok());
    EXPECT_TRUE(outcomeOf(pair.reactor, pair.port->stopListening()).ok());
    pair.client->transport->write("still here");
    runUntil(pair.reactor, [&] { return pair.server->received == "still here"; });
    const auto again = pair.reactor.listenTcp(pair.port->getHost().port, recorderFactory({}),
                                              {.interface = "127.0.0.1"});
    EXPECT_EQ(again->getHost().port, pair.port->getHost().port);
}

// C-6, C-7: a factory that gives no protocol, or throws, closes the connection.
TEST(Tcp, noProtocolClosesTheConnection) {
    test::CatchLog log;
    Reactor reactor;
    auto port = reactor.listenTcp(
        0, factoryOf([](const Address&) -> Ref<IProtocol> { throw TimeoutError("no room"); }),
        {.interface = "127.0.0.1"});
    auto record = std::make_shared<Record>();
    reactor.connectTcp(port->getHost(), recorderFactory(record));
    runUntil(reactor, [&] { return record->lost.has_value(); });
    EXPECT_THAT(log.take(), ElementsAre(HasSubstr("no room")));
    const auto made = outcomeOf(
        reactor, reactor.connectTcp(port->getHost(),
                                    factoryOf([](const Address&) { return Ref<IProtocol>(); })));
    EXPECT_NE(made.failure().check<NoProtocol>(), nullptr);
}

// A port takes no more than maxConnections at a time; the next one gets in when one has gone.
TEST(Tcp, maxConnectionsHoldsBack) {
    test::CatchLog log;
    Reactor reactor;
    auto server = std::make_shared<Record>();
    auto port = reactor.listenTcp(0, recorderFactory(server),
                                  {.interface = "127.0.0.1", .maxConnections = 1});
    auto first = std::make_shared<Record>();
    auto second = std::make_shared<Record>();
    reactor.connectTcp(port->getHost(), recorderFactory(first));
    runUntil(reactor, [&] { return port->connections() == 1; });
    reactor.connectTcp(port->getHost(), recorderFactory(second));
    runUntil(reactor, [&] { return !second->events.empty(); });
    EXPECT_EQ(port->connections(), 1U);
    EXPECT_THAT(server->events, ElementsAre("made"));
    first->transport->loseConnection();
    runUntil(reactor, [&] { return server->events.size() == 3; });
    EXPECT_EQ(server->events.back(), "made");
}

// C-8, C-9: without descriptors accepting pauses, says which knobs there are, and goes on afterwards
// (Twisted accepts and drops the clients with a descriptor that it had kept back).
TEST(Tcp, outOfDescriptorsPausesAccepting) {
    test::CatchLog log;
    Pair pair;
    pair.connect();
    auto client = std::make_shared<Record>();
    auto attempt = pair.reactor.connectTcp(pair.port->getHost(), recorderFactory(client));
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    const rlimit none{3, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    std::vector<std::string> lines;
    runUntil(pair.reactor, [&] {
        lines = log.take();
        return !lines.empty();
    });
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_THAT(lines, ElementsAre(HasSubstr("maxConnections")));
    runUntil(pair.reactor, [&] { return pair.port->connections() == 2; });
}

// C-13: a local address that cannot be used is a ConnectBindError, which names both ends.
TEST(Tcp, bindAddressIsUsedOrNamed) {
    Pair pair;
    const auto from = [&](const Address& local) {
        return pair.reactor.connectTcp(pair.port->getHost(), recorderFactory(pair.client),
                                       {.bindAddress = local});
    };
    EXPECT_TRUE(outcomeOf(pair.reactor, from({Address::Kind::Ipv4, 0, "127.0.0.2"})).ok());
    EXPECT_EQ(pair.client->transport->getHost().host, "127.0.0.2");
    // 198.51.100.0/24 is for documentation (RFC 5737): no host has an address in it.
    for (const char* bad : {"198.51.100.1", "localhost"}) {
        const auto made = outcomeOf(pair.reactor, from({Address::Kind::Ipv4, 0, bad}));
        ASSERT_FALSE(made.ok());
        EXPECT_NE(made.failure().check<ConnectBindError>(), nullptr);
        EXPECT_THAT(made.failure().message(), HasSubstr(bad));
    }
}

/// A port whose backlog is full, so that connecting to it neither succeeds nor fails.
class SilentPort {
public:
    SilentPort() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(fd_.get(), 0), 0);
        socklen_t length = sizeof address;
        ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &length);
        at = Address::fromSockaddr(reinterpret_cast<sockaddr*>(&address), length);
        for (UniqueFd& waiting : waiting_) {
            waiting = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
            ::connect(waiting.get(), reinterpret_cast<sockaddr*>(&address), length);
        }
    }
    Address at;

private:
    UniqueFd fd_;
    std::array<UniqueFd, 4> waiting_;
};

// C-14: the attempt fails when its time is up, and says after how long and which knob that is.
TEST(Tcp, connectingTimesOut) {
    SilentPort silent;
    Reactor reactor;
    const auto made =
        outcomeOf(reactor, reactor.connectTcp(silent.at, recorderFactory({}), {.timeout = 30ms}));
    ASSERT_FALSE(made.ok());
    EXPECT_NE(made.failure().check<ConnectTimeoutError>(), nullptr);
    EXPECT_THAT(made.failure().message(), HasSubstr("30 ms (ConnectOptions::timeout)"));
    EXPECT_EQ(reactor.pendingCalls(), 0U);
}

// C-15: cancelling an attempt that is under way leaves nothing behind.
TEST(Tcp, cancellingAnAttemptUnderWay) {
    SilentPort silent;
    Reactor reactor;
    auto attempt = reactor.connectTcp(silent.at, recorderFactory({}));
    reactor.iterate(1ms);
    attempt.cancel();
    EXPECT_NE(outcomeOf(reactor, attempt).failure().check<CancelledError>(), nullptr);
    EXPECT_EQ(reactor.pendingCalls(), 0U);
}

// C-17: a failed attempt may be repeated from its errback.
TEST(Tcp, connectingAgainFromTheErrback) {
    Pair pair;
    Address nobody = pair.port->getHost();
    nobody.port = 1;
    auto attempt = pair.reactor.connectTcp(nobody, recorderFactory(pair.client));
    attempt.addErrback([&](const Failure&) {
        return pair.reactor.connectTcp(pair.port->getHost(), recorderFactory(pair.client));
    });
    EXPECT_TRUE(outcomeOf(pair.reactor, attempt).ok());
}

// what is open when the reactor goes is told so.
TEST(Tcp, connectionsEndWithTheReactor) {
    auto record = std::make_shared<Record>();
    {
        Reactor reactor;
        auto port = reactor.listenTcp(0, recorderFactory(record), {.interface = "127.0.0.1"});
        reactor.connectTcp(port->getHost(), recorderFactory(std::make_shared<Record>()));
        runUntil(reactor, [&] { return !record->events.empty(); });
    }
    EXPECT_THAT(record->events, ElementsAre("made", "lost marline::ConnectionLost"));
}

}  // namespace
