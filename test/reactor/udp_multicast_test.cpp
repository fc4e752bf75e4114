// Multicast and broadcast: area U.
#include <marline/reactor/udp.hpp>

#include <cerrno>
#include <string>
#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>

#include "test/reactor/udp_end.hpp"
#include "test/support/running.hpp"

namespace {

using namespace marline;
using test::DatagramRecorder;
using test::ipv4;
using test::outcomeOf;
using test::runUntil;
using test::turns;
using test::UdpEnd;
using testing::ElementsAre;
using testing::HasSubstr;

// U-2: broadcast must be allowed first, and has a name.
TEST(Udp, broadcastMustBeAllowed) {
    test::CatchLog log;  // the system may have no way to 255.255.255.255
    Reactor reactor;
    UdpEnd end(reactor);
    EXPECT_FALSE(end.udp().getBroadcastAllowed());
    EXPECT_THROW(end.udp().write("x", ipv4(9, "<broadcast>")), InvalidAddressError);
    end.udp().setBroadcastAllowed(true);
    EXPECT_TRUE(end.udp().getBroadcastAllowed());
    // 127.255.255.255 is loopback's own broadcast address.
    UdpEnd all(reactor, {});
    end.udp().write("to all", ipv4(all.address().port, "127.255.255.255"));
    runUntil(reactor, [&] { return !all.protocol->received.empty(); });
    EXPECT_EQ(all.protocol->sender, end.address());
    EXPECT_NO_THROW(end.udp().write("x", ipv4(9, "<broadcast>")));
    end.udp().setBroadcastAllowed(false);
    EXPECT_THROW(end.udp().write("x", ipv4(9, "<broadcast>")), InvalidAddressError);
}

// U-7: members of a group get what is sent to it, each once, until they leave.
TEST(Udp, groupsBringMulticasts) {
    Reactor reactor;
    UdpEnd member(reactor, {});
    UdpEnd sender(reactor);
    EXPECT_TRUE(outcomeOf(reactor, member.udp().joinGroup("225.0.0.250", "127.0.0.1")).ok());
    sender.udp().setOutgoingInterface("lo");
    const Address group = ipv4(member.address().port, "225.0.0.250");
    sender.udp().write("hello", group);
    runUntil(reactor, [&] { return !member.protocol->received.empty(); });
    EXPECT_TRUE(outcomeOf(reactor, member.udp().leaveGroup("225.0.0.250", "127.0.0.1")).ok());
    sender.udp().write("gone", group);
    turns(reactor);
    EXPECT_THAT(member.protocol->received, ElementsAre("hello"));
}

// With listenMultiple several members share a port, and each gets every multicast.
TEST(Udp, listenMultipleSharesAGroup) {
    Reactor reactor;
    UdpEnd first(reactor, {.listenMultiple = true});
    auto second = makeRef<DatagramRecorder>();
    reactor.listenUdp(first.address().port, second, {.listenMultiple = true});
    for (IUdpTransport* udp : {&first.udp(), second->transport()}) {
        EXPECT_TRUE(outcomeOf(reactor, udp->joinGroup("225.0.0.250", "lo")).ok());
    }
    UdpEnd sender(reactor);
    sender.udp().setOutgoingInterface("127.0.0.1");
    sender.udp().write("all", ipv4(first.address().port, "225.0.0.250"));
    runUntil(reactor,
             [&] { return !first.protocol->received.empty() && !second->received.empty(); });
    EXPECT_THAT(second->received, ElementsAre("all"));
}

// A port that joined no group gets nothing that is sent to one, though another port of the host
// did.
TEST(Udp, groupsOfOthersAreNotHeard) {
    Reactor reactor;
    UdpEnd member(reactor, {.listenMultiple = true});
    auto stranger = makeRef<DatagramRecorder>();
    reactor.listenUdp(member.address().port, stranger, {.listenMultiple = true});
    EXPECT_TRUE(outcomeOf(reactor, member.udp().joinGroup("225.0.0.250", "lo")).ok());
    UdpEnd sender(reactor);
    sender.udp().setOutgoingInterface("lo");
    sender.udp().write("members only", ipv4(member.address().port, "225.0.0.250"));
    runUntil(reactor, [&] { return !member.protocol->received.empty(); });
    turns(reactor);
    EXPECT_TRUE(stranger->received.empty());
}

// U-7: what is no group, or no interface, fails the Deferred and names it.
TEST(Udp, badGroupsFail) {
    Reactor reactor;
    UdpEnd end(reactor);
    for (const char* group : {"127.0.0.1", "all-hosts", "ff02::1", ""}) {
        const auto joined = outcomeOf(reactor, end.udp().joinGroup(group));
        ASSERT_FALSE(joined.ok()) << group;
        EXPECT_NE(joined.failure().check<MulticastJoinError>(), nullptr);
        EXPECT_THAT(joined.failure().message(), HasSubstr(group));
    }
    const auto nowhere = outcomeOf(reactor, end.udp().joinGroup("225.0.0.250", "no-such-if"));
    ASSERT_NE(nowhere.failure().check<MulticastJoinError>(), nullptr);
    EXPECT_EQ(nowhere.failure().check<MulticastJoinError>()->code().value(), ENODEV);
    const auto left = outcomeOf(reactor, end.udp().leaveGroup("225.0.0.250", "lo"));
    EXPECT_NE(left.failure().check<MulticastJoinError>(), nullptr);
    EXPECT_THROW(end.udp().setOutgoingInterface("no-such-if"), InvalidAddressError);
}

// The options of multicasts read as they were set, in both families.
TEST(Udp, multicastOptionsAreKept) {
    Reactor reactor;
    for (const char* interface : {"127.0.0.1", "::1"}) {
        UdpEnd end(reactor, {.interface = interface});
        EXPECT_EQ(end.udp().getTtl(), 1);
        end.udp().setTtl(7);
        EXPECT_EQ(end.udp().getTtl(), 7);
        EXPECT_THROW(end.udp().setTtl(256), std::system_error);
        EXPECT_TRUE(end.udp().getLoopbackMode());
        end.udp().setLoopbackMode(false);
        EXPECT_FALSE(end.udp().getLoopbackMode());
        EXPECT_NO_THROW(end.udp().setOutgoingInterface(interface));
    }
    UdpEnd six(reactor, {.interface = "::"});
    EXPECT_TRUE(outcomeOf(reactor, six.udp().joinGroup("ff01::1234", "lo")).ok());
    EXPECT_TRUE(outcomeOf(reactor, six.udp().leaveGroup("ff01::1234", "lo")).ok());
}

}  // namespace
