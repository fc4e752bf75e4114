// Counts what TLS allocates; a program of its own, because it replaces operator new.
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>

#include <gtest/gtest.h>

#include <marline/reactor/reactor.hpp>

#include "tls_bed.hpp"

namespace {

std::size_t allocations = 0;

}  // namespace

// Not inlined, or g++ would take free() for the counterpart of another operator new and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size == 0 ? 1 : size)) {
        return memory;
    }
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace marline;
using namespace marline::testing;

/// Sends `block` whenever the one before has come back, `left` times.
class Pinger final : public IProtocol {
public:
    void makeConnection(ITransport& to) override { transport_ = &to; }
    void dataReceived(std::span<const std::byte> data) override {
        came_ += data.size();
        if (came_ >= block_.size()) {
            came_ -= block_.size();
            ping();
        }
    }
    void connectionLost(const Failure&) override { transport_ = nullptr; }

    void start(int times) {
        left = times;
        ping();
    }
    void setBlock(std::size_t size) { block_.assign(size, 'x'); }
    int left = 0;

private:
    void ping() {
        if (--left >= 0) {
            transport_->write(block_);
        }
    }

    ITransport* transport_ = nullptr;
    std::string block_;
    std::size_t came_ = 0;
};

/// Sends back what comes.
class Echoer final : public IProtocol {
public:
    void makeConnection(ITransport& to) override { transport_ = &to; }
    void dataReceived(std::span<const std::byte> data) override { transport_->write(data); }
    void connectionLost(const Failure&) override { transport_ = nullptr; }

private:
    ITransport* transport_ = nullptr;
};

template <class P>
class Builds final : public IProtocolFactory {
public:
    Ref<IProtocol> buildProtocol(const Address&) override { return last = makeRef<P>(); }

    Ref<P> last;
};

// The counter counts: a test that cannot fail is none.
TEST(TlsAllocations, areCounted) {
    const std::size_t before = allocations;
    ::operator delete(::operator new(1));
    EXPECT_EQ(allocations, before + 1);
}

// A warm connection reads and writes without an allocation of ours, small blocks and large ones.
TEST(TlsAllocations, noneForAWarmEcho) {
    Reactor reactor;
    auto port =
        reactor.listenTcp(0, tlsServerFactory(serverContext(), reactor, makeRef<Builds<Echoer>>()),
                          {.interface = "127.0.0.1"});
    auto pingers = makeRef<Builds<Pinger>>();
    bool up = false;
    wrapClientTls(reactor, clientContext(), kHost,
                  makeRef<TcpClientEndpoint>(reactor, port->getHost()))
        ->connect(pingers)
        .addCallback([&](const Ref<IProtocol>&) { up = true; });
    while (!up) {
        reactor.iterate(std::chrono::seconds(1));
    }
    const auto echo = [&](int times) {
        pingers->last->start(times);
        while (pingers->last->left >= 0) {
            reactor.iterate(std::chrono::seconds(1));
        }
    };
    for (const std::size_t size : {std::size_t{64}, std::size_t{16384}, std::size_t{40'000}}) {
        pingers->last->setBlock(size);
        echo(50);
        const std::size_t before = allocations;
        echo(100);
        EXPECT_EQ(allocations - before, 0U) << "for 100 echoes of " << size << " bytes";
    }
}

}  // namespace
