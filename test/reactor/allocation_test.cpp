// Counts what a warm connection and a warm port allocate; a program of its own, because it replaces
// operator new.
#include <marline/reactor/reactor.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>

#include <gtest/gtest.h>

#include <marline/protocols/datagram.hpp>
#include <marline/protocols/protocol.hpp>

#include "test/support/temp_folder.hpp"

namespace {

std::size_t allocations = 0;
std::size_t largest = 0;

}  // namespace

// Not inlined, or g++ would take free() for the counterpart of another operator new and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
    ++allocations;
    largest = std::max(largest, size);
    if (void* const memory = std::malloc(size == 0 ? 1 : size)) {
        return memory;
    }
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace marline;

constexpr int kWarm = 100;
constexpr int kRounds = 1000;

/// Sends back what comes, and counts.
class EchoDatagrams final : public DatagramProtocol {
public:
    void datagramReceived(std::span<const std::byte> data, const Address& from) override {
        ++received;
        transport()->write(data, from);
    }
    int received = 0;
};

/// Sends back what comes, and counts.
class EchoStream final : public Protocol {
public:
    explicit EchoStream(int& received) : received_(received) {}
    void dataReceived(std::span<const std::byte> data) override {
        ++received_;
        transport()->write(data);
    }

private:
    int& received_;
};

/// Reads nothing.
class DeafStream final : public Protocol {
public:
    void connectionMade() override { transport()->pauseProducing(); }
    void dataReceived(std::span<const std::byte>) override {}
};

/// The allocations made in a thousand rounds after the first hundred.
template <class Rounds>
std::size_t warmAllocations(Reactor& reactor, Rounds&& rounds) {
    const auto until = [&](int count) {
        while (rounds() < count) {
            reactor.iterate(std::chrono::seconds(10));
        }
    };
    until(kWarm);
    const std::size_t before = allocations;
    until(kWarm + kRounds);
    return allocations - before;
}

// Two datagrams between two ports, to and fro, over both families.
TEST(Allocations, noneForADatagram) {
    for (const char* interface : {"127.0.0.1", "::1"}) {
        Reactor reactor;
        auto server = makeRef<EchoDatagrams>();
        auto first = makeRef<EchoDatagrams>();
        auto second = makeRef<EchoDatagrams>();
        const UdpOptions options{.interface = interface};
        const auto port = reactor.listenUdp(0, server, options);
        reactor.listenUdp(0, first, options);
        reactor.listenUdp(0, second, options);
        first->transport()->write("ping from the first one", port->getHost());
        second->transport()->write("ping from the second one", port->getHost());
        EXPECT_EQ(warmAllocations(reactor, [&] { return server->received; }), 0U) << interface;
    }
}

// Bytes on a TCP connection and on a UNIX one.
TEST(Allocations, noneForARead) {
    test::TempFolder folder;
    for (const bool tcp : {true, false}) {
        Reactor reactor;
        int served = 0;
        int got = 0;
        const auto serving = factoryOf(
            [&](const Address&) -> Ref<IProtocol> { return makeRef<EchoStream>(served); });
        const auto calling =
            factoryOf([&](const Address&) -> Ref<IProtocol> { return makeRef<EchoStream>(got); });
        const auto port = tcp ? reactor.listenTcp(0, serving, {.interface = "127.0.0.1"})
                              : reactor.listenUnix(folder / "s", serving);
        auto made = tcp ? reactor.connectTcp(port->getHost(), calling)
                        : reactor.connectUnix(folder / "s", calling);
        made.addCallback([](const Ref<IProtocol>& protocol) {
            static_cast<EchoStream&>(*protocol).transport()->write(
                "enough that it needs a buffer of its own");
        });
        EXPECT_EQ(warmAllocations(reactor, [&] { return served; }), 0U) << (tcp ? "TCP" : "UNIX");
    }
}

// A long string that has to wait is taken as it is; what is written after it does not make it grow.
TEST(Allocations, aLongStringIsNotCopied) {
    constexpr std::size_t kMuch = 10'000'000;
    Reactor reactor;
    auto server = makeRef<DeafStream>();
    auto client = makeRef<DeafStream>();
    const auto port = reactor.listenTcp(
        0, factoryOf([&](const Address&) -> Ref<IProtocol> { return server; }),
        {.interface = "127.0.0.1"});
    reactor.connectTcp(port->getHost(),
                       factoryOf([&](const Address&) -> Ref<IProtocol> { return client; }));
    while (server->transport() == nullptr || client->transport() == nullptr) {
        reactor.iterate(std::chrono::seconds(10));
    }
    for (int i = 0; i < 3; ++i) {
        std::string text(kMuch, 'x');
        largest = 0;
        client->transport()->write(std::move(text));
        client->transport()->write("and a few bytes");
        EXPECT_LT(largest, 100'000U);
    }
    EXPECT_GT(client->transport()->bytesBuffered(), kMuch);
}

}  // namespace
