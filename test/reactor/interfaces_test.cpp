// What the contracts allow and what they do not: most of it is checked while this compiles.
#include <marline/reactor/interfaces.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include "test/support/running.hpp"

namespace {

using namespace marline;
using test::outcomeOf;
using test::Pair;
using test::recorderFactory;

template <class Data>
constexpr bool canWrite =
    requires(ITransport& transport, Data data) { transport.write(std::forward<Data>(data)); };

// bytes and text can be written, however they are held, and nothing else: that does not
// compile, where Twisted throws.
TEST(Transports, onlyBytesAndTextCanBeWritten) {
    EXPECT_TRUE(canWrite<const char*>);
    EXPECT_TRUE(canWrite<std::string>);
    EXPECT_TRUE(canWrite<const std::string&>);
    EXPECT_TRUE(canWrite<std::string_view>);
    EXPECT_TRUE(canWrite<std::span<std::byte>>);
    EXPECT_TRUE(canWrite<const std::vector<std::byte>&>);
    EXPECT_FALSE(canWrite<int>);
    EXPECT_FALSE(canWrite<std::u16string>);
    EXPECT_FALSE(canWrite<std::vector<int>>);
}

// The ways to write text, one after the other: each arrives once.
TEST(Transports, textIsWrittenHoweverItIsHeld) {
    marline::testing::StringTransport transport;
    const std::string kept = "kept ";
    std::string moved(10'000, 'm');
    const std::vector<std::byte> bytes(2, std::byte{'b'});
    ITransport& t = transport;
    t.write("literal ");
    t.write(kept);
    t.write(std::string_view("view "));
    t.write(std::move(moved));
    t.write(bytes);
    EXPECT_EQ(transport.value(), "literal kept view " + std::string(10'000, 'm') + "bb");
}

// dataReceived gives nothing back that could be taken for a reason to close.
TEST(Protocols, dataReceivedGivesNothingBack) {
    EXPECT_TRUE((std::is_void_v<decltype(std::declval<IProtocol&>().dataReceived({}))>));
}

template <class Port>
constexpr bool canListenOn = requires(Reactor& reactor, Port port, Ref<IProtocolFactory> factory) {
    reactor.listenTcp(port, factory);
};

// C-11: a port is a number; the name of a service does not compile (Twisted looks it up).
TEST(Ports, areNumbers) {
    EXPECT_TRUE(canListenOn<std::uint16_t>);
    EXPECT_FALSE(canListenOn<const char*>);
    EXPECT_FALSE(canListenOn<std::string>);
}

// what goes wrong on a connection is logged with the address of its peer, at both ends
// (Twisted: a prefix).
TEST(Logs, nameTheConnection) {
    test::CatchLog log;
    for (const bool atServer : {true, false}) {
        Pair pair;
        auto& thrower = atServer ? pair.server : pair.client;
        thrower->onData = [](ITransport&, std::string_view) { throw std::runtime_error("bad"); };
        pair.connect();
        const std::string peer = thrower->transport->getPeer().toString();
        (atServer ? pair.client : pair.server)->transport->write("x");
        test::runUntil(pair.reactor, [&] { return pair.server->lost && pair.client->lost; });
        EXPECT_THAT(log.take(), ::testing::ElementsAre(::testing::HasSubstr(peer)));
    }
}

// C-16: to disconnect is cancel() while the attempt is under way; afterwards that does nothing, and
// loseConnection() is the way.
TEST(Connecting, aConnectionOutlivesTheCancelOfItsDeferred) {
    Pair pair;
    auto attempt = pair.reactor.connectTcp(pair.port->getHost(), recorderFactory(pair.client));
    EXPECT_TRUE(outcomeOf(pair.reactor, attempt).ok());
    attempt.cancel();
    test::runUntil(pair.reactor, [&] { return pair.server->transport != nullptr; });
    EXPECT_FALSE(pair.client->lost);
    pair.client->transport->loseConnection();
    test::runUntil(pair.reactor, [&] { return pair.client->lost.has_value(); });
    EXPECT_NE(pair.client->lost->check<ConnectionDone>(), nullptr);
}

/// Counts those who use it.
class UsedFactory final : public IProtocolFactory {
public:
    explicit UsedFactory(std::shared_ptr<test::Record> record) : record_(std::move(record)) {}
    Ref<IProtocol> buildProtocol(const Address&) override {
        return makeRef<test::Recorder>(record_);
    }
    void doStart() override { ++users; }
    void doStop() override {
        --users;
        ++stops;
        fewest = std::min(fewest, users);
    }
    int users = 0;
    int stops = 0;
    int fewest = 99;

private:
    std::shared_ptr<test::Record> record_;
};

// C-19: a client that connects again when its connection is lost, or its attempt has failed, keeps
// its factory in use.
TEST(Connecting, aFactoryThatGoesOnStaysInUse) {
    Pair pair;
    auto factory = makeRef<UsedFactory>(pair.client);
    int connections = 0;
    pair.client->onMade = [&](ITransport& t) {
        ++connections;
        t.loseConnection();
    };
    pair.client->onLost = [&](ITransport&) {
        if (connections < 3) {
            pair.reactor.connectTcp(pair.port->getHost(), factory);
        } else {
            pair.client->onLost = {};
        }
    };
    pair.reactor.connectTcp(pair.port->getHost(), factory);
    test::runUntil(pair.reactor, [&] { return factory->stops == 2; });
    EXPECT_EQ(factory->fewest, 1);
    test::runUntil(pair.reactor, [&] { return factory->stops == 3; });
    EXPECT_EQ(factory->users, 0);
}

}  // namespace
