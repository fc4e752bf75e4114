// What every stream does, over TCP, over UNIX sockets and in memory: areas X and C.
#include <marline/reactor/interfaces.hpp>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>

#include "test/reactor/stream_pair.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;
using test::outcomeOf;
using test::Record;
using test::recorderFactory;
using test::StreamKind;
using test::StreamPair;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Stream : public ::testing::TestWithParam<StreamKind> {
protected:
    test::CatchLog log;
    StreamPair pair{GetParam()};
    Record& server = *pair.server;
    Record& client = *pair.client;
};

INSTANTIATE_TEST_SUITE_P(Kinds, Stream,
                         ::testing::Values(StreamKind::Tcp, StreamKind::Unix, StreamKind::Memory),
                         [](const auto& kind) { return test::nameOf(kind.param); });

// pausing in connectionMade takes effect before anything is read.
TEST_P(Stream, pausingInConnectionMadeTakesEffect) {
    server.onMade = [](ITransport& t) { t.pauseProducing(); };
    client.onMade = [](ITransport& t) { t.write("early"); };
    pair.connect();
    pair.turns();
    EXPECT_EQ(server.received, "");
    server.transport->resumeProducing();
    pair.until([&] { return server.received == "early"; });
}

// what is written is copied, nothing is delivered inside write(), and the order is kept.
TEST_P(Stream, writesAreCopiedAndKeepTheirOrder) {
    pair.connect();
    std::string text = "one ";
    client.transport->write(text);
    text = "one?";
    const std::array pieces = {asBytes("two "), asBytes(""), asBytes("three ")};
    client.transport->writeSequence(pieces);
    client.transport->write("four");
    EXPECT_EQ(server.received, "");
    pair.until([&] { return server.received.size() == 18; });
    EXPECT_EQ(server.received, "one two three four");
}

// a transport whose connection is gone takes every call and does nothing.
TEST_P(Stream, callsAfterTheEndDoNothing) {
    pair.connect();
    ITransport* transport = client.transport;
    server.transport->loseConnection();
    int calls = 0;
    client.halfClose = true;
    client.onLost = [&](ITransport& t) {
        t.write("late");
        const std::array pieces = {asBytes("late")};
        t.writeSequence(pieces);
        t.loseConnection();
        t.loseWriteConnection();
        t.abortConnection();
        t.pauseProducing();
        t.resumeProducing();
        t.setTcpNoDelay(true);
        ++calls;
    };
    transport->abortConnection();
    pair.untilBothLost();
    pair.turns();
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(server.received, "");
}

// after loseConnection no more data is delivered, though it waits.
TEST_P(Stream, loseConnectionStopsDelivery) {
    pair.connect();
    client.transport->write("unread");
    server.transport->loseConnection();
    pair.untilBothLost();
    EXPECT_EQ(server.received, "");
}

// what is written after loseConnection, before the close, is sent; a second one changes
// nothing.
TEST_P(Stream, writesAfterLoseConnectionAreSent) {
    pair.connect();
    client.transport->write("before ");
    client.transport->loseConnection();
    client.transport->write("after");
    client.transport->loseConnection();
    EXPECT_TRUE(client.transport->disconnecting());
    pair.untilBothLost();
    EXPECT_EQ(server.received, "before after");
    EXPECT_THAT(client.events, ElementsAre("made", "lost marline::ConnectionDone"));
}

// connectionLost comes once and is the last call, whatever is asked for meanwhile.
TEST_P(Stream, connectionLostComesOnce) {
    pair.connect();
    client.transport->write("x");
    client.transport->loseConnection();
    server.transport->loseConnection();
    server.transport->abortConnection();
    client.transport->abortConnection();
    pair.untilBothLost();
    pair.turns();
    EXPECT_EQ(client.events.size(), 2U);
    EXPECT_EQ(server.events.size(), 2U);
}

// what connectionMade throws closes the connection, at the client and (unlike Twisted's) at
// the server.
TEST_P(Stream, exceptionInConnectionMadeCloses) {
    server.onMade = [](ITransport&) { throw TimeoutError("not made"); };
    pair.connectTo(pair.port, recorderFactory(pair.client));
    pair.untilBothLost();
    EXPECT_NE(server.lost->check<TimeoutError>(), nullptr);
    EXPECT_THAT(log.take(), ElementsAre(HasSubstr("not made")));
    auto thrower = std::make_shared<Record>();
    thrower->onMade = [](ITransport&) { throw TimeoutError("nor here"); };
    const auto made = outcomeOf(pair.reactor, pair.connectTo(pair.port, recorderFactory(thrower)));
    EXPECT_NE(made.failure().check<TimeoutError>(), nullptr);
    EXPECT_NE(thrower->lost->check<TimeoutError>(), nullptr);
}

// after abortConnection the other ways to end change nothing.
TEST_P(Stream, abortIsFinal) {
    pair.connect();
    client.transport->abortConnection();
    client.transport->abortConnection();
    client.transport->loseConnection();
    client.transport->loseWriteConnection();
    EXPECT_FALSE(client.lost);
    pair.untilBothLost();
    EXPECT_THAT(client.events, ElementsAre("made", "lost marline::ConnectionAborted"));
}

// if dataReceived aborts and then throws, what it throws is the reason.
TEST_P(Stream, exceptionAfterAbortIsTheReason) {
    server.onData = [](ITransport& t, std::string_view) {
        t.abortConnection();
        throw TimeoutError("after the abort");
    };
    pair.connect();
    client.transport->write("x");
    pair.untilBothLost();
    EXPECT_NE(server.lost->check<TimeoutError>(), nullptr);
}

// so it is with what resumeProducing throws.
TEST_P(Stream, exceptionInResumeProducingCloses) {
    struct Thrower final : IProducer {
        void resumeProducing() override {
            if (++calls == 2) {
                throw TimeoutError("out of data");
            }
            to->write("x");
        }
        void pauseProducing() override {}
        void stopProducing() override { stopped = true; }
        ITransport* to = nullptr;
        int calls = 0;
        bool stopped = false;
    } producer;
    pair.connect();
    producer.to = client.transport;
    client.transport->registerProducer(producer, Producing::Pull);
    pair.untilBothLost();
    EXPECT_NE(client.lost->check<TimeoutError>(), nullptr);
    EXPECT_TRUE(producer.stopped);
    EXPECT_EQ(producer.calls, 2);
}

// what is written before the shutdown is sent, and what is written after it is dropped.
TEST_P(Stream, writesAfterTheShutdownAreDropped) {
    server.halfClose = client.halfClose = true;
    pair.connect();
    client.transport->loseWriteConnection();
    client.transport->write("in time");
    pair.until([&] { return client.events.size() == 2; });
    EXPECT_THAT(client.events, ElementsAre("made", "write lost"));
    client.transport->write("too late");
    EXPECT_EQ(client.transport->bytesBuffered(), 0U);
    pair.until([&] { return server.events.size() == 2; });
    EXPECT_EQ(server.received, "in time");
}

// what a half-close notification throws closes the connection, with that as the reason.
TEST_P(Stream, exceptionInReadConnectionLostCloses) {
    server.halfClose = true;
    server.onReadLost = [](ITransport&) { throw TimeoutError("cannot bear it"); };
    pair.connect();
    client.transport->loseWriteConnection();
    pair.untilBothLost();
    EXPECT_NE(server.lost->check<TimeoutError>(), nullptr);
    EXPECT_THAT(log.take(), ElementsAre(HasSubstr("cannot bear it")));
}

// the same for one's own.
TEST_P(Stream, exceptionInWriteConnectionLostCloses) {
    client.halfClose = true;
    client.onWriteLost = [](ITransport&) { throw TimeoutError("cannot bear it"); };
    pair.connect();
    client.transport->loseWriteConnection();
    pair.untilBothLost();
    EXPECT_NE(client.lost->check<TimeoutError>(), nullptr);
}

// loseConnection after the write side is down closes at once, from writeConnectionLost too.
TEST_P(Stream, loseConnectionInWriteConnectionLost) {
    client.halfClose = server.halfClose = true;
    client.onWriteLost = [](ITransport& t) { t.loseConnection(); };
    pair.connect();
    client.transport->loseWriteConnection();
    pair.until([&] { return client.lost.has_value(); });
    EXPECT_NE(client.lost->check<ConnectionDone>(), nullptr);
}

// loseWriteConnection after the peer has closed passes silently.
TEST_P(Stream, loseWriteConnectionAfterThePeerClosed) {
    client.halfClose = true;
    pair.connect();
    server.transport->loseConnection();
    pair.until([&] { return client.events.size() == 2; });
    client.transport->loseWriteConnection();
    pair.until([&] { return client.lost.has_value(); });
    EXPECT_NE(client.lost->check<ConnectionDone>(), nullptr);
    EXPECT_TRUE(log.take().empty());
}

// resumeProducing on a transport that is being closed reads nothing.
TEST_P(Stream, resumingWhileDisconnectingReadsNothing) {
    pair.connect();
    server.transport->pauseProducing();
    client.transport->write("unread");
    pair.turns();
    server.transport->loseConnection();
    server.transport->resumeProducing();
    pair.untilBothLost();
    EXPECT_EQ(server.received, "");
}

// a peer's close while paused is reported when reading resumes.
TEST_P(Stream, aCloseWhilePausedIsReportedLater) {
    pair.connect();
    server.transport->pauseProducing();
    client.transport->loseConnection();
    pair.turns();
    EXPECT_FALSE(server.lost);
    server.transport->resumeProducing();
    pair.until([&] { return server.lost.has_value(); });
    EXPECT_NE(server.lost->check<ConnectionDone>(), nullptr);
}

// writing to a dead connection while paused still leads to its end.
TEST_P(Stream, writingToTheDeadWhilePausedEnds) {
    pair.connect();
    server.transport->pauseProducing();
    client.transport->abortConnection();
    pair.until([&] { return client.lost.has_value(); });
    for (int i = 0; i < 10 && !server.lost; ++i) {
        server.transport->write("anybody?");
        pair.reactor.iterate(1ms);
    }
    ASSERT_TRUE(server.lost);
    EXPECT_NE(server.lost->check<ConnectionLost>(), nullptr);
}

// each end's address is what the other sees.
TEST_P(Stream, addressesMatchTheOtherEnd) {
    pair.connect();
    EXPECT_EQ(client.transport->getPeer(), pair.port->getHost());
    EXPECT_EQ(server.transport->getHost(), client.transport->getPeer());
    EXPECT_EQ(server.transport->getPeer(), client.transport->getHost());
}

// buildProtocol gets the peer's address, which is the transport's.
TEST_P(Stream, buildProtocolGetsThePeer) {
    std::vector<Address> peers;
    auto record = std::make_shared<Record>();
    auto port = pair.listen(factoryOf([&](const Address& peer) -> Ref<IProtocol> {
        peers.push_back(peer);
        return makeRef<test::Recorder>(record);
    }));
    EXPECT_TRUE(outcomeOf(pair.reactor, pair.connectTo(port, recorderFactory(pair.client))).ok());
    pair.until([&] { return record->transport != nullptr; });
    ASSERT_EQ(peers.size(), 1U);
    EXPECT_EQ(peers[0], record->transport->getPeer());
}

// the TCP options read as they are set, at both ends; UNIX sockets have no Nagle.
TEST_P(Stream, optionsReadAsTheyAreSet) {
    pair.connect();
    for (ITransport* t : {client.transport, server.transport}) {
        EXPECT_FALSE(t->getTcpKeepAlive());
        t->setTcpKeepAlive(true);
        EXPECT_TRUE(t->getTcpKeepAlive());
        const bool nagle = GetParam() != StreamKind::Unix;
        EXPECT_EQ(t->getTcpNoDelay(), nagle);
        t->setTcpNoDelay(false);
        EXPECT_FALSE(t->getTcpNoDelay());
        t->setTcpNoDelay(true);
        EXPECT_EQ(t->getTcpNoDelay(), nagle);
    }
}

/// Counts who uses it, and what its connections' ends come before.
class CountingFactory final : public IProtocolFactory {
public:
    explicit CountingFactory(std::shared_ptr<Record> record) : record_(std::move(record)) {}
    Ref<IProtocol> buildProtocol(const Address&) override {
        return makeRef<test::Recorder>(record_);
    }
    void doStart() override {
        ++starts;
        if (refuses) {
            throw TimeoutError("will not start");
        }
    }
    void doStop() override {
        ++stops;
        record_->events.emplace_back("stop");
        if (throws) {
            throw TimeoutError("cannot stop");
        }
    }
    int starts = 0;
    int stops = 0;
    bool throws = false;
    bool refuses = false;

private:
    std::shared_ptr<Record> record_;
};

// C-2, C-18: a factory is started for each port and attempt; a client's is stopped after its
// protocol's connectionLost, a server's with its port.
TEST_P(Stream, factoriesAreStartedAndStopped) {
    auto serving = makeRef<CountingFactory>(pair.server);
    auto calling = makeRef<CountingFactory>(pair.client);
    auto port = pair.listen(serving);
    EXPECT_EQ(serving->starts, 1);
    EXPECT_TRUE(outcomeOf(pair.reactor, pair.connectTo(port, calling)).ok());
    pair.until([&] { return server.transport != nullptr; });
    EXPECT_EQ(calling->starts, 1);
    EXPECT_EQ(calling->stops, 0);
    client.transport->loseConnection();
    pair.untilBothLost();
    EXPECT_THAT(client.events, ElementsAre("made", "lost marline::ConnectionDone", "stop"));
    EXPECT_EQ(serving->stops, 0);
    EXPECT_TRUE(outcomeOf(pair.reactor, port->stopListening()).ok());
    EXPECT_EQ(serving->stops, 1);
    EXPECT_FALSE(outcomeOf(pair.reactor, pair.connectTo(port, calling)).ok());
    EXPECT_EQ(calling->starts, 2);
    EXPECT_EQ(calling->stops, 2);
}

// C-4: when stopFactory throws, the Deferred fails, and the port is free all the same.
TEST_P(Stream, aFactoryThatCannotStopFailsTheDeferred) {
    auto factory = makeRef<CountingFactory>(pair.server);
    factory->throws = true;
    auto port = pair.listen(factory);
    const auto stopped = outcomeOf(pair.reactor, port->stopListening());
    ASSERT_FALSE(stopped.ok());
    EXPECT_NE(stopped.failure().check<TimeoutError>(), nullptr);
    EXPECT_FALSE(outcomeOf(pair.reactor, pair.connectTo(port, recorderFactory(pair.client))).ok());
    EXPECT_TRUE(outcomeOf(pair.reactor, port->stopListening()).ok());
}

// C-2: a factory that will not start refuses: a port at once, an attempt through its Deferred.
TEST_P(Stream, aFactoryMayRefuseToStart) {
    auto factory = makeRef<CountingFactory>(pair.client);
    factory->refuses = true;
    EXPECT_THROW(pair.listen(factory), TimeoutError);
    const auto made = outcomeOf(pair.reactor, pair.connectTo(pair.port, factory));
    EXPECT_NE(made.failure().check<TimeoutError>(), nullptr);
    EXPECT_EQ(factory->stops, 0);
}

// C-3: stopListening does not fire inside the call.
TEST_P(Stream, stopListeningFiresLater) {
    bool fired = false;
    pair.port->stopListening().addCallback([&] { fired = true; });
    EXPECT_FALSE(fired);
    pair.until([&] { return fired; });
}

}  // namespace
