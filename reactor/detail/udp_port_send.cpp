// How a UdpPort sends.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <marline/reactor/detail/guard.hpp>
#include <marline/reactor/detail/udp_port.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::detail {
namespace {

// Datagrams that one system call sends at most.
constexpr std::size_t kBatch = 64;
// What a datagram holds: 65535 bytes less the headers of IPv4 and UDP; IPv6 does not count its own.
constexpr std::size_t kMostIpv4 = 65507;
constexpr std::size_t kMostIpv6 = 65527;
// Failed datagrams dealt with before others get their turn.
constexpr int kFailuresPerTurn = 64;

}  // namespace

void UdpPort::write(std::span<const std::byte> data, const Address& to) {
    if (!open_) {
        return;
    }
    if (!connected_) {
        queue(data, targetOf(to));
    } else if (to == to_) {
        queue(data, Target{});
    } else {
        throw InvalidAddressError("write to " + to.toString() + " on a UDP port that connect() " +
                                  "bound to " + to_.toString());
    }
}

void UdpPort::write(std::span<const std::byte> data) {
    if (!open_) {
        return;
    }
    if (!connected_) {
        throw std::logic_error(
            "write() without an address on a UDP port that is not connected; "
            "give it one, or connect() first");
    }
    queue(data, Target{});
}

void UdpPort::connect(const Address& to) {
    if (connected_) {
        throw std::logic_error("connect() to " + to.toString() +
                               ": this UDP port is connected to " + to_.toString() + " already");
    }
    if (!open_) {
        return;
    }
    const Target target = targetOf(to);
    transmit();
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&target.address), target.length) !=
        0) {
        throw ConnectError(
            "connect UDP port " + getHost().toString() + " to " + to.toString() + " failed",
            lastError(errno));
    }
    connected_ = true;
    to_ = to;
}

/// Where `to` is. What comes back to the sender of the last datagram needs no look at its text.
const UdpPort::Target& UdpPort::targetOf(const Address& to) {
    if (&to == &from_) {
        return fromTarget_;
    }
    if (toTarget_.length != 0 && to == to_) {
        return toTarget_;
    }
    SocketAddress address;
    const bool broadcast = to.host == "<broadcast>" || to.host == "255.255.255.255";
    if (to.host.empty() || to.port == 0 || to.kind == Address::Kind::Unix ||
        !SocketAddress::parse(broadcast ? "255.255.255.255" : to.host, to.port, address)) {
        throw InvalidAddressError("UDP takes a numeric address and a port, not " + to.toString() +
                                  "; look names up first (Reactor::nameResolver())");
    }
    if (address.family() != family_) {
        throw InvalidAddressError("a UDP port on " + getHost().toString() + " cannot send to " +
                                  to.toString() + ": it is of the other family");
    }
    if (broadcast && !broadcast_) {
        throw InvalidAddressError("broadcast from " + getHost().toString() +
                                  " needs setBroadcastAllowed(true)");
    }
    toTarget_.length = address.length;
    std::memcpy(&toTarget_.address, &address.storage, address.length);
    to_ = to;
    return toTarget_;
}

void UdpPort::queue(std::span<const std::byte> data, const Target& to) {
    const std::size_t most = family_ == AF_INET ? kMostIpv4 : kMostIpv6;
    if (data.size() > most) {
        throw MessageLengthError("a datagram of " + std::to_string(data.size()) +
                                 " bytes: UDP carries " + std::to_string(most) + " at most");
    }
    if (out_.size() - gone_ + data.size() > maxUnsent_) {
        if (!std::exchange(saidFull_, true)) {
            log(LogLevel::Warning, "dropping datagrams on " + getHost().toString() + ": " +
                                       std::to_string(out_.size() - gone_) +
                                       " bytes wait to be sent (UdpOptions::maxUnsent)");
        }
        return;
    }
    out_.append(reinterpret_cast<const char*>(data.data()), data.size());
    unsent_.push_back({data.size(), to});
    if (unsent_.size() - sent_ >= kBatch) {
        transmit();
    }
    if (!collecting_) {
        attend();
    }
}

/// Sends all that waits and deals with what cannot be sent.
void UdpPort::flush() {
    transmit();
    for (int i = 0; sendError_ != 0 && i < kFailuresPerTurn; ++i) {
        sendFailed(std::exchange(sendError_, 0));
        transmit();
    }
    if (sendError_ != 0) {
        attend();
    }
    guard("watching a UDP port", [this] { watch(); });
}

/// Sends until the kernel takes no more, or does not like one.
void UdpPort::transmit() {
    while (sent_ < unsent_.size() && !blocked_ && sendError_ == 0) {
        const int count = sendBatch();
        if (count > 0) {
            saidFull_ = saidFailed_ = false;
            forgetFirst(static_cast<std::size_t>(count));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            blocked_ = true;
        } else if (errno != EINTR) {
            sendError_ = errno;
        }
    }
}

int UdpPort::sendBatch() {
    std::array<mmsghdr, kBatch> messages;
    std::array<iovec, kBatch> parts;
    const std::size_t count = std::min(kBatch, unsent_.size() - sent_);
    std::size_t offset = gone_;
    for (std::size_t i = 0; i < count; ++i) {
        Unsent& one = unsent_[sent_ + i];
        parts[i] = {out_.data() + offset, one.size};
        offset += one.size;
        void* name = one.to.length != 0 ? &one.to.address : nullptr;
        messages[i] = {{name, one.to.length, &parts[i], 1, nullptr, 0, 0}, 0};
    }
    return ::sendmmsg(fd_.get(), messages.data(), static_cast<unsigned>(count), MSG_NOSIGNAL);
}

/// The first of what waits could not be sent.
void UdpPort::sendFailed(int error) {
    if (error == ECONNREFUSED && connected_) {
        // That was the answer to one sent before; this one has its chance yet.
        guard("connectionRefused()", [this] { protocol_->connectionRefused(); });
        return;
    }
    const Unsent& failed = unsent_[sent_];
    const Address to =
        failed.to.length == 0
            ? to_
            : Address::fromSockaddr(reinterpret_cast<const sockaddr*>(&failed.to.address),
                                    failed.to.length);
    forgetFirst(1);
    if (!std::exchange(saidFailed_, true)) {
        log(LogLevel::Warning, "cannot send a datagram from " + getHost().toString() + " to " +
                                   to.toString() + ": " + lastError(error).message());
    }
    guard("datagramFailed()", [&] { protocol_->datagramFailed(to, lastError(error)); });
}

void UdpPort::forgetFirst(std::size_t count) {
    for (; count > 0; --count) {
        gone_ += unsent_[sent_++].size;
    }
    if (sent_ == unsent_.size()) {
        unsent_.clear();
        out_.clear();
        sent_ = gone_ = 0;
    }
}

}  // namespace marline::detail
