// TelnetTransport: Telnet between a transport and a protocol.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/protocols/policies/protocol_wrapper.hpp>
#include <marline/protocols/telnet/telnet.hpp>

namespace marline::telnet {

/// What a protocol inside of a TelnetTransport implements besides to hear more than data (Twisted:
/// `ITelnetProtocol`). One that does not is spared commands, and agrees to no option.
class MARLINE_API ITelnetProtocol {
public:
    /// A command of its own came, such as Command::AreYouThere.
    virtual void commandReceived(Command) {}
    /// A subnegotiation came, unescaped (for Option::Naws see parseWindowSize()); gone when this
    /// returns.
    virtual void subnegotiationReceived(Option, std::span<const std::byte>) {}
    /// Whether this end, or the peer, may do `option`, which the peer proposes. When it was this
    /// end that proposed it and the peer has agreed it is called too, and the answer is of no use.
    virtual bool enableLocal(Option) { return false; }
    virtual bool enableRemote(Option) { return false; }
    /// This end, or the peer, does `option` no longer.
    virtual void disableLocal(Option) {}
    virtual void disableRemote(Option) {}

protected:
    ~ITelnetProtocol() = default;
};

/// Speaks Telnet with the peer on behalf of the protocol inside (Twisted: `TelnetTransport`), which
/// reads and writes bytes as if there were none: a line ends with `\n` there.
///
///     class Shell : public LineOnlyReceiver, public telnet::ITelnetProtocol {
///         bool enableRemote(telnet::Option option) override {
///             return option == telnet::Option::Naws;
///         }
///         …
///     };
///     reactor.listenTcp(23, makeRef<telnet::TelnetFactory>(makeFactory<Shell>()));
///
/// What is beyond a limit loses the connection, with a ProtocolError.
class MARLINE_API TelnetTransport final : public ProtocolWrapper, public Telnet {
public:
    using ProtocolWrapper::ProtocolWrapper;

    void dataReceived(std::span<const std::byte> data) override;
    void connectionLost(const Failure& reason) override;

    using ProtocolWrapper::write;
    void write(std::span<const std::byte> data) override;
    void writeSequence(std::span<const std::span<const std::byte>> pieces) override;

private:
    void sendTelnet(std::span<const std::byte> data) override;
    std::size_t telnetUnsent() const noexcept override { return bytesBuffered(); }
    bool telnetStopped() const noexcept override { return disconnecting(); }
    void applicationDataReceived(std::span<const std::byte> data) override;
    void commandReceived(Command command) override;
    void subnegotiationReceived(Option option, std::span<const std::byte> data) override;
    bool enableLocal(Option option) override;
    bool enableRemote(Option option) override;
    void disableLocal(Option option) override;
    void disableRemote(Option option) override;

    template <class F>
    void tell(F f);

    std::string sequence_;
};

/// The TelnetTransport that `transport` is, null when it is something else: how a protocol inside
/// gets at willOption() and kin.
MARLINE_API TelnetTransport* asTelnetTransport(ITransport& transport) noexcept;

/// Puts a TelnetTransport around each protocol of another factory (Twisted:
/// `TelnetTransport` as a factory's protocol).
class MARLINE_API TelnetFactory final : public WrappingFactory {
public:
    using WrappingFactory::WrappingFactory;

private:
    Ref<IProtocol> wrap(Ref<IProtocol> inner) override {
        return makeRef<TelnetTransport>(std::move(inner));
    }
};

}  // namespace marline::telnet
