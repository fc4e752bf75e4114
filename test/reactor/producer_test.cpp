// Producers on streams, over TCP, over UNIX sockets and in memory: area X.
#include <marline/reactor/producer.hpp>

#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>

#include "test/reactor/stream_pair.hpp"

namespace {

using namespace marline;
using test::Record;
using test::StreamKind;
using test::StreamPair;

/// Counts its calls, and does what a test wants in them.
class Producer final : public IProducer {
public:
    void resumeProducing() override {
        ++resumes;
        if (onResume) {
            onResume();
        }
    }
    void pauseProducing() override {
        ++pauses;
        if (onPause) {
            onPause();
        }
    }
    void stopProducing() override {
        ++stops;
        if (onStop) {
            onStop();
        }
    }

    int resumes = 0;
    int pauses = 0;
    int stops = 0;
    std::function<void()> onResume;
    std::function<void()> onPause;
    std::function<void()> onStop;
};

class ProducingStream : public ::testing::TestWithParam<StreamKind> {
protected:
    ProducingStream() { pair.connect(); }

    /// More than the kernel takes while nobody reads.
    static constexpr std::size_t kMuch = 10'000'000;
    static std::string much() { return std::string(kMuch, 'm'); }

    test::CatchLog log;
    Producer producer;  // outlives the transport that it is registered with
    StreamPair pair{GetParam()};
    Record& server = *pair.server;
    Record& client = *pair.client;
};

INSTANTIATE_TEST_SUITE_P(Kinds, ProducingStream,
                         ::testing::Values(StreamKind::Tcp, StreamKind::Unix, StreamKind::Memory),
                         [](const auto& kind) { return test::nameOf(kind.param); });

// a pull producer is asked at once, and again each time that all has been sent.
TEST_P(ProducingStream, pullProducersAreAskedWhenAllIsSent) {
    producer.onResume = [&] {
        client.transport->write("piece ");
        if (producer.resumes == 5) {
            client.transport->unregisterProducer();
        }
    };
    client.transport->registerProducer(producer, Producing::Pull);
    EXPECT_EQ(producer.resumes, 1);
    pair.until([&] { return server.received.size() == 30; });
    pair.turns();
    EXPECT_EQ(producer.resumes, 5);
    EXPECT_EQ(producer.pauses, 0);
}

// one is not paused, however much it writes at a time.
TEST_P(ProducingStream, pullProducersAreNeverPaused) {
    producer.onResume = [&] {
        client.transport->write(std::string(500'000, 'x'));
        client.transport->unregisterProducer();
    };
    client.transport->registerProducer(producer, Producing::Pull);
    pair.until([&] { return server.received.size() == 500'000; });
    EXPECT_EQ(producer.pauses, 0);
}

// loseConnection waits for a pull producer until it is unregistered.
TEST_P(ProducingStream, loseConnectionWaitsForAPullProducer) {
    producer.onResume = [&] {
        client.transport->write("piece ");
        if (producer.resumes == 5) {
            client.transport->unregisterProducer();
        }
    };
    client.transport->registerProducer(producer, Producing::Pull);
    client.transport->loseConnection();
    pair.untilBothLost();
    EXPECT_EQ(server.received, "piece piece piece piece piece ");
    EXPECT_EQ(producer.stops, 0);
    EXPECT_NE(client.lost->check<ConnectionDone>(), nullptr);
}

// and for a push producer that is paused, which is resumed when all has been sent.
TEST_P(ProducingStream, loseConnectionWaitsForAPausedPushProducer) {
    client.transport->registerProducer(producer, Producing::Push);
    server.transport->pauseProducing();
    client.transport->write(much());
    ASSERT_EQ(producer.pauses, 1);
    producer.onResume = [&] {
        client.transport->write("the end");
        client.transport->unregisterProducer();
    };
    client.transport->loseConnection();
    pair.turns();
    EXPECT_FALSE(client.lost);
    server.transport->resumeProducing();
    pair.untilBothLost();
    EXPECT_EQ(producer.resumes, 1);
    EXPECT_EQ(server.received.size(), kMuch + 7);
}

// it does not wait for one that is not paused when nothing is left to send; that is stopped.
TEST_P(ProducingStream, loseConnectionStopsAnUnpausedPushProducer) {
    client.transport->registerProducer(producer, Producing::Push);
    client.transport->loseConnection();
    pair.untilBothLost();
    EXPECT_EQ(producer.stops, 1);
    EXPECT_NE(client.lost->check<ConnectionDone>(), nullptr);
}

// unregisterProducer from connectionLost, after the end, does nothing.
TEST_P(ProducingStream, unregisteringAfterTheEndDoesNothing) {
    client.transport->registerProducer(producer, Producing::Push);
    client.onLost = [](ITransport& t) { t.unregisterProducer(); };
    server.transport->abortConnection();
    pair.untilBothLost();
    pair.turns();
    EXPECT_EQ(producer.stops, 1);
    EXPECT_EQ(client.events.size(), 2U);
}

// a second producer is refused, and the first one stays.
TEST_P(ProducingStream, oneProducerAtATime) {
    Producer second;
    client.transport->registerProducer(producer, Producing::Push);
    EXPECT_THROW(client.transport->registerProducer(second, Producing::Push), std::logic_error);
    client.transport->unregisterProducer();
    EXPECT_NO_THROW(client.transport->registerProducer(second, Producing::Push));
    client.transport->unregisterProducer();
    EXPECT_EQ(producer.stops + second.stops, 0);
}

// registering with a transport whose connection is gone stops the producer at once.
TEST_P(ProducingStream, registeringAfterTheEndStops) {
    client.onLost = [&](ITransport& t) {
        t.registerProducer(producer, Producing::Pull);
        t.registerProducer(producer, Producing::Push);
    };
    client.transport->abortConnection();
    client.transport->registerProducer(producer, Producing::Push);
    EXPECT_EQ(producer.stops, 1);
    pair.untilBothLost();
    EXPECT_EQ(producer.stops, 3);
    EXPECT_EQ(producer.resumes, 0);
}

// writing from pauseProducing and resumeProducing is safe, and neither comes twice.
TEST_P(ProducingStream, writingFromPauseAndResumeIsSafe) {
    producer.onPause = [&] { client.transport->write("p"); };
    producer.onResume = [&] { client.transport->write("r"); };
    client.transport->registerProducer(producer, Producing::Push);
    server.transport->pauseProducing();
    client.transport->write(much());
    client.transport->write("more");
    EXPECT_EQ(producer.pauses, 1);
    server.transport->resumeProducing();
    pair.until([&] { return server.received.size() == kMuch + 6; });
    EXPECT_EQ(producer.resumes, 1);
    EXPECT_EQ(server.received.substr(kMuch), "pmorer");
    client.transport->unregisterProducer();
}

// the producer is stopped before the protocol hears of the end, and what that throws is
// logged.
TEST_P(ProducingStream, stoppedBeforeConnectionLost) {
    bool stoppedFirst = false;
    producer.onStop = [] { throw TimeoutError("cannot stop"); };
    client.onLost = [&](ITransport&) { stoppedFirst = producer.stops == 1; };
    client.transport->registerProducer(producer, Producing::Push);
    client.transport->abortConnection();
    pair.untilBothLost();
    EXPECT_TRUE(stoppedFirst);
    EXPECT_THAT(log.take(), ::testing::ElementsAre(::testing::HasSubstr("cannot stop")));
}

// loseWriteConnection waits for a producer, too.
TEST_P(ProducingStream, halfCloseWaitsForAProducer) {
    client.halfClose = server.halfClose = true;
    producer.onResume = [&] {
        client.transport->write("piece ");
        if (producer.resumes == 3) {
            client.transport->unregisterProducer();
        }
    };
    client.transport->registerProducer(producer, Producing::Pull);
    client.transport->loseWriteConnection();
    pair.until([&] { return server.events.size() == 2; });
    EXPECT_EQ(server.received, "piece piece piece ");
}

}  // namespace
