// loopbackTcp() and loopbackUnix(): what an IoPump does in memory, over the kernel.
#include <marline/reactor/testing/loopback.hpp>

#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/errors.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/gtest.hpp>
#include <marline/reactor/testing/io_pump.hpp>

#include <test/support/recording_protocol.hpp>

namespace marline::testing {
namespace {

using ::testing::SizeIs;

/// Sends a word and closes when it has come back.
Ref<RecordingProtocol> asker() {
    auto client = makeRef<RecordingProtocol>();
    client->onMade = [](RecordingProtocol& self) { self.transport->write("hello"); };
    client->onData = [](RecordingProtocol& self, std::string_view) {
        if (self.received == "hello") {
            self.transport->loseConnection();
        }
    };
    return client;
}

Ref<RecordingProtocol> echoer() {
    auto server = makeRef<RecordingProtocol>();
    echo(*server);
    return server;
}

class LoopbackTest : public ReactorTestCase {};

// M-3: two protocols say the same over memory, TCP and a UNIX socket.
TEST_F(LoopbackTest, theSameTwoTalkOverEveryTransport) {
    const auto expectTalk = [](const Ref<RecordingProtocol>& client,
                               const Ref<RecordingProtocol>& server) {
        EXPECT_EQ(client->received, "hello");
        EXPECT_TRUE(client->lostWith<ConnectionDone>());
        EXPECT_TRUE(server->lostWith<ConnectionDone>());
    };
    auto client = asker();
    auto server = echoer();
    IoPump(client, server).flush();
    expectTalk(client, server);
    client = asker();
    server = echoer();
    resultOf(loopbackTcp(reactor(), client, server));
    expectTalk(client, server);
    client = asker();
    server = echoer();
    resultOf(loopbackUnix(reactor(), client, server));
    expectTalk(client, server);
}

// What the protocols throw ends the connection, and the wait for it.
TEST_F(LoopbackTest, exceptionsEndIt) {
    auto client = asker();
    client->onMade = [](RecordingProtocol&) { throw std::runtime_error("not made"); };
    auto server = echoer();
    server->onLost = [](RecordingProtocol&) { throw std::runtime_error("nor lost"); };
    resultOf(loopbackTcp(reactor(), client, server));
    EXPECT_TRUE(client->lostWith<std::runtime_error>());
    EXPECT_THAT(flushLoggedErrors("not made"), SizeIs(1));
    EXPECT_THAT(flushLoggedErrors("nor lost"), SizeIs(1));
}

// Cancelling it ends the attempt, or aborts the connection; nothing is left of it.
TEST_F(LoopbackTest, itCanBeCancelled) {
    Deferred<> early = loopbackTcp(reactor(), asker(), echoer());
    early.cancel();
    failureOf<CancelledError>(early);
    auto client = echoer();
    auto server = echoer();
    Deferred<> late = loopbackTcp(reactor(), client, server);
    runUntil([&] { return client->made == 1 && server->made == 1; });
    late.cancel();
    failureOf<CancelledError>(late);
    runUntil([&] { return client->losses == 1 && server->losses == 1; });
    EXPECT_TRUE(client->lostWith<ConnectionAborted>());
}

class LoopbackInMemoryTest : public MemoryReactorTestCase {};

// It fails when no connection comes about, and nothing listens any more.
TEST_F(LoopbackInMemoryTest, itFailsWithoutAConnection) {
    Deferred<> done = loopbackTcp(reactor(), asker(), echoer());
    reactor().tcpClients().at(0)->fail(ConnectionRefusedError("no"));
    failureOf<ConnectionRefusedError>(done);
    EXPECT_FALSE(reactor().tcpServers().at(0)->listening());
}

}  // namespace
}  // namespace marline::testing
