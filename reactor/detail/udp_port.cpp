#include <marline/reactor/detail/udp_port.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/detail/guard.hpp>
#include <marline/reactor/detail/health_watch.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::detail {
namespace {

// Datagrams that one system call receives or sends at most.
constexpr std::size_t kBatch = 64;
// Bytes received in a row before others get their turn (Twisted: U-5).
constexpr std::size_t kReadPerTurn = 256 * 1024;
// The largest value of maxPacketSize: no datagram is longer.
constexpr std::size_t kMaxPacket = 65535;

std::size_t checkedPacketSize(std::size_t size) {
    if (size == 0 || size > kMaxPacket) {
        throw std::invalid_argument("UdpOptions::maxPacketSize is " + std::to_string(size) +
                                    "; it must be 1 to 65535");
    }
    return size;
}

}  // namespace

/// What one call receives.
struct UdpPort::Batch {
    Batch(std::span<std::byte> buffer, std::size_t packet)
        : bytes(buffer), count(std::min(kBatch, buffer.size() / packet)) {
        for (std::size_t i = 0; i < count; ++i) {
            parts[i] = {buffer.data() + i * packet, packet};
            messages[i].msg_hdr = {&from[i], sizeof from[i], &parts[i], 1, nullptr, 0, 0};
        }
    }

    std::span<std::byte> bytes;
    std::size_t count;
    std::array<mmsghdr, kBatch> messages;
    std::array<iovec, kBatch> parts;
    std::array<sockaddr_in6, kBatch> from;
};

Deferred<> UdpPortHandle::stopListening() {
    return port_ != nullptr ? port_->stopListening() : succeed();
}

UdpPort::UdpPort(EventLoop& loop, UniqueFd fd, Ref<IDatagramProtocol> protocol,
                 const UdpOptions& options)
    : LoopObject(loop), fd_(std::move(fd)), event_(loop, fd_.get(), &ready, this),
      protocol_(std::move(protocol)),
      handle_(makeRef<UdpPortHandle>(*this, localAddress(fd_.get()))),
      maxPacketSize_(checkedPacketSize(options.maxPacketSize)), maxUnsent_(options.maxUnsent),
      family_(handle_->getHost().kind == Address::Kind::Ipv6 ? AF_INET6 : AF_INET) {
    // Linux would bring what is sent to groups that other sockets of the host have joined.
    const int off = 0;
    family_ == AF_INET ? setsockopt(fd_.get(), IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof off)
                       : setsockopt(fd_.get(), IPPROTO_IPV6, IPV6_MULTICAST_ALL, &off, sizeof off);
}

UdpPort::~UdpPort() = default;

void UdpPort::start() {
    try {
        beginToWatch();
        protocol_->makeConnection(*this);
    } catch (...) {
        open_ = false;
        event_.watch(0);
        fd_.reset();
        handle_->port_ = nullptr;
        bury();
        throw;
    }
}

void UdpPort::beginToWatch() {
    try {
        watch();
    } catch (const std::system_error& error) {
        throw CannotListenError("cannot listen on " + handle_->getHost().toString(), error.code());
    }
}

void UdpPort::watch() {
    event_.watch(static_cast<short>((open_ ? EV_READ : 0) | (blocked_ ? EV_WRITE : 0)));
}

// Events.

void UdpPort::ready(int, short what, void* self) {
    auto& port = *static_cast<UdpPort*>(self);
    const ObjectCallback watched(port);
    port.collecting_ = true;
    if ((what & EV_WRITE) != 0) {
        port.blocked_ = false;
    }
    if ((what & EV_READ) != 0) {
        port.readReady();
    }
    port.flush();
    port.collecting_ = false;
}

void UdpPort::readReady() {
    std::size_t total = 0;
    while (open_ && total < kReadPerTurn) {
        Batch batch(loop().readBuffer(), maxPacketSize_);
        const int got = ::recvmmsg(fd_.get(), batch.messages.data(),
                                   static_cast<unsigned>(batch.count), 0, nullptr);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            receiveFailed(errno);
            return;
        }
        for (int i = 0; i < got && open_; ++i) {
            total += batch.messages[static_cast<std::size_t>(i)].msg_len;
            deliver(batch, i);
        }
        if (static_cast<std::size_t>(got) < batch.count) {
            return;
        }
    }
}

void UdpPort::deliver(const Batch& batch, int index) {
    const auto i = static_cast<std::size_t>(index);
    const mmsghdr& message = batch.messages[i];
    const socklen_t length = message.msg_hdr.msg_namelen;
    if (length != fromTarget_.length ||
        std::memcmp(&fromTarget_.address, &batch.from[i], length) != 0) {
        fromTarget_ = {batch.from[i], length};
        from_.assign(reinterpret_cast<const sockaddr*>(&batch.from[i]), length);
    }
    if ((message.msg_hdr.msg_flags & MSG_TRUNC) != 0) {
        if (!std::exchange(saidTooLong_, true)) {
            log(LogLevel::Warning, "dropped a datagram from " + from_.toString() + " on " +
                                       getHost().toString() + ": it is longer than " +
                                       std::to_string(maxPacketSize_) +
                                       " bytes (UdpOptions::maxPacketSize)");
        }
        return;
    }
    guard("datagramReceived()", [&] {
        protocol_->datagramReceived(batch.bytes.subspan(i * maxPacketSize_, message.msg_len),
                                    from_);
    });
}

void UdpPort::receiveFailed(int error) {
    if (error == EAGAIN || error == EWOULDBLOCK) {
        return;
    }
    if (error == ECONNREFUSED && connected_) {
        guard("connectionRefused()", [this] { protocol_->connectionRefused(); });
    } else if (!std::exchange(saidFailed_, true)) {
        log(LogLevel::Error,
            "cannot receive on " + getHost().toString() + ": " + lastError(error).message());
    }
}

// The end.

Deferred<> UdpPort::stopListening() {
    if (!fd_) {
        return succeed();
    }
    open_ = false;
    event_.watch(0);
    stopped_.emplace_back();
    attend();
    return stopped_.back().deferred();
}

void UdpPort::endOfTurn() {
    if (fd_) {
        collecting_ = true;
        flush();
        collecting_ = false;
    }
    if (fd_ && !open_) {
        close();
    }
}

void UdpPort::close() {
    open_ = false;
    event_.watch(0);
    fd_.reset();
    handle_->port_ = nullptr;
    bury();
    std::optional<Failure> failed;
    try {
        protocol_->doStop();
    } catch (...) {
        failed = Failure::current();
    }
    protocol_.reset();
    if (failed && stopped_.empty()) {
        log(LogLevel::Error, "exception in stopProtocol(): " + failed->brief());
    }
    for (DeferredSource<>& source : std::exchange(stopped_, {})) {
        failed ? source.errback(*failed) : source.callback();
    }
}

std::string UdpPort::describe() const {
    return "a UDP port on " + getHost().toString() + ", " + std::to_string(unsent_.size() - sent_) +
           " datagrams to be sent";
}

void UdpPort::shutDown(const Failure&) {
    flush();
    close();
}

}  // namespace marline::detail
