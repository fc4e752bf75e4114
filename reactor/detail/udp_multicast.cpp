// A UdpPort's options, and the groups it joins.
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/detail/udp_port.hpp>
#include <marline/reactor/errors.hpp>

namespace marline::detail {
namespace {

/// The interface that `name` names, or that has the address `name`; 0 for none.
unsigned interfaceIndex(const std::string& name) {
    if (const unsigned index = if_nametoindex(name.c_str()); index != 0) {
        return index;
    }
    ifaddrs* all = nullptr;
    if (getifaddrs(&all) != 0) {
        return 0;
    }
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owned(all, &freeifaddrs);
    for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
        const bool v6 = one->ifa_addr != nullptr && one->ifa_addr->sa_family == AF_INET6;
        const unsigned length = v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
        if (one->ifa_addr != nullptr && Address::fromSockaddr(one->ifa_addr, length).host == name) {
            return if_nametoindex(one->ifa_name);
        }
    }
    return 0;
}

}  // namespace

void UdpPort::setBroadcastAllowed(bool on) {
    const int value = on ? 1 : 0;
    if (fd_ && setsockopt(fd_.get(), SOL_SOCKET, SO_BROADCAST, &value, sizeof value) == 0) {
        broadcast_ = on;
        toTarget_.length = 0;  // it was checked against what held before
    }
}

Deferred<> UdpPort::joinGroup(const std::string& group, const std::string& interface) {
    return changeGroup(true, group, interface);
}

Deferred<> UdpPort::leaveGroup(const std::string& group, const std::string& interface) {
    return changeGroup(false, group, interface);
}

Deferred<> UdpPort::changeGroup(bool join, const std::string& group, const std::string& interface) {
    const std::string what = std::string(join ? "join" : "leave") + " group " + group +
                             (interface.empty() ? "" : " on " + interface);
    SocketAddress address;
    if (group.empty() || !SocketAddress::parse(group, 0, address) || address.family() != family_) {
        return fail<>(Failure::make<MulticastJoinError>(
            what + ": no numeric address of the port's family", lastError(EINVAL)));
    }
    group_req request{};
    if (!interface.empty() && (request.gr_interface = interfaceIndex(interface)) == 0) {
        return fail<>(Failure::make<MulticastJoinError>(what, lastError(ENODEV)));
    }
    std::memcpy(&request.gr_group, &address.storage, sizeof request.gr_group);
    if (setsockopt(fd_.get(), family_ == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
                   join ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP, &request, sizeof request) != 0) {
        return fail<>(Failure::make<MulticastJoinError>(what, lastError(errno)));
    }
    return succeed();
}

void UdpPort::setTtl(int hops) {
    setOption("set the TTL of multicasts", IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS, hops);
}

int UdpPort::getTtl() const { return option(IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS); }

void UdpPort::setLoopbackMode(bool on) {
    setOption("set the loopback mode", IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP, on ? 1 : 0);
}

bool UdpPort::getLoopbackMode() const {
    return option(IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP) != 0;
}

void UdpPort::setOutgoingInterface(const std::string& interface) {
    const auto index = static_cast<int>(interfaceIndex(interface));
    if (index == 0) {
        throw InvalidAddressError("there is no interface " + interface +
                                  " to send multicasts from " + getHost().toString());
    }
    ip_mreqn v4{};
    v4.imr_ifindex = index;
    const int failed =
        family_ == AF_INET
            ? setsockopt(fd_.get(), IPPROTO_IP, IP_MULTICAST_IF, &v4, sizeof v4)
            : setsockopt(fd_.get(), IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof index);
    if (failed != 0) {
        throw std::system_error(
            lastError(errno), "send multicasts of " + getHost().toString() + " from " + interface);
    }
}

int UdpPort::option(int v4, int v6) const {
    int value = 0;
    socklen_t length = sizeof value;
    family_ == AF_INET ? getsockopt(fd_.get(), IPPROTO_IP, v4, &value, &length)
                       : getsockopt(fd_.get(), IPPROTO_IPV6, v6, &value, &length);
    return value;
}

void UdpPort::setOption(const char* what, int v4, int v6, int value) {
    const int failed = family_ == AF_INET
                           ? setsockopt(fd_.get(), IPPROTO_IP, v4, &value, sizeof value)
                           : setsockopt(fd_.get(), IPPROTO_IPV6, v6, &value, sizeof value);
    if (failed != 0) {
        throw std::system_error(
            lastError(errno),
            std::string(what) + " of " + getHost().toString() + " to " + std::to_string(value));
    }
}

}  // namespace marline::detail
