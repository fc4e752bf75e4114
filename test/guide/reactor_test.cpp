// The snippets of docs/howto/reactor.md, and what the page says of them.
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <marline/marline.hpp>

#include "test/guide/local_names.hpp"
#include "test/guide/printed.hpp"
#include "test/support/running.hpp"

using namespace marline;
using namespace std::chrono_literals;

namespace program {
namespace {

int main() {
    return react([](Reactor& reactor) {  // runs until this Deferred has its result
        return deferLater(reactor, 50ms, [] { std::cout << "Hello\n"; });
    });
}

}  // namespace
}  // namespace program

namespace {

using test::CatchLog;

// The program says Hello and exits with 0; a Failure makes it 1, a SystemExit what it carries.
TEST(GuideReactor, aProgram) {
    const test::Printed printed;
    EXPECT_EQ(program::main(), 0);
    EXPECT_EQ(printed.text(), "Hello\n");

    CatchLog log;
    EXPECT_EQ(react([](Reactor&) { return Deferred<>(fail<void>(Error("no"))); }), 1);
    EXPECT_EQ(log.take().size(), 1U);
    EXPECT_EQ(react([](Reactor&) { return Deferred<>(fail<void>(SystemExit(3))); }), 3);
    EXPECT_EQ(log.take().size(), 0U);
}

class Echo : public Protocol {
    void dataReceived(std::span<const std::byte> data) override { transport()->write(data); }
};

// A server echoes until SIGTERM shuts it down in order; the name of a client's server is found.
TEST(GuideReactor, serversAndClients) {
    const std::uint16_t port = 0;
    Reactor reactor;
    auto listening = reactor.listenTcp(port, makeFactory<Echo>(),
                                       {.interface = "127.0.0.1", .maxConnections = 1000});

    test::leadTo(reactor, "example.org", 80, listening->getHost());
    listening = {};  // the port lives on
    const auto client = std::make_shared<test::Record>();
    client->onMade = [](ITransport& transport) { transport.write("ping"); };
    client->onData = [](ITransport&, std::string_view) { std::raise(SIGTERM); };
    const auto factory = test::recorderFactory(client);
    const auto connecting = HostnameEndpoint(reactor, "example.org", 80).connect(factory);
    reactor.run();
    EXPECT_EQ(client->received, "ping");
    EXPECT_EQ(reactor.stoppedBySignal(), SIGTERM);
    EXPECT_EQ(client->events.size(), 2U);  // made, and lost
}

class Sensor : public IReadWriteDescriptor {
public:
    explicit Sensor(UniqueFd fd) : fd_(std::move(fd)) {}
    int fileno() const noexcept override { return fd_.get(); }
    void doRead() override { bytes += ::read(fd_.get(), sample_.data(), sample_.size()); }
    void connectionLost(const Failure& why) override { std::cerr << why.message() << '\n'; }

    std::ptrdiff_t bytes = 0;

private:
    UniqueFd fd_;
    std::array<char, 64> sample_{};
};

// A descriptor of somebody else's is watched.
TEST(GuideReactor, descriptorsOfOtherLibraries) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    const UniqueFd end(ends[1]);
    Reactor reactor;
    const auto sensor = makeRef<Sensor>(UniqueFd(ends[0]));
    reactor.addReader(sensor);
    ASSERT_EQ(::write(end.get(), "42", 2), 2);
    test::runUntil(reactor, [&] { return sensor->bytes == 2; });
    reactor.removeReader(sensor);
    EXPECT_TRUE(sensor.unique());
}

}  // namespace
