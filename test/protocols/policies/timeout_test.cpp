// TimeoutMixin and TimeoutFactory.
#include <marline/protocols/policies/timeout.hpp>

#include <array>
#include <chrono>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <marline/protocols/line_receiver.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/support/recording_protocol.hpp>

namespace marline::testing {
namespace {

using namespace std::chrono_literals;

class Idle final : public TimeoutMixin<LineReceiver> {
public:
    explicit Idle(IReactorTime& clock) : TimeoutMixin(clock) {}
    void lineReceived(std::string_view) override { resetTimeout(); }
};

class TimeoutMixinTest : public ::testing::Test {
protected:
    TimeoutMixinTest() { protocol_->makeConnection(transport_); }

    Clock clock_;
    StringTransport transport_;
    Ref<Idle> protocol_ = makeRef<Idle>(clock_);
};

// B-23: setTimeout() begins a period, at whose end the connection is lost by default.
TEST_F(TimeoutMixinTest, losesAnIdleConnection) {
    protocol_->setTimeout(5s);
    clock_.advance(4999ms);
    EXPECT_FALSE(transport_.closed());
    clock_.advance(1ms);
    EXPECT_TRUE(transport_.closed());
}

// B-23: without a timeout, or after setTimeout({}), it lives on.
TEST_F(TimeoutMixinTest, waitsForEverWithoutATimeout) {
    protocol_->resetTimeout();
    clock_.advance(1h);
    protocol_->setTimeout(5s);
    clock_.advance(4s);
    protocol_->setTimeout({});
    protocol_->resetTimeout();
    clock_.advance(1h);
    EXPECT_FALSE(transport_.closed());
    EXPECT_EQ(clock_.pendingCalls(), 0U);
}

// B-23: resetTimeout() begins the period anew.
TEST_F(TimeoutMixinTest, beginsAnewWhenSomethingHappens) {
    protocol_->setTimeout(5s);
    for (int i = 0; i < 3; ++i) {
        clock_.advance(4s);
        protocol_->dataReceived(asBytes("line\r\n"));
    }
    EXPECT_FALSE(transport_.closed());
    clock_.advance(5s);
    EXPECT_TRUE(transport_.closed());
}

// B-23: setTimeout() gives the period before, and begins the new one now.
TEST_F(TimeoutMixinTest, givesThePeriodBefore) {
    EXPECT_EQ(protocol_->setTimeout(10s), std::nullopt);
    clock_.advance(9s);
    EXPECT_EQ(protocol_->setTimeout(5s), 10s);
    clock_.advance(4s);
    EXPECT_FALSE(transport_.closed());
    EXPECT_EQ(protocol_->setTimeout({}), 5s);
    EXPECT_EQ(protocol_->setTimeout({}), std::nullopt);
}

// A negative period is refused, and the one that runs goes on.
TEST_F(TimeoutMixinTest, refusesANegativePeriod) {
    protocol_->setTimeout(5s);
    EXPECT_THROW(protocol_->setTimeout(-1s), std::invalid_argument);
    clock_.advance(5s);
    EXPECT_TRUE(transport_.closed());
}

// B-23: an override does what it wants instead, once.
TEST_F(TimeoutMixinTest, mayDoSomethingElse) {
    class Counting final : public TimeoutMixin<Protocol> {
    public:
        using TimeoutMixin::TimeoutMixin;
        void timeoutConnection() override { ++times; }
        int times = 0;
    };
    const auto counting = makeRef<Counting>(clock_);
    counting->setTimeout(1s);
    clock_.advance(10s);
    EXPECT_EQ(counting->times, 1);
    counting->resetTimeout();
    clock_.advance(10s);
    EXPECT_EQ(counting->times, 1) << "it has expired";
}

// The end of the connection ends the timeout, and so does that of the protocol.
TEST_F(TimeoutMixinTest, endsWithItsConnection) {
    protocol_->setTimeout(5s);
    protocol_->connectionLost(ConnectionDone());
    EXPECT_EQ(clock_.pendingCalls(), 0U);
    protocol_->setTimeout(5s);
    clock_.advance(5s);
    EXPECT_FALSE(transport_.closed()) << "there is nothing to lose";
    protocol_->setTimeout(5s);
    protocol_.reset();
    EXPECT_EQ(clock_.pendingCalls(), 0U);
}

class TimeoutFactoryTest : public ::testing::Test {
protected:
    TimeoutFactoryTest() { outer_->makeConnection(transport_); }
    ~TimeoutFactoryTest() override { outer_->connectionLost(ConnectionDone()); }
    ITransport& seen() { return *inner_->built.at(0)->transport; }

    Clock clock_;
    StringTransport transport_;
    Ref<RecordingFactory> inner_ = makeRef<RecordingFactory>();
    Ref<IProtocol> outer_ = makeRef<TimeoutFactory>(clock_, inner_, 3s)->buildProtocol({});
};

// B-25: a connection on which nothing happens is lost.
TEST_F(TimeoutFactoryTest, losesAnIdleConnection) {
    clock_.advance(2999ms);
    EXPECT_FALSE(transport_.closed());
    clock_.advance(1ms);
    EXPECT_TRUE(transport_.closed());
}

// B-25: what is received begins the period anew.
TEST_F(TimeoutFactoryTest, beginsAnewAtAReceivedByte) {
    clock_.advance(2s);
    outer_->dataReceived(asBytes("x"));
    clock_.advance(2s);
    EXPECT_FALSE(transport_.closed());
    EXPECT_EQ(inner_->built.at(0)->received, "x");
    clock_.advance(1s);
    EXPECT_TRUE(transport_.closed());
}

// B-25: what is sent does so as well.
TEST_F(TimeoutFactoryTest, beginsAnewAtASentByte) {
    clock_.advance(2s);
    seen().write("x");
    clock_.advance(2s);
    seen().writeSequence(std::array{asBytes("y")});
    clock_.advance(2s);
    EXPECT_FALSE(transport_.closed());
    EXPECT_EQ(transport_.value(), "xy");
    clock_.advance(1s);
    EXPECT_TRUE(transport_.closed());
}

// A connection that is gone has no timeout.
TEST(TimeoutFactory, forgetsAConnectionThatIsGone) {
    Clock clock;
    StringTransport transport;
    const auto outer =
        makeRef<TimeoutFactory>(clock, makeRef<RecordingFactory>())->buildProtocol({});
    outer->makeConnection(transport);
    EXPECT_EQ(clock.pendingCalls(), 1U);
    outer->connectionLost(ConnectionDone());
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

}  // namespace
}  // namespace marline::testing
