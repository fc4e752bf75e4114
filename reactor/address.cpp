#include <marline/reactor/address.hpp>

#include <array>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace marline {
namespace {

Address fromIpv4(const sockaddr_in& in) {
    std::array<char, INET_ADDRSTRLEN> text{};
    inet_ntop(AF_INET, &in.sin_addr, text.data(), text.size());
    return {Address::Kind::Ipv4, ntohs(in.sin_port), text.data()};
}

Address fromIpv6(const sockaddr_in6& in) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(AF_INET6, &in.sin6_addr, text.data(), text.size());
    Address address{Address::Kind::Ipv6, ntohs(in.sin6_port), text.data()};
    if (in.sin6_scope_id != 0) {
        std::array<char, IF_NAMESIZE> name{};
        const bool known = if_indextoname(in.sin6_scope_id, name.data()) != nullptr;
        address.host += "%" + (known ? std::string(name.data()) : std::to_string(in.sin6_scope_id));
    }
    return address;
}

}  // namespace

std::string Address::toString() const {
    switch (kind) {
    case Kind::Ipv4: return host + ":" + std::to_string(port);
    case Kind::Ipv6: return "[" + host + "]:" + std::to_string(port);
    case Kind::Unix:
        return !host.empty() && host[0] == '\0' ? "unix:@" + host.substr(1) : "unix:" + host;
    case Kind::None: break;
    }
    return "unknown";
}

Address Address::fromSockaddr(const sockaddr* address, unsigned length) {
    if (address == nullptr || length < sizeof(sa_family_t)) {
        return {};
    }
    if (address->sa_family == AF_INET && length >= sizeof(sockaddr_in)) {
        sockaddr_in in{};
        std::memcpy(&in, address, sizeof in);
        return fromIpv4(in);
    }
    if (address->sa_family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
        sockaddr_in6 in{};
        std::memcpy(&in, address, sizeof in);
        return fromIpv6(in);
    }
    if (address->sa_family == AF_UNIX) {
        const auto* path = reinterpret_cast<const char*>(address) + offsetof(sockaddr_un, sun_path);
        const std::size_t size = length - offsetof(sockaddr_un, sun_path);
        const bool abstract = size > 0 && path[0] == '\0';
        return {Kind::Unix, 0, std::string(path, abstract ? size : strnlen(path, size))};
    }
    return {};
}

}  // namespace marline
