// ProtocolWrapper and WrappingFactory: they pass everything on.
#include <marline/protocols/policies/protocol_wrapper.hpp>

#include <array>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <marline/protocols/protocol.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/string_transport.hpp>
#include <marline/reactor/tls.hpp>
#include <marline/reactor/unix.hpp>

#include <test/support/memory_pipe.hpp>
#include <test/support/reactor_fixture.hpp>
#include <test/support/recording_protocol.hpp>
#include <test/support/temp_folder.hpp>

namespace marline::testing {
namespace {

class Plain final : public ProtocolWrapper {
public:
    using ProtocolWrapper::ProtocolWrapper;
};

class PlainFactory final : public WrappingFactory {
public:
    using WrappingFactory::WrappingFactory;

private:
    Ref<IProtocol> wrap(Ref<IProtocol> inner) override { return makeRef<Plain>(std::move(inner)); }
};

class Producer final : public IProducer {
public:
    void resumeProducing() override { ++resumed; }
    void pauseProducing() override { ++paused; }
    void stopProducing() override { ++stopped; }
    int resumed = 0;
    int paused = 0;
    int stopped = 0;
};

// B-24: what the protocol asks of its transport reaches the real one.
TEST(ProtocolWrapper, forwardsWhatTheProtocolAsks) {
    StringTransport real;
    const auto inner = makeRef<RecordingProtocol>();
    const auto wrapper = makeRef<Plain>(inner);
    wrapper->makeConnection(real);
    ASSERT_EQ(inner->made, 1);
    ITransport& seen = *inner->transport;
    EXPECT_EQ(&seen, wrapper.get());
    seen.write("one ");
    seen.writeSequence(std::array{asBytes("two "), asBytes("three")});
    EXPECT_EQ(real.value(), "one two three");
    EXPECT_EQ(seen.getHost(), real.getHost());
    EXPECT_EQ(seen.getPeer(), real.getPeer());
    seen.pauseProducing();
    EXPECT_TRUE(real.paused());
    seen.resumeProducing();
    EXPECT_FALSE(real.paused());
    real.hold();
    seen.write("waits");
    EXPECT_EQ(seen.bytesBuffered(), 5U);
    Producer producer;
    seen.registerProducer(producer, Producing::Pull);
    EXPECT_EQ(real.producer(), &producer);
    EXPECT_EQ(producer.resumed, 1);
    seen.unregisterProducer();
    EXPECT_EQ(real.producer(), nullptr);
    EXPECT_FALSE(seen.disconnecting());
    seen.loseWriteConnection();
    EXPECT_TRUE(real.writeEnded());
    seen.loseConnection();
    EXPECT_TRUE(real.closed() && seen.disconnecting());
    seen.abortConnection();
    EXPECT_TRUE(real.aborted());
    wrapper->connectionLost(ConnectionDone());
}

// B-24: options of the socket go through as well.
TEST(ProtocolWrapper, forwardsTheSocketsOptions) {
    const auto inner = makeRef<RecordingProtocol>();
    const auto other = makeRef<RecordingProtocol>();
    MemoryPipe pipe;
    pipe.connect(makeRef<Plain>(inner), other);
    inner->transport->setTcpNoDelay(true);
    inner->transport->setTcpKeepAlive(true);
    EXPECT_TRUE(pipe.client.noDelay && pipe.client.keepAlive);
    EXPECT_EQ(inner->transport->getTcpNoDelay(), pipe.client.getTcpNoDelay());
    EXPECT_EQ(inner->transport->getTcpKeepAlive(), pipe.client.getTcpKeepAlive());
    EXPECT_EQ(inner->transport->tls(), nullptr);
    EXPECT_EQ(asUnixTransport(*inner->transport), nullptr);
}

// B-24: what the transport tells reaches the protocol, half-closes and handshakes too.
TEST(ProtocolWrapper, forwardsWhatTheTransportTells) {
    class Half final : public Protocol {
    public:
        void dataReceived(std::span<const std::byte> data) override { told += asText(data); }
        bool wantsHalfClose() const noexcept override { return true; }
        void readConnectionLost() override { told += " read"; }
        void writeConnectionLost() override { told += " write"; }
        void handshakeCompleted() override { told += " handshake"; }
        std::string told;
    };
    StringTransport real;
    const auto inner = makeRef<Half>();
    const auto wrapper = makeRef<Plain>(inner);
    EXPECT_TRUE(wrapper->wantsHalfClose());
    wrapper->makeConnection(real);
    wrapper->dataReceived(asBytes("data"));
    wrapper->handshakeCompleted();
    wrapper->readConnectionLost();
    wrapper->writeConnectionLost();
    EXPECT_EQ(inner->told, "data handshake read write");
    StringTransport secured;
    wrapper->transportChanged(secured);
    inner->transport()->write("over the new one");
    EXPECT_EQ(secured.value(), "over the new one");
    wrapper->connectionLost(ConnectionDone());
    EXPECT_FALSE(wrapper->wantsHalfClose());
}

// B-24: at connectionLost() it lets go of the protocol, and what is asked of it does nothing.
TEST(ProtocolWrapper, letsGoOfTheProtocolAtTheEnd) {
    StringTransport real;
    auto inner = makeRef<RecordingProtocol>();
    const auto wrapper = makeRef<Plain>(inner);
    wrapper->makeConnection(real);
    ITransport& seen = *inner->transport;
    inner->onLost = [&](RecordingProtocol&) { EXPECT_EQ(seen.getPeer(), real.getPeer()); };
    wrapper->connectionLost(ConnectionDone());
    EXPECT_TRUE(inner->lostWith<ConnectionDone>());
    EXPECT_TRUE(inner.unique());
    EXPECT_EQ(wrapper->transport(), nullptr);
    EXPECT_FALSE(wrapper->wrappedProtocol());
    seen.write("late");
    seen.writeSequence(std::array{asBytes("late")});
    seen.loseConnection();
    seen.abortConnection();
    seen.loseWriteConnection();
    seen.pauseProducing();
    seen.resumeProducing();
    seen.setTcpNoDelay(true);
    seen.setTcpKeepAlive(true);
    seen.unregisterProducer();
    Producer producer;
    seen.registerProducer(producer, Producing::Push);
    EXPECT_EQ(producer.stopped, 1) << "nobody takes anything any more";
    EXPECT_THROW(seen.switchProtocol(inner), std::logic_error);
    EXPECT_TRUE(seen.disconnecting());
    EXPECT_EQ(seen.bytesBuffered(), 0U);
    EXPECT_EQ(seen.getHost(), Address());
    EXPECT_EQ(seen.getPeer(), Address());
    EXPECT_FALSE(seen.getTcpNoDelay() || seen.getTcpKeepAlive());
    EXPECT_EQ(seen.tls(), nullptr);
    EXPECT_EQ(asUnixTransport(seen), nullptr);
    EXPECT_EQ(wrapper->fileDescriptorReceiver(), nullptr);
    EXPECT_EQ(real.value(), "");
    EXPECT_FALSE(real.closed() || real.aborted() || real.paused());
}

// An exception of the protocol's connectionLost() leaves the wrapper's, which lets go all the same.
TEST(ProtocolWrapper, letsGoAlsoWhenTheProtocolThrows) {
    StringTransport real;
    auto inner = makeRef<RecordingProtocol>();
    const auto wrapper = makeRef<Plain>(inner);
    wrapper->makeConnection(real);
    inner->onLost = [](RecordingProtocol&) { throw std::runtime_error("in connectionLost"); };
    EXPECT_THROW(wrapper->connectionLost(ConnectionDone()), std::runtime_error);
    EXPECT_EQ(wrapper->transport(), nullptr);
    EXPECT_TRUE(inner.unique());
}

// The protocol inside may be changed, from its own callback too.
TEST(ProtocolWrapper, changesTheProtocolInside) {
    const auto next = makeRef<RecordingProtocol>();
    auto first = makeRef<RecordingProtocol>();
    first->onData = [next](RecordingProtocol& self, std::string_view) {
        ITransport& connection = *self.transport;
        connection.switchProtocol(next);
        next->makeConnection(connection);
    };
    const auto other = makeRef<RecordingProtocol>();
    MemoryPipe pipe(1);
    pipe.connect(other, makeRef<Plain>(std::move(first)));
    pipe.client.write(asBytes("1234"));
    pipe.run();
    EXPECT_EQ(next->received, "234");
}

// A factory's protocols are wrapped, what it refuses stays refused, and it starts and stops with
// the factory inside.
TEST(WrappingFactory, wrapsWhatTheFactoryBuilds) {
    const auto inner = makeRef<RecordingFactory>();
    const auto factory = makeRef<PlainFactory>(inner);
    EXPECT_EQ(factory->wrappedFactory().get(), inner.get());
    factory->doStart();
    const Ref<IProtocol> built = factory->buildProtocol({});
    ASSERT_NE(dynamic_cast<Plain*>(built.get()), nullptr);
    EXPECT_EQ(dynamic_cast<Plain&>(*built).wrappedProtocol(), Ref<IProtocol>(inner->built.at(0)));
    inner->refuse = true;
    EXPECT_FALSE(factory->buildProtocol({}));
    factory->doStop();
    EXPECT_EQ(inner->starts, 1);
    EXPECT_EQ(inner->stops, 1);
}

class WrappedUnixTest : public ReactorFixture {};

// B-24: over a UNIX socket descriptors pass both ways, as without the wrapper.
TEST_F(WrappedUnixTest, passesDescriptors) {
    class Taking final : public Protocol, public IFileDescriptorReceiver {
    public:
        explicit Taking(int* taken) : taken_(taken) {}
        void fileDescriptorReceived(UniqueFd fd) override { *taken_ += fd.get() >= 0 ? 1 : 0; }

    private:
        int* taken_;
    };
    const test::TempFolder folder;
    int taken = 0;
    const auto port =
        reactor().listenUnix(folder / "s", makeRef<PlainFactory>(makeFactory<Taking>(&taken)));
    const auto sender = makeRef<RecordingFactory>([](RecordingProtocol& protocol) {
        protocol.onMade = [](RecordingProtocol& self) {
            IUnixTransport* const unix = asUnixTransport(*self.transport);
            ASSERT_NE(unix, nullptr);
            EXPECT_EQ(unix->peerCredentials().pid, ::getpid());
            unix->sendFileDescriptor(0);
            self.transport->write(std::string_view("x"));
        };
    });
    auto connected = reactor().connectUnix(folder / "s", makeRef<PlainFactory>(sender));
    runUntil([&] { return taken == 1; });
    sender->built.at(0)->transport->loseConnection();
    runUntil([&] { return sender->built.at(0)->losses == 1; });
}

}  // namespace
}  // namespace marline::testing
