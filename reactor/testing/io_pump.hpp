// IoPump: two protocols joined in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>

#include <marline/deferred/api.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/address.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/memory_transport.hpp>
#include <marline/reactor/time.hpp>

namespace marline::testing {

/// How an IoPump moves bytes.
struct IoPumpOptions {
    /// The most bytes that one dataReceived() brings.
    std::size_t chunk = std::numeric_limits<std::size_t>::max();
    /// Not 0: each delivery brings a random number of bytes up to `chunk`, and who moves first is
    /// random too. The same seed makes the same moves.
    std::uint64_t seed = 0;
    /// Not 0: the delivery of this number, from 1 and counted over both ways, does not arrive; the
    /// connection breaks instead, and both ends hear ConnectionLost.
    std::size_t failAt = 0;
    /// A clock that each pump() advances by `tick` before it moves anything.
    Clock* clock = nullptr;
    Duration tick = Duration::zero();
    /// The addresses of the two ends.
    Address client = {Address::Kind::Ipv4, 40000, "127.0.0.1"};
    Address server = {Address::Kind::Ipv4, 80, "127.0.0.2"};
};

/// Two protocols back to back, without sockets (Twisted: `iosim.IOPump`, `loopbackAsync`).
///
/// Bytes move in pump() and nowhere else, so that every interleaving is the test's to choose. TLS
/// works on top as on any transport: startTls(), tlsServerFactory(), wrapClientTls().
///
///     testing::IoPump pump(makeRef<Client>(), makeRef<Server>());
///     pump.flush();
///     EXPECT_EQ(pump.server().written(), "250 OK\r\n");
///
/// A pump that goes ends both connections with ConnectionLost.
class MARLINE_API IoPump {
public:
    /// flush() gives up after this many pumps: the two never stop talking.
    static constexpr std::size_t kMostPumps = 10'000'000;

    /// Calls makeConnection() of both, the server's first (Twisted: `iosim.connect`). Throws
    /// std::invalid_argument for an empty Ref, a chunk of 0, or a negative tick.
    IoPump(Ref<IProtocol> client, Ref<IProtocol> server, const IoPumpOptions& options = {});
    IoPump(const IoPump&) = delete;
    IoPump& operator=(const IoPump&) = delete;
    ~IoPump();

    /// One move of each end: a delivery, a producer's turn, or an end of the stream. With a seed
    /// one of the two moves. False when there was nothing to do. Throws std::logic_error inside of
    /// itself.
    bool pump();
    /// Pumps until nothing moves; gives how often something did. Throws std::logic_error when that
    /// never ends.
    std::size_t flush();
    /// The connection breaks: both ends hear `why` now, and what was under way is lost.
    void cut(const Failure& why = Failure::make<ConnectionLost>("the connection was cut"));

    MemoryTransport& client() noexcept { return client_; }
    MemoryTransport& server() noexcept { return server_; }
    /// True when both ends are gone.
    bool ended() const noexcept { return client_.ended() && server_.ended(); }
    /// How many deliveries there were.
    std::size_t deliveries() const noexcept { return deliveries_; }
    /// Calls `call` once `end` is gone, behind its connectionLost().
    void whenEnded(MemoryTransport& end, UniqueFunction<void()> call);

private:
    bool step(MemoryTransport& end);
    std::size_t amount();

    IoPumpOptions options_;
    std::mt19937_64 random_;
    MemoryTransport client_;
    MemoryTransport server_;
    std::size_t deliveries_ = 0;
    bool pumping_ = false;
};

}  // namespace marline::testing
