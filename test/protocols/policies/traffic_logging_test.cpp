// TrafficLoggingFactory: what goes over connections, as text.
#include <marline/protocols/policies/traffic_logging.hpp>

#include <array>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/support/recording_protocol.hpp>

namespace marline::testing {
namespace {

using ::testing::ElementsAre;

class TrafficLoggingTest : public ::testing::Test {
protected:
    TrafficLoggingFactory::Sink sink() {
        return [this](std::string_view line) { lines_.emplace_back(line); };
    }

    std::vector<std::string> lines_;
    Ref<RecordingFactory> inner_ = makeRef<RecordingFactory>();
    StringTransport transport_;
};

// Each event is a line with the connection's number, in the order in which they happen.
TEST_F(TrafficLoggingTest, tellsWhatHappens) {
    const auto factory = makeRef<TrafficLoggingFactory>(inner_, sink());
    const Ref<IProtocol> one = factory->buildProtocol({});
    one->makeConnection(transport_);
    one->dataReceived(asBytes("hello\r\n"));
    ITransport& seen = *inner_->built.at(0)->transport;
    seen.write("a");
    seen.writeSequence(std::array{asBytes("b"), asBytes("c")});
    seen.loseConnection();
    seen.abortConnection();
    one->connectionLost(ConnectionDone());
    EXPECT_THAT(lines_, ElementsAre("1 connected to 192.0.2.2:54321", "1 received \"hello\\r\\n\"",
                                    "1 sent \"a\"", "1 sent \"b\"", "1 sent \"c\"",
                                    "1 loses the connection", "1 aborts the connection",
                                    "1 lost: connection closed cleanly"));
    EXPECT_EQ(inner_->built.at(0)->received, "hello\r\n");
    EXPECT_EQ(transport_.value(), "abc");
    EXPECT_TRUE(transport_.closed() && transport_.aborted());
    lines_.clear();
    factory->buildProtocol({})->makeConnection(transport_);
    EXPECT_THAT(lines_, ElementsAre("2 connected to 192.0.2.2:54321"));
}

// No byte of a peer can forge a line, or reach a terminal as it is.
TEST_F(TrafficLoggingTest, escapesWhatIsNotText) {
    const Ref<IProtocol> one = makeRef<TrafficLoggingFactory>(inner_, sink())->buildProtocol({});
    one->makeConnection(transport_);
    one->dataReceived(asBytes(std::string_view("\"\\\t\n\r\0\x1b\x7f\xff~ ", 11)));
    EXPECT_EQ(lines_.back(), R"(1 received "\"\\\t\n\r\x00\x1b\x7f\xff~ ")");
}

// Of a long piece only the beginning is shown.
TEST_F(TrafficLoggingTest, showsOnlySoMuch) {
    const Ref<IProtocol> one = makeRef<TrafficLoggingFactory>(inner_, sink(), 4)->buildProtocol({});
    one->makeConnection(transport_);
    one->dataReceived(asBytes("1234"));
    EXPECT_EQ(lines_.back(), "1 received \"1234\"");
    one->dataReceived(asBytes("1234567"));
    EXPECT_EQ(lines_.back(), "1 received \"1234\" and 3 bytes more");
    EXPECT_EQ(inner_->built.at(0)->received, "12341234567");
}

// Without a sink it goes to the log.
TEST_F(TrafficLoggingTest, goesToTheLogUnlessToldOtherwise) {
    static std::vector<std::string> logged;
    logged.clear();
    const LogObserver before = setLogObserver([](LogLevel level, std::string_view line) noexcept {
        if (level == LogLevel::Info) {
            logged.emplace_back(line);
        }
    });
    makeRef<TrafficLoggingFactory>(inner_)->buildProtocol({})->makeConnection(transport_);
    setLogObserver(before);
    EXPECT_THAT(logged, ElementsAre("1 connected to 192.0.2.2:54321"));
}

}  // namespace
}  // namespace marline::testing
