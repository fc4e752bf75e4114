// DatagramProtocol: what most users of UDP derive from.
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>

#include <marline/reactor/udp.hpp>

namespace marline {

/// A protocol on a UDP port that keeps its transport (Twisted: `DatagramProtocol`). Override
/// datagramReceived(), and startProtocol() and stopProtocol() where they matter.
///
///     class Echo : public DatagramProtocol {
///         void datagramReceived(std::span<const std::byte> data, const Address& from) override {
///             transport()->write(data, from);
///         }
///     };
class MARLINE_API DatagramProtocol : public IDatagramProtocol {
public:
    /// Throws std::logic_error while it is used for another port.
    void makeConnection(IUdpTransport& transport) final {
        if (transport_ != nullptr) {
            throw std::logic_error("this DatagramProtocol has a port already; make one for each");
        }
        transport_ = &transport;
        try {
            startProtocol();
        } catch (...) {
            transport_ = nullptr;
            throw;
        }
    }
    void doStop() final {
        transport_ = nullptr;
        stopProtocol();
    }
    void datagramReceived(std::span<const std::byte>, const Address&) override {}

    /// The port; null before startProtocol() and from stopProtocol() on.
    IUdpTransport* transport() const noexcept { return transport_; }

protected:
    ~DatagramProtocol() override = default;

    /// The port is open: transport() may be written to.
    virtual void startProtocol() {}
    /// The port is closed.
    virtual void stopProtocol() {}

private:
    IUdpTransport* transport_ = nullptr;
};

}  // namespace marline
