// Who is at the ends of a connection.
#include <marline/reactor/detail/connection_ends.hpp>

#include <gtest/gtest.h>

#include <marline/reactor/detail/socket.hpp>

namespace {

using namespace marline;
using marline::detail::ConnectionEnds;

// A peer of every kind comes back as it was given, also at the second time.
TEST(ConnectionEnds, givesThePeerBack) {
    for (const Address& peer : {Address{Address::Kind::Ipv4, 65535, "255.1.2.3"},
                                Address{Address::Kind::Ipv4, 0, "127.0.0.1"},
                                Address{Address::Kind::Ipv6, 80, "2001:db8::1"},
                                Address{Address::Kind::Unix, 0, "/run/some.socket"}, Address{}}) {
        const ConnectionEnds ends(peer);
        EXPECT_EQ(ends.peer(), peer);
        EXPECT_EQ(ends.peer(), peer);
    }
}

// The host is asked for once: the answer holds when the descriptor is gone.
TEST(ConnectionEnds, remembersTheHost) {
    detail::UniqueFd fd = detail::bindSocket({.type = SOCK_STREAM,
                                              .interface = "127.0.0.1",
                                              .port = 0,
                                              .reuseAddress = false,
                                              .reusePort = false});
    const Address peer{Address::Kind::Ipv4, 80, "192.0.2.1"};
    const ConnectionEnds ends(peer);
    const Address host = ends.host(fd.get());
    EXPECT_EQ(host.host, "127.0.0.1");
    EXPECT_NE(host.port, 0);
    fd.reset();
    EXPECT_EQ(ends.host(-1), host);
    EXPECT_EQ(ends.peer(), peer);
}

}  // namespace
