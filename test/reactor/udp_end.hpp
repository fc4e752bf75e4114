// A protocol on a UDP port that notes what happens to it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <marline/protocols/datagram.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline::test {

/// Notes everything that happens on a port, and does what a test wants.
class DatagramRecorder final : public DatagramProtocol {
public:
    void startProtocol() override {
        events.emplace_back("start");
        if (onStart) {
            onStart(*this);
        }
    }
    void datagramReceived(std::span<const std::byte> data, const Address& from) override {
        received.emplace_back(asText(data));
        sender = from;
        if (onData) {
            onData(*this, asText(data), from);
        }
    }
    void connectionRefused() override { events.emplace_back("refused"); }
    void datagramFailed(const Address& to, std::error_code why) override {
        events.push_back("failed " + to.toString());
        error = why;
    }
    void stopProtocol() override {
        events.emplace_back("stop");
        if (onStop) {
            onStop();
        }
    }

    std::vector<std::string> received;
    std::vector<std::string> events;
    Address sender;
    std::error_code error;
    std::function<void(DatagramRecorder&)> onStart;
    std::function<void(DatagramRecorder&, std::string_view, const Address&)> onData;
    std::function<void()> onStop;
};

inline const UdpOptions kLoopback{.interface = "127.0.0.1"};

/// A listener on a port of its own.
struct UdpEnd {
    explicit UdpEnd(Reactor& reactor, const UdpOptions& options = kLoopback)
        : port(reactor.listenUdp(0, protocol, options)) {}
    IUdpTransport& udp() const { return *protocol->transport(); }
    const Address& address() const { return port->getHost(); }

    Ref<DatagramRecorder> protocol = makeRef<DatagramRecorder>();
    Ref<IListeningPort> port;
};

/// Turns in which nothing is to happen.
inline void turns(Reactor& reactor) {
    for (int i = 0; i < 5; ++i) {
        reactor.iterate(std::chrono::milliseconds(1));
    }
}

inline Address ipv4(std::uint16_t port, const char* host = "127.0.0.1") {
    return {Address::Kind::Ipv4, port, host};
}

}  // namespace marline::test
