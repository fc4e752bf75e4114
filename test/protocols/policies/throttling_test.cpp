// ThrottlingFactory: bandwidth and connections.
#include <marline/protocols/policies/throttling.hpp>

#include <array>
#include <chrono>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/support/recording_protocol.hpp>

namespace marline::testing {
namespace {

using namespace std::chrono_literals;

class Producer final : public IProducer {
public:
    void resumeProducing() override {
        ++resumed;
        if (onResume) {
            onResume();
        }
    }
    void pauseProducing() override { ++paused; }
    void stopProducing() override { ++stopped; }
    int resumed = 0;
    int paused = 0;
    int stopped = 0;
    std::function<void()> onResume;
};

class ThrottlingTest : public ::testing::Test {
protected:
    struct Connection {
        StringTransport transport;
        Ref<RecordingProtocol> inner;
        Ref<IProtocol> outer;
        ~Connection() {
            transport.disconnect();
            outer->connectionLost(ConnectionDone());
        }
        void receive(std::size_t bytes) { outer->dataReceived(asBytes(std::string(bytes, 'r'))); }
        void send(std::size_t bytes) { inner->transport->write(std::string(bytes, 's')); }
    };

    void limit(const ThrottlingLimits& limits) {
        factory_ = makeRef<ThrottlingFactory>(clock_, built_, limits);
    }
    std::unique_ptr<Connection> connect() {
        auto connection = std::make_unique<Connection>();
        connection->outer = factory_->buildProtocol({});
        connection->inner = built_->built.back();
        connection->outer->makeConnection(connection->transport);
        return connection;
    }

    Clock clock_{1000s};
    Ref<RecordingFactory> built_ = makeRef<RecordingFactory>();
    Ref<ThrottlingFactory> factory_;
};

// B-27: connections beyond the limit are refused.
TEST_F(ThrottlingTest, limitsConnections) {
    limit({.maxConnections = 2});
    auto one = connect();
    const auto two = connect();
    EXPECT_EQ(factory_->connectionCount(), 2U);
    EXPECT_FALSE(factory_->buildProtocol({}));
    one.reset();
    EXPECT_EQ(factory_->connectionCount(), 1U);
    const auto three = connect();
}

// B-27: more than a second's worth pauses reading on all connections, for the overshoot.
TEST_F(ThrottlingTest, pausesReadingForTheOvershoot) {
    limit({.readLimit = 100});
    const auto one = connect();
    const auto two = connect();
    one->receive(100);
    EXPECT_FALSE(factory_->readsThrottled()) << "the limit itself is allowed";
    clock_.advance(500ms);
    two->receive(200);
    EXPECT_TRUE(one->transport.paused() && two->transport.paused());
    clock_.advance(2499ms);
    EXPECT_TRUE(one->transport.paused()) << "300 bytes are worth three seconds";
    clock_.advance(1ms);
    EXPECT_FALSE(one->transport.paused() || two->transport.paused());
    EXPECT_EQ(two->inner->received.size(), 200U) << "what was read is given out";
}

// B-27: every second counts anew.
TEST_F(ThrottlingTest, countsEverySecondAnew) {
    limit({.readLimit = 100});
    const auto one = connect();
    for (int second = 0; second < 5; ++second) {
        one->receive(100);
        clock_.advance(1s);
    }
    EXPECT_FALSE(factory_->readsThrottled());
}

// B-27: what comes in spite of the pause is counted, and prolongs it.
TEST_F(ThrottlingTest, countsWhatComesInThePause) {
    limit({.readLimit = 100});
    const auto one = connect();
    one->receive(200);
    one->receive(100);
    clock_.advance(2999ms);
    EXPECT_TRUE(one->transport.paused());
    clock_.advance(1ms);
    EXPECT_FALSE(one->transport.paused());
}

// B-27: a connection that comes in the pause waits for its end as well.
TEST_F(ThrottlingTest, pausesNewConnections) {
    limit({.readLimit = 100});
    const auto one = connect();
    one->receive(200);
    const auto two = connect();
    EXPECT_TRUE(two->transport.paused());
    clock_.advance(2s);
    EXPECT_FALSE(two->transport.paused());
}

// A protocol's own pause and the limit's are two: reading goes on when both are over.
TEST_F(ThrottlingTest, keepsTheProtocolsOwnPause) {
    limit({.readLimit = 100});
    const auto one = connect();
    one->inner->transport->pauseProducing();
    one->receive(200);
    clock_.advance(2s);
    EXPECT_TRUE(one->transport.paused()) << "the protocol's";
    one->inner->transport->resumeProducing();
    EXPECT_FALSE(one->transport.paused());
    one->receive(200);
    one->inner->transport->pauseProducing();
    one->inner->transport->resumeProducing();
    EXPECT_TRUE(one->transport.paused()) << "the limit's";
    clock_.advance(2s);
    EXPECT_FALSE(one->transport.paused());
}

// B-27: beyond the write limit push producers are paused for the overshoot.
TEST_F(ThrottlingTest, pausesPushProducersForTheOvershoot) {
    limit({.writeLimit = 100});
    const auto one = connect();
    const auto idle = connect();
    Producer producer;
    one->inner->transport->registerProducer(producer, Producing::Push);
    one->send(150);
    EXPECT_TRUE(factory_->writesThrottled());
    EXPECT_EQ(producer.paused, 1);
    one->inner->transport->writeSequence(std::array{asBytes("12345"), asBytes("67890")});
    EXPECT_EQ(one->transport.value().size(), 160U) << "what is written all the same is sent";
    clock_.advance(1599ms);
    EXPECT_EQ(producer.resumed, 0);
    clock_.advance(1ms);
    EXPECT_EQ(producer.resumed, 1);
    one->inner->transport->unregisterProducer();
    one->send(150);
    clock_.advance(2s);
    EXPECT_EQ(producer.paused + producer.resumed, 2) << "it is not registered any more";
}

// B-27: a pull producer is asked for more when the pause is over.
TEST_F(ThrottlingTest, asksPullProducersAfterThePause) {
    limit({.writeLimit = 100});
    Producer producer;  // outlives the connection, which stops it
    const auto one = connect();
    producer.onResume = [&] { one->send(150); };
    one->inner->transport->registerProducer(producer, Producing::Pull);
    EXPECT_EQ(producer.resumed, 1);
    one->transport.drain();
    EXPECT_EQ(producer.resumed, 1) << "it would be too much";
    clock_.advance(1500ms);
    EXPECT_EQ(producer.resumed, 2);
    clock_.advance(1500ms);
    EXPECT_EQ(producer.resumed, 2) << "the transport did not ask";
    EXPECT_EQ(producer.paused, 0);
}

// A producer that the transport has paused goes on only when the transport wants it, too.
TEST_F(ThrottlingTest, keepsTheTransportsPause) {
    limit({.writeLimit = 100});
    Producer producer;
    const auto one = connect();
    one->inner->transport->registerProducer(producer, Producing::Push);
    one->transport.hold();
    one->send(StringTransport::kHighWater + 1);
    EXPECT_EQ(producer.paused, 1);
    clock_.advance(1h);
    EXPECT_EQ(producer.resumed, 0) << "the buffer is full";
    one->transport.drain();
    EXPECT_EQ(producer.resumed, 1);
    one->send(StringTransport::kHighWater + 1);
    EXPECT_EQ(producer.paused, 2);
    one->transport.drain();
    EXPECT_EQ(producer.resumed, 1) << "the limit's pause is not over";
    clock_.advance(1h);
    EXPECT_EQ(producer.resumed, 2);
}

// A producer that is registered in the pause waits at once.
TEST_F(ThrottlingTest, pausesAProducerThatComesInThePause) {
    limit({.writeLimit = 100});
    Producer push;
    Producer pull;
    const auto one = connect();
    const auto two = connect();
    one->send(200);
    one->inner->transport->registerProducer(push, Producing::Push);
    two->inner->transport->registerProducer(pull, Producing::Pull);
    EXPECT_EQ(push.paused, 1);
    EXPECT_EQ(pull.resumed, 0);
    clock_.advance(2s);
    EXPECT_EQ(push.resumed, 1);
    EXPECT_EQ(pull.resumed, 1);
}

// A second producer is refused; one that was stopped with its connection is left alone.
TEST_F(ThrottlingTest, leavesAStoppedProducerAlone) {
    limit({.writeLimit = 100});
    Producer producer;
    auto one = connect();
    one->inner->transport->registerProducer(producer, Producing::Push);
    EXPECT_THROW(one->inner->transport->registerProducer(producer, Producing::Push),
                 std::logic_error);
    one->transport.disconnect();
    EXPECT_EQ(producer.stopped, 1);
    one->send(200);
    clock_.advance(2s);
    EXPECT_EQ(producer.paused + producer.resumed, 0);
    one.reset();
    EXPECT_EQ(factory_->connectionCount(), 0U);
}

// Without limits nothing is paused, and a factory that goes leaves no call behind.
TEST_F(ThrottlingTest, limitsNothingUnlessTold) {
    limit({});
    auto one = connect();
    one->receive(1'000'000);
    one->send(1'000'000);
    EXPECT_FALSE(factory_->readsThrottled() || factory_->writesThrottled());
    one.reset();
    limit({.readLimit = 1});
    one = connect();
    one->receive(1000);
    EXPECT_EQ(clock_.pendingCalls(), 1U);
    factory_.reset();
    one.reset();
    EXPECT_EQ(clock_.pendingCalls(), 0U);
}

}  // namespace
}  // namespace marline::testing
