// forwardTo(): a server of this process behind another port of it.
#include <marline/protocols/port_forward.hpp>

#include <string>

#include <gtest/gtest.h>

#include <marline/protocols/protocol.hpp>
#include <marline/reactor/errors.hpp>

#include <test/support/reactor_fixture.hpp>
#include <test/support/recording_protocol.hpp>

namespace marline::testing {
namespace {

class PortForwardTest : public ReactorFixture {
protected:
    /// A port that goes on to where `servers` listens.
    Address forwarded(const Ref<RecordingFactory>& servers) {
        backend_ = reactor().listenTcp(0, servers, {.interface = "127.0.0.1"});
        return forwardTo(backend_->getHost());
    }
    Address forwardTo(const Address& to) {
        front_ =
            reactor().listenTcp(0, marline::forwardTo(makeRef<TcpClientEndpoint>(reactor(), to)),
                                {.interface = "127.0.0.1"});
        return front_->getHost();
    }
    Ref<RecordingProtocol> connect(const Address& to) {
        const auto factory = makeRef<RecordingFactory>();
        reactor().connectTcp(to, factory);
        runUntil([&] { return !factory->built.empty() && factory->built[0]->made == 1; });
        return factory->built.at(0);
    }

    Ref<IListeningPort> backend_;
    Ref<IListeningPort> front_;
};

// Bytes go both ways, those too that come before the other connection stands.
TEST_F(PortForwardTest, passesBytesOn) {
    const auto servers = makeRef<RecordingFactory>(echo);
    const Ref<RecordingProtocol> client = connect(forwarded(servers));
    const std::string much(1'000'000, 'x');
    client->transport->write(much);
    runUntil([&] { return client->received.size() == much.size(); });
    EXPECT_EQ(client->received, much);
    client->transport->loseConnection();
    runUntil([&] { return servers->built.at(0)->losses == 1; });
    EXPECT_TRUE(servers->built.at(0)->lostWith<ConnectionDone>());
}

// When the server closes, the client gets all that was sent, and then the end.
TEST_F(PortForwardTest, closesBehindWhatWasSent) {
    const auto servers = makeRef<RecordingFactory>([](RecordingProtocol& server) {
        server.onMade = [](RecordingProtocol& self) {
            self.transport->write(std::string(500'000, 'y'));
            self.transport->loseConnection();
        };
    });
    const Ref<RecordingProtocol> client = connect(forwarded(servers));
    runUntil([&] { return client->losses == 1; });
    EXPECT_EQ(client->received.size(), 500'000U);
    EXPECT_TRUE(client->lostWith<ConnectionDone>());
}

// Who does not read is not written to without end: the sender has to wait.
TEST_F(PortForwardTest, passesTheSlownessOn) {
    const auto servers = makeRef<RecordingFactory>([](RecordingProtocol& server) {
        server.onMade = [](RecordingProtocol& self) { self.transport->pauseProducing(); };
    });
    const Ref<RecordingProtocol> client = connect(forwarded(servers));
    runUntil([&] { return !servers->built.empty() && servers->built[0]->made == 1; });
    client->transport->write(std::string(64'000'000, 'x'));
    std::size_t before = 0;
    runUntil([&] {
        const std::size_t waiting = client->transport->bytesBuffered();
        const bool stands = waiting == before;
        before = waiting;
        return stands;
    });
    EXPECT_GT(before, 0U) << "the forwarder took it all";
    servers->built[0]->transport->resumeProducing();
    runUntil([&] { return servers->built[0]->received.size() == 64'000'000U; });
    client->transport->abortConnection();
    runUntil([&] { return servers->built[0]->losses == 1; });
}

// A half-close is passed on: the answer still comes.
TEST_F(PortForwardTest, passesHalfClosesOn) {
    class Half final : public Protocol {
    public:
        void connectionMade() override {
            transport()->write("question");
            transport()->loseWriteConnection();
        }
        bool wantsHalfClose() const noexcept override { return true; }
        void dataReceived(std::span<const std::byte> data) override { got += asText(data); }
        void connectionLost(const Failure& reason) override {
            lost = true;
            Protocol::connectionLost(reason);
        }
        std::string got;
        bool lost = false;
    };
    class Answering final : public Protocol {
        bool wantsHalfClose() const noexcept override { return true; }
        void dataReceived(std::span<const std::byte> data) override { got_ += asText(data); }
        void readConnectionLost() override {
            transport()->write("answer to " + got_);
            transport()->loseConnection();
        }
        std::string got_;
    };
    backend_ = reactor().listenTcp(0, makeFactory<Answering>(), {.interface = "127.0.0.1"});
    const auto half = makeRef<Half>();
    reactor().connectTcp(forwardTo(backend_->getHost()),
                         factoryOf([&](const Address&) { return half; }));
    runUntil([&] { return half->lost; });
    EXPECT_EQ(half->got, "answer to question");
}

// Where nobody listens the connection is aborted.
TEST_F(PortForwardTest, abortsWhatCannotBeForwarded) {
    backend_ = reactor().listenTcp(0, makeRef<RecordingFactory>(), {.interface = "127.0.0.1"});
    const Address nowhere = backend_->getHost();
    backend_->stopListening();
    turn(3);
    const Ref<RecordingProtocol> client = connect(forwardTo(nowhere));
    runUntil([&] { return client->losses == 1; });
    EXPECT_TRUE(client->lostWith<ConnectionLost>());
}

}  // namespace
}  // namespace marline::testing
