// LimitTotalConnectionsFactory and LimitConnectionsByPeer.
#include <marline/protocols/policies/connection_limits.hpp>

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/support/recording_protocol.hpp>

namespace marline::testing {
namespace {

Address at(const std::string& host) {
    const bool v6 = host.find(':') != std::string::npos;
    return {v6 ? Address::Kind::Ipv6 : Address::Kind::Ipv4, 1, host};
}

// B-26: beyond the limit there is no protocol, which closes the connection; a connection that ends
// makes room.
TEST(LimitTotalConnectionsFactory, refusesConnectionsBeyondTheLimit) {
    const auto inner = makeRef<RecordingFactory>();
    const auto factory = makeRef<LimitTotalConnectionsFactory>(inner, 2);
    StringTransport transport;
    const Ref<IProtocol> one = factory->buildProtocol({});
    const Ref<IProtocol> two = factory->buildProtocol({});
    ASSERT_TRUE(one && two);
    EXPECT_EQ(factory->connectionCount(), 2U);
    EXPECT_FALSE(factory->buildProtocol({}));
    one->makeConnection(transport);
    one->connectionLost(ConnectionDone());
    EXPECT_EQ(factory->connectionCount(), 1U);
    EXPECT_TRUE(factory->buildProtocol({}));
}

// B-26: with an overflow factory those beyond the limit get its protocols, and are counted.
TEST(LimitTotalConnectionsFactory, givesTheOverflowProtocolBeyondTheLimit) {
    const auto inner = makeRef<RecordingFactory>();
    const auto overflow = makeRef<RecordingFactory>([](RecordingProtocol& protocol) {
        protocol.onMade = [](RecordingProtocol& self) {
            self.transport->write(std::string_view("too many"));
            self.transport->loseConnection();
        };
    });
    const auto factory = makeRef<LimitTotalConnectionsFactory>(inner, 1, overflow);
    factory->doStart();
    const Ref<IProtocol> one = factory->buildProtocol({});
    const Ref<IProtocol> two = factory->buildProtocol({});
    EXPECT_EQ(inner->built.size(), 1U);
    EXPECT_EQ(overflow->built.size(), 1U);
    EXPECT_EQ(factory->connectionCount(), 2U);
    StringTransport transport;
    two->makeConnection(transport);
    EXPECT_EQ(transport.value(), "too many");
    EXPECT_TRUE(transport.closed());
    two->connectionLost(ConnectionDone());
    EXPECT_EQ(factory->connectionCount(), 1U);
    factory->doStop();
    EXPECT_EQ(overflow->starts + inner->starts, 2);
    EXPECT_EQ(overflow->stops + inner->stops, 2);
}

// B-26: a protocol that never gets its connection does not count for ever, and one that the
// factory refuses does not count at all.
TEST(LimitTotalConnectionsFactory, countsOnlyConnections) {
    const auto inner = makeRef<RecordingFactory>();
    const auto factory = makeRef<LimitTotalConnectionsFactory>(inner, 1);
    EXPECT_TRUE(factory->buildProtocol({}));
    EXPECT_EQ(factory->connectionCount(), 0U);
    inner->refuse = true;
    EXPECT_FALSE(factory->buildProtocol({}));
    EXPECT_EQ(factory->connectionCount(), 0U);
    factory->doStart();
    factory->doStop();
    EXPECT_EQ(inner->starts, inner->stops) << "no overflow factory to tell";
}

// Each peer has its own count.
TEST(LimitConnectionsByPeer, countsEachPeerByItself) {
    const auto inner = makeRef<RecordingFactory>();
    const auto factory = makeRef<LimitConnectionsByPeer>(inner, 2);
    factory->doStart();
    const Ref<IProtocol> one = factory->buildProtocol(at("192.0.2.1"));
    const Ref<IProtocol> two = factory->buildProtocol(at("192.0.2.1"));
    EXPECT_FALSE(factory->buildProtocol(at("192.0.2.1")));
    const Ref<IProtocol> other = factory->buildProtocol(at("192.0.2.2"));
    ASSERT_TRUE(one && two && other);
    EXPECT_EQ(factory->connectionCount(at("192.0.2.1")), 2U);
    StringTransport transport;
    one->makeConnection(transport);
    one->connectionLost(ConnectionDone());
    EXPECT_EQ(factory->connectionCount(at("192.0.2.1")), 1U);
    EXPECT_TRUE(factory->buildProtocol(at("192.0.2.1")));
    inner->refuse = true;
    EXPECT_FALSE(factory->buildProtocol(at("192.0.2.9")));
    EXPECT_EQ(factory->connectionCount(at("192.0.2.9")), 0U);
    factory->doStop();
    EXPECT_EQ(inner->starts + inner->stops, 2);
}

// A /64 of IPv6 is one peer; IPv4 addresses in IPv6 form and UNIX sockets are what they are.
TEST(LimitConnectionsByPeer, takesAnIpv6NetworkAsOnePeer) {
    const auto same = [](const Address& a, const Address& b) {
        const auto factory = makeRef<LimitConnectionsByPeer>(makeRef<RecordingFactory>(), 9);
        const Ref<IProtocol> held = factory->buildProtocol(a);
        return factory->connectionCount(b) == 1;
    };
    EXPECT_TRUE(same(at("2001:db8::1"), at("2001:db8:0:0:ffff::2")));
    EXPECT_TRUE(same(at("fe80::1%lo"), at("fe80::2%lo")));
    EXPECT_FALSE(same(at("2001:db8::1"), at("2001:db8:0:1::1")));
    EXPECT_FALSE(same(at("::ffff:192.0.2.1"), at("::ffff:192.0.2.2")));
    EXPECT_FALSE(same(at("192.0.2.1"), at("192.0.2.2")));
    EXPECT_FALSE(same(at("no:address"), at("another:one")));
    EXPECT_TRUE(same({Address::Kind::Unix, 0, "/a"}, {Address::Kind::Unix, 0, "/b"}));
}

}  // namespace
}  // namespace marline::testing
