// The snippets of docs/howto/first-server.md, and what the page says of them.
#include <chrono>
#include <cstddef>
#include <functional>
#include <iostream>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/reactor/endpoint_strings.hpp>
#include <marline/reactor/testing/accumulating_protocol.hpp>
#include <marline/reactor/testing/memory_reactor.hpp>

using namespace marline;
using namespace marline::testing;
using namespace std::chrono_literals;

namespace {

class Echo : public Protocol {
    void dataReceived(std::span<const std::byte> data) override { transport()->write(data); }
};

/// Sends a word, and stops the reactor when it has come back.
class Asking : public Protocol {
public:
    explicit Asking(Reactor& reactor) : reactor_(reactor) {}

private:
    void connectionMade() override { transport()->write(asBytes("echo!")); }
    void dataReceived(std::span<const std::byte> data) override {
        back_ += asText(data);
        if (back_ == "echo!") {
            reactor_.stop();
        }
    }

    Reactor& reactor_;
    std::string back_;
};

// The echo echoes: else this would run for ever.
TEST(GuideFirstServer, echo) {
    const std::uint16_t port = 0;
    bool failed = false;
    Reactor reactor;
    auto listening = reactor.listenTcp(port, makeFactory<Echo>(), {.interface = "127.0.0.1"});
    reactor.callWhenRunning([&] {
        reactor.connectTcp(listening->getHost(),
                           factoryOf([&](const Address&) { return makeRef<Asking>(reactor); }));
    });
    reactor.callLater(10s, [&] {
        failed = true;
        reactor.stop();
    });
    reactor.run();
    EXPECT_FALSE(failed);
}

class Chatter;

/// Who is in the room, by name.
using Room = std::map<std::string, Chatter*, std::less<>>;

/// A client who has not taken this much of what others said is let go.
constexpr std::size_t kMaxUnread = 256 * 1024;

class Chatter : public TimeoutMixin<LineOnlyReceiver> {
public:
    Chatter(Reactor& reactor, Room& room) : TimeoutMixin(reactor), room_(room) {
        setMaxLength(1024);
    }

private:
    void connectionMade() override {
        setTimeout(10min);
        sendLine("What is your name?");
    }
    void lineReceived(std::string_view line) override {
        resetTimeout();
        if (!name_.empty()) {
            tellOthers(name_ + ": " + std::string(line));
        } else if (room_.contains(line)) {
            sendLine("That name is taken. Another?");
        } else if (!line.empty()) {
            name_ = line;
            room_.emplace(name_, this);
            sendLine("Welcome, " + name_ + ".");
            tellOthers(name_ + " has come.");
        }
    }
    void connectionLost(const Failure& reason) override {
        if (room_.erase(name_) > 0) {
            tellOthers(name_ + " has gone.");
        }
        TimeoutMixin::connectionLost(reason);
    }

    void tellOthers(const std::string& line) {
        for (const auto& [name, other] : room_) {
            if (other != this) {
                other->hear(line);
            }
        }
    }
    void hear(const std::string& line) {
        sendLine(line);
        if (transport()->bytesBuffered() > kMaxUnread) {
            transport()->abortConnection();
        }
    }

    Room& room_;
    std::string name_;
};

/// A room with a port in memory.
class GuideChat : public ::testing::Test {
protected:
    GuideChat() {
        reactor.listenTcp(8080, factoryOf([&](const Address&) -> Ref<IProtocol> {
                              return makeRef<Chatter>(reactor, room);
                          }));
    }

    Ref<AccumulatingProtocol> join(const std::string& name) {
        auto client = makeRef<AccumulatingProtocol>();
        reactor.tcpServers().at(0)->connect(client);
        client->write(name + "\r\n");
        reactor.flush();
        return client;
    }

    Room room;
    MemoryReactor reactor;
};

// Who comes, talks and goes is heard of; who is silent goes too.
TEST(GuideFirstServer, chat) {
    MemoryReactor reactor;
    Room room;
    reactor.listenTcp(8080, factoryOf([&](const Address&) -> Ref<IProtocol> {
                          return makeRef<Chatter>(reactor, room);
                      }));
    const auto join = [&](const std::string& name) {
        auto client = makeRef<AccumulatingProtocol>();
        reactor.tcpServers().at(0)->connect(client);
        client->write(name + "\r\n");
        reactor.flush();
        return client;
    };

    auto ann = join("ann");
    auto bob = join("bob");
    bob->write("hello\r\n");
    reactor.flush();
    EXPECT_EQ(ann->data(),
              "What is your name?\r\nWelcome, ann.\r\nbob has come.\r\nbob: hello\r\n");

    reactor.advance(10min);  // nobody says anything
    EXPECT_TRUE(room.empty());
}

// A name is one client's; the place is free when that has gone.
TEST_F(GuideChat, namesAreTakenOnce) {
    auto first = join("ann");
    auto second = join("ann");
    EXPECT_EQ(second->data(), "What is your name?\r\nThat name is taken. Another?\r\n");
    first->transport()->loseConnection();
    reactor.flush();
    second->write("ann\r\n");
    reactor.flush();
    EXPECT_EQ(room.size(), 1U);
}

// Who does not read is let go, and the others hear of it.
TEST_F(GuideChat, whoDoesNotReadIsLetGo) {
    auto reader = join("ann");
    auto deaf = join("bob");
    auto talker = join("cat");
    deaf->transport()->pauseProducing();
    for (std::size_t sent = 0; sent < 16 * kMaxUnread && room.size() == 3; sent += 1000) {
        talker->write(std::string(1000, 'x') + "\r\n");
        reactor.flush();
    }
    EXPECT_EQ(room.size(), 2U);
    EXPECT_TRUE(reader->data().ends_with("bob has gone.\r\n"));
}

// It listens where the text says, for a few of each peer, and says why when it cannot.
TEST(GuideFirstServer, endpoint) {
    Reactor reactor;
    Room room;
    auto chatters = factoryOf([&](const Address&) { return makeRef<Chatter>(reactor, room); });
    auto few = makeRef<LimitConnectionsByPeer>(std::move(chatters), 20);
    const auto listen = [&](const std::string& where) {
        ::testing::internal::CaptureStderr();
        serverFromString(reactor, where)->listen(few).addErrback([&](const Failure& why) {
            std::cerr << why.message() << '\n';
            return Ref<IListeningPort>();
        });
        return ::testing::internal::GetCapturedStderr();
    };
    const auto taken = reactor.listenTcp(0, few, {.interface = "127.0.0.1"});
    const std::string port = std::to_string(taken->getHost().port);
    EXPECT_EQ(listen("tcp:0:interface=127.0.0.1"), "");
    EXPECT_NE(listen("tcp:" + port + ":interface=127.0.0.1").find(port), std::string::npos);
}

}  // namespace
