// The snippets of docs/howto/testing.md, and what the page says of them.
#include <chrono>
#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/protocols/line_receiver.hpp>
#include <marline/protocols/policies/timeout.hpp>
#include <marline/reactor/client_service.hpp>
#include <marline/reactor/endpoint_strings.hpp>
#include <marline/reactor/testing/accumulating_protocol.hpp>
#include <marline/reactor/testing/gtest.hpp>
#include <marline/reactor/testing/io_pump.hpp>
#include <marline/reactor/testing/memory_reactor.hpp>
#include <marline/reactor/testing/results.hpp>

using namespace marline;
using namespace marline::testing;
using namespace std::chrono_literals;

namespace {

/// Greets back, and closes when it is idle for a minute.
class Greeter final : public TimeoutMixin<LineReceiver> {
public:
    explicit Greeter(Reactor& reactor) : TimeoutMixin(reactor) {}

private:
    void connectionMade() override { setTimeout(60s); }
    void lineReceived(std::string_view line) override {
        resetTimeout();
        sendLine(std::string(line) + " to you");
    }
};

void startServer(Reactor& reactor) {
    reactor.listenTcp(8080, factoryOf([&](const Address&) -> Ref<IProtocol> {
                          return makeRef<Greeter>(reactor);
                      }));
}

// A test is the client of a server.
TEST(GuideTesting, aServer) {
    MemoryReactor reactor;
    startServer(reactor);  // as main() does it: reactor.listenTcp(8080, …)

    auto client = makeRef<AccumulatingProtocol>();
    reactor.tcpServers().at(0)->connect(client);
    client->write("hello\r\n");
    reactor.flush();
    EXPECT_EQ(client->data(), "hello to you\r\n");

    reactor.advance(60s);
    EXPECT_TRUE(client->closed());  // it was idle
}

class Pinging final : public Protocol {
    void connectionMade() override { transport()->write("PING\r\n"); }
};

// A test is the server of a client.
TEST(GuideTesting, aClient) {
    MemoryReactor reactor;
    Ref<ClientService> service;
    const auto startPinging = [&](Reactor& on) {
        service = makeRef<ClientService>(
            on, clientFromString(on, "tcp:host=10.0.0.1:port=80"), makeFactory<Pinging>(),
            ClientServiceOptions{.retryPolicy = [](unsigned) { return 1s; }});
        service->startService();
    };
    startPinging(reactor);  // a ClientService that connects to 10.0.0.1:80

    reactor.tcpClients().at(0)->fail(ConnectionRefusedError("down"));
    reactor.advance(1s);  // it tries again
    auto server = makeRef<AccumulatingProtocol>();
    reactor.tcpClients().at(1)->succeed(server);
    reactor.flush();
    EXPECT_EQ(server->data(), "PING\r\n");
}

constexpr std::string_view kFile = "a file of some length";

/// Sends a file and waits for the word that it is there.
class Uploader final : public Protocol {
public:
    explicit Uploader(std::string file) : file_(std::move(file)) {}
    bool failed() const noexcept { return failed_; }

private:
    void connectionMade() override { transport()->write(file_); }
    void dataReceived(std::span<const std::byte>) override {
        stored_ = true;
        transport()->loseConnection();
    }
    void connectionLost(const Failure& reason) override {
        failed_ = !stored_;
        Protocol::connectionLost(reason);
    }

    std::string file_;
    bool stored_ = false;
    bool failed_ = false;
};

class Store final : public Protocol {
public:
    bool complete() const noexcept { return file_ == kFile; }

private:
    void dataReceived(std::span<const std::byte> data) override {
        file_ += asText(data);
        if (complete()) {
            transport()->write("stored");
        }
    }

    std::string file_;
};

// Wherever a connection breaks, one of the two knows how it went.
TEST(GuideTesting, twoProtocols) {
    for (std::size_t n = 1; n <= 20; ++n) {
        auto client = makeRef<Uploader>("a file of some length");
        auto server = makeRef<Store>();
        IoPump pump(client, server, {.chunk = 4, .failAt = n});
        pump.flush();
        EXPECT_TRUE(server->complete() || client->failed());  // never neither
    }
}

// What a Deferred holds now can be looked at.
TEST(GuideTesting, deferreds) {
    Clock clock;
    std::map<std::string, Deferred<std::string>> asked;
    const auto ask = [&](const std::string& what) { return asked[what]; };
    const auto reply = [&](const std::string& text) { asked["name?"].callback(text); };

    Deferred<std::string> answer = ask("name?");
    assertNoResult(answer);
    reply("marline");
    EXPECT_EQ(successResultOf(answer), "marline");
    auto late = ask("unanswered").addTimeout(5s, clock);
    clock.advance(5s);
    failureResultOf<TimeoutError>(late);
}

struct ParseError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A session whose only answer to a line is an error that nobody handles.
class Session final : public LineReceiver {
    void lineReceived(std::string_view line) override {
        fail(ParseError("cannot parse " + std::string(line)));
        transport()->loseConnection();
    }
};

void openSession(Reactor& reactor) {
    reactor.connectTcp({Address::Kind::Ipv4, 80, "10.0.0.1"}, makeFactory<Session>());
}

class SessionTest : public MemoryReactorTestCase {};

// A fixture sees what is left behind, unless the test expects it.
TEST_F(SessionTest, reportsWhatItCannotParse) {
    openSession(reactor());
    reactor().tcpClients().at(0)->succeed(makeRef<AccumulatingProtocol>());
    reactor().connection(0).server().write("nonsense\r\n");
    reactor().flush();
    EXPECT_EQ(flushUnhandledErrors<ParseError>().size(), 1U);
}

}  // namespace
