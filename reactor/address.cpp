#include <marline/reactor/address.hpp>

#include <algorithm>
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

void assignIpv4(Address& address, const sockaddr_in& in) {
    std::array<char, INET_ADDRSTRLEN> text{};
    inet_ntop(AF_INET, &in.sin_addr, text.data(), text.size());
    address.kind = Address::Kind::Ipv4;
    address.port = ntohs(in.sin_port);
    address.host = text.data();
}

void assignIpv6(Address& address, const sockaddr_in6& in) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(AF_INET6, &in.sin6_addr, text.data(), text.size());
    address.kind = Address::Kind::Ipv6;
    address.port = ntohs(in.sin6_port);
    address.host = text.data();
    if (in.sin6_scope_id != 0) {
        std::array<char, IF_NAMESIZE> name{};
        const bool known = if_indextoname(in.sin6_scope_id, name.data()) != nullptr;
        address.host += "%" + (known ? std::string(name.data()) : std::to_string(in.sin6_scope_id));
    }
}

void assignUnix(Address& address, const char* path, std::size_t size) {
    const bool abstract = size > 0 && path[0] == '\0';
    address.kind = Address::Kind::Unix;
    address.port = 0;
    address.host.assign(path, abstract ? size : strnlen(path, size));
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
    Address made;
    made.assign(address, length);
    return made;
}

void Address::assign(const sockaddr* address, unsigned length) {
    if (address != nullptr && length >= sizeof(sa_family_t)) {
        if (address->sa_family == AF_INET && length >= sizeof(sockaddr_in)) {
            sockaddr_in in{};
            std::memcpy(&in, address, sizeof in);
            assignIpv4(*this, in);
            return;
        }
        if (address->sa_family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
            sockaddr_in6 in{};
            std::memcpy(&in, address, sizeof in);
            assignIpv6(*this, in);
            return;
        }
        if (address->sa_family == AF_UNIX) {
            constexpr std::size_t kPath = offsetof(sockaddr_un, sun_path);
            assignUnix(*this, reinterpret_cast<const char*>(address) + kPath, length - kPath);
            return;
        }
    }
    *this = {};
}

bool isIpAddress(const std::string& text) noexcept {
    in_addr parsed{};
    return text.size() == std::strlen(text.c_str()) &&
           inet_pton(AF_INET, text.c_str(), &parsed) == 1;
}

bool isIpv6Address(const std::string& text) noexcept {
    std::array<char, INET6_ADDRSTRLEN> address{};
    const std::size_t scope = text.find('%');
    const std::size_t size = std::min(scope, text.size());
    if (size >= address.size() || scope + 1 == text.size() ||
        text.size() != std::strlen(text.c_str())) {
        return false;
    }
    std::memcpy(address.data(), text.data(), size);
    in6_addr parsed{};
    return inet_pton(AF_INET6, address.data(), &parsed) == 1;
}

}  // namespace marline
