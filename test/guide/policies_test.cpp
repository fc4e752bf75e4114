// The snippets of docs/howto/policies.md, and what the page says of them.
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include "test/support/running.hpp"
#include "test/support/temp_folder.hpp"

using namespace marline;
using namespace std::chrono_literals;

namespace {

using test::outcomeOf;
using test::runUntil;

class Chat : public TimeoutMixin<LineReceiver> {
public:
    explicit Chat(Reactor& reactor) : TimeoutMixin(reactor) {}

private:
    void connectionMade() override { setTimeout(60s); }
    void lineReceived(std::string_view line) override {
        resetTimeout();
        sendLine(line);
    }
    // unless overridden: loseConnection()
    void timeoutConnection() override { transport()->abortConnection(); }
};

/// A client of `port` that says `text`, and what it heard.
std::shared_ptr<test::Record> clientOf(Reactor& reactor, const Address& port,
                                       const std::string& text) {
    const auto client = std::make_shared<test::Record>();
    client->onMade = [text](ITransport& transport) { transport.write(text); };
    EXPECT_TRUE(outcomeOf(reactor, reactor.connectTcp(port, test::recorderFactory(client))).ok());
    return client;
}

// A line goes through all of the factories and comes back; a timeout is pending for it.
TEST(GuidePolicies, factories) {
    const std::uint16_t port = 0;
    Reactor reactor;
    const auto sorry = makeFactory<Protocol>();
    // clang-format off
    auto site = makeFactory<Chat>(std::ref(reactor));
    auto quiet = makeRef<TimeoutFactory>(reactor, site, 60s);              // closes idle connections
    auto fair = makeRef<LimitConnectionsByPeer>(quiet, 20U);               // 20 for each peer
    auto all = makeRef<LimitTotalConnectionsFactory>(fair, 5000U, sorry);  // the rest hear why
    auto listening = reactor.listenTcp(port, all, {.interface = "127.0.0.1"});
    // clang-format on
    const auto client = clientOf(reactor, listening->getHost(), "hello\r\n");
    runUntil(reactor, [&] { return client->received == "hello\r\n"; });
    EXPECT_EQ(all->connectionCount(), 1U);
    EXPECT_EQ(fair->connectionCount({Address::Kind::Ipv4, 0, "127.0.0.1"}), 1U);
    EXPECT_EQ(reactor.pendingCalls(), 2U);
}

// An idle connection is aborted, if its protocol says so, or lost.
TEST(GuidePolicies, timeouts) {
    marline::testing::Clock clock;
    struct Idle : TimeoutMixin<Protocol> {
        using TimeoutMixin::TimeoutMixin;
        void connectionMade() override { setTimeout(60s); }
    };
    marline::testing::StringTransport transport;
    const auto idle = makeRef<Idle>(clock);
    idle->makeConnection(transport);
    clock.advance(59s);
    idle->resetTimeout();
    clock.advance(59s);
    EXPECT_FALSE(transport.disconnecting());
    clock.advance(1s);
    EXPECT_TRUE(transport.disconnecting());
}

class Counting : public ProtocolWrapper {
public:
    using ProtocolWrapper::ProtocolWrapper;
    void dataReceived(std::span<const std::byte> data) override {
        bytes += data.size();
        ProtocolWrapper::dataReceived(data);
    }

    std::size_t bytes = 0;
};

class CountingFactory : public WrappingFactory {
    using WrappingFactory::WrappingFactory;
    Ref<IProtocol> wrap(Ref<IProtocol> inner) override {
        return makeRef<Counting>(std::move(inner));
    }
};

// What comes is counted, and goes through.
TEST(GuidePolicies, aWrapper) {
    const auto record = std::make_shared<test::Record>();
    const auto factory = makeRef<CountingFactory>(test::recorderFactory(record));
    const Ref<IProtocol> built = factory->buildProtocol({});
    marline::testing::StringTransport transport;
    built->makeConnection(transport);
    built->dataReceived(asBytes("12345"));
    EXPECT_EQ(record->received, "12345");
    auto* counting = dynamic_cast<Counting*>(built.get());
    ASSERT_NE(counting, nullptr);
    EXPECT_EQ(counting->bytes, 5U);
    built->connectionLost(Failure(ConnectionDone()));
}

class Cinema : public Protocol {
    void connectionMade() override {
        beginFileTransfer(UniqueFd(::open("movie.mkv", O_RDONLY | O_CLOEXEC)), *transport())
            .addCallback([this](std::optional<std::byte>) { transport()->loseConnection(); });
    }
};

// The whole file is sent, then the connection ends.
TEST(GuidePolicies, sendingAFile) {
    const test::TempFolder folder;
    const std::string movie(100'000, 'm');
    folder.write("movie.mkv", movie);
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(folder.path());
    Reactor reactor;
    const auto port = reactor.listenTcp(0, makeFactory<Cinema>(), {.interface = "127.0.0.1"});
    const auto client = clientOf(reactor, port->getHost(), "");
    runUntil(reactor, [&] { return client->lost.has_value(); });
    std::filesystem::current_path(before);
    EXPECT_TRUE(client->received == movie);
}

}  // namespace
