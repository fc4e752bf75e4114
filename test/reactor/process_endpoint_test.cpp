// A child process as a stream: E-21.
#include <marline/reactor/process_endpoint.hpp>

#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>

#include "test/support/recording_protocol.hpp"
#include "test/support/running.hpp"

namespace {

using namespace marline;
using marline::testing::RecordingFactory;
using marline::testing::RecordingProtocol;
using test::outcomeOf;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ProcessEndpoints : public ::testing::Test {
protected:
    Result<Ref<IProtocol>> shell(const std::string& script,
                                 StandardErrors errors = StandardErrors::Log) {
        ProcessEndpoint endpoint(reactor, "/bin/sh", {"sh", "-c", script}, {}, errors);
        return outcomeOf(reactor, endpoint.connect(factory));
    }
    RecordingProtocol& protocol() { return *factory->built.at(0); }
    void untilLost() {
        test::runUntil(reactor, [this] { return protocol().losses == 1; });
    }

    test::CatchLog log;
    Reactor reactor;
    Ref<RecordingFactory> factory = makeRef<RecordingFactory>();
};

// E-21: what is written goes to the child's input, its output is what comes; exit 0 is a clean end.
TEST_F(ProcessEndpoints, inputAndOutputAreTheConnection) {
    ASSERT_TRUE(shell("read line; echo got $line").ok());
    EXPECT_EQ(protocol().made, 1);
    EXPECT_EQ(factory->starts, 1);
    protocol().transport->write("some");
    const std::span<const std::byte> rest[] = {asBytes("thi"), asBytes("ng\n")};
    protocol().transport->writeSequence(rest);
    untilLost();
    EXPECT_EQ(protocol().received, "got something\n");
    EXPECT_TRUE(protocol().lostWith<ConnectionDone>());
    EXPECT_EQ(factory->stops, 1);
}

// E-21: any other end is the process's own reason.
TEST_F(ProcessEndpoints, otherEndsAreTheProcesses) {
    ASSERT_TRUE(shell("exit 3").ok());
    untilLost();
    ASSERT_TRUE(protocol().lostWith<ProcessTerminated>());
    EXPECT_EQ(protocol().lost->check<ProcessTerminated>()->exitCode(), 3);
}

// E-21: standard error is logged, or dropped.
TEST_F(ProcessEndpoints, standardErrorIsLoggedOrDropped) {
    ASSERT_TRUE(shell("echo oops >&2").ok());
    untilLost();
    EXPECT_EQ(protocol().received, "");
    EXPECT_THAT(log.take(), ElementsAre(AllOf(HasSubstr("/bin/sh"), HasSubstr("oops"))));
    factory->built.clear();
    ASSERT_TRUE(shell("echo oops >&2", StandardErrors::Drop).ok());
    untilLost();
    EXPECT_THAT(log.take(), IsEmpty());
}

// A child that cannot be started fails the Deferred, and the factory is let go.
TEST_F(ProcessEndpoints, whatCannotBeStartedFails) {
    ProcessEndpoint endpoint(reactor, "/nowhere/at/all", {"all"});
    const auto made = outcomeOf(reactor, endpoint.connect(factory));
    ASSERT_FALSE(made.ok());
    EXPECT_NE(made.failure().check<SpawnError>(), nullptr);
    EXPECT_EQ(protocol().made, 0);
    EXPECT_EQ(factory->stops, 1);
    factory->refuse = true;
    const auto refused = shell("exit 0");
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.failure().check<NoProtocol>(), nullptr);
    EXPECT_EQ(factory->stops, 2);
}

// The end of the input is the half-close; the child ends as it likes.
TEST_F(ProcessEndpoints, halfCloseEndsTheInput) {
    ASSERT_TRUE(shell("cat").ok());
    protocol().transport->write("last words");
    protocol().transport->loseWriteConnection();
    untilLost();
    EXPECT_EQ(protocol().received, "last words");
    EXPECT_TRUE(protocol().lostWith<ConnectionDone>());
}

// A child that closes its output finds its input closed, unless the protocol wants half-closes.
TEST_F(ProcessEndpoints, theEndOfTheOutputEndsTheInput) {
    ASSERT_TRUE(shell("exec 1>&-; while read line; do :; done; exit 5").ok());
    untilLost();
    ASSERT_TRUE(protocol().lostWith<ProcessTerminated>());
    EXPECT_EQ(protocol().lost->check<ProcessTerminated>()->exitCode(), 5);
    auto record = std::make_shared<test::Record>();
    record->halfClose = true;
    record->onReadLost = [](ITransport& t) {
        t.write("still\n");
        t.loseWriteConnection();
    };
    ProcessEndpoint endpoint(reactor, "/bin/sh",
                             {"sh", "-c", "exec 1>&-; read line; test $line = still"});
    ASSERT_TRUE(outcomeOf(reactor, endpoint.connect(test::recorderFactory(record))).ok());
    test::runUntil(reactor, [&] { return record->lost.has_value(); });
    EXPECT_THAT(record->events,
                ElementsAre("made", "read lost", "write lost", "lost marline::ConnectionDone"));
}

// loseConnection sends what was written and delivers nothing more; the child sees the end.
TEST_F(ProcessEndpoints, loseConnectionClosesThePipes) {
    ASSERT_TRUE(shell("while read line; do :; done").ok());
    protocol().transport->write("x\n");
    protocol().transport->loseConnection();
    EXPECT_TRUE(protocol().transport->disconnecting());
    untilLost();
    EXPECT_EQ(protocol().received, "");
    EXPECT_TRUE(protocol().lostWith<ConnectionDone>());
}

// abortConnection kills the child.
TEST_F(ProcessEndpoints, abortKills) {
    ASSERT_TRUE(shell("while :; do :; done").ok());
    protocol().transport->abortConnection();
    untilLost();
    EXPECT_TRUE(protocol().lostWith<ConnectionAborted>());
}

// What a callback throws kills the child, and is the reason.
TEST_F(ProcessEndpoints, whatACallbackThrowsEndsIt) {
    factory = makeRef<RecordingFactory>([](RecordingProtocol& made) {
        made.onData = [](RecordingProtocol&, std::string_view) {
            throw std::runtime_error("bad data");
        };
    });
    ASSERT_TRUE(shell("echo data; while :; do :; done").ok());
    untilLost();
    EXPECT_TRUE(protocol().lostWith<std::runtime_error>());
    EXPECT_THAT(log.take(), ElementsAre(HasSubstr("bad data")));
}

/// Writes twice, and is done.
struct TwoWords final : IProducer {
    explicit TwoWords(ITransport& transport) : to(transport) {}
    void resumeProducing() override {
        to.write("word\n");
        if (++calls == 2) {
            to.unregisterProducer();
            to.loseWriteConnection();
        }
    }
    void pauseProducing() override {}
    void stopProducing() override {}
    ITransport& to;
    int calls = 0;
};

// A producer feeds the child; pausing holds its output back.
TEST_F(ProcessEndpoints, producersAndPausesReachThePipes) {
    ASSERT_TRUE(shell("cat").ok());
    TwoWords words(*protocol().transport);
    protocol().transport->pauseProducing();
    protocol().transport->registerProducer(words, Producing::Pull);
    EXPECT_GT(protocol().transport->bytesBuffered(), 0U);
    test::runUntil(reactor, [&] { return words.calls == 2; });
    EXPECT_EQ(protocol().received, "");
    protocol().transport->resumeProducing();
    untilLost();
    EXPECT_EQ(protocol().received, "word\nword\n");
}

}  // namespace
