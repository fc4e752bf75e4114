#include <marline/reactor/detail/address_order.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>

#include <marline/reactor/detail/socket.hpp>

namespace marline::detail {
namespace {

struct Policy {
    std::array<unsigned char, 12> prefix;
    unsigned bits;
    int precedence;
};

constexpr int kNative = 40;
constexpr int kIpv4 = 35;

// The longest prefixes first. ::1 is not here, as it has more bits.
constexpr std::array<Policy, 7> kPolicies{{
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, kIpv4},
    {{}, 96, 1},
    {{0x20, 0x01}, 32, 5},
    {{0x20, 0x02}, 16, 30},
    {{0x3f, 0xfe}, 16, 1},
    {{0xfe, 0xc0}, 10, 1},
    {{0xfc}, 7, 3},
}};

bool matches(const unsigned char* address, const Policy& policy) noexcept {
    const std::size_t whole = policy.bits / 8;
    const unsigned rest = policy.bits % 8;
    if (std::memcmp(address, policy.prefix.data(), whole) != 0) {
        return false;
    }
    return rest == 0 || (address[whole] ^ policy.prefix[whole]) >> (8 - rest) == 0;
}

/// True when the system would know where to send to. Nothing is sent.
bool hasRoute(const SocketAddress& address) {
    const UniqueFd fd(::socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return fd && ::connect(fd.get(), address.get(), address.length) == 0;
}

int rank(const Address& address) {
    SocketAddress socket;
    constexpr std::uint16_t kAnyPort = 9;  // discard: a datagram socket wants some
    if (!SocketAddress::parse(address.host, kAnyPort, socket) || !hasRoute(socket)) {
        return -1;
    }
    return precedence(address);
}

}  // namespace

int precedence(const Address& address) {
    SocketAddress socket;
    if (address.kind != Address::Kind::Ipv6 || !SocketAddress::parse(address.host, 0, socket)) {
        return kIpv4;
    }
    const in6_addr& v6 = reinterpret_cast<const sockaddr_in6*>(&socket.storage)->sin6_addr;
    if (IN6_IS_ADDR_LOOPBACK(&v6)) {
        return 50;
    }
    const auto* policy = std::find_if(kPolicies.begin(), kPolicies.end(),
                                      [&](const Policy& one) { return matches(v6.s6_addr, one); });
    return policy == kPolicies.end() ? kNative : policy->precedence;
}

void orderAddresses(std::vector<Address>& addresses) {
    if (addresses.size() < 2) {
        return;
    }
    std::vector<std::pair<int, Address>> ranked;
    ranked.reserve(addresses.size());
    for (Address& address : addresses) {
        const int its = rank(address);
        ranked.emplace_back(its, std::move(address));
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    for (std::size_t i = 0; i < ranked.size(); ++i) {
        addresses[i] = std::move(ranked[i].second);
    }
}

}  // namespace marline::detail
