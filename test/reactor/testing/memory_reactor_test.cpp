// MemoryReactor: what a program asks for is recorded, and what comes of it is the test's to say.
#include <marline/reactor/testing/memory_reactor.hpp>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/protocols/datagram.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/reactor/client_service.hpp>
#include <marline/reactor/endpoint_strings.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/hostname_endpoint.hpp>
#include <marline/reactor/log.hpp>
#include <marline/reactor/looping_call.hpp>
#include <marline/reactor/react.hpp>
#include <marline/reactor/testing/accumulating_protocol.hpp>
#include <marline/reactor/testing/gtest.hpp>
#include <marline/reactor/testing/results.hpp>
#include <marline/reactor/threads.hpp>

#include <test/support/recording_protocol.hpp>

namespace marline::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const Address kServer{Address::Kind::Ipv4, 80, "127.0.0.1"};

/// Keeps the outcome of an attempt to connect, which may come when this has gone.
class Attempted {
public:
    explicit Attempted(Deferred<Ref<IProtocol>> d) : connecting_(d) {
        d.addBoth([seen = seen_](Result<Ref<IProtocol>> outcome) { *seen = std::move(outcome); });
    }

    bool over() const { return seen_->has_value(); }
    Ref<IProtocol> protocol() const {
        return over() && (*seen_)->ok() ? (*seen_)->value() : nullptr;
    }
    template <class E>
    std::string failedWith() const {
        const E* error =
            over() && !(*seen_)->ok() ? (*seen_)->failure().template check<E>() : nullptr;
        return error != nullptr ? error->what() : "no such failure";
    }
    void cancel() { connecting_.cancel(); }

private:
    std::shared_ptr<std::optional<Result<Ref<IProtocol>>>> seen_ =
        std::make_shared<std::optional<Result<Ref<IProtocol>>>>();
    Deferred<Ref<IProtocol>> connecting_;
};

class MemoryReactorTest : public ::testing::Test {
protected:
    static Ref<RecordingFactory> echoing() { return makeRef<RecordingFactory>(&echo); }

    CaughtErrors errors;
    MemoryReactor reactor;

    void TearDown() override { EXPECT_THAT(errors.takeLogged(), SizeIs(0)); }
};

// M-2: what is listened on is recorded with all that was given, and nobody connects by himself.
TEST_F(MemoryReactorTest, recordsWhatIsListenedOn) {
    const auto factory = echoing();
    const auto port = reactor.listenTcp(8080, factory, {.interface = "127.0.0.1", .backlog = 5});
    reactor.listenUnix("@name", factory, {.mode = 0600});
    ASSERT_THAT(reactor.tcpServers(), SizeIs(1));
    const MemoryPort& tcp = *reactor.tcpServers()[0];
    EXPECT_EQ(port->getHost().toString(), "127.0.0.1:8080");
    EXPECT_EQ(tcp.getHost(), port->getHost());
    EXPECT_EQ(tcp.factory(), factory);
    EXPECT_EQ(tcp.options().backlog, 5);
    EXPECT_THAT(tcp.where().file_name(), HasSubstr("memory_reactor_test.cpp"));
    EXPECT_TRUE(tcp.listening());
    ASSERT_THAT(reactor.unixServers(), SizeIs(1));
    EXPECT_EQ(reactor.unixServers()[0]->getHost().toString(), "unix:@name");
    EXPECT_EQ(reactor.unixServers()[0]->unixOptions().mode, 0600U);
    EXPECT_EQ(factory->starts, 2);
    EXPECT_EQ(reactor.flush(), 0U);
    EXPECT_THAT(factory->built, SizeIs(0));
}

// M-2: an attempt starts its factory at once, and then waits for the test.
TEST_F(MemoryReactorTest, recordsAttemptsToConnect) {
    const auto factory = echoing();
    const Attempted tcp(reactor.connectTcp(kServer, factory, {.timeout = 3s}));
    const Attempted local(reactor.connectUnix("/run/x", factory, {.timeout = 4s}));
    EXPECT_EQ(factory->starts, 2);
    ASSERT_THAT(reactor.tcpClients(), SizeIs(1));
    const MemoryConnector& attempt = *reactor.tcpClients()[0];
    EXPECT_EQ(attempt.address(), kServer);
    EXPECT_EQ(attempt.factory(), factory);
    EXPECT_EQ(attempt.options().timeout, 3s);
    EXPECT_THAT(attempt.where().file_name(), HasSubstr("memory_reactor_test.cpp"));
    ASSERT_THAT(reactor.unixClients(), SizeIs(1));
    EXPECT_EQ(reactor.unixClients()[0]->address().toString(), "unix:/run/x");
    reactor.flush();
    EXPECT_TRUE(attempt.pending());
    EXPECT_THAT(factory->built, SizeIs(0));
    reactor.advance(4s);
    EXPECT_THAT(tcp.failedWith<ConnectTimeoutError>(), HasSubstr("127.0.0.1:80 failed: timed out"));
    EXPECT_THAT(local.failedWith<ConnectTimeoutError>(), HasSubstr("4000 ms"));
    EXPECT_EQ(factory->stops, 2);
}

// A test connects to a server as its client, and sees what it does, and when.
TEST_F(MemoryReactorTest, aTestIsTheClientOfAServer) {
    const auto factory = echoing();
    const auto port = reactor.listenTcp(80, factory);
    const auto client = makeRef<AccumulatingProtocol>();
    IoPump* pump = reactor.tcpServers()[0]->connect(client);
    ASSERT_NE(pump, nullptr);
    EXPECT_EQ(&reactor.connection(0), pump);
    EXPECT_EQ(port->connections(), 1U);
    client->write("hello");
    EXPECT_EQ(client->data(), "");
    reactor.flush();
    EXPECT_EQ(client->take(), "hello");
    EXPECT_EQ(client->transport()->getPeer().toString(), "0.0.0.0:80");
    factory->built.at(0)->transport->loseConnection();
    reactor.flush();
    EXPECT_TRUE(client->closedWith<ConnectionDone>());
    EXPECT_EQ(port->connections(), 0U);
}

// A test lets an attempt succeed, with the other end in its hand.
TEST_F(MemoryReactorTest, aTestIsTheServerOfAClient) {
    const auto factory = echoing();
    const Attempted attempt(reactor.connectTcp(kServer, factory));
    const auto server = makeRef<AccumulatingProtocol>();
    IoPump* pump = reactor.tcpClients()[0]->succeed(server);
    ASSERT_NE(pump, nullptr);
    EXPECT_EQ(attempt.protocol(), factory->built.at(0));
    EXPECT_EQ(pump->client().getPeer(), kServer);
    server->write("hello");
    reactor.flush();
    EXPECT_EQ(server->data(), "hello");
    EXPECT_EQ(factory->stops, 0);
    pump->cut();
    EXPECT_EQ(factory->stops, 1);
    EXPECT_EQ(reactor.pendingCalls(), 0U);
}

// Or fail, with what it likes.
TEST_F(MemoryReactorTest, aTestRefusesAClient) {
    const auto factory = echoing();
    const Attempted attempt(reactor.connectTcp(kServer, factory));
    reactor.tcpClients()[0]->fail(ConnectionRefusedError("not now"));
    EXPECT_EQ(attempt.failedWith<ConnectionRefusedError>(), "not now");
    EXPECT_EQ(factory->stops, 1);
    EXPECT_THROW(reactor.tcpClients()[0]->fail(ConnectError("again")), std::logic_error);
    EXPECT_THROW(reactor.tcpClients()[0]->succeed(makeRef<AccumulatingProtocol>()),
                 std::logic_error);
    EXPECT_EQ(reactor.pendingCalls(), 0U);
}

// An attempt can be cancelled, as over a network.
TEST_F(MemoryReactorTest, anAttemptCanBeCancelled) {
    const auto factory = echoing();
    Attempted attempt(reactor.connectTcp(kServer, factory));
    attempt.cancel();
    EXPECT_THAT(attempt.failedWith<CancelledError>(), HasSubstr("127.0.0.1:80 was cancelled"));
    EXPECT_FALSE(reactor.tcpClients()[0]->pending());
    EXPECT_EQ(factory->stops, 1);
    EXPECT_EQ(reactor.pendingCalls(), 0U);
}

// Attempts reach the ports of the same reactor when the test says so; where there is none they are
// refused.
TEST_F(MemoryReactorTest, attemptsReachThePortsThatThereAre) {
    const auto server = echoing();
    reactor.listenTcp(80, server);
    reactor.listenUnix("/run/x", server);
    const Attempted tcp(reactor.connectTcp(kServer, echoing()));
    const Attempted local(reactor.connectUnix("/run/x", echoing()));
    const Attempted nowhere(reactor.connectTcp({Address::Kind::Ipv4, 81, "127.0.0.1"}, echoing()));
    const Attempted path(reactor.connectUnix("/run/y", echoing()));
    EXPECT_EQ(reactor.completeConnections(), 4U);
    EXPECT_TRUE(tcp.protocol());
    EXPECT_TRUE(local.protocol());
    EXPECT_THAT(nowhere.failedWith<ConnectionRefusedError>(), HasSubstr("127.0.0.1:81"));
    EXPECT_THAT(path.failedWith<ConnectionRefusedError>(), HasSubstr("/run/y"));
    EXPECT_EQ(reactor.completeConnections(), 0U);
    EXPECT_EQ(reactor.connections(), 2U);
    EXPECT_EQ(reactor.tcpServers()[0]->connections(), 1U);
}

// A factory that gives no protocol closes the connection: at a server, or at a client.
TEST_F(MemoryReactorTest, aFactoryMayGiveNoProtocol) {
    const auto nobody = echoing();
    nobody->refuse = true;
    reactor.listenTcp(80, nobody);
    EXPECT_EQ(reactor.tcpServers()[0]->connect(makeRef<AccumulatingProtocol>()), nullptr);
    const auto client = echoing();
    const Attempted closed(reactor.connectTcp(kServer, client));
    reactor.completeConnections();
    reactor.flush();
    EXPECT_TRUE(closed.protocol());
    EXPECT_TRUE(client->built.at(0)->lostWith<ConnectionDone>());
    const Attempted none(reactor.connectTcp(kServer, nobody));
    EXPECT_EQ(reactor.tcpClients()[1]->succeed(makeRef<AccumulatingProtocol>()), nullptr);
    EXPECT_THAT(none.failedWith<NoProtocol>(), HasSubstr("the factory gave no protocol"));
    EXPECT_EQ(nobody->stops, 1);
}

// What factories and protocols throw goes where it goes with sockets.
TEST_F(MemoryReactorTest, exceptionsOfFactoriesAndProtocols) {
    const auto bad =
        factoryOf([](const Address&) -> Ref<IProtocol> { throw std::runtime_error("no build"); });
    reactor.listenTcp(80, bad);
    EXPECT_EQ(reactor.tcpServers()[0]->connect(makeRef<AccumulatingProtocol>()), nullptr);
    EXPECT_THAT(errors.takeLogged("no build"), SizeIs(1));
    const Attempted unbuilt(reactor.connectTcp(kServer, bad));
    reactor.tcpClients()[0]->succeed(makeRef<AccumulatingProtocol>());
    EXPECT_EQ(unbuilt.failedWith<std::runtime_error>(), "no build");
    const auto unmade = makeRef<RecordingFactory>([](RecordingProtocol& protocol) {
        protocol.onMade = [](RecordingProtocol&) { throw std::runtime_error("not made"); };
    });
    const Attempted thrown(reactor.connectTcp(kServer, unmade));
    reactor.tcpClients()[1]->succeed(makeRef<AccumulatingProtocol>());
    EXPECT_EQ(thrown.failedWith<std::runtime_error>(), "not made");
    EXPECT_THAT(errors.takeLogged("not made"), SizeIs(1));
}

// C-10 holds here too: what cannot be connected to is told from a later turn; misuse at the call.
TEST_F(MemoryReactorTest, badAddressesFailLater) {
    const Attempted name(reactor.connectTcp({Address::Kind::Ipv4, 80, "example.org"}, echoing()));
    EXPECT_FALSE(name.over());
    reactor.flush();
    EXPECT_THAT(name.failedWith<ConnectError>(), HasSubstr("use a HostnameEndpoint for names"));
    const Attempted local(reactor.connectTcp({Address::Kind::Unix, 0, "/run/x"}, echoing()));
    EXPECT_THAT(local.failedWith<ConnectError>(), HasSubstr("it is for connectUnix()"));
    EXPECT_THROW(reactor.connectTcp(kServer, echoing(), {.timeout = -1s}), std::invalid_argument);
    EXPECT_THROW(reactor.connectUnix("/x", echoing(), {.timeout = -1s}), std::invalid_argument);
}

// A port is in use once, gets a number when it wants any, and is free again when it has stopped.
TEST_F(MemoryReactorTest, portsAreUsedOnce) {
    const auto factory = echoing();
    const auto port = reactor.listenTcp(80, factory);
    EXPECT_THROW(reactor.listenTcp(80, factory), CannotListenError);
    EXPECT_THROW(reactor.listenTcp(81, factory, {.interface = "nonsense"}), CannotListenError);
    EXPECT_NO_THROW(reactor.listenTcp(80, factory, {.interface = "127.0.0.1"}));
    const auto any = reactor.listenTcp(0, factory);
    EXPECT_NE(any->getHost().port, 0);
    EXPECT_NE(reactor.listenTcp(0, factory)->getHost().port, any->getHost().port);
    Deferred<> stopped = port->stopListening();
    EXPECT_FALSE(stopped.called());
    EXPECT_THROW(reactor.tcpServers()[0]->connect(makeRef<AccumulatingProtocol>()),
                 std::logic_error);
    reactor.flush();
    successResultOf(stopped);
    successResultOf(port->stopListening());
    EXPECT_EQ(factory->stops, 1);
    EXPECT_NO_THROW(reactor.listenTcp(80, factory));
}

// Everything can be made to fail (Twisted: `RaisingMemoryReactor`).
TEST_F(MemoryReactorTest, canRefuseEverything) {
    reactor.raiseOnListen(CannotListenError("no", std::make_error_code(std::errc::io_error)));
    EXPECT_THROW(reactor.listenTcp(80, echoing()), CannotListenError);
    EXPECT_THROW(reactor.listenUnix("/x", echoing()), CannotListenError);
    EXPECT_THROW(reactor.listenUdp(53, makeRef<DatagramProtocol>()), CannotListenError);
    reactor.raiseOnListen({});
    EXPECT_NO_THROW(reactor.listenTcp(80, echoing()));
    reactor.raiseOnConnect(NoRouteError("no way"));
    const Attempted tcp(reactor.connectTcp(kServer, echoing()));
    const Attempted local(reactor.connectUnix("/x", echoing()));
    EXPECT_FALSE(tcp.over());
    reactor.flush();
    EXPECT_EQ(tcp.failedWith<NoRouteError>(), "no way");
    EXPECT_EQ(local.failedWith<NoRouteError>(), "no way");
}

// Time passes from call to call, and what each of them writes arrives before the next one.
TEST_F(MemoryReactorTest, timePassesFromCallToCall) {
    reactor.listenTcp(80, echoing());
    const auto client = makeRef<AccumulatingProtocol>();
    reactor.tcpServers()[0]->connect(client);
    std::vector<std::string> seen;
    const auto look = [&] {
        seen.push_back(std::to_string(reactor.seconds() / 1s) + client->data());
    };
    reactor.callLater(1s, [&] { client->write("a"); });
    reactor.callLater(2s, look);
    reactor.callLater(2s, [&] { reactor.callLater(1s, look); });
    EXPECT_EQ(reactor.pendingCalls(), 3U);
    EXPECT_THAT(reactor.getDelayedCalls(), SizeIs(3));
    reactor.advance(10s);
    EXPECT_THAT(seen, ElementsAre("2a", "3a"));
    EXPECT_EQ(reactor.seconds(), 10s);
    EXPECT_THROW(reactor.advance(-1s), std::invalid_argument);
}

// What delayed calls throw is logged, and the others run.
TEST_F(MemoryReactorTest, aThrowingCallIsLogged) {
    bool ran = false;
    reactor.callLater(1s, [] { throw std::runtime_error("bad call"); });
    reactor.callLater(1s, [&] { ran = true; });
    reactor.advance(1s);
    EXPECT_TRUE(ran);
    EXPECT_THAT(errors.takeLogged("bad call"), SizeIs(1));
}

// A call that adds one for now waits for the next pump, as for the next turn of a reactor.
TEST_F(MemoryReactorTest, aCallAddedForNowWaitsForTheNextPump) {
    int calls = 0;
    LoopingCall loop(reactor, [&] { ++calls; });
    loop.start(0s);
    EXPECT_TRUE(reactor.pump());
    EXPECT_TRUE(reactor.pump());
    EXPECT_EQ(calls, 3);
    loop.stop();
    EXPECT_FALSE(reactor.pump());
}

// M-4: nobody pumps from inside a callback.
TEST_F(MemoryReactorTest, aPumpInsideOfItselfIsRefused) {
    bool refused = false;
    reactor.callLater(0s, [&] {
        EXPECT_THROW(reactor.flush(), std::logic_error);
        refused = true;
    });
    reactor.flush();
    EXPECT_TRUE(refused);
}

// run() needs no network to run a program: time jumps to what is next.
TEST_F(MemoryReactorTest, runsAProgramOfHoursAtOnce) {
    std::vector<std::string> seen;
    reactor.callWhenRunning([&] { seen.emplace_back("running"); });
    reactor.callLater(10h, [&] {
        seen.emplace_back("stopping");
        reactor.stop();
    });
    reactor.addSystemEventTrigger(Phase::Before, SystemEvent::Shutdown, [&] {
        Deferred<> cleanedUp;
        reactor.callLater(1h, [cleanedUp]() mutable { cleanedUp.callback(); });
        return cleanedUp;
    });
    reactor.run();
    EXPECT_THAT(seen, ElementsAre("running", "stopping"));
    EXPECT_EQ(reactor.seconds(), 11h);
}

// iterate() waits in its own time as well, and no longer than it was told.
TEST_F(MemoryReactorTest, iterateWaitsInItsOwnTime) {
    bool rang = false;
    reactor.callLater(5s, [&] { rang = true; });
    reactor.iterate(2s);
    EXPECT_EQ(reactor.seconds(), 2s);
    EXPECT_FALSE(rang);
    reactor.iterate(30s);
    EXPECT_EQ(reactor.seconds(), 5s);
    EXPECT_TRUE(rang);
    reactor.iterate();
    EXPECT_EQ(reactor.seconds(), 5s);
}

// A whole program, server and client, runs through react() with not one socket.
TEST_F(MemoryReactorTest, reactRunsServerAndClient) {
    MemoryReactor joined({.pumps = {.seed = 7}, .connects = true});
    const auto client = makeRef<AccumulatingProtocol>();
    const int status = react(joined, [&](Reactor& r) {
        r.listenTcp(80, echoing());
        auto endpoint = makeRef<HostnameEndpoint>(r, "localhost", std::uint16_t{80});
        return endpoint->connect(factoryOf([&](const Address&) { return client; }))
            .addCallback([&, endpoint](const Ref<IProtocol>&) {
                client->write("hello");
                Deferred<> done;
                r.callLater(1s, [done]() mutable { done.callback(); });
                return done;
            });
    });
    EXPECT_EQ(status, 0);
    EXPECT_EQ(client->data(), "hello");
    EXPECT_TRUE(client->closedWith<ConnectionLost>());
}

// The shutdown tells everybody, as on a network; what throws then is logged.
TEST_F(MemoryReactorTest, theShutdownEndsEverything) {
    const auto factory = echoing();
    const auto port = reactor.listenTcp(80, factory);
    reactor.listenUdp(53, makeRef<DatagramProtocol>());
    const auto client = makeRef<AccumulatingProtocol>();
    reactor.tcpServers()[0]->connect(client);
    const Attempted attempt(reactor.connectTcp(kServer, factory));
    Deferred<> stopped;
    reactor.callLater(0s, [&] {
        reactor.stop();
        stopped = port->stopListening();
    });
    reactor.run();
    successResultOf(stopped);
    EXPECT_TRUE(client->closedWith<ConnectionLost>());
    EXPECT_EQ(attempt.failedWith<ConnectionLost>(), "the reactor stopped");
    EXPECT_FALSE(reactor.tcpServers()[0]->listening());
    EXPECT_FALSE(reactor.udpPorts()[0]->listening());
    EXPECT_EQ(factory->starts, factory->stops);
    EXPECT_THAT(reactor.leftovers(), SizeIs(0));
}

// So does the end of the reactor; its handles live on.
TEST_F(MemoryReactorTest, theEndOfTheReactorEndsEverything) {
    auto gone = std::make_unique<MemoryReactor>();
    const auto port = gone->listenTcp(80, echoing());
    const Ref<MemoryPort> recorded = gone->tcpServers()[0];
    const auto client = makeRef<AccumulatingProtocol>();
    recorded->connect(client);
    const Attempted attempt(gone->connectTcp(kServer, echoing()));
    const auto captured = std::make_shared<int>();
    gone->callLater(1s, [captured] {});
    gone.reset();
    EXPECT_TRUE(client->closedWith<ConnectionLost>());
    EXPECT_EQ(attempt.failedWith<ConnectionLost>(), "the reactor is gone");
    EXPECT_EQ(captured.use_count(), 1);
    EXPECT_EQ(port->getHost().port, 80);
    successResultOf(port->stopListening());
    EXPECT_THROW(recorded->connect(makeRef<AccumulatingProtocol>()), std::logic_error);
}

// leftovers() names all that is open or pending.
TEST_F(MemoryReactorTest, namesWhatIsLeftOver) {
    EXPECT_THAT(reactor.leftovers(), SizeIs(0));
    reactor.listenTcp(80, echoing());
    reactor.listenUdp(53, makeRef<DatagramProtocol>());
    reactor.tcpServers()[0]->connect(makeRef<AccumulatingProtocol>());
    const Attempted attempt(reactor.connectTcp(kServer, echoing()));
    EXPECT_THAT(reactor.leftovers(),
                ElementsAre(HasSubstr("a port on 0.0.0.0:80, made at "),
                            HasSubstr("a UDP port on 0.0.0.0:53, made at "),
                            HasSubstr("an attempt to connect to 127.0.0.1:80, made at "),
                            HasSubstr("a connection of 127.0.0.1:"),
                            HasSubstr("a delayed call, due in 30 s, made at ")));
}

// Services and endpoints take it for any reactor: here one that reconnects.
TEST_F(MemoryReactorTest, aClientServiceReconnects) {
    const auto factory = echoing();
    auto service = makeRef<ClientService>(
        reactor, clientFromString(reactor, "tcp:host=10.0.0.1:port=80"), factory,
        ClientServiceOptions{.retryPolicy = [](unsigned failures) { return failures * 1s; }});
    service->startService();
    reactor.tcpClients().at(0)->fail(ConnectionRefusedError("down"));
    EXPECT_THAT(reactor.tcpClients(), SizeIs(1));
    reactor.advance(1s);
    reactor.tcpClients().at(1)->succeed(makeRef<AccumulatingProtocol>());
    EXPECT_TRUE(successResultOf(service->whenConnected()));
    Deferred<> stopped = service->stopService();
    reactor.flush();
    successResultOf(stopped);
    EXPECT_THAT(reactor.leftovers(), SizeIs(0));
}

// Threads are real: what they bring comes with iterate().
TEST_F(MemoryReactorTest, threadsAreReal) {
    reactor.threadPool().start();
    Deferred<int> d = deferToThread(reactor, [] { return 5; });
    std::optional<int> result;
    d.addCallback([&](int value) { result = value; });
    while (!result) {
        reactor.iterate(Duration::max());
    }
    EXPECT_EQ(result, 5);
}

// A turn that served what a thread brought is over: it does not wait for more, which may not come.
TEST_F(MemoryReactorTest, turnEndsWithWhatWasServed) {
    bool served = false;
    reactor.callFromThread([&] { served = true; });
    reactor.iterate(Duration::max());
    EXPECT_TRUE(served);
}

// TH-1: stop() in a call that a thread brought ends run() in memory too, with nothing else to do.
TEST_F(MemoryReactorTest, callFromThreadStopsRun) {
    reactor.callFromThread([&] { reactor.stop(); });
    reactor.run();
    EXPECT_FALSE(reactor.running());
}

std::atomic<std::latch*> watchdogTold = nullptr;

// The watchdog looks from a thread of its own, and so not at the time of the test, which the test
// moves as it likes: it tells of what really takes long.
TEST_F(MemoryReactorTest, watchdogGoesByRealTime) {
    std::latch told(1);
    watchdogTold = &told;
    const LogObserver before = setLogObserver([](LogLevel, std::string_view message) noexcept {
        if (message.find("is not over") != std::string_view::npos) {
            watchdogTold.load()->count_down();
        }
    });
    reactor.watchHealth({.slowCallback = 1ms, .watchdog = true});
    reactor.callFromThread([&] {
        reactor.clock().advance(1ms);
        told.wait();
    });
    reactor.iterate();
    setLogObserver(before);
    EXPECT_TRUE(told.try_wait());
}

struct Descriptor final : IReadWriteDescriptor {
    explicit Descriptor(int number) : fd(number) {}
    int fileno() const noexcept override { return fd; }
    void connectionLost(const Failure& why) override { lost = why.message(); }

    int fd;
    std::string lost;
};

// M-2: readers and writers are recorded too, each once, and need no descriptor that exists.
TEST_F(MemoryReactorTest, recordsReadersAndWriters) {
    const auto one = makeRef<Descriptor>(1001);
    const auto other = makeRef<Descriptor>(1002);
    reactor.addReader(one);
    reactor.addReader(one);
    reactor.addWriter(one);
    reactor.addWriter(other);
    EXPECT_THROW(reactor.addReader(nullptr), std::invalid_argument);
    EXPECT_THAT(reactor.getReaders(), ElementsAre(one));
    EXPECT_THAT(reactor.getWriters(), ElementsAre(one, other));
    EXPECT_THAT(reactor.leftovers(), ElementsAre("descriptor 1001, watched for reading",
                                                 "descriptor 1001, watched for writing",
                                                 "descriptor 1002, watched for writing"));
    reactor.removeReader(one);
    reactor.removeReader(other);
    reactor.removeWriter(one);
    EXPECT_THAT(reactor.getReaders(), SizeIs(0));
    EXPECT_THAT(reactor.getWriters(), ElementsAre(other));
    reactor.addReader(one);
    EXPECT_THAT(reactor.removeAll(), ElementsAre(one, other));
    EXPECT_THAT(reactor.leftovers(), SizeIs(0));
}

// The end of the reactor is theirs too.
TEST_F(MemoryReactorTest, theEndOfTheReactorIsToldToDescriptors) {
    const auto descriptor = makeRef<Descriptor>(1001);
    {
        MemoryReactor gone;
        gone.addReader(descriptor);
        gone.addWriter(descriptor);
    }
    EXPECT_EQ(descriptor->lost, "the reactor is gone");
}

/// Keeps what comes to a UDP port.
class Datagrams final : public DatagramProtocol {
public:
    void datagramReceived(std::span<const std::byte> data, const Address& from) override {
        seen.push_back(std::string(asText(data)) + " from " + from.toString());
        if (asText(data) == "throw") {
            throw std::runtime_error("bad datagram");
        }
    }
    void connectionRefused() override { seen.emplace_back("refused"); }
    void datagramFailed(const Address& to, std::error_code why) override {
        seen.push_back(to.toString() + " " + why.message());
    }
    void stopProtocol() override { seen.emplace_back("stopped"); }

    std::vector<std::string> seen;
};

const Address kPeer{Address::Kind::Ipv4, 9, "10.0.0.9"};

// M-2: a UDP port keeps what is written, and the test delivers.
TEST_F(MemoryReactorTest, udpPortsKeepWhatIsWritten) {
    const auto protocol = makeRef<Datagrams>();
    const auto handle = reactor.listenUdp(53, protocol, {.maxPacketSize = 5});
    MemoryDatagramPort& port = *reactor.udpPorts().at(0);
    EXPECT_EQ(port.protocol(), protocol);
    EXPECT_TRUE(port.deliver("hello", kPeer));
    EXPECT_FALSE(port.deliver("longer", kPeer));
    protocol->transport()->write("answer", kPeer);
    ASSERT_THAT(port.written(), SizeIs(1));
    EXPECT_EQ(port.take()[0].data, "answer");
    EXPECT_THAT(port.written(), SizeIs(0));
    port.deliver("throw", kPeer);
    EXPECT_THAT(errors.takeLogged("bad datagram"), SizeIs(1));
    port.failToSend(kPeer, std::make_error_code(std::errc::network_unreachable));
    EXPECT_THROW(port.refuse(), std::logic_error);
    Deferred<> stopped = handle->stopListening();
    EXPECT_FALSE(port.deliver("late", kPeer));
    reactor.flush();
    successResultOf(stopped);
    EXPECT_THAT(protocol->seen, ElementsAre("hello from 10.0.0.9:9", "throw from 10.0.0.9:9",
                                            "10.0.0.9:9 Network is unreachable", "stopped"));
}

// A connected UDP port sends to, and hears from, one place.
TEST_F(MemoryReactorTest, aUdpPortCanBeConnected) {
    const auto protocol = makeRef<Datagrams>();
    reactor.listenUdp(0, protocol);
    MemoryDatagramPort& port = *reactor.udpPorts().at(0);
    EXPECT_THROW(port.write("nowhere"), std::logic_error);
    port.connect(kPeer);
    EXPECT_THROW(port.connect(kPeer), std::logic_error);
    port.write("one");
    port.write("two", kPeer);
    EXPECT_THAT(port.written(), SizeIs(2));
    EXPECT_EQ(port.written()[0].to, kPeer);
    EXPECT_THROW(port.write("x", kServer), InvalidAddressError);
    EXPECT_FALSE(port.deliver("stranger", kServer));
    port.refuse();
    EXPECT_THAT(protocol->seen, ElementsAre("refused"));
}

// What a socket refuses is refused here.
TEST_F(MemoryReactorTest, aUdpPortRefusesWhatASocketDoes) {
    reactor.listenUdp(53, makeRef<Datagrams>());
    EXPECT_THROW(reactor.listenUdp(53, makeRef<Datagrams>()), CannotListenError);
    EXPECT_NO_THROW(reactor.listenUdp(53, makeRef<Datagrams>(), {.listenMultiple = true}));
    MemoryDatagramPort& port = *reactor.udpPorts().at(0);
    EXPECT_THROW(port.write("x", {Address::Kind::Ipv4, 9, "example.org"}), InvalidAddressError);
    EXPECT_THROW(port.write("x", {Address::Kind::Ipv6, 9, "::1"}), InvalidAddressError);
    EXPECT_THROW(port.write("x", {Address::Kind::Ipv4, 9, "<broadcast>"}), InvalidAddressError);
    EXPECT_THROW(port.write(std::string(65508, 'x'), kPeer), MessageLengthError);
    port.setBroadcastAllowed(true);
    EXPECT_NO_THROW(port.write("x", {Address::Kind::Ipv4, 9, "<broadcast>"}));
    EXPECT_THAT(port.written(), SizeIs(1));
}

// Groups and options are kept for the test to see.
TEST_F(MemoryReactorTest, aUdpPortKeepsItsGroups) {
    reactor.listenUdp(53, makeRef<Datagrams>());
    MemoryDatagramPort& port = *reactor.udpPorts().at(0);
    successResultOf(port.joinGroup("224.0.0.9", ""));
    failureResultOf<MulticastJoinError>(port.joinGroup("224.0.0.9", ""));
    EXPECT_THAT(port.groups(), SizeIs(1));
    successResultOf(port.leaveGroup("224.0.0.9", ""));
    failureResultOf<MulticastJoinError>(port.leaveGroup("224.0.0.9", ""));
    port.setTtl(7);
    port.setLoopbackMode(false);
    port.setOutgoingInterface("lo");
    EXPECT_EQ(port.getTtl(), 7);
    EXPECT_FALSE(port.getLoopbackMode());
    EXPECT_EQ(port.outgoingInterface(), "lo");
}

}  // namespace
}  // namespace marline::testing
