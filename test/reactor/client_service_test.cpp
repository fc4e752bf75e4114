// ClientService: area V.
#include <marline/reactor/client_service.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/endpoint_wrappers.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/string_transport.hpp>
#include <marline/reactor/unix.hpp>

#include "test/support/recording_protocol.hpp"
#include "test/support/running.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;
using marline::testing::Clock;
using marline::testing::RecordingFactory;
using marline::testing::StringTransport;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

/// One attempt to connect, and the connection that it comes to.
struct Attempt {
    explicit Attempt(Ref<IProtocolFactory> to)
        : factory(std::move(to)), source([this](Deferred<Ref<IProtocol>>) { cancelled = true; }) {
        factory->doStart();
    }

    /// The connection stands.
    void succeed() {
        protocol = factory->buildProtocol({});
        if (!protocol) {
            fail(NoProtocol("the factory gave no protocol"));
            return;
        }
        protocol->makeConnection(transport);
        source.callback(protocol);
    }
    void fail(const Failure& why) {
        factory->doStop();
        source.errback(why);
    }
    /// The connection ends.
    void lose() {
        lost = true;
        transport.disconnect();
        protocol->connectionLost(ConnectionDone());
        factory->doStop();
    }

    Ref<IProtocolFactory> factory;
    Ref<IProtocol> protocol;
    StringTransport transport;
    bool cancelled = false;
    bool lost = false;
    DeferredSource<Ref<IProtocol>> source;
};

class TestEndpoint final : public IStreamClientEndpoint {
public:
    Deferred<Ref<IProtocol>> connect(Ref<IProtocolFactory> factory) override {
        attempts.push_back(std::make_unique<Attempt>(std::move(factory)));
        return attempts.back()->source.deferred();
    }
    std::vector<std::unique_ptr<Attempt>> attempts;
};

/// What a Deferred<Ref<IProtocol>> came to.
struct Seen {
    explicit Seen(Deferred<Ref<IProtocol>> d) : deferred(d) {
        d.addBoth(
            [to = outcome](Result<Ref<IProtocol>> result) { to->emplace(std::move(result)); });
    }
    bool pending() const { return !outcome->has_value(); }
    IProtocol* protocol() const { return (*outcome)->value().get(); }
    template <class E>
    bool failedWith() const {
        return !pending() && !(*outcome)->ok() && (*outcome)->failure().check<E>() != nullptr;
    }

    Deferred<Ref<IProtocol>> deferred;
    std::shared_ptr<std::optional<Result<Ref<IProtocol>>>> outcome =
        std::make_shared<std::optional<Result<Ref<IProtocol>>>>();
};

class Client : public ::testing::Test {
protected:
    // A service that is dropped closes its connection; the tests are what ends it.
    ~Client() override {
        service.reset();
        for (const auto& attempt : endpoint->attempts) {
            if (attempt->protocol && !attempt->lost) {
                attempt->lose();
            }
        }
        endpoint->attempts.clear();
    }

    /// Delays of 1 s, 2 s, 3 s… unless the options say otherwise.
    void make(ClientServiceOptions options = {}) {
        if (!options.retryPolicy) {
            options.retryPolicy = [this](unsigned failures) -> Duration {
                asked.push_back(failures);
                return std::chrono::seconds(failures);
            };
        }
        service = makeRef<ClientService>(clock, endpoint, factory, std::move(options));
    }
    void start() {
        make();
        service->startService();
    }
    Attempt& last() { return *endpoint->attempts.back(); }
    Seen whenConnected(unsigned failures = 0) { return Seen(service->whenConnected(failures)); }
    IProtocol* built() { return factory->built.back().get(); }
    /// Stops; `ended` counts when that is over.
    void stop() {
        service->stopService().addCallback([this] { ++ended; });
    }

    Clock clock;
    std::vector<unsigned> asked;
    Ref<TestEndpoint> endpoint = makeRef<TestEndpoint>();
    Ref<RecordingFactory> factory = makeRef<RecordingFactory>();
    Ref<ClientService> service;
    int ended = 0;
};

// V-1: a start connects at once; a second one is warned of and does nothing.
TEST_F(Client, startConnectsAtOnce) {
    start();
    EXPECT_THAT(endpoint->attempts, SizeIs(1));
    test::CatchLog logged;
    service->startService();
    EXPECT_THAT(logged.take(), ElementsAre(HasSubstr("startService()")));
    EXPECT_THAT(endpoint->attempts, SizeIs(1));
}

// V-2: failures in a row make the wait longer; a connection begins the count anew.
TEST_F(Client, failuresAreCountedUntilAConnection) {
    start();
    last().fail(ConnectionRefusedError("refused"));
    clock.advance(1s);
    last().fail(ConnectionRefusedError("refused"));
    clock.advance(1s);
    EXPECT_THAT(endpoint->attempts, SizeIs(2)) << "the second wait is longer";
    clock.advance(1s);
    ASSERT_THAT(endpoint->attempts, SizeIs(3));
    last().succeed();
    last().lose();
    clock.advance(1s);
    last().fail(ConnectionRefusedError("refused"));
    EXPECT_THAT(asked, ElementsAre(1, 2, 1, 2));
}

// V-3: the loss of a connection that stood is the first failure.
TEST_F(Client, aLossIsOneFailure) {
    start();
    last().succeed();
    EXPECT_EQ(clock.pendingCalls(), 0U);
    last().lose();
    EXPECT_THAT(asked, ElementsAre(1));
    clock.advance(999ms);
    EXPECT_THAT(endpoint->attempts, SizeIs(1));
    clock.advance(1ms);
    EXPECT_THAT(endpoint->attempts, SizeIs(2));
}

// C-20, V-4: 1.5^n seconds, 60 at most, and the jitter on top of that, whatever the count.
TEST(BackoffPolicy, growsToItsLimitAndAddsTheJitter) {
    RetryPolicy plain = backoffPolicy({.jitter = [] { return Duration::zero(); }});
    EXPECT_EQ(plain(1), 1500ms);
    EXPECT_EQ(plain(2), 2250ms);
    EXPECT_EQ(plain(10), Duration(57'665'039'062));
    EXPECT_EQ(plain(11), 60s);
    EXPECT_EQ(plain(1'000'000), 60s);
    RetryPolicy late = backoffPolicy({.jitter = [] { return Duration(700ms); }});
    EXPECT_EQ(late(4'000'000'000), 60s + 700ms);
    RetryPolicy own = backoffPolicy(
        {.initialDelay = 10ms, .maxDelay = 1s, .factor = 10, .jitter = [] { return 0s; }});
    EXPECT_EQ(own(1), 100ms);
    EXPECT_EQ(own(3), 1s);
}

// V-4: the jitter is up to a second, and not always the same.
TEST(BackoffPolicy, jitterIsRandomAndLessThanASecond) {
    RetryPolicy policy = backoffPolicy();
    std::vector<Duration> delays;
    for (int i = 0; i < 100; ++i) {
        delays.push_back(policy(1) - 1500ms);
        EXPECT_GE(delays.back(), 0s);
        EXPECT_LE(delays.back(), 1s);
    }
    EXPECT_NE(*std::min_element(delays.begin(), delays.end()),
              *std::max_element(delays.begin(), delays.end()));
}

// V-5: whenConnected() waits for a connection, and has one at once; it is the user's protocol.
TEST_F(Client, whenConnectedGivesTheUsersProtocol) {
    start();
    const Seen before = whenConnected();
    EXPECT_TRUE(before.pending());
    last().succeed();
    EXPECT_EQ(before.protocol(), built());
    EXPECT_NE(last().protocol.get(), built()) << "the transport's is the one that watches";
    EXPECT_EQ(whenConnected().protocol(), built());
    last().lose();
    const Seen later = whenConnected();
    EXPECT_TRUE(later.pending());
    clock.advance(1s);
    last().succeed();
    EXPECT_EQ(later.protocol(), built());
}

// V-6: whoever asked for it hears of the n-th failure since, and the others wait on.
TEST_F(Client, whenConnectedGivesUpAfterFailures) {
    start();
    const Seen patient = whenConnected();
    const Seen two = whenConnected(2);
    last().fail(ConnectionRefusedError("refused"));
    const Seen one = whenConnected(1);
    EXPECT_TRUE(two.pending());
    clock.advance(1s);
    last().fail(ConnectTimeoutError("too late"));
    EXPECT_TRUE(two.failedWith<ConnectTimeoutError>());
    EXPECT_TRUE(one.failedWith<ConnectTimeoutError>());
    EXPECT_TRUE(patient.pending());
    clock.advance(2s);
    last().succeed();
    EXPECT_EQ(patient.protocol(), built());
}

// One that waits may stop to do so; the others and the service go on.
TEST_F(Client, waitingCanBeCancelled) {
    start();
    Seen first = whenConnected();
    const Seen second = whenConnected();
    first.deferred.cancel();
    EXPECT_TRUE(first.failedWith<CancelledError>());
    EXPECT_FALSE(last().cancelled);
    last().succeed();
    EXPECT_EQ(second.protocol(), built());
}

// V-7: a stop while connecting cancels the attempt, and those who wait.
TEST_F(Client, stopWhileConnecting) {
    start();
    const Seen waiting = whenConnected();
    stop();
    EXPECT_TRUE(last().cancelled);
    EXPECT_TRUE(waiting.failedWith<CancelledError>());
    EXPECT_EQ(ended, 1);
    EXPECT_EQ(clock.pendingCalls(), 0U);
    EXPECT_FALSE(service->running());
}

// V-7: a stop during the wait cancels that.
TEST_F(Client, stopWhileRetrying) {
    start();
    last().fail(ConnectionRefusedError("refused"));
    EXPECT_EQ(clock.pendingCalls(), 1U);
    const Seen waiting = whenConnected();
    stop();
    EXPECT_EQ(clock.pendingCalls(), 0U);
    EXPECT_TRUE(waiting.failedWith<CancelledError>());
    EXPECT_EQ(ended, 1);
}

// V-7: a stop closes the connection and is over when that has ended.
TEST_F(Client, stopWhileConnected) {
    start();
    last().succeed();
    stop();
    EXPECT_TRUE(last().transport.closed());
    EXPECT_EQ(ended, 0);
    stop();
    EXPECT_EQ(ended, 0);
    last().lose();
    EXPECT_EQ(ended, 2) << "every stop hears of the end";
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// A connection that comes about although its attempt was cancelled is closed.
TEST_F(Client, aConnectionAfterTheStopIsClosed) {
    struct Stubborn final : IStreamClientEndpoint {
        Deferred<Ref<IProtocol>> connect(Ref<IProtocolFactory> to) override {
            factory = std::move(to);
            source = DeferredSource<Ref<IProtocol>>([this](Deferred<Ref<IProtocol>> d) {
                protocol = factory->buildProtocol({});
                protocol->makeConnection(transport);
                d.callback(protocol);
            });
            return source.deferred();
        }
        Ref<IProtocolFactory> factory;
        Ref<IProtocol> protocol;
        StringTransport transport;
        DeferredSource<Ref<IProtocol>> source;
    };
    const auto stubborn = makeRef<Stubborn>();
    service = makeRef<ClientService>(clock, stubborn, factory);
    service->startService();
    const Seen waiting = whenConnected();
    stop();
    EXPECT_TRUE(stubborn->transport.closed());
    EXPECT_EQ(ended, 0);
    stubborn->protocol->connectionLost(ConnectionDone());
    EXPECT_EQ(ended, 1);
    EXPECT_TRUE(waiting.failedWith<CancelledError>());
    stubborn->factory.reset();
    stubborn->protocol.reset();
}

// V-8: a stopped service has no connection to wait for; one that never started may get one.
TEST_F(Client, whenConnectedWithoutAStart) {
    make();
    const Seen early = whenConnected();
    EXPECT_TRUE(early.pending());
    service->startService();
    last().succeed();
    EXPECT_EQ(early.protocol(), built());
    stop();
    last().lose();
    EXPECT_TRUE(whenConnected().failedWith<CancelledError>());
}

// V-9: a start while stopping waits for the old connection's end, then connects anew.
TEST_F(Client, startWhileStopping) {
    start();
    last().succeed();
    stop();
    service->startService();
    const Seen waiting = whenConnected();
    EXPECT_THAT(endpoint->attempts, SizeIs(1));
    last().lose();
    EXPECT_EQ(ended, 1);
    ASSERT_THAT(endpoint->attempts, SizeIs(2));
    last().succeed();
    EXPECT_EQ(waiting.protocol(), built());
}

// V-9: stopped again before that, both stops end, and it does not connect.
TEST_F(Client, stopWhileRestarting) {
    start();
    last().succeed();
    stop();
    service->startService();
    test::CatchLog logged;
    service->startService();
    EXPECT_THAT(logged.take(), SizeIs(1));
    stop();
    last().lose();
    EXPECT_EQ(ended, 2);
    EXPECT_THAT(endpoint->attempts, SizeIs(1));
}

// V-10: it starts again after a stop, and stopping what does not run is over at once.
TEST_F(Client, startAfterStop) {
    make();
    stop();
    EXPECT_EQ(ended, 1);
    service->startService();
    stop();
    stop();
    EXPECT_EQ(ended, 3);
    service->startService();
    EXPECT_THAT(endpoint->attempts, SizeIs(2));
    last().succeed();
    EXPECT_EQ(whenConnected().protocol(), built());
}

/// Prepares when the test says so.
class Prepared : public Client {
protected:
    Prepared() {
        make({.retryPolicy = [](unsigned) { return 1s; },
              .prepareConnection =
                  [this](const Ref<IProtocol>& protocol) {
                      prepared.push_back(protocol.get());
                      if (throws) {
                          throw std::runtime_error("no login");
                      }
                      preparing = DeferredSource<>();
                      return preparing.deferred();
                  }});
        service->startService();
    }

    bool throws = false;
    std::vector<IProtocol*> prepared;
    DeferredSource<> preparing;
};

// V-11: every connection is prepared, with the user's protocol, before anybody gets it.
TEST_F(Prepared, whenConnectedWaitsForThePreparation) {
    for (int i = 0; i < 2; ++i) {
        const Seen waiting = whenConnected();
        last().succeed();
        EXPECT_TRUE(waiting.pending());
        EXPECT_TRUE(whenConnected().pending());
        ASSERT_THAT(prepared, SizeIs(i + 1));
        EXPECT_EQ(prepared.back(), built());
        preparing.callback();
        EXPECT_EQ(waiting.protocol(), built());
        last().lose();
        clock.advance(1s);
    }
}

// V-11: a preparation that fails is a failed attempt; its connection does not stay open.
TEST_F(Prepared, aFailedPreparationIsAFailedAttempt) {
    const Seen waiting = whenConnected(1);
    last().succeed();
    preparing.errback(Error("login refused"));
    EXPECT_TRUE(last().transport.aborted());
    EXPECT_EQ(clock.pendingCalls(), 0U);
    last().lose();
    EXPECT_TRUE(waiting.failedWith<Error>());
    EXPECT_FALSE(waiting.failedWith<ConnectionDone>()) << "why it failed, not how it ended";
    clock.advance(1s);
    throws = true;
    const Seen again = whenConnected(1);
    last().succeed();
    last().lose();
    EXPECT_TRUE(again.failedWith<std::runtime_error>());
    clock.advance(1s);
    EXPECT_THAT(endpoint->attempts, SizeIs(3));
}

// A connection lost during its preparation cancels that, and the loss is the reason.
TEST_F(Prepared, aLossEndsThePreparation) {
    const Seen waiting = whenConnected(1);
    last().succeed();
    last().lose();
    EXPECT_FALSE(preparing.pending());
    EXPECT_TRUE(waiting.failedWith<ConnectionDone>());
    clock.advance(1s);
    EXPECT_THAT(endpoint->attempts, SizeIs(2));
}

// A stop ends the preparation and the connection.
TEST_F(Prepared, stopWhilePreparing) {
    last().succeed();
    stop();
    EXPECT_FALSE(preparing.pending());
    EXPECT_TRUE(last().transport.aborted());
    EXPECT_EQ(ended, 0);
    last().lose();
    EXPECT_EQ(ended, 1);
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// V-12: a factory that gives no protocol is tried again.
TEST_F(Client, aRefusingFactoryIsTriedAgain) {
    start();
    factory->refuse = true;
    const Seen waiting = whenConnected(1);
    last().succeed();
    EXPECT_TRUE(waiting.failedWith<NoProtocol>());
    clock.advance(1s);
    EXPECT_THAT(endpoint->attempts, SizeIs(2));
}

/// Lives on after the peer's half-close.
class HalfCloseable final : public IProtocol {
public:
    void makeConnection(ITransport&) override {}
    void dataReceived(std::span<const std::byte> data) override { heard += asText(data); }
    void connectionLost(const Failure&) override {
        if (throws) {
            throw std::runtime_error("from connectionLost");
        }
    }
    bool wantsHalfClose() const noexcept override { return true; }
    void readConnectionLost() override { heard += "<read lost>"; }
    void writeConnectionLost() override { heard += "<write lost>"; }

    std::string heard;
    bool throws = false;
};

// V-13, E-5: the transport sees what the real protocol can do; doStart and doStop reach the
// factory.
TEST_F(Client, theProxyShowsTheRealProtocol) {
    start();
    EXPECT_EQ(factory->starts, 1);
    last().succeed();
    EXPECT_FALSE(last().protocol->wantsHalfClose());
    stop();
    last().lose();
    EXPECT_EQ(factory->stops, 1);

    const auto half = makeRef<HalfCloseable>();
    service = makeRef<ClientService>(clock, endpoint, detail::factoryOfOne(half));
    service->startService();
    last().succeed();
    EXPECT_TRUE(last().protocol->wantsHalfClose());
    last().protocol->dataReceived(asBytes("bytes"));
    last().protocol->readConnectionLost();
    last().protocol->writeConnectionLost();
    EXPECT_EQ(half->heard, "bytes<read lost><write lost>");
}

/// Takes descriptors.
class Receiver final : public IProtocol, public IFileDescriptorReceiver {
public:
    void makeConnection(ITransport&) override {}
    void dataReceived(std::span<const std::byte>) override {}
    void connectionLost(const Failure&) override {}
    void fileDescriptorReceived(UniqueFd fd) override { got = std::move(fd); }

    UniqueFd got;
};

// V-13, E-5: a protocol that takes descriptors gets them, and no other one is offered any.
TEST_F(Client, theProxyTakesDescriptorsForThoseWhoDo) {
    start();
    last().succeed();
    EXPECT_EQ(last().protocol->fileDescriptorReceiver(), nullptr);
    const auto taker = makeRef<Receiver>();
    service = makeRef<ClientService>(clock, endpoint, detail::factoryOfOne(taker));
    service->startService();
    last().succeed();
    IFileDescriptorReceiver* receiver = last().protocol->fileDescriptorReceiver();
    ASSERT_NE(receiver, nullptr);
    receiver->fileDescriptorReceived(UniqueFd(::dup(0)));
    EXPECT_TRUE(taker->got);
}

// E-5, V-13: handshakes and changes of transport reach it too, and a stop then closes the new one.
TEST_F(Client, theProxyFollowsItsTransport) {
    struct Tls final : IProtocol {
        void makeConnection(ITransport&) override {}
        void dataReceived(std::span<const std::byte>) override {}
        void connectionLost(const Failure&) override {}
        void handshakeCompleted() override { ++handshakes; }
        void transportChanged(ITransport& transport) override { changedTo = &transport; }
        int handshakes = 0;
        ITransport* changedTo = nullptr;
    };
    const auto protocol = makeRef<Tls>();
    service = makeRef<ClientService>(clock, endpoint, detail::factoryOfOne(protocol));
    service->startService();
    last().succeed();
    StringTransport secure;
    last().protocol->transportChanged(secure);
    last().protocol->handshakeCompleted();
    EXPECT_EQ(protocol->changedTo, &secure);
    EXPECT_EQ(protocol->handshakes, 1);
    stop();
    EXPECT_TRUE(secure.closed());
    EXPECT_FALSE(last().transport.closed());
    last().lose();
    EXPECT_EQ(ended, 1);
}

// What the protocol throws at its end is the transport's business; the service connects again.
TEST_F(Client, aThrowingProtocolIsReplaced) {
    const auto rude = makeRef<HalfCloseable>();
    rude->throws = true;
    service = makeRef<ClientService>(clock, endpoint, detail::factoryOfOne(rude));
    service->startService();
    last().succeed();
    EXPECT_THROW(last().lose(), std::runtime_error);
    clock.advance(3s);
    EXPECT_THAT(endpoint->attempts, SizeIs(2));
}

// A policy that throws is logged, and replaced by a long wait; a negative delay is none.
TEST_F(Client, badPoliciesDoNoHarm) {
    bool throws = true;
    make({.retryPolicy = [&](unsigned) -> Duration {
        if (throws) {
            throw std::runtime_error("no idea");
        }
        return -5s;
    }});
    service->startService();
    test::CatchLog logged;
    last().fail(ConnectionRefusedError("refused"));
    EXPECT_THAT(logged.take(), ElementsAre(HasSubstr("no idea")));
    clock.advance(60s);
    ASSERT_THAT(endpoint->attempts, SizeIs(2));
    throws = false;
    last().fail(ConnectionRefusedError("refused"));
    clock.advance(0s);
    EXPECT_THAT(endpoint->attempts, SizeIs(3));
}

// An endpoint that gives somebody else's protocol is refused with a reason.
TEST_F(Client, aForeignProtocolIsNoConnection) {
    start();
    const Seen waiting = whenConnected(1);
    last().source.callback(makeRef<HalfCloseable>());
    ASSERT_TRUE(waiting.failedWith<ConnectionLost>());
    EXPECT_THAT((*waiting.outcome)->failure().message(), HasSubstr("did not build"));
}

// Dropping the last Ref stops it: nothing goes on that nobody could stop.
TEST_F(Client, droppingStops) {
    start();
    last().succeed();
    service.reset();
    EXPECT_TRUE(last().transport.closed());
    last().lose();
    EXPECT_EQ(clock.pendingCalls(), 0U);
    start();
    const Seen waiting = whenConnected();
    service.reset();
    EXPECT_TRUE(last().cancelled);
    EXPECT_TRUE(waiting.failedWith<CancelledError>());
}

// Whoever gets the connection may stop the service right there.
TEST_F(Client, stopFromWhenConnected) {
    start();
    service->whenConnected().addCallback([this](const Ref<IProtocol>&) { stop(); });
    const Seen second = whenConnected();
    last().succeed();
    EXPECT_EQ(second.protocol(), built());
    last().lose();
    EXPECT_EQ(ended, 1);
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// On real sockets: the server closes, and the client is there again.
TEST(ClientServiceOnLoopback, comesBack) {
    Reactor reactor;
    const auto server = makeRef<RecordingFactory>();
    const auto port = reactor.listenTcp(0, server, {.interface = "127.0.0.1"});
    const auto client = makeRef<RecordingFactory>();
    const auto service = makeRef<ClientService>(
        reactor, makeRef<TcpClientEndpoint>(reactor, port->getHost()), client,
        ClientServiceOptions{.retryPolicy = [](unsigned) { return 1ms; }});
    service->startService();
    for (std::size_t i = 1; i <= 3; ++i) {
        test::runUntil(reactor, [&] {
            return server->built.size() == i && server->built.back()->transport != nullptr;
        });
        server->built.back()->transport->loseConnection();
    }
    EXPECT_TRUE(test::outcomeOf(reactor, service->stopService()).ok());
    EXPECT_EQ(client->starts, client->stops);
}

}  // namespace
