// The snippets of docs/howto/udp.md, and what the page says of them.
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include "test/guide/local_names.hpp"
#include "test/support/running.hpp"

using namespace marline;

namespace {

using test::runUntil;

class Echo : public DatagramProtocol {
    void datagramReceived(std::span<const std::byte> data, const Address& from) override {
        transport()->write(data, from);
    }
};

/// Looks example.org up, greets it, and stops the reactor when that answers.
class Asker : public DatagramProtocol {
public:
    explicit Asker(Reactor& reactor) : reactor_(reactor) {}

    std::string answer;

private:
    void startProtocol() override {
        reactor_.nameResolver()
            ->resolve("example.org", 53)
            .addCallback([this](const std::vector<Address>& found) {
                transport()->write("hello", found[0]);
            });
    }
    void datagramReceived(std::span<const std::byte> data, const Address&) override {
        answer = asText(data);
        reactor_.stop();
    }

    Reactor& reactor_;
};

// A datagram comes back; a name is looked up before.
TEST(GuideUdp, anEcho) {
    const std::uint16_t port = 0;
    Reactor reactor;
    auto listening = reactor.listenUdp(port, makeRef<Echo>(), {.interface = "127.0.0.1"});

    test::leadTo(reactor, "example.org", 53, listening->getHost());
    const auto asker = makeRef<Asker>(reactor);
    reactor.callWhenRunning([&] { reactor.listenUdp(0, asker, {.interface = "127.0.0.1"}); });
    reactor.run();
    EXPECT_EQ(asker->answer, "hello");
}

/// Joins a group as the page says.
class Member : public DatagramProtocol {
public:
    explicit Member(std::string interface) : interface_(std::move(interface)) {}

    void startProtocol() override {
        // clang-format off
        transport()->joinGroup("225.0.0.250", interface_);  // fails with MulticastJoinError
        transport()->setTtl(4);                             // 1 until set: the local network
        transport()->setLoopbackMode(false);                // this host does not hear itself
        transport()->setOutgoingInterface(interface_);      // a name as "eth0", or a local address
        transport()->setBroadcastAllowed(true);             // then write(data, {…, "<broadcast>"})
        // clang-format on
    }
    void datagramReceived(std::span<const std::byte> data, const Address&) override {
        heard += asText(data);
    }

    std::string heard;

private:
    std::string interface_;
};

/// Sends something to a group on loopback.
class Speaker : public DatagramProtocol {
public:
    explicit Speaker(Address group) : group_(std::move(group)) {}
    void startProtocol() override {
        transport()->setOutgoingInterface("127.0.0.1");
        transport()->write("news", group_);
    }

private:
    Address group_;
};

// A member hears what is sent to its group, and has set what the page sets.
TEST(GuideUdp, multicast) {
    Reactor reactor;
    const auto member = makeRef<Member>("127.0.0.1");
    const auto port = reactor.listenUdp(0, member);
    EXPECT_EQ(member->transport()->getTtl(), 4);
    EXPECT_FALSE(member->transport()->getLoopbackMode());
    EXPECT_TRUE(member->transport()->getBroadcastAllowed());
    const Address group{Address::Kind::Ipv4, port->getHost().port, "225.0.0.250"};
    const auto speaker = makeRef<Speaker>(group);
    reactor.listenUdp(0, speaker, {.interface = "127.0.0.1"});
    runUntil(reactor, [&] { return member->heard == "news"; });
}

}  // namespace
