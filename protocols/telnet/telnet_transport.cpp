#include <marline/protocols/telnet/telnet_transport.hpp>

namespace marline::telnet {

void TelnetTransport::dataReceived(std::span<const std::byte> data) {
    const Ref<TelnetTransport> self(this);  // a callback may hand the connection to another one
    telnetReceived(data);
}

void TelnetTransport::connectionLost(const Failure& reason) {
    const Ref<TelnetTransport> self(this);
    telnetLost(reason);
    ProtocolWrapper::connectionLost(reason);
}

void TelnetTransport::write(std::span<const std::byte> data) {
    ProtocolWrapper::write(encoded(data));
}

void TelnetTransport::writeSequence(std::span<const std::span<const std::byte>> pieces) {
    sequence_.clear();
    for (const std::span<const std::byte> piece : pieces) {
        sequence_ += asText(encoded(piece));
    }
    ProtocolWrapper::write(asBytes(sequence_));
}

void TelnetTransport::sendTelnet(std::span<const std::byte> data) { ProtocolWrapper::write(data); }

void TelnetTransport::applicationDataReceived(std::span<const std::byte> data) {
    ProtocolWrapper::dataReceived(data);
}

/// Calls `f` with the protocol inside, if that hears more than data. It lives while it is called,
/// also if it is switched.
template <class F>
void TelnetTransport::tell(F f) {
    const Ref<IProtocol> alive = wrappedProtocol();
    if (auto* const protocol = dynamic_cast<ITelnetProtocol*>(alive.get())) {
        f(*protocol);
    }
}

void TelnetTransport::commandReceived(Command command) {
    tell([&](ITelnetProtocol& inside) { inside.commandReceived(command); });
}

void TelnetTransport::subnegotiationReceived(Option option, std::span<const std::byte> data) {
    tell([&](ITelnetProtocol& inside) { inside.subnegotiationReceived(option, data); });
}

bool TelnetTransport::enableLocal(Option option) {
    bool agreed = false;
    tell([&](ITelnetProtocol& inside) { agreed = inside.enableLocal(option); });
    return agreed;
}

bool TelnetTransport::enableRemote(Option option) {
    bool agreed = false;
    tell([&](ITelnetProtocol& inside) { agreed = inside.enableRemote(option); });
    return agreed;
}

void TelnetTransport::disableLocal(Option option) {
    tell([&](ITelnetProtocol& inside) { inside.disableLocal(option); });
}

void TelnetTransport::disableRemote(Option option) {
    tell([&](ITelnetProtocol& inside) { inside.disableRemote(option); });
}

TelnetTransport* asTelnetTransport(ITransport& transport) noexcept {
    return dynamic_cast<TelnetTransport*>(&transport);
}

}  // namespace marline::telnet
