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
    for (const std::span<const std::byte> piece : pieces) {
        write(piece);
    }
}

void TelnetTransport::sendTelnet(std::span<const std::byte> data) { ProtocolWrapper::write(data); }

void TelnetTransport::applicationDataReceived(std::span<const std::byte> data) {
    ProtocolWrapper::dataReceived(data);
}

ITelnetProtocol* TelnetTransport::inside() const noexcept {
    return dynamic_cast<ITelnetProtocol*>(wrappedProtocol().get());
}

void TelnetTransport::commandReceived(Command command) {
    if (ITelnetProtocol* protocol = inside()) {
        protocol->commandReceived(command);
    }
}

void TelnetTransport::subnegotiationReceived(Option option, std::span<const std::byte> data) {
    if (ITelnetProtocol* protocol = inside()) {
        protocol->subnegotiationReceived(option, data);
    }
}

bool TelnetTransport::enableLocal(Option option) {
    ITelnetProtocol* protocol = inside();
    return protocol != nullptr && protocol->enableLocal(option);
}

bool TelnetTransport::enableRemote(Option option) {
    ITelnetProtocol* protocol = inside();
    return protocol != nullptr && protocol->enableRemote(option);
}

void TelnetTransport::disableLocal(Option option) {
    if (ITelnetProtocol* protocol = inside()) {
        protocol->disableLocal(option);
    }
}

void TelnetTransport::disableRemote(Option option) {
    if (ITelnetProtocol* protocol = inside()) {
        protocol->disableRemote(option);
    }
}

TelnetTransport* asTelnetTransport(ITransport& transport) noexcept {
    return dynamic_cast<TelnetTransport*>(&transport);
}

}  // namespace marline::telnet
