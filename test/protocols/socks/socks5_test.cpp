// SOCKS5: the endpoint and the proxy with one another, and byte by byte.
#include <marline/protocols/socks/socks5.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/testing/clock.hpp>

#include <test/support/deferred_outcome.hpp>
#include <test/support/memory_pipe.hpp>
#include <test/support/reactor_fixture.hpp>
#include <test/support/recording_protocol.hpp>

namespace marline::testing {
namespace {

using namespace std::chrono_literals;

std::string bytes(std::initializer_list<int> values) {
    std::string all;
    for (const int value : values) {
        all += static_cast<char>(value);
    }
    return all;
}

/// "Connects" to a protocol through a MemoryPipe.
class PipeTo final : public IStreamClientEndpoint {
public:
    PipeTo(MemoryPipe& pipe, Ref<IProtocol> server) : pipe_(pipe), server_(std::move(server)) {}

    Deferred<Ref<IProtocol>> connect(Ref<IProtocolFactory> factory) override {
        Ref<IProtocol> client = factory->buildProtocol(pipe_.client.getPeer());
        pipe_.connect(client, server_);
        return succeed(client);
    }

private:
    MemoryPipe& pipe_;
    Ref<IProtocol> server_;
};

class Socks5ClientTest : public ::testing::TestWithParam<std::size_t> {
protected:
    Outcome<Ref<IProtocol>> connect(std::optional<SocksCredentials> credentials = {}) {
        Socks5ClientEndpoint endpoint(clock_, makeRef<PipeTo>(pipe_, proxy_), "host.test", 8080,
                                      std::move(credentials));
        return Outcome<Ref<IProtocol>>(endpoint.connect(clients_));
    }
    /// Lets the proxy say this, once the client has said `expected`.
    void say(const std::string& expected, const std::string& answer) {
        pipe_.run();
        EXPECT_EQ(proxy_->received, expected);
        proxy_->received.clear();
        if (proxy_->transport != nullptr) {
            proxy_->transport->write(asBytes(answer));
        }
        pipe_.run();
    }
    static std::string request() {
        return bytes({5, 1, 0, 3, 9}) + "host.test" + bytes({0x1f, 0x90});
    }

    NoUnhandled noUnhandled_;
    Clock clock_;
    Ref<RecordingFactory> clients_ = makeRef<RecordingFactory>();
    Ref<RecordingProtocol> proxy_ = makeRef<RecordingProtocol>();
    MemoryPipe pipe_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Chunks, Socks5ClientTest, ::testing::Values(1, 3, MemoryPipe::kWhole));

// RFC 1928 §3, §4: the greeting, the request by name, the reply; what follows is the protocol's.
TEST_P(Socks5ClientTest, connectsThroughTheProxy) {
    const auto made = connect();
    say(bytes({5, 1, 0}), bytes({5, 0}));
    say(request(), bytes({5, 0, 0, 1, 127, 0, 0, 1, 1, 2}) + "hello");
    ASSERT_TRUE(made.ok()) << made.message();
    EXPECT_EQ(made.value(), Ref<IProtocol>(clients_->built.at(0)));
    EXPECT_EQ(clients_->built[0]->received, "hello");
    clients_->built[0]->transport->write(asBytes("bye"));
    clients_->built[0]->transport->loseConnection();
    pipe_.run();
    EXPECT_EQ(proxy_->received, "bye");
    EXPECT_TRUE(clients_->built[0]->lostWith<ConnectionDone>());
    EXPECT_EQ(clock_.pendingCalls(), 0U);
}

// RFC 1928 §6: the bound address may be of IPv6, or a name.
TEST_P(Socks5ClientTest, readsEveryKindOfAddress) {
    for (const std::string& address :
         {bytes({4}) + std::string(16, 'x'), bytes({3, 4}) + "name", bytes({3, 0})}) {
        MemoryPipe pipe(GetParam());
        const auto proxy = makeRef<RecordingProtocol>();
        Socks5ClientEndpoint endpoint(clock_, makeRef<PipeTo>(pipe, proxy), "h", 1);
        const Outcome<Ref<IProtocol>> made(endpoint.connect(clients_));
        proxy->transport->write(asBytes(bytes({5, 0, 5, 0, 0}) + address + "ppx"));
        pipe.run();
        EXPECT_TRUE(made.ok()) << made.message();
        EXPECT_EQ(clients_->built.back()->received, "x");
    }
}

// RFC 1929: user and password, when the proxy wants them.
TEST_P(Socks5ClientTest, saysWhoItIs) {
    const auto made = connect(SocksCredentials{"me", "pw"});
    say(bytes({5, 2, 0, 2}), bytes({5, 2}));
    say(bytes({1, 2}) + "me" + bytes({2}) + "pw", bytes({1, 0}));
    say(request(), bytes({5, 0, 0, 1, 0, 0, 0, 0, 0, 0}));
    EXPECT_TRUE(made.ok()) << made.message();
}

// What the proxy refuses fails the Deferred with its reason, and closes the connection.
TEST_P(Socks5ClientTest, failsWithTheProxysReason) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {bytes({4, 0}), "does not speak SOCKS5"},
        {bytes({5, 0xff}), "other credentials"},
        {bytes({5, 2}), "not offered"},
        {bytes({5, 0, 4, 0, 0, 1}), "does not speak SOCKS5"},
        {bytes({5, 0, 5, 5, 0, 1}), "host.test:8080: connection refused"},
        {bytes({5, 0, 5, 99, 0, 1}), "unknown reason"},
        {bytes({5, 0, 5, 0, 0, 7}), "makes no sense"}};
    for (const auto& [answer, reason] : cases) {
        MemoryPipe pipe(GetParam());
        const auto proxy = makeRef<RecordingProtocol>();
        Socks5ClientEndpoint endpoint(clock_, makeRef<PipeTo>(pipe, proxy), "host.test", 8080);
        const Outcome<Ref<IProtocol>> made(endpoint.connect(clients_));
        proxy->transport->write(asBytes(answer));
        pipe.run();
        EXPECT_NE(made.failed<SocksError>(), nullptr) << made.message();
        EXPECT_NE(made.message().find(reason), std::string::npos) << made.message();
        EXPECT_EQ(proxy->losses, 1);
    }
    EXPECT_TRUE(clients_->built.empty());
}

// Credentials that are not accepted fail it as well.
TEST_P(Socks5ClientTest, failsWhenTheCredentialsAreWrong) {
    const auto made = connect(SocksCredentials{"me", "no"});
    pipe_.run();
    proxy_->transport->write(asBytes(bytes({5, 2, 1, 1})));
    pipe_.run();
    EXPECT_NE(made.message().find("credentials"), std::string::npos) << made.message();
}

// A proxy that falls silent, closes, or is not waited for.
TEST_P(Socks5ClientTest, endsWithoutAnAnswer) {
    const auto late = connect();
    clock_.advance(kSocksTimeout);
    pipe_.run();
    EXPECT_NE(late.failed<ConnectTimeoutError>(), nullptr) << late.message();
    MemoryPipe second(GetParam());
    Socks5ClientEndpoint closing(clock_, makeRef<PipeTo>(second, makeRef<RecordingProtocol>()), "h",
                                 1);
    const Outcome<Ref<IProtocol>> closed(closing.connect(clients_));
    second.cut();
    EXPECT_NE(closed.failed<SocksError>(), nullptr) << closed.message();
    MemoryPipe third(GetParam());
    Socks5ClientEndpoint left(clock_, makeRef<PipeTo>(third, makeRef<RecordingProtocol>()), "h", 1);
    Outcome<Ref<IProtocol>> cancelled(left.connect(clients_));
    cancelled.cancel();
    third.run();
    EXPECT_NE(cancelled.failed<CancelledError>(), nullptr) << cancelled.message();
    EXPECT_TRUE(third.client.ended());
    EXPECT_EQ(clock_.pendingCalls(), 0U);
}

// A factory without a protocol closes the connection.
TEST_P(Socks5ClientTest, failsWithoutAProtocol) {
    clients_->refuse = true;
    const auto made = connect();
    proxy_->transport->write(asBytes(bytes({5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0})));
    pipe_.run();
    EXPECT_NE(made.failed<NoProtocol>(), nullptr) << made.message();
    EXPECT_EQ(proxy_->losses, 1);
}

// What SOCKS5 cannot say is refused at once.
TEST(Socks5ClientEndpoint, refusesWhatSocksCannotSay) {
    Clock clock;
    const auto make = [&](const std::string& host, std::optional<SocksCredentials> who) {
        Socks5ClientEndpoint(clock, {}, host, 1, std::move(who));
    };
    EXPECT_THROW(make("", {}), std::invalid_argument);
    EXPECT_THROW(make(std::string(256, 'h'), {}), std::invalid_argument);
    EXPECT_THROW(make("h", SocksCredentials{"", "p"}), std::invalid_argument);
    EXPECT_THROW(make("h", SocksCredentials{"u", std::string(256, 'p')}), std::invalid_argument);
    EXPECT_NO_THROW(make(std::string(255, 'h'), SocksCredentials{"u", "p"}));
}

class Socks5ServerTest : public ReactorFixture {
protected:
    /// A proxy that knows `echo.test` and every port of 127.0.0.1 and ::1.
    SocksPolicy policy() {
        return {.endpointFor = [this](const std::string& host,
                                      std::uint16_t port) -> Ref<IStreamClientEndpoint> {
            asked_.push_back(host + ':' + std::to_string(port));
            if (host == "forbidden.test") {
                return {};
            }
            Address to = echo_->getHost();
            if (host != "echo.test") {
                to.port = port;
            }
            return makeRef<TcpClientEndpoint>(reactor(), to);
        }};
    }
    void listen(SocksPolicy policy) {
        echo_ = reactor().listenTcp(0, makeRef<RecordingFactory>(echo), {.interface = "127.0.0.1"});
        proxy_ = reactor().listenTcp(0, socks5Factory(reactor(), std::move(policy)),
                                     {.interface = "127.0.0.1"});
    }
    /// What the proxy answers to these bytes until it closes, or has said `atLeast` bytes.
    std::string answer(const std::string& said, std::size_t atLeast) {
        const auto factory = makeRef<RecordingFactory>([&](RecordingProtocol& client) {
            client.onMade = [&](RecordingProtocol& self) { self.transport->write(asBytes(said)); };
        });
        reactor().connectTcp(proxy_->getHost(), factory);
        runUntil([&] {
            return !factory->built.empty() && (factory->built[0]->losses == 1 ||
                                               factory->built[0]->received.size() >= atLeast);
        });
        RecordingProtocol& client = *factory->built.at(0);
        closed_ = client.losses == 1;
        const std::string got = client.received;
        if (!closed_) {
            client.transport->abortConnection();
            runUntil([&] { return client.losses == 1; });
        }
        return got;
    }

    std::vector<std::string> asked_;
    Ref<IListeningPort> echo_;
    Ref<IListeningPort> proxy_;
    bool closed_ = false;
};

constexpr std::size_t kToTheEnd = 1'000'000;
const std::string kRefusal = bytes({0, 1, 0, 0, 0, 0, 0, 0});

// The endpoint of this library through the proxy of this library, to and fro.
TEST_F(Socks5ServerTest, joinsClientsToWhereTheyWant) {
    SocksPolicy with = policy();
    with.mayUse = [](const SocksCredentials& who) {
        return who.user == "me" && who.password == "pw";
    };
    listen(std::move(with));
    const auto clients = makeRef<RecordingFactory>();
    const auto through = [&](const SocksCredentials& who, const std::string& host) {
        auto endpoint = makeRef<Socks5ClientEndpoint>(
            reactor(), makeRef<TcpClientEndpoint>(reactor(), proxy_->getHost()), host,
            std::uint16_t{7}, who);
        Outcome<Ref<IProtocol>> made(endpoint->connect(clients));
        runUntil([&] { return made.fired(); });
        return made;
    };
    ASSERT_TRUE(through({"me", "pw"}, "echo.test").ok());
    const Ref<RecordingProtocol> client = clients->built.at(0);
    const std::string much(300'000, 'x');
    client->transport->write(much);
    runUntil([&] { return client->received.size() == much.size(); });
    client->transport->loseConnection();
    runUntil([&] { return client->losses == 1; });
    EXPECT_EQ(asked_, (std::vector<std::string>{"echo.test:7"}));
    EXPECT_NE(through({"me", "no"}, "echo.test").failed<SocksError>(), nullptr);
    const auto forbidden = through({"me", "pw"}, "forbidden.test");
    EXPECT_NE(forbidden.message().find("not allowed"), std::string::npos) << forbidden.message();
}

// Numeric addresses are named as text; bytes that come with the request are not lost.
TEST_F(Socks5ServerTest, takesEveryKindOfAddress) {
    listen(policy());
    const std::uint16_t port = echo_->getHost().port;
    const std::string portBytes = bytes({port >> 8, port & 0xff});
    const std::string ok = bytes({5, 0, 5, 0}) + kRefusal + "hi";
    EXPECT_EQ(answer(bytes({5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1}) + portBytes + "hi", ok.size()), ok);
    EXPECT_EQ(
        answer(bytes({5, 2, 9, 0, 5, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}) +
                   portBytes + "hi",
               ok.size()),
        ok);
    EXPECT_EQ(asked_, (std::vector<std::string>{"127.0.0.1:" + std::to_string(port),
                                                "::1:" + std::to_string(port)}));
}

// What is not SOCKS5, or not offered, or not supported, is refused as RFC 1928 §6 says.
TEST_F(Socks5ServerTest, refusesWhatItDoesNotDo) {
    listen(policy());
    EXPECT_EQ(answer("GET / HTTP/1.1\r\n\r\n", kToTheEnd), "");
    EXPECT_EQ(answer(bytes({5, 1, 2}), kToTheEnd), bytes({5, 0xff}));
    EXPECT_EQ(answer(bytes({5, 0}), kToTheEnd), bytes({5, 0xff}));
    EXPECT_EQ(answer(bytes({5, 1, 0, 4, 1, 0, 1}), kToTheEnd), "");
    EXPECT_EQ(answer(bytes({5, 1, 0, 5, 2, 0, 1}), kToTheEnd), bytes({5, 0, 5, 7}) + kRefusal);
    EXPECT_EQ(answer(bytes({5, 1, 0, 5, 1, 0, 9}), kToTheEnd), bytes({5, 0, 5, 8}) + kRefusal);
    EXPECT_TRUE(asked_.empty());
    EXPECT_EQ(
        answer(bytes({5, 1, 0, 5, 1, 0, 3, 14}) + "forbidden.test" + bytes({0, 1}), kToTheEnd),
        bytes({5, 0, 5, 2}) + kRefusal);
}

// Where nobody listens the client hears that.
TEST_F(Socks5ServerTest, saysWhyItCannotConnect) {
    listen(policy());
    const auto port = echo_->getHost().port;
    echo_->stopListening();
    turn(3);
    EXPECT_EQ(answer(bytes({5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 0xff}), kToTheEnd),
              bytes({5, 0, 5, 5}) + kRefusal);
}

// A client that does not say what it wants is not waited for.
TEST_F(Socks5ServerTest, doesNotWaitForEver) {
    Clock clock;
    MemoryPipe pipe;
    const auto client = makeRef<RecordingProtocol>();
    pipe.connect(client, socks5Factory(clock, policy())->buildProtocol({}));
    clock.advance(kSocksTimeout);
    pipe.run();
    EXPECT_EQ(client->losses, 1);
}

// Without a way to connect there is no proxy.
TEST_F(Socks5ServerTest, needsAWayToConnect) {
    EXPECT_THROW(socks5Factory(reactor(), {}), std::invalid_argument);
}

}  // namespace
}  // namespace marline::testing
