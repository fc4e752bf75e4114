#include <marline/reactor/testing/memory_datagram_port.hpp>

#include <stdexcept>
#include <string>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>
#include <marline/reactor/resolver.hpp>
#include <marline/reactor/testing/memory_reactor.hpp>

namespace marline::testing {
namespace {

// What a datagram over IPv4 holds: 65535 bytes less the headers of IP and UDP.
constexpr std::size_t kMost = 65507;

template <class Call>
void guarded(const char* what, Call&& call) {
    try {
        call();
    } catch (...) {
        log(LogLevel::Error,
            std::string("exception in ") + what + ": " + Failure::current().brief());
    }
}

}  // namespace

bool MemoryDatagramPort::deliver(std::string_view data, const Address& from) {
    if (!listening_ || data.size() > options_.maxPacketSize ||
        (connectedTo_ && from != *connectedTo_)) {
        return false;
    }
    guarded("datagramReceived()", [&] { protocol_->datagramReceived(asBytes(data), from); });
    return true;
}

void MemoryDatagramPort::refuse() {
    if (!connectedTo_) {
        throw std::logic_error("refuse() on a UDP port that is not connected: it would not hear");
    }
    guarded("connectionRefused()", [this] { protocol_->connectionRefused(); });
}

void MemoryDatagramPort::failToSend(const Address& to, std::error_code why) {
    guarded("datagramFailed()", [&] { protocol_->datagramFailed(to, why); });
}

void MemoryDatagramPort::checkTarget(const Address& to) const {
    const bool broadcast = to.host == "<broadcast>" || to.host == "255.255.255.255";
    Address parsed;
    if (to.port == 0 || to.kind == Address::Kind::Unix ||
        (!broadcast && !parseNumericAddress(to.host, to.port, parsed))) {
        throw InvalidAddressError("UDP takes a numeric address and a port, not " + to.toString() +
                                  "; look names up first (Reactor::nameResolver())");
    }
    if (!broadcast && parsed.kind != host_.kind) {
        throw InvalidAddressError("a UDP port on " + host_.toString() + " cannot send to " +
                                  to.toString() + ": it is of the other family");
    }
    if (broadcast && !broadcast_) {
        throw InvalidAddressError("broadcast from " + host_.toString() +
                                  " needs setBroadcastAllowed(true)");
    }
}

void MemoryDatagramPort::keep(std::span<const std::byte> data, const Address& to) {
    if (data.size() > kMost) {
        throw MessageLengthError("a datagram of " + std::to_string(data.size()) +
                                 " bytes: UDP carries " + std::to_string(kMost) + " at most");
    }
    written_.push_back({std::string(asText(data)), to});
}

void MemoryDatagramPort::write(std::span<const std::byte> data, const Address& to) {
    if (!listening_) {
        return;
    }
    if (connectedTo_ && to != *connectedTo_) {
        throw InvalidAddressError("write to " + to.toString() + " on a UDP port that connect() " +
                                  "bound to " + connectedTo_->toString());
    }
    checkTarget(to);
    keep(data, to);
}

void MemoryDatagramPort::write(std::span<const std::byte> data) {
    if (!listening_) {
        return;
    }
    if (!connectedTo_) {
        throw std::logic_error(
            "write() without an address on a UDP port that is not connected; "
            "give it one, or connect() first");
    }
    keep(data, *connectedTo_);
}

void MemoryDatagramPort::connect(const Address& to) {
    if (connectedTo_) {
        throw std::logic_error("connect() to " + to.toString() +
                               ": this UDP port is connected to " + connectedTo_->toString() +
                               " already");
    }
    checkTarget(to);
    connectedTo_ = to;
}

Deferred<> MemoryDatagramPort::joinGroup(const std::string& group, const std::string& interface) {
    if (!groups_.emplace(group, interface).second) {
        return marline::fail(MulticastJoinError("joining " + group + " failed: joined already"));
    }
    return succeed();
}

Deferred<> MemoryDatagramPort::leaveGroup(const std::string& group, const std::string& interface) {
    if (groups_.erase({group, interface}) == 0) {
        return marline::fail(MulticastJoinError("leaving " + group + " failed: not joined"));
    }
    return succeed();
}

Deferred<> MemoryDatagramPort::stopListening() {
    if (!listening_) {
        return succeed();
    }
    listening_ = false;
    Deferred<> stopped;
    reactor_->callInPump([self = Ref<MemoryDatagramPort>(this), stopped]() mutable {
        try {
            self->close();
        } catch (...) {
            stopped.errback(Failure::current());
            return;
        }
        stopped.callback();
    });
    return stopped;
}

/// Tells the protocol; throws what it throws.
void MemoryDatagramPort::close() {
    listening_ = false;
    if (std::exchange(reactor_, nullptr) != nullptr) {
        const Ref<IDatagramProtocol> protocol = protocol_;
        protocol->doStop();
    }
}

}  // namespace marline::testing
